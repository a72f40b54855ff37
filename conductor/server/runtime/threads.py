"""Threads that carry out requests and timers: started when none is idle, kept for the next call."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from conductor.server.runtime.transactions import ServerStoppingError

logger = logging.getLogger(__name__)

#: Seconds after which a thread without work ends.
_IDLE_SECONDS = 30.0


class ThreadPool:
    """Runs functions on daemon threads.

    Args:
        name: The threads' name.
        most: Threads at once; further functions wait for one.
    """

    def __init__(self, name: str, most: int) -> None:
        self._name, self._most = name, most
        self._condition = threading.Condition()
        self._waiting: deque[Callable[[], None]] = deque()
        self._idle = 0
        self._count = 0
        self._is_stopping = False

    @property
    def size(self) -> int:
        """How many threads there are."""
        with self._condition:
            return self._count

    def submit(self, function: Callable[[], None]) -> None:
        """Run a function soon. Its exceptions are logged."""
        with self._condition:
            self._waiting.append(function)
            if self._idle >= len(self._waiting):
                self._condition.notify()
            elif self._count < self._most:
                self._count += 1
                threading.Thread(target=self._work, name=f"{self._name}-{self._count}", daemon=True).start()

    def stop(self) -> None:
        """Let the threads end when they have finished what they do; what waits for one is dropped."""
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
            except Exception:  # the thread serves others
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
