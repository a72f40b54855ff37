"""Time limits of functions on threads: past its limit, an exception is raised inside the function.

Python delivers such an exception between two bytecodes. A function that waits in C code (``time.sleep``, a socket, a
lock, a long NumPy call) sees it when that call returns, and one that catches it can continue.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, field

from conductor._internal.logs import isolated_logger
from conductor.errors import TaskTimeLimitExceeded
from conductor.worker.threads import HandlerThread

__all__ = ["TimeLimits", "exceeded"]

logger = isolated_logger(__name__)

R = TypeVar("R")


def exceeded(seconds: float) -> TaskTimeLimitExceeded:
    """Return the error for a function that ran for more than ``seconds``."""
    return TaskTimeLimitExceeded(f"the function ran for longer than time_limit_seconds={seconds:g}")


#: Entries of calls that have ended are removed once there are this many, or twice as many as calls that still run.
_FEWEST_TO_CLEAN = 64
#: Seconds between two looks whether the exception for a call that has just ended was raised.
_LOOK_INTERVAL_S = 0.0005


@define(eq=False)
class _Entry:
    """A call of a function.

    Attributes:
        thread: The thread that runs it.
        is_raised: Whether the exception was sent to the thread.
    """

    thread: int
    is_raised: bool = False
    _decided: threading.Lock = field(factory=threading.Lock, init=False)

    def decide(self) -> bool:
        """Return whether the caller is first: the thread whose function has ended, or the one that raises."""
        return self._decided.acquire(blocking=False)

    @property
    def is_decided(self) -> bool:
        """Whether the function has ended, or its limit is over."""
        return self._decided.locked()


class TimeLimits:
    """Raises an exception in functions that run for too long, from a separate thread."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._order = itertools.count()
        self._entries: list[tuple[float, int, _Entry]] = []
        self._clean_at = _FEWEST_TO_CLEAN
        self._thread: HandlerThread | None = None
        self._closed = False

    def call(self, seconds: float, function: Callable[[], R]) -> R:
        """Return the result of ``function``.

        Raises:
            TaskTimeLimitExceeded: It ran for more than ``seconds``.
        """
        self.start()
        entry = _Entry(threading.get_ident())
        try:
            try:
                self._add(entry, seconds)
                return function()
            finally:
                self._end(entry)
        except TaskTimeLimitExceeded as error:
            if not error.args:  # it is raised without arguments
                error.args = exceeded(seconds).args
            raise

    def _add(self, entry: _Entry, seconds: float) -> None:
        with self._changed:
            # Calls that end in time stay in the heap until their limit. Removing them at twice the size costs constant
            # time per call.
            if len(self._entries) >= self._clean_at:
                self._entries = [one for one in self._entries if not one[2].is_decided]
                heapq.heapify(self._entries)
                self._clean_at = max(_FEWEST_TO_CLEAN, 2 * len(self._entries))
            added = (time.monotonic() + seconds, next(self._order), entry)
            heapq.heappush(self._entries, added)
            # Only an earlier deadline than all others changes when the thread has to wake.
            if self._entries[0] is added:
                self._changed.notify_all()

    def start(self) -> None:
        """Start the thread, if it does not run.

        A handler does so at its start: some versions of Python start no thread after the main thread has ended.
        """
        with self._changed:
            if self._thread is not None and self._thread.is_alive():
                return
            thread = HandlerThread(self._main, "time-limit")
            try:
                thread.start()
            except RuntimeError as error:  # the function runs without its limit, which is better than not at all
                logger.error("time_limit_seconds has no effect: %s", error)
                return
            self._thread = thread

    def _end(self, entry: _Entry) -> None:
        """Make sure that an exception that was not delivered yet does not reach the next task.

        The exception can arrive between any two bytecodes here. So this takes no lock: if the exception arrived after
        a lock was acquired and before the ``with`` block was entered, the lock would never be released.
        """
        while True:
            try:
                if not entry.decide():
                    while not entry.is_raised:
                        time.sleep(_LOOK_INTERVAL_S)
                    _raise_in(entry.thread, None)
            except TaskTimeLimitExceeded:  # it arrived here: the function has ended, and its outcome counts
                continue
            return

    def close(self) -> None:
        """End the thread that watches the time limits."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _main(self) -> None:
        with self._changed:
            while not self._closed:
                while self._entries and self._entries[0][2].is_decided:
                    heapq.heappop(self._entries)
                if not self._entries:
                    self._changed.wait()
                elif (left := self._entries[0][0] - time.monotonic()) > 0:
                    # A limit of years would overflow the system's timer.
                    self._changed.wait(min(left, threading.TIMEOUT_MAX))
                else:
                    entry = heapq.heappop(self._entries)[2]
                    # The function may end at this moment. Whoever decides first wins, so that the exception never
                    # reaches a task that runs later on the same thread.
                    if entry.decide():
                        try:
                            _raise_in(entry.thread, TaskTimeLimitExceeded)
                        finally:
                            entry.is_raised = True


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    """Raise ``kind`` in a thread at its next bytecode; None takes back what was not raised yet."""
    import ctypes  # most workers have no time limit

    api: Any = getattr(ctypes, "pythonapi", None)
    if api is None:
        logger.error("This Python cannot raise exceptions in other threads; time_limit_seconds has no effect")
        return
    api.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), None if kind is None else ctypes.py_object(kind))
