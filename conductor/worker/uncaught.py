"""Exceptions that nothing caught, and that ended a thread of this process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

__all__ = ["UncaughtExceptions"]


class UncaughtExceptions:
    """Counts while it watches, and leaves the rest to the ``threading.excepthook`` that was there before.

    Args:
        count: Called with the name of the exception's type.
    """

    def __init__(self, count: Callable[[str], None]) -> None:
        self._count = count
        self._before: Callable[[Any], Any] = threading.excepthook

    def watch(self) -> None:
        """Begin."""
        if threading.excepthook != self._hook:
            self._before = threading.excepthook
            threading.excepthook = self._hook

    def close(self) -> None:
        """Put back what was there, unless somebody else has put something before it meanwhile."""
        if threading.excepthook == self._hook:
            threading.excepthook = self._before

    def _hook(self, thrown: threading.ExceptHookArgs) -> None:
        if not issubclass(thrown.exc_type, SystemExit):
            self._count(thrown.exc_type.__name__)
        self._before(thrown)
