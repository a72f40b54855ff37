"""The backlog of a task type: waiting tasks, and tasks that workers are executing."""

from __future__ import annotations

import time
from datetime import datetime

from attrs import frozen

from conductor.clients.client import ConductorClient
from conductor.errors import PermissionDeniedError, UnsupportedByServerError
from conductor.models import Task, TaskStatus

__all__ = ["Backlog", "read_backlog"]

#: Maximum number of open tasks that are read, because the server returns them with their inputs.
_MAX_TASKS = 1000


@frozen
class Backlog:
    """The waiting and running tasks of a type.

    Attributes:
        waiting: The number of tasks in the queue.
        running: The tasks that workers of all domains are executing; None if the server does not list them.
        oldest: The time at which the oldest due task was scheduled; None if no task is due.
        is_whole: Whether all open tasks were read. If not, more tasks may be running.
    """

    waiting: int
    running: tuple[Task, ...] | None = None
    oldest: datetime | None = None
    is_whole: bool = True

    @property
    def at_work(self) -> str:
        """Describe the number of running tasks."""
        if self.running is None:
            return "running: unknown"
        return f"running: {len(self.running)}" + ("" if self.is_whole else " or more")


def read_backlog(client: ConductorClient, name: str, domain: str | None) -> Backlog:
    """Read the backlog of a task type (``GET /tasks/queue/size``, ``GET /admin/task/{tasktype}``).

    Args:
        client: The client.
        name: The task type.
        domain: The domain of the queue; None for the queue without a domain.
    """
    waiting = client.tasks.get_queue_size(name, domain=domain)
    try:
        tasks = client.admin.list_pending_tasks(name, count=_MAX_TASKS)
    except (UnsupportedByServerError, PermissionDeniedError):  # Orkes allows it to administrators only
        return Backlog(waiting)
    running = tuple(task for task in tasks if task.status == TaskStatus.IN_PROGRESS and task.worker_id)
    due = [task for task in tasks if _is_due(task) and (task.domain or None) == domain]
    oldest = min((task.scheduled_at for task in due if task.scheduled_at), default=None)
    return Backlog(waiting, running, oldest, is_whole=len(tasks) < _MAX_TASKS)


def _is_due(task: Task) -> bool:
    at = (task.scheduled_time or 0) + (task.callback_after_seconds or 0) * 1000
    return task.status == TaskStatus.SCHEDULED and at <= time.time() * 1000
