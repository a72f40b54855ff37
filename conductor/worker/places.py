"""How many tasks may run in a whole process, shared by all workers of a handler."""

from __future__ import annotations

import threading

__all__ = ["Places"]


class Places:
    """A counter of places; with no limit it always says yes.

    Args:
        limit: How many tasks may run at a time, or None.
    """

    def __init__(self, limit: int | None) -> None:
        self.limit = limit
        self._lock = threading.Lock()
        self._free = limit or 0

    def take(self, wanted: int) -> int:
        """Take up to ``wanted`` places; returns how many."""
        if self.limit is None:
            return wanted
        with self._lock:
            taken = min(wanted, self._free)
            self._free -= taken
            return taken

    def give_back(self, count: int) -> None:
        """Give ``count`` places back."""
        if self.limit is not None and count:
            with self._lock:
                self._free += count
