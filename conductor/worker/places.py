"""How many tasks may run in a whole process, shared by all workers of a handler."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from attrs import define

__all__ = ["Places"]

_SLICE = 0.1
_FORGOTTEN = 1.0


@define
class _Waiting:
    since: float
    last_asked: float


class Places:
    """A counter of places; with no limit it always says yes.

    A worker that got none has waited its turn after a tenth of a second: then the others get none that it could have,
    and keep none for their next task, until it was served.

    Args:
        limit: How many tasks may run at a time, or None.
        clock: Monotonic seconds.
    """

    def __init__(self, limit: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit: int | None = limit
        self._clock = clock
        self._changed = threading.Condition()
        self._free = limit or 0
        self._waiting: dict[str, _Waiting] = {}

    def take(self, who: str, wanted: int) -> int:
        """Take up to ``wanted`` places for the worker ``who``; returns how many."""
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
        """How many others than ``who`` have waited their turn, and still ask."""
        return sum(
            name != who and now - one.since >= _SLICE and now - one.last_asked < _FORGOTTEN
            for name, one in self._waiting.items()
        )

    def wait(self, timeout: float) -> None:
        """Wait up to ``timeout`` seconds for a place that was given back."""
        with self._changed:
            self._changed.wait(timeout)

    def give_back(self, count: int) -> None:
        """Give ``count`` places back."""
        if self.limit is not None and count:
            with self._changed:
                self._free += count
                self._changed.notify_all()

    @property
    def is_used_up(self) -> bool:
        """Whether none is left now."""
        return self.limit is not None and self._free <= 0

    def is_wanted(self, who: str) -> bool:
        """Whether another worker than ``who`` has waited its turn, so that ``who`` keeps no place for its next task."""
        if not self._waiting:
            return False
        with self._changed:
            return self._whose_turn_it_is(who, self._clock()) > 0
