"""Event queues of the server, and tasks completed through them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductor.clients._resource import Resource
from conductor.clients.checks import known
from conductor.clients.payloads import TASK_OUTPUT, PayloadStorage
from conductor.models import TaskStatus
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["QueueClient"]

LIST: Operation[dict[str, str]] = Operation("GET", "/queue/", dict[str, str], on_empty=dict)
SIZES: Operation[dict[str, Any]] = Operation("GET", "/queue/size", dict, on_empty=dict)
COMPLETE: Operation[None] = Operation(
    "POST", "/queue/update/{workflowId}/{taskRefName}/{status}", repeat=Repeat.NEVER, edition=Edition.OSS
)
COMPLETE_BY_ID: Operation[None] = Operation(
    "POST", "/queue/update/{workflowId}/task/{taskId}/{status}", repeat=Repeat.NEVER, edition=Edition.OSS
)


class QueueClient(Resource):
    """The server's event queues (``client.queues``). Queues of tasks are in ``client.tasks``."""

    def list(self) -> dict[str, str]:
        """The queue for each status (``GET /queue/``)."""
        return self._call(LIST)

    def get_sizes(self) -> dict[str, Any]:
        """How many messages each queue holds (``GET /queue/size``); Orkes' document has numbers by name for each."""
        return self._call(SIZES)

    def complete_wait_task(
        self,
        workflow_id: str,
        reference_name: str,
        status: TaskStatus | str = TaskStatus.COMPLETED,
        output: Mapping[str, Any] | None = None,
    ) -> None:
        """Send the message that ends a WAIT task (``POST /queue/update/{workflowId}/{taskRefName}/{status}``, OSS).

        ``client.tasks.update_by_reference_name`` does the same without a queue, on every server.

        Raises:
            BadRequestError: The server has no queue for this status, as the open-source server by default: ``list``
                says for which it has one.
        """
        path = {"workflowId": workflow_id, "taskRefName": reference_name, "status": _status(status)}
        self._call(COMPLETE, path, body=PayloadStorage(self._transport).inline(output, TASK_OUTPUT))

    def complete_wait_task_by_id(
        self,
        workflow_id: str,
        task_id: str,
        status: TaskStatus | str = TaskStatus.COMPLETED,
        output: Mapping[str, Any] | None = None,
    ) -> None:
        """The same by the task's id (``POST /queue/update/{workflowId}/task/{taskId}/{status}``, OSS)."""
        path = {"workflowId": workflow_id, "taskId": task_id, "status": _status(status)}
        self._call(COMPLETE_BY_ID, path, body=PayloadStorage(self._transport).inline(output, TASK_OUTPUT))


def _status(status: TaskStatus | str) -> str:
    member = known(status, TaskStatus, "status")
    assert member is not None  # noqa: S101  a status was given
    return member.value
