"""Signals for ``TaskHandler.run``: a context manager that sets a flag and restores what was there.

Nothing else happens in a handler function: logging there can deadlock. Off the main thread it does nothing, because
Python allows handlers only there.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from types import FrameType

__all__ = ["Flag", "stop_on_signals"]


class Flag:
    """A flag that a signal handler may set: an Event's lock could be held by the very thread that is interrupted."""

    def __init__(self) -> None:
        self._queue: SimpleQueue[None] = SimpleQueue()
        self.is_set: bool = False

    def set(self) -> None:
        """Set it, and wake the thread that waits."""
        self.is_set = True
        self._queue.put(None)

    def wait(self, timeout: float) -> bool:
        """Wait up to ``timeout`` seconds; whether it is set. One thread waits."""
        if not self.is_set:
            with suppress(Empty):
                self._queue.get(timeout=timeout)
        return self.is_set


@contextmanager
def stop_on_signals(first: Callable[[], None], second: Callable[[], None]) -> Iterator[None]:
    """Call ``first`` at the first SIGTERM or SIGINT and ``second`` at each further one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = False
    owner = os.getpid()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        if os.getpid() != owner:  # a child that was forked inside the block
            return
        if seen:
            second()
        else:
            seen = True
            first()

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
