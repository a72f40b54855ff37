"""What of a task type waits, and what of it is in work."""

from __future__ import annotations

import time
from datetime import datetime

from attrs import frozen

from conductor.clients.client import ConductorClient
from conductor.errors import NotFoundError, PermissionDeniedError
from conductor.models import Task, TaskStatus

__all__ = ["Backlog", "read_backlog"]

_MOST = 1000  # whole tasks come, with their inputs


@frozen
class Backlog:
    """What of a task type waits, and what of it is in work.

    Attributes:
        waiting: How many are in the queue.
        running: Those that workers have, of all domains; None where the server does not say.
        oldest: Since when the one waits that has been due for longest; None for none.
        is_whole: Whether all open tasks were looked at, so that no more can be running.
    """

    waiting: int
    running: tuple[Task, ...] | None = None
    oldest: datetime | None = None
    is_whole: bool = True

    @property
    def at_work(self) -> str:
        """How many are in work, in words."""
        if self.running is None:
            return "in work: not known"
        return f"in work: {len(self.running)}" + ("" if self.is_whole else " or more")


def read_backlog(client: ConductorClient, name: str, domain: str | None) -> Backlog:
    """Ask the server (``GET /tasks/queue/size``, ``GET /admin/task/{tasktype}``).

    Args:
        client: The client.
        name: The task type.
        domain: Whose queue; None for that without a domain.
    """
    waiting = client.tasks.get_queue_size(name, domain=domain)
    try:
        tasks = client.admin.list_pending_tasks(name, count=_MOST)
    except (NotFoundError, PermissionDeniedError):  # of Orkes' administrators alone
        return Backlog(waiting)
    running = tuple(task for task in tasks if task.status == TaskStatus.IN_PROGRESS and task.worker_id)
    due = [task for task in tasks if _is_due(task) and (task.domain or None) == domain]
    oldest = min((task.scheduled_at for task in due if task.scheduled_at), default=None)
    return Backlog(waiting, running, oldest, is_whole=len(tasks) < _MOST)


def _is_due(task: Task) -> bool:
    at = (task.scheduled_time or 0) + (task.callback_after_seconds or 0) * 1000
    return task.status == TaskStatus.SCHEDULED and at <= time.time() * 1000
