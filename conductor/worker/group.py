"""What a handler starts and stops: the threads of its workers in this process, or other processes that have them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from attrs import field, frozen

from conductor.worker.health import HandlerHealth

__all__ = ["StopReport", "WorkerGroup"]


@frozen
class StopReport:
    """How a stop went.

    Attributes:
        unfinished: Ids of tasks that still ran when the grace period was over.
        undelivered: Ids of tasks whose results the server has not taken.
        lost_processes: How many of the handler's processes ended without a report of their own.
    """

    unfinished: list[str] = field(factory=list)
    undelivered: list[str] = field(factory=list)
    lost_processes: int = 0

    @property
    def drained(self) -> bool:
        """Whether everything was finished and delivered."""
        return not self.unfinished and not self.undelivered and not self.lost_processes

    def __str__(self) -> str:
        lost = f"; {self.lost_processes} process(es) lost with what they did" if self.lost_processes else ""
        return f"tasks unfinished {self.unfinished}, undelivered {self.undelivered}{lost}"


class WorkerGroup(Protocol):
    """The workers of a handler at work."""

    @property
    def is_polling(self) -> bool:
        """Whether they ask for tasks."""

    @property
    def checks(self) -> Sequence[Callable[[], object]]:
        """What the watchdog is to call."""

    def start(self) -> None:
        """Start."""

    def stop(self, grace: float) -> StopReport:
        """Stop within ``grace`` seconds, and end all threads."""

    def left(self) -> StopReport:
        """What runs or is not delivered just now; takes no lock, so it is safe to call from a signal handler."""

    def kill(self) -> None:
        """End at once what is not this process; safe to call from a signal handler."""

    def forget(self) -> None:
        """In a forked child: leave to the parent what is the parent's."""

    def update_options(self, task_type: str | None, changes: Mapping[str, Any]) -> None:
        """Change options while they work."""

    def health(self) -> HandlerHealth:
        """How they are."""

    def metrics(self) -> dict[str, Any]:
        """What they counted."""
