"""The clock of a server, which tests can freeze and move forward."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

from conductor._internal.epoch import from_epoch_ms

#: The clock never moves back: timers that fired would be in the future again.
_NO_TIME = timedelta(0)
#: Real seconds that a move waits for workers that do not finish tasks.
_WORKER_TIMEOUT_S = 5.0


class Clock:
    """Real time, plus the time by which the clock has been moved forward.

    Moving the clock fires the timers in between in order, each at its own time.

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
        """Whether the clock is frozen."""
        return self._frozen_at is not None

    def freeze(self) -> None:
        """Freeze the clock until ``thaw``. ``advance`` and ``skip_to_next_event`` still move it."""
        with self._lock:
            self._frozen_at = self.now_ms()

    def start_at(self, moment: int) -> None:
        """Freeze the clock at any time, which may be earlier than now; only for a server without executions.

        Args:
            moment: The time, epoch ms.
        """
        with self._lock:
            self._frozen_at = moment

    def thaw(self) -> None:
        """Let the clock run again, from its present time."""
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
        """Move the clock forward, and fire the timers in between, each after workers have finished their tasks.

        Before it moves, at each timer and at the end, the clock waits until the workers that poll this server have
        finished the tasks that are due. The clock does not wait for tasks that a client polls with
        ``client.tasks.poll``.

        Args:
            by: The duration by which to move the clock.
            worker_timeout: Real seconds to wait while no worker starts or finishes a task. Then the clock moves, and a
                warning is logged. With 0, the clock does not wait, for example to test the timeout of a task that its
                worker never finishes.

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
