"""The clock of a server: real time, moved forward by who owns it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

_NO_TIME = timedelta(0)
#: Real seconds for which a move waits for workers that finish nothing.
_WORKER_TIMEOUT_S = 5.0


class Clock:
    """Real time plus what it was moved forward. Timers that lie between fire in their order, at their own times.

    Args:
        offset_ms: What it was moved forward before, by another process.
    """

    def __init__(self, offset_ms: int = 0) -> None:
        self._offset_ms = offset_ms
        self._frozen_at: int | None = None
        self._lock = threading.Lock()
        self._move_to: Callable[[int, float], None] = lambda moment, _: self.set_ms(moment)
        self._next_event: Callable[[], int | None] = lambda: None

    def drive(self, move_to: Callable[[int, float], None], next_event: Callable[[], int | None]) -> None:
        """Let a kernel fire its timers when the clock is moved."""
        self._move_to, self._next_event = move_to, next_event

    def now_ms(self) -> int:
        """The present moment, epoch ms."""
        frozen = self._frozen_at
        return frozen if frozen is not None else time.time_ns() // 1_000_000 + self._offset_ms

    @property
    def offset_ms(self) -> int:
        """How far it is ahead of real time, ms."""
        return self.now_ms() - time.time_ns() // 1_000_000 if self.is_frozen else self._offset_ms

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        return datetime.fromtimestamp(self.now_ms() / 1000, tz=timezone.utc)

    @property
    def is_frozen(self) -> bool:
        """Whether it moves only when it is told to."""
        return self._frozen_at is not None

    def freeze(self) -> None:
        """Stand still until ``thaw``; ``advance`` and ``skip_to_next_event`` still move it."""
        with self._lock:
            self._frozen_at = self.now_ms()

    def thaw(self) -> None:
        """Go on from where it stands."""
        with self._lock:
            if self._frozen_at is not None:
                self._offset_ms = self._frozen_at - time.time_ns() // 1_000_000
                self._frozen_at = None

    def set_ms(self, moment: int) -> None:
        """Stand at a later moment; never goes back."""
        with self._lock:
            if moment <= self.now_ms():
                return
            if self._frozen_at is not None:
                self._frozen_at = moment
            else:
                self._offset_ms = moment - time.time_ns() // 1_000_000

    def advance(self, by: timedelta, *, worker_timeout: float = _WORKER_TIMEOUT_S) -> None:
        """Move forward, stopping at each timer on the way, and let workers go first.

        Before it moves, at each timer and at the end, it waits until the workers that poll this server have taken and
        finished the tasks that are due. Tasks that are polled by hand (``client.tasks.poll``) do not hold it.

        Args:
            by: How far.
            worker_timeout: Real seconds to wait while no worker takes or finishes a task; then the clock moves on, and
                a warning is logged. 0 moves at once, such as to see a task time out that its worker never finishes.

        Raises:
            ValueError: ``by`` is negative.
        """
        if by < _NO_TIME:
            raise ValueError(f"the clock cannot go back: {by}")
        self._move_to(self.now_ms() + round(by.total_seconds() * 1000), worker_timeout)

    def skip_to_next_event(self) -> datetime | None:
        """Move to the next timer and fire it, at once; returns its time, or None when nothing waits for a time."""
        moment = self._next_event()
        if moment is None:
            return None
        self._move_to(max(moment, self.now_ms()), 0.0)
        return datetime.fromtimestamp(moment / 1000, tz=timezone.utc)
