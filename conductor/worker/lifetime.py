"""Handlers that run: stopped at the interpreter's end, forgotten in children of a fork."""

from __future__ import annotations

import atexit
import os
import weakref
from typing import Any, Protocol

__all__ = ["Handler", "forget", "remember"]


class Handler(Protocol):
    """What a handler has to be able to do."""

    def stop(self) -> Any:
        """Stop in order."""

    def forget_parent(self) -> None:
        """In a forked child: be as before the start."""


_running: set[Handler] = set()
_hooked = False


def remember(handler: Handler) -> None:
    """Have ``handler`` stopped at the interpreter's end, and forgotten in children of a fork."""
    global _hooked  # noqa: PLW0603  once per process, and not at import
    _running.add(handler)
    if not _hooked:
        _hooked = True
        # urllib3 empties its pools by weakref.finalize, which does all of its work at one place in the row of what is
        # done at exit: that of the first. With one made here, ours stands later in the row, and is done before.
        weakref.finalize(_stop_all, int)
        atexit.register(_stop_all)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_forget_all)


def _stop_all() -> None:
    """Drain handlers that nobody stopped, as after Ctrl-C in a script whose last line is ``start()``."""
    for handler in list(_running):
        handler.stop()


def _forget_all() -> None:
    """In a forked child: the threads are the parent's, so here nothing runs, and each handler can be started anew."""
    for handler in list(_running):
        handler.forget_parent()
    _running.clear()


def forget(handler: Handler) -> None:
    """Leave ``handler`` alone from now on: it is stopped."""
    _running.discard(handler)
