"""The server itself: configuration, queues, repair."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conductor.clients._base import Resource, check_page
from conductor.errors import NotFoundError, UnexpectedResponseError, UnsupportedByServerError
from conductor.models import HealthStatus, Task
from conductor.transport.operation import Edition, Operation

__all__ = ["AdminClient", "HealthClient"]


CHECK: Operation[HealthStatus] = Operation("GET", "/health", HealthStatus, root=True)
CHECK_API: Operation[HealthStatus] = Operation("GET", "/health", HealthStatus, edition=Edition.OSS)
VERSION: Operation[str] = Operation("GET", "/version", str)


class HealthClient(Resource):
    """The server's health (``client.health``)."""

    def check(self) -> HealthStatus:
        """The server's health (``GET /health`` at its root; ``GET /api/health`` behind proxies that pass only that)."""
        try:
            return self._call(CHECK)
        except (NotFoundError, UnsupportedByServerError, UnexpectedResponseError):
            return self._call(CHECK_API)

    def get_version(self) -> str:
        """The server's version, as ``3.32.3`` (``GET /version``)."""
        return self._call(VERSION).strip()


CONFIG: Operation[dict[str, Any]] = Operation("GET", "/admin/config", dict, edition=Edition.OSS)
QUEUES: Operation[dict[str, Any]] = Operation("GET", "/admin/queues", dict, edition=Edition.OSS, on_empty=dict)
PENDING: Operation[list[Task]] = Operation("GET", "/admin/task/{tasktype}", list[Task], on_empty=list)
REQUEUE: Operation[str] = Operation("POST", "/admin/sweep/requeue/{workflowId}", str, on_empty=str)
REPAIR: Operation[str] = Operation(
    "POST",
    "/admin/consistency/verifyAndRepair/{workflowId}",
    str,
    on_empty=str,
    advice="Repair is off unless the server has conductor.workflow-repair-service.enabled=true.",
)
REDIS: Operation[dict[str, Any]] = Operation("GET", "/admin/redisUsage", dict, edition=Edition.ORKES, on_empty=dict)
CLEAR: Operation[None] = Operation("POST", "/admin/cache/clear/{taskDefName}", edition=Edition.ORKES)
LIMITS: Operation[dict[str, Any]] = Operation("GET", "/limits", dict, edition=Edition.ORKES, on_empty=dict)
_LARGEST_PAGE = 10_000


class AdminClient(Resource):
    """For operators (``client.admin``)."""

    def get_config(self) -> dict[str, Any]:
        """The server's configuration (``GET /admin/config``, open-source server).

        It holds the server's environment: do not log it.
        """
        return self._call(CONFIG)

    def list_event_queues(self, *, verbose: bool = False) -> dict[str, Any]:
        """The event queues (``GET /admin/queues``, open-source server)."""
        return self._call(QUEUES, query={"verbose": verbose})

    def list_pending_tasks(self, task_type: str, *, start: int = 0, count: int = 100) -> list[Task]:
        """A page of the tasks of a type that are scheduled or in progress (``GET /admin/task/{tasktype}``).

        Args:
            task_type: The task's name.
            start: The first one's place.
            count: How many at most.
        """
        check_page(start, count, _LARGEST_PAGE, "count")
        return self._call(PENDING, {"tasktype": task_type}, query={"start": start, "count": count})

    def iterate_pending_tasks(self, task_type: str, *, size: int = 100) -> Iterator[Task]:
        """All tasks of a type that are scheduled or in progress, page by page.

        The server has no order for them that stays: one that ends meanwhile moves others forward, which are then
        missed; none comes twice.
        """
        seen: set[str | None] = set()
        start = 0
        while page := self.list_pending_tasks(task_type, start=start, count=size):
            yield from (task for task in page if task.task_id not in seen)
            seen.update(task.task_id for task in page)
            start += len(page)

    def requeue_workflow(self, workflow_id: str) -> str:
        """Have the server look at an execution again (``POST /admin/sweep/requeue/{workflowId}``)."""
        return self._call(REQUEUE, {"workflowId": workflow_id})

    def verify_and_repair_workflow(self, workflow_id: str) -> bool:
        """Check an execution, and repair it (``POST /admin/consistency/verifyAndRepair/{workflowId}``).

        Returns:
            Whether something was repaired.

        Raises:
            UnsupportedByServerError: The server has its repair service switched off, as the open-source server has by
                default.
        """
        return self._call(REPAIR, {"workflowId": workflow_id}).strip() == "true"

    def get_redis_usage(self) -> dict[str, Any]:
        """What the server's Redis holds (``GET /admin/redisUsage``, Orkes)."""
        return self._call(REDIS)

    def clear_task_cache(self, task_definition: str) -> None:
        """Forget the cached outputs of a task (``POST /admin/cache/clear/{taskDefName}``, Orkes)."""
        self._call(CLEAR, {"taskDefName": task_definition})

    def get_limits(self) -> dict[str, Any]:
        """The cluster's limits (``GET /limits``, Orkes)."""
        return self._call(LIMITS)
