"""Named threads that run the tasks of one worker, and the limit that all workers share.

``concurrent.futures`` refuses work once the main thread has ended, and a handler started in the last line of a script
has to continue. For the same reason every thread is started with its pool: some versions of Python start none later.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from attrs import define

from conductor._internal.logs import isolated_logger
from conductor.worker.lifecycle import StopDeadline
from conductor.worker.threads import HandlerThread

__all__ = ["CARRIERS", "ConcurrencyLimit", "WorkerPool"]

#: Threads of an async worker at most. Each sends one result at a time, which takes about a millisecond.
CARRIERS = 16


#: Seconds that a worker waits for a slot until it is served before the others.
_SLICE = 0.1
#: Seconds after which a worker that asks for no slot any more no longer counts as waiting.
_FORGOTTEN = 1.0


@define
class _Waiting:
    since: float
    last_asked: float


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
        self._changed = threading.Condition()
        self._free = limit or 0
        self._waiting: dict[str, _Waiting] = {}

    def take(self, who: str, wanted: int) -> int:
        """Take up to ``wanted`` slots for the worker ``who``; return how many."""
        if self.limit is None:
            return wanted
        with self._changed:
            now = self._clock()
            kept = 0 if who in self._waiting else self._whose_turn_it_is(who, now)
            taken = max(min(wanted, self._free - kept), 0)
            self._free -= taken
            if taken:
                self._waiting.pop(who, None)
            else:
                self._waiting.setdefault(who, _Waiting(now, now)).last_asked = now
            return taken

    def _whose_turn_it_is(self, who: str, now: float) -> int:
        """Return how many other workers than ``who`` are to be served before it."""
        return sum(
            name != who and now - one.since >= _SLICE and now - one.last_asked < _FORGOTTEN
            for name, one in self._waiting.items()
        )

    def wait(self, timeout: float) -> None:
        """Wait up to ``timeout`` seconds for a slot to become free."""
        with self._changed:
            self._changed.wait(timeout)

    def give_back(self, count: int) -> None:
        """Release ``count`` slots."""
        if self.limit is not None and count:
            with self._changed:
                self._free += count
                self._changed.notify_all()

    @property
    def is_used_up(self) -> bool:
        """Whether no slot is free now."""
        return self.limit is not None and self._free <= 0

    def is_wanted(self, who: str) -> bool:
        """Return whether another worker is to be served before ``who``, which then keeps no slot for its next task."""
        if not self._waiting:
            return False
        with self._changed:
            return self._whose_turn_it_is(who, self._clock()) > 0


logger = isolated_logger(__name__)
_END = object()


class WorkerPool:
    """The threads that run one worker's tasks.

    Args:
        name: The task type, for the threads' names.
        size: How many tasks may run at a time.
        run: Runs one task and returns the next one to run on the same thread, or None.
        on_free: Called each time a slot becomes free.
    """

    def __init__(
        self, name: str, size: int, run: Callable[[Any], Any], on_free: Callable[[int], None] = lambda _: None
    ) -> None:
        self.name = name
        self._size = size
        self._run = run
        self._on_free = on_free
        self._lock = threading.Lock()
        self._work = threading.Condition(self._lock)
        self._free = threading.Condition(self._lock)
        self._waiting: deque[Any] = deque()
        self._busy = 0
        self._threads = 0
        self._started = 0
        self._closed = False
        self._is_short = False

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
        """Start the threads."""
        with self._lock:
            self._start_missing()

    def revive(self) -> None:
        """Restart threads that died."""
        with self._lock:
            before = self._threads
            if not self._closed and before < self._size:
                self._start_missing()
                if started := self._threads - before:
                    logger.error("%s: %d thread(s) that run tasks were missing, and are started", self.name, started)

    def _start_missing(self) -> None:
        while self._threads < self._size:
            self._started += 1
            thread = HandlerThread(self._main, f"run:{self.name}-{self._started}")
            self._threads += 1
            try:
                thread.start()
            except RuntimeError as error:  # no more threads, or the interpreter is ending
                self._threads -= 1
                if not self._is_short:
                    logger.error("%s: %s; going on with %d", self.name, error, self._threads)
                self._is_short = True
                return
        self._is_short = False

    def resize(self, size: int) -> None:
        """Change how many tasks may run at a time; running ones are left alone."""
        with self._lock:
            self._size = size
            if not self._closed:
                self._start_missing()
            self._work.notify_all()
            self._free.notify_all()

    def submit(self, task: Any) -> None:
        """Accept a task; the caller has made sure of a free slot."""
        with self._lock:
            self._waiting.append(task)
            self._work.notify()

    def wait_for_slot(self, timeout: float) -> int:
        """Return the number of free slots, waiting up to ``timeout`` seconds for the first."""
        with self._lock:
            if self._slots() <= 0:
                self._free.wait(timeout)
            return max(0, self._slots())

    def _slots(self) -> int:
        return min(self._size, self._threads) - self._busy - len(self._waiting)

    def wake(self) -> None:
        """Wake the poller that waits for a slot, so that it sees a stop."""
        with self._lock:
            self._free.notify_all()

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
        """Let every thread end once it has nothing to run."""
        with self._lock:
            self._closed = True
            self._work.notify_all()
            self._free.notify_all()

    def join(self, deadline: float) -> bool:
        """Wait until every thread has ended, up to ``deadline`` (monotonic); return whether that is so."""
        with self._lock:
            while self._threads:
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._free.wait(left)
            return True

    def _next(self) -> Any:
        with self._lock:
            while not self._waiting:
                if self._closed or self._threads > self._size:
                    self._threads -= 1
                    self._free.notify_all()
                    return _END
                self._work.wait()
            self._busy += 1
            return self._waiting.popleft()

    def _main(self) -> None:
        try:
            self._work_on()
        except BaseException:  # counted and raised again
            with self._lock:
                self._threads -= 1
                self._free.notify_all()
            raise

    def _work_on(self) -> None:
        while (task := self._next()) is not _END:
            try:
                task = self._run(task)
                while task is not None:
                    task = self._run(task)
            except BaseException:  # a lost thread would be a lost slot
                logger.exception("%s: a worker thread failed outside of any task; it goes on", self.name)
            finally:
                with self._lock:
                    self._busy -= 1
                    self._free.notify_all()
                self._on_free(1)
