"""The clock of a server, which tests can freeze and move forward."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from conductor._internal.epoch import from_epoch_ms

#: The clock never moves back: timers that fired would be in the future again.
_NO_TIME = timedelta(0)
#: Real seconds for which a move waits for workers that finish nothing.
_WORKER_TIMEOUT_S = 5.0


class Clock:
    """Real time, plus the time by which the clock has been moved forward.

    Moving the clock fires the timers on the way in their order, each at its own time.

    Args:
        offset_ms: Milliseconds ahead of real time, from an earlier run of the server.
    """

    def __init__(self, offset_ms: int = 0) -> None:
        self._offset_ms = offset_ms
        self._frozen_at: int | None = None
        self._lock = threading.Lock()
        self._move_to: Callable[[int, float], None] = lambda moment, _: self.set_ms(moment)
        self._next_event: Callable[[], int | None] = lambda: None

    def drive(self, move_to: Callable[[int, float], None], next_event: Callable[[], int | None]) -> None:
        """Register the functions of the kernel that move the clock and find the next timer."""
        self._move_to, self._next_event = move_to, next_event

    def now_ms(self) -> int:
        """Return the current time, epoch ms."""
        frozen = self._frozen_at
        return frozen if frozen is not None else time.time_ns() // 1_000_000 + self._offset_ms

    @property
    def offset_ms(self) -> int:
        """Milliseconds ahead of real time."""
        return self.now_ms() - time.time_ns() // 1_000_000 if self.is_frozen else self._offset_ms

    def now(self) -> datetime:
        """Return the current time, aware and in UTC."""
        return from_epoch_ms(self.now_ms())

    @property
    def is_frozen(self) -> bool:
        """Whether the clock stands still."""
        return self._frozen_at is not None

    def freeze(self) -> None:
        """Stop the clock until ``thaw``. ``advance`` and ``skip_to_next_event`` still move it."""
        with self._lock:
            self._frozen_at = self.now_ms()

    def start_at(self, moment: int) -> None:
        """Stop the clock at any time, also an earlier one; only for a server without executions.

        Args:
            moment: The time, epoch ms.
        """
        with self._lock:
            self._frozen_at = moment

    def thaw(self) -> None:
        """Let the clock run again, from the time at which it stands."""
        with self._lock:
            if self._frozen_at is not None:
                self._offset_ms = self._frozen_at - time.time_ns() // 1_000_000
                self._frozen_at = None

    def set_ms(self, moment: int) -> None:
        """Set the clock without firing timers; an earlier time is ignored.

        Args:
            moment: The time, epoch ms.
        """
        with self._lock:
            if moment <= self.now_ms():
                return
            if self._frozen_at is not None:
                self._frozen_at = moment
            else:
                self._offset_ms = moment - time.time_ns() // 1_000_000

    def advance(self, by: timedelta, *, worker_timeout: float = _WORKER_TIMEOUT_S) -> None:
        """Move the clock forward, and fire the timers on the way, each after the workers have finished.

        Before it moves, at each timer and at the end, the clock waits until the workers that poll this server have
        finished the tasks that are due. Tasks that are polled by hand (``client.tasks.poll``) do not hold it.

        Args:
            by: How far.
            worker_timeout: Real seconds to wait while no worker takes or finishes a task; then the clock moves, and
                logs a warning. 0 does not wait, for example to see a task time out that its worker never finishes.

        Raises:
            TypeError: ``by`` is not a ``timedelta``.
            ValueError: ``by`` is negative.
        """
        if not isinstance(by, timedelta):
            raise TypeError(f"advance() takes a timedelta, such as timedelta(hours=1), not {by!r}")
        if by < _NO_TIME:
            raise ValueError(f"Cannot move the clock back: {by}")
        self._move_to(self.now_ms() + round(by.total_seconds() * 1000), worker_timeout)

    def skip_to_next_event(self) -> datetime | None:
        """Move the clock to the next timer and fire it, without waiting for workers.

        Returns:
            The time of the timer; None without a timer.
        """
        moment = self._next_event()
        if moment is None:
            return None
        self._move_to(max(moment, self.now_ms()), 0.0)
        return from_epoch_ms(moment)
