"""Signals for ``TaskHandler.run``: a context manager that restores what was there before.

Nothing else happens in a signal handler: logging there can deadlock. Off the main thread the context manager does
nothing, because Python allows signal handlers only there.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from types import FrameType
from typing import ClassVar

from conductor._internal.platforms import stop_signals

__all__ = ["Flag", "default_signals_in_forks", "stop_on_signals"]

_STOP_SIGNALS = stop_signals()


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
        """Wait up to ``timeout`` seconds; return whether it is set. One thread waits."""
        if not self.is_set:
            with suppress(Empty):
                self._queue.get(timeout=timeout)
        return self.is_set


@contextmanager
def stop_on_signals(first: Callable[[], None], second: Callable[[], None]) -> Iterator[None]:
    """Call ``first`` at the first SIGTERM, SIGINT or, on Windows, SIGBREAK, and ``second`` at each further one."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    seen = False

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        nonlocal seen
        if seen:
            second()
        else:
            seen = True
            first()

    before = {number: signal.signal(number, on_signal) for number in _STOP_SIGNALS}
    default_signals_in_forks(active=True)
    try:
        yield
    finally:
        default_signals_in_forks(active=False)
        for number, handler in before.items():
            signal.signal(number, handler)


class _Forks:
    """What happens to signals in forked children; hooks cannot be removed once they are registered."""

    is_hooked = False
    is_active = False
    masks: ClassVar[dict[int, set[int]]] = {}


def default_signals_in_forks(*, active: bool) -> None:
    """Give forked children the default handlers of the stop signals while ``active``.

    A child of ``multiprocessing`` that a task starts would inherit ours otherwise, and ignore ``terminate()``.
    """
    _Forks.is_active = active
    if not _Forks.is_hooked and hasattr(os, "register_at_fork"):
        _Forks.is_hooked = True
        os.register_at_fork(before=_block, after_in_parent=_unblock, after_in_child=_restore_defaults)


def _block() -> None:
    """Hold back signals: one that reached the child before its handlers are restored would be lost."""
    if _Forks.is_active:
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        _Forks.masks[threading.get_ident()] = {int(number) for number in blocked}


def _unblock() -> None:
    mask = _Forks.masks.pop(threading.get_ident(), None)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _restore_defaults() -> None:
    if _Forks.is_active:
        _Forks.is_active = False
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
    _unblock()
