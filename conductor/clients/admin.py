"""The server itself: health, version, configuration, queues and repair."""

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
    """The server's health and version (``client.health``)."""

    def check(self) -> HealthStatus:
        """Return the server's health.

        ``GET /health`` at the server's root; if that is not found, ``GET /api/health``, because some proxies forward
        only ``/api``.

        Returns:
            Whether the server is healthy, and the health of its components.
        """
        try:
            return self._call(CHECK)
        except (NotFoundError, UnsupportedByServerError, UnexpectedResponseError):
            return self._call(CHECK_API)

    def get_version(self) -> str:
        """Return the server's version, such as ``3.32.3`` (``GET /version``)."""
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
    advice="The repair service is disabled unless the server has conductor.workflow-repair-service.enabled=true.",
)
REDIS: Operation[dict[str, Any]] = Operation("GET", "/admin/redisUsage", dict, edition=Edition.ORKES, on_empty=dict)
CLEAR: Operation[None] = Operation("POST", "/admin/cache/clear/{taskDefName}", edition=Edition.ORKES)
LIMITS: Operation[dict[str, Any]] = Operation("GET", "/limits", dict, edition=Edition.ORKES, on_empty=dict)
#: Maximum number of tasks that the server returns.
_MAX_PAGE_SIZE = 10_000


class AdminClient(Resource):
    """Operations for administrators (``client.admin``)."""

    def get_config(self) -> dict[str, Any]:
        """Return the server's configuration (``GET /admin/config``, open-source server).

        It contains the server's environment variables, which may hold secrets: do not log it.

        Returns:
            A dict of values by property name.
        """
        return self._call(CONFIG)

    def list_event_queues(self, *, verbose: bool = False) -> dict[str, Any]:
        """Return the event queues (``GET /admin/queues``, open-source server).

        Args:
            verbose: Whether to include the state of each queue.

        Returns:
            A dict of queue states by queue name.
        """
        return self._call(QUEUES, query={"verbose": verbose})

    def list_pending_tasks(self, task_type: str, *, start: int = 0, count: int = 100) -> list[Task]:
        """Return one page of the SCHEDULED and IN_PROGRESS tasks of a type (``GET /admin/task/{tasktype}``).

        Args:
            task_type: The name of the task definition.
            start: Offset of the first task.
            count: Maximum number of tasks, up to 10,000.

        Returns:
            The tasks; an empty list after the last page.
        """
        check_page(start, count, _MAX_PAGE_SIZE, "count")
        return self._call(PENDING, {"tasktype": task_type}, query={"start": start, "count": count})

    def iterate_pending_tasks(self, task_type: str, *, size: int = 100) -> Iterator[Task]:
        """Yield all SCHEDULED and IN_PROGRESS tasks of a type (``GET /admin/task/{tasktype}``).

        The order of the tasks is not stable. If tasks end during the iteration, other tasks can move to a page that has
        already been read, and are then missed. No task is returned twice.

        Args:
            task_type: The name of the task definition.
            size: Tasks per request.

        Yields:
            The tasks.
        """
        seen: set[str | None] = set()
        start = 0
        while page := self.list_pending_tasks(task_type, start=start, count=size):
            yield from (task for task in page if task.task_id not in seen)
            seen.update(task.task_id for task in page)
            start += len(page)

    def requeue_workflow(self, workflow_id: str) -> str:
        """Make the server evaluate an execution again (``POST /admin/sweep/requeue/{workflowId}``).

        Args:
            workflow_id: The id of the execution.

        Returns:
            The server's message.
        """
        return self._call(REQUEUE, {"workflowId": workflow_id})

    def verify_and_repair_workflow(self, workflow_id: str) -> bool:
        """Check an execution and repair it (``POST /admin/consistency/verifyAndRepair/{workflowId}``).

        Args:
            workflow_id: The id of the execution.

        Returns:
            Whether something was repaired.

        Raises:
            UnsupportedByServerError: The repair service is disabled, which is the default of the open-source server.
        """
        return self._call(REPAIR, {"workflowId": workflow_id}).strip() == "true"

    def get_redis_usage(self) -> dict[str, Any]:
        """Return the usage of the server's Redis (``GET /admin/redisUsage``, Orkes).

        Returns:
            The response as a dict; the API documents no type.
        """
        return self._call(REDIS)

    def clear_task_cache(self, task_definition: str) -> None:
        """Delete the cached outputs of a task (``POST /admin/cache/clear/{taskDefName}``, Orkes).

        Args:
            task_definition: The name of the task definition.
        """
        self._call(CLEAR, {"taskDefName": task_definition})

    def get_limits(self) -> dict[str, Any]:
        """Return the limits of the cluster (``GET /limits``, Orkes).

        Returns:
            The response as a dict; the API documents no type.
        """
        return self._call(LIMITS)
