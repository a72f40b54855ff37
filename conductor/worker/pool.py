"""The threads that run the tasks of one worker, and the limit that all workers share.

``concurrent.futures`` refuses work once the main thread has ended, and a handler started in the last line of a script
has to continue.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define

from conductor._internal.logs import isolated_logger
from conductor.worker.lifecycle import StopDeadline
from conductor.worker.threads import IDLE_S, NOTHING, ElasticThreads

__all__ = ["CARRIERS", "ConcurrencyLimit", "WorkerPool"]

#: Threads of an async worker at most. Each sends one result at a time, which takes about a millisecond.
CARRIERS = 16
#: Seconds that a worker waits for a slot until it is served before the others: many tasks take less.
_PRECEDENCE_AFTER_S = 0.1
#: Seconds after its last request for a slot for which a worker counts as waiting: one that was paused must not hold up
#: the others.
_WAITING_FOR_S = 1.0


@define
class _Waiting:
    since: float
    last_asked: float
    wake: Callable[[], object] | None


class ConcurrencyLimit:
    """The slots that all workers of a handler share; without a limit there is always one.

    A worker that got no slot for a tenth of a second is served before the others: they get no slot that it could use,
    and keep none for their next task.

    Args:
        limit: How many tasks may run at the same time; None for no limit.
        clock: Returns monotonic seconds.
    """

    def __init__(self, limit: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit: int | None = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._free = limit or 0
        self._waiting: dict[str, _Waiting] = {}

    def take(self, name: str, wanted: int, wake: Callable[[], object] | None = None) -> int:
        """Take up to ``wanted`` slots for the worker ``name``; return how many.

        Args:
            name: The task type.
            wanted: How many slots at most.
            wake: Called when a slot becomes free, if there is none now.
        """
        if self.limit is None:
            return wanted
        with self._lock:
            now = self._clock()
            kept = 0 if name in self._waiting else self._served_before(name, now)
            taken = max(min(wanted, self._free - kept), 0)
            self._free -= taken
            if taken:
                self._waiting.pop(name, None)
            else:
                self._waiting.setdefault(name, _Waiting(now, now, wake)).last_asked = now
            return taken

    def _served_before(self, name: str, now: float) -> int:
        """Return how many other workers than ``name`` are to be served before it."""
        return sum(
            other != name and now - one.since >= _PRECEDENCE_AFTER_S and now - one.last_asked < _WAITING_FOR_S
            for other, one in self._waiting.items()
        )

    def give_back(self, count: int) -> None:
        """Release ``count`` slots, and wake as many workers that wait for one, the first first."""
        if self.limit is None or count <= 0:
            return
        with self._lock:
            self._free += count
            now = self._clock()
            waiting = [one for one in self._waiting.values() if now - one.last_asked < _WAITING_FOR_S]
            first = heapq.nsmallest(count, waiting, key=lambda one: one.since)
        for one in first:
            if one.wake is not None:
                one.wake()

    @property
    def is_used_up(self) -> bool:
        """Whether no slot is free now."""
        return self.limit is not None and self._free <= 0

    def is_wanted(self, name: str) -> bool:
        """Return whether another worker is to be served before ``name``, which then keeps no slot for its next task."""
        if not self._waiting:
            return False
        with self._lock:
            return self._served_before(name, self._clock()) > 0


logger = isolated_logger(__name__)


class WorkerPool:
    """The threads that run one worker's tasks. They start with the first tasks, and end after a minute without any.

    A task for which no thread can be started is refused: the caller then runs it by ``run_here``, or returns it to the
    server.

    Args:
        name: The task type, for the threads' names.
        size: How many tasks may run at a time.
        run: Runs one task and returns the next one to run on the same thread, or None.
        on_free: Called with the number of slots each time some become free.
        idle_seconds: Seconds without a task after which a thread ends.
    """

    def __init__(
        self,
        name: str,
        size: int,
        run: Callable[[Any], Any],
        on_free: Callable[[int], None] = lambda _: None,
        *,
        idle_seconds: float = IDLE_S,
    ) -> None:
        self.name = name
        self._size = size
        self._run = run
        self._on_free = on_free
        self._lock = threading.Lock()
        self._free = threading.Condition(self._lock)
        self._waiting: deque[Any] = deque()
        self._busy = 0
        self._closed = False
        self._threads = ElasticThreads(
            name,
            self._lock,
            self._free,
            take=self._take,
            handle=self._work_on,
            most=lambda: self._size,
            idle_seconds=idle_seconds,
        )

    @property
    def size(self) -> int:
        """How many tasks may run at a time."""
        return self._size

    @property
    def busy(self) -> int:
        """How many tasks are running or wait for a thread."""
        return self._busy + len(self._waiting)

    @property
    def is_over_size(self) -> bool:
        """Whether more tasks run than may, because the size was lowered."""
        return self._busy > self._size

    def start(self) -> None:
        """Start the threads, if Python might refuse to start them later."""
        with self._lock:
            self._threads.start()

    def revive(self) -> None:
        """Report threads that died, and replace those that tasks wait for."""
        with self._lock:
            self._threads.adjust(len(self._waiting))

    def resize(self, size: int) -> None:
        """Change how many tasks may run at a time; running ones are left alone."""
        with self._lock:
            self._size = size
            self._threads.adjust(len(self._waiting))
            self._free.notify_all()

    def submit(self, task: Any) -> bool:
        """Accept a task; the caller has made sure of a free slot.

        Returns:
            False if the task is refused, because the pool is closed or no thread can be started for it.
        """
        with self._lock:
            if self._closed:
                return False
            self._waiting.append(task)
            if self._threads.call():
                return True
            self._waiting.pop()
            return False

    def run_here(self, task: Any) -> None:
        """Run a refused task, and the tasks that follow it, until a thread can be started for the next one."""
        with self._lock:
            self._busy += 1
        while (task := self._work_on(task)) is not None:
            if self.submit(task):
                with self._lock:
                    self._busy -= 1
                    self._free.notify_all()
                return

    def free_slots(self) -> int:
        """Return how many tasks can be submitted now."""
        with self._lock:
            free = self._size - self._busy - len(self._waiting)
            if self._threads.is_short:  # the thread that polls can run one task
                free = min(free, max(self._threads.idle, 1))
            return max(free, 0)

    def unstarted(self) -> list[Any]:
        """Return the tasks that no thread has begun; takes no lock, so it is safe in a signal handler."""
        return list(self._waiting.copy())

    def take_unstarted(self) -> list[Any]:
        """Remove and return the tasks that no thread has begun."""
        with self._lock:
            taken = list(self._waiting)
            self._waiting.clear()
            self._free.notify_all()
        self._on_free(len(taken))
        return taken

    def drain(self, deadline: StopDeadline) -> bool:
        """Wait until no task runs, up to the deadline; return whether that is so."""
        with self._lock:
            while self._busy or self._waiting:
                if not (seconds := deadline.slice()):
                    return False
                self._free.wait(seconds)
            return True

    def close(self) -> None:
        """Refuse further tasks, and let every thread end once it has nothing to run."""
        with self._lock:
            self._closed = True
            self._threads.close()
            self._free.notify_all()

    def join(self, deadline: float) -> bool:
        """Wait until every thread has ended, up to ``deadline`` (monotonic); return whether that is so."""
        with self._lock:
            return self._threads.join(deadline)

    def _take(self) -> Any:
        if not self._waiting:
            return NOTHING
        self._busy += 1
        return self._waiting.popleft()

    def _work_on(self, task: Any) -> Any:
        following = None
        try:
            following = self._run(task)
        except BaseException:  # a lost thread would be a lost slot
            logger.exception("%s: a worker thread failed outside of any task; it continues", self.name)
        finally:
            if following is None:
                with self._lock:
                    self._busy -= 1
                    self._free.notify_all()
                self._on_free(1)
        return following
