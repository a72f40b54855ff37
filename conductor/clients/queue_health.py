"""Whether the tasks of a type are worked on: how many wait, and who polls."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from attrs import frozen

from conductor.models import PollData

__all__ = ["QueueHealth"]


@frozen
class QueueHealth:
    """The state of a task type's queue.

    Attributes:
        task_type: Whose.
        size: How many tasks wait.
        pollers: Who polled last, by domain; one entry per domain.
        checked_at: When this was asked.
        active_within: How recent a poll has to be for a worker to count as active.
    """

    task_type: str
    size: int
    pollers: tuple[PollData, ...]
    checked_at: datetime
    active_within: timedelta

    @property
    def last_poll_at(self) -> datetime | None:
        """When anybody polled last, aware and in UTC; None for never."""
        times = [each.last_poll_time for each in self.pollers if each.last_poll_time]
        return datetime.fromtimestamp(max(times) / 1000, tz=timezone.utc) if times else None

    @property
    def active_pollers(self) -> tuple[PollData, ...]:
        """Those that polled recently."""
        oldest = (self.checked_at - self.active_within).timestamp() * 1000
        return tuple(each for each in self.pollers if (each.last_poll_time or 0) >= oldest)

    @property
    def is_stuck(self) -> bool:
        """Whether tasks wait and nobody polls."""
        return self.size > 0 and not self.active_pollers

    @property
    def problem(self) -> str | None:
        """What is wrong, in words; None when nothing is."""
        if not self.is_stuck:
            return None
        since = (
            f"the last poll was at {self.last_poll_at:%Y-%m-%d %H:%M:%S} UTC"
            if self.last_poll_at
            else "nobody ever polled"
        )
        return f"{self.size} task(s) of {self.task_type} wait, and no worker polls: {since}."
