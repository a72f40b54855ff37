"""The body of an update: a task's result as JSON, and what is sent where that is not possible."""

from __future__ import annotations

import logging
from typing import Any

from conductor.errors import BadRequestError, NotFoundError, ServerError, UnsupportedByServerError
from conductor.models import TaskResult, TaskResultStatus
from conductor.models.codec import dumps, loads

__all__ = ["failure_instead", "is_final", "sendable_body", "update_body"]

logger = logging.getLogger(__name__)

_LONGEST_REASON = 500
_TOO_LARGE = 413
_IN_PROGRESS = "IN_PROGRESS"
_FAILURES = frozenset({"FAILED", "FAILED_WITH_TERMINAL_ERROR"})


def update_body(result: TaskResult) -> bytes:
    """A task result as the JSON of an update; its output is plain JSON values already."""
    wire: dict[str, Any] = {
        "taskId": result.task_id,
        "workflowInstanceId": result.workflow_instance_id,
        "status": str(result.status),
        "outputData": result.output_data,
        "workerId": result.worker_id,
    }
    if result.reason_for_incompletion is not None:
        wire["reasonForIncompletion"] = result.reason_for_incompletion
    if result.callback_after_seconds:
        wire["callbackAfterSeconds"] = result.callback_after_seconds
    if result.logs:
        wire["logs"] = [line.to_dict() for line in result.logs]
    if result.external_output_payload_storage_path:
        wire["externalOutputPayloadStoragePath"] = result.external_output_payload_storage_path
    wire.update(result.unknown_fields)
    return dumps(wire)


def sendable_body(result: TaskResult) -> bytes:
    """The same; a result that a function made up of values that have no JSON form fails its task and says so."""
    try:
        return update_body(result)
    except Exception as error:  # noqa: BLE001  whatever is in it, the task must be answered
        logger.error("Task %s: the function's TaskResult cannot be sent: %s", result.task_id, error)  # noqa: TRY400
        return update_body(
            _failure(result.workflow_instance_id, result.task_id, f"The TaskResult has no JSON: {error}")
        )


def failure_instead(body: bytes, error: Exception) -> bytes | None:
    """What to send in place of a result that the server finds wrong, so that its task does not wait for its timeout.

    None for a hand-back, and for what is as short already.
    """
    wire = loads(body)
    status = wire.get("status")
    if isinstance(error, NotFoundError) or (status == _IN_PROGRESS and not wire.get("callbackAfterSeconds")):
        return None
    if status in _FAILURES and not wire.get("logs") and not wire.get("outputData"):
        return None
    instead = _failure(
        wire["workflowInstanceId"], wire["taskId"], f"The server did not take the task's {status} result: {error}"
    )
    if status in _FAILURES:
        instead.status = TaskResultStatus(status)
    return update_body(instead)


def _failure(workflow_id: str, task_id: str, reason: str) -> TaskResult:
    return TaskResult(
        workflow_instance_id=workflow_id,
        task_id=task_id,
        status=TaskResultStatus.FAILED_WITH_TERMINAL_ERROR,
        reason_for_incompletion=reason[:_LONGEST_REASON],
    )


def is_final(error: BaseException) -> bool:
    """Whether the server will never take this result: it knows no such task, or finds the update wrong.

    An update that it cannot parse (an unknown status, a text of more than 20 million characters) it answers with 500.
    A 404 or 400 that is not Conductor's own says nothing of the task: a proxy gives it while the server is restarted. A
    413 is final whoever gives it, because the same body is too large the next time, too.
    """
    if isinstance(error, ServerError):
        return error.server_message.startswith("JSON parse error")
    if not isinstance(error, NotFoundError | BadRequestError) or isinstance(error, UnsupportedByServerError):
        return False
    return error.is_conductors or error.status == _TOO_LARGE
