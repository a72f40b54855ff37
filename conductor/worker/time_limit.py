"""Time limits of functions on threads: past its limit, an exception is raised inside the function.

Python delivers such an exception between two bytecodes. A function that waits in C code (``time.sleep``, a socket, a
lock, a long NumPy call) sees it when that call returns, and one that catches it can continue.
"""

from __future__ import annotations

import ctypes
import heapq
import itertools
import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define

from conductor.errors import TaskTimeLimitExceeded
from conductor.worker.threads import HandlerThread

__all__ = ["TimeLimits", "exceeded"]

logger = logging.getLogger(__name__)

R = TypeVar("R")


def exceeded(seconds: float) -> TaskTimeLimitExceeded:
    """Return the error for a function that ran for more than ``seconds``."""
    return TaskTimeLimitExceeded(f"the function ran for longer than time_limit_seconds={seconds:g}")


@define(eq=False)
class _Entry:
    thread: int
    is_over: bool = False
    is_raised: bool = False


class TimeLimits:
    """Raises an exception in functions that run for too long, from a thread of its own."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._order = itertools.count()
        self._entries: list[tuple[float, int, _Entry]] = []
        self._thread: HandlerThread | None = None
        self._closed = False

    def call(self, seconds: float, function: Callable[[], R]) -> R:
        """Return the result of ``function``.

        Raises:
            TaskTimeLimitExceeded: It ran for more than ``seconds``.
        """
        entry = self._begin(seconds)
        try:
            return function()
        except TaskTimeLimitExceeded as error:
            if not error.args:  # it is raised without arguments
                error.args = exceeded(seconds).args
            raise
        finally:
            self._end(entry)

    def _begin(self, seconds: float) -> _Entry:
        entry = _Entry(threading.get_ident())
        with self._changed:
            heapq.heappush(self._entries, (time.monotonic() + seconds, next(self._order), entry))
            self._changed.notify_all()
        self.start()
        return entry

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
        with self._changed:
            entry.is_over = True
            if entry.is_raised:  # an exception that was not delivered yet must not reach the next task
                _raise_in(entry.thread, None)

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _main(self) -> None:
        with self._changed:
            while not self._closed:
                while self._entries and self._entries[0][2].is_over:
                    heapq.heappop(self._entries)
                if not self._entries:
                    self._changed.wait()
                elif (left := self._entries[0][0] - time.monotonic()) > 0:
                    self._changed.wait(left)
                else:
                    entry = heapq.heappop(self._entries)[2]
                    entry.is_raised = True
                    _raise_in(entry.thread, TaskTimeLimitExceeded)


def _raise_in(thread: int, kind: type[BaseException] | None) -> None:
    """Raise ``kind`` in a thread at its next bytecode; None takes back what was not raised yet."""
    api: Any = getattr(ctypes, "pythonapi", None)
    if api is None:
        logger.error("This Python cannot raise exceptions in other threads; time_limit_seconds has no effect")
        return
    api.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), None if kind is None else ctypes.py_object(kind))
