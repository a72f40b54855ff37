"""A pool of threads for requests and timers."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from conductor.server.runtime.transactions import ServerStoppingError

logger = logging.getLogger(__name__)

#: Seconds after which an idle thread ends.
_IDLE_SECONDS = 30.0


class ThreadPool:
    """Runs functions on daemon threads, which are started when none is idle and reused.

    Args:
        name: Prefix of the threads' names.
        max_threads: Maximum number of threads; further functions wait until a thread is free.
    """

    def __init__(self, name: str, max_threads: int) -> None:
        self._name, self._max_threads = name, max_threads
        self._condition = threading.Condition()
        self._waiting: deque[Callable[[], None]] = deque()
        self._idle = 0
        self._count = 0
        self._is_stopping = False

    @property
    def size(self) -> int:
        """The number of threads."""
        with self._condition:
            return self._count

    def submit(self, function: Callable[[], None]) -> None:
        """Run a function on a thread. Its exceptions are logged."""
        with self._condition:
            self._waiting.append(function)
            if self._idle >= len(self._waiting):
                self._condition.notify()
            elif self._count < self._max_threads:
                self._count += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._count}", daemon=True).start()

    def stop(self) -> None:
        """Let each thread end after its current function; functions that have not started are dropped."""
        with self._condition:
            self._is_stopping = True
            self._waiting.clear()
            self._condition.notify_all()

    def _work(self) -> None:
        while (function := self._next()) is not None:
            try:
                function()
            except ServerStoppingError:
                continue
            except Exception:  # the thread must stay available for other functions
                logger.exception("event=server.thread_failed thread=%s", self._name)

    def _next(self) -> Callable[[], None] | None:
        with self._condition:
            while not self._waiting:
                self._idle += 1
                is_notified = not self._is_stopping and self._condition.wait(_IDLE_SECONDS)
                self._idle -= 1
                if not self._waiting and not is_notified:
                    self._count -= 1
                    return None
            return self._waiting.popleft()
