"""Task results: created from the value or exception of a function, and encoded as the JSON of an update."""

from __future__ import annotations

import inspect
import time
import traceback
from typing import Any, Protocol

from attrs import field, frozen

from conductor._internal.logs import isolated_logger
from conductor.clients.payloads import PayloadStorage, refuse_output
from conductor.errors import (
    ConfigurationError,
    NonRetryableError,
    NotFoundError,
    SerializationError,
    TaskInputError,
)
from conductor.models import Task, TaskExecLog, TaskResult, TaskResultStatus
from conductor.models.codec import dumps, is_writable, loads, to_jsonable
from conductor.worker.context import callback_seconds

__all__ = [
    "NoStorage",
    "Payloads",
    "ServerStorage",
    "TaskInProgress",
    "failed",
    "failure_instead",
    "sendable_body",
    "succeeded",
    "update_body",
]

logger = isolated_logger(__name__)


class Payloads(Protocol):
    """Payloads that are stored outside the database."""

    def fetch_task(self, task: Task) -> Task:
        """Fetch the input into the task."""

    def store_output(self, result: TaskResult, task_type: str) -> None:
        """Store an output that is too large for the database.

        Raises:
            SerializationError: It cannot be.
        """


class NoStorage:
    """Payloads without a server: an output that is too large is refused."""

    def fetch_task(self, task: Task) -> Task:
        """Return the task unchanged."""
        return task

    def store_output(self, result: TaskResult, task_type: str) -> None:  # noqa: ARG002  as the protocol has it
        """Refuse an output that is too large."""
        try:
            refuse_output(result.output_data)
        except ConfigurationError as error:
            raise SerializationError(error.message, path_in_value="$") from None


class ServerStorage:
    """The server's storage; a payload that cannot be stored fails its task permanently."""

    def __init__(self, storage: PayloadStorage) -> None:
        self._storage = storage

    def fetch_task(self, task: Task) -> Task:
        """Return the task with its input; if the input is lost, the task fails permanently."""
        if not (task.external_input_payload_storage_path or task.external_output_payload_storage_path):
            return task
        try:
            return self._storage.fetch_task(task)
        except ConfigurationError as error:
            raise TaskInputError(error.message) from None

    def store_output(self, result: TaskResult, task_type: str) -> None:
        """Move an output over the limit to the storage."""
        try:
            self._storage.store_output(result, task_type)
        except ConfigurationError as error:
            raise SerializationError(error.message, path_in_value="$") from None


#: Characters of a reason for failure; the server truncates longer ones.
_LONGEST_REASON = 500
#: Characters of a traceback in a task's log; the middle of a longer one is left out.
_LONGEST_TRACEBACK = 32_000
_OWN_MODULES = "conductor.worker."
_FAILURES = frozenset({"FAILED", "FAILED_WITH_TERMINAL_ERROR"})


@frozen
class TaskInProgress:
    """Returned by a function whose work continues elsewhere: the task stays IN_PROGRESS and is dispatched again later.

    Attributes:
        callback_after_seconds: When the task is dispatched again: seconds or a ``timedelta``; fractions are rounded up,
            and a moment in the past means at once.
        output: Its output so far, which the next call finds in ``task.output_data``.
    """

    callback_after_seconds: int = field(converter=callback_seconds)
    output: dict[str, Any] | None = None


def succeeded(task: Task, value: Any, callback_after_seconds: float | None = None) -> TaskResult:
    """The result of a function that returned ``value``.

    None is an empty output, a dict or an object with fields is the output, anything else is ``{"result": value}``.

    Raises:
        SerializationError: The value has no JSON form, or is larger than the server takes (3 MiB).
    """
    if isinstance(value, TaskResult):
        return _completed_by_user(task, value)
    if isinstance(value, TaskInProgress):
        return _in_progress(task, value.output, value.callback_after_seconds)
    if callback_after_seconds is not None:
        return _in_progress(task, value, callback_after_seconds)
    return _result(task, TaskResultStatus.COMPLETED, _output(value))


def _in_progress(task: Task, value: Any, callback_after_seconds: float) -> TaskResult:
    result = _result(task, TaskResultStatus.IN_PROGRESS, _output(value))
    result.callback_after_seconds = callback_seconds(callback_after_seconds)
    return result


def _completed_by_user(task: Task, result: TaskResult) -> TaskResult:
    result.task_id, result.workflow_instance_id = str(task.task_id), str(task.workflow_instance_id)
    result.status = result.status or TaskResultStatus.COMPLETED
    result.output_data = _output(result.output_data)
    result.callback_after_seconds = callback_seconds(result.callback_after_seconds or 0)
    return result


def _output(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if inspect.iscoroutine(value):
        value.close()
        raise SerializationError("is a coroutine that was not awaited: declare the function with async def")
    plain = value if is_writable(value) else to_jsonable(value)
    return plain if isinstance(plain, dict) else {"result": plain}


def failed(task: Task, error: BaseException) -> TaskResult:
    """The result of a function that raised ``error``.

    ``NonRetryableError``, input that does not fit and output that cannot be sent fail the task permanently, because
    another attempt would end the same way; anything else is left to the task definition's retries. The traceback goes
    to the task's log.
    """
    terminal = isinstance(error, NonRetryableError | TaskInputError | SerializationError)
    status = TaskResultStatus.FAILED_WITH_TERMINAL_ERROR if terminal else TaskResultStatus.FAILED
    result = _result(task, status, {})
    result.reason_for_incompletion = _reason(error)
    if not isinstance(error, TaskInputError | SerializationError):
        result.logs = [TaskExecLog(log=_traceback(error), created_time=round(time.time() * 1000))]
    return result


def _reason(error: BaseException) -> str:
    name = type(error).__name__
    try:
        text = str(error)
    except BaseException:  # a broken __str__ must not lose the failure
        text = ""
    if isinstance(error, SerializationError):
        text = text if text.startswith("The ") else f"output {text}"
    reason = f"{name}: {text}" if text else name
    return reason if len(reason) <= _LONGEST_REASON else f"{reason[: _LONGEST_REASON - 3]}..."


def _traceback(error: BaseException) -> str:
    """The traceback without the SDK's own frames above the function."""
    trace = error.__traceback__
    while trace is not None and str(trace.tb_frame.f_globals.get("__name__")).startswith(_OWN_MODULES):
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace))
    if len(text) > _LONGEST_TRACEBACK:
        text = f"{text[: _LONGEST_TRACEBACK // 2]}\n...\n{text[-_LONGEST_TRACEBACK // 2 :]}"
    return text


def _result(task: Task, status: TaskResultStatus, output: dict[str, Any]) -> TaskResult:
    return TaskResult(
        workflow_instance_id=str(task.workflow_instance_id),
        task_id=str(task.task_id),
        status=status,
        output_data=output,
    )


def update_body(result: TaskResult) -> bytes:
    """Return the JSON of an update (``POST /tasks``); the output must consist of plain JSON values already."""
    wire: dict[str, Any] = {
        **result.unknown_fields,
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
    return dumps(wire)


def sendable_body(result: TaskResult) -> bytes:
    """Return ``update_body``, or a failure of the task if a result made by the function has no JSON form."""
    try:
        return update_body(result)
    except Exception as error:  # whatever is in the result, the task must get an answer
        logger.error("The TaskResult of task %s has no JSON form: %s", result.task_id, error)
        reason = f"The TaskResult has no JSON form: {error}"
        return update_body(_terminal_failure(result.workflow_instance_id, result.task_id, reason))


def failure_instead(body: bytes, error: BaseException) -> bytes | None:
    """Return the update that fails a task whose result was refused, so that it does not wait for its timeout.

    None for a task that the server does not know, for a release, and for a failure that is as short already.
    """
    wire = loads(body)
    status = wire.get("status")
    if isinstance(error, NotFoundError) or is_release(wire):
        return None
    if status in _FAILURES and not wire.get("logs") and not wire.get("outputData"):
        return None
    reason = f"The server refused the {status} result of this task: {error}"
    instead = _terminal_failure(wire["workflowInstanceId"], wire["taskId"], reason)
    if status in _FAILURES:
        instead.status = TaskResultStatus(status)
    return update_body(instead)


def is_release(wire: dict[str, Any]) -> bool:
    """Return whether an update gives the task back to the server, to be dispatched again at once."""
    return wire.get("status") == "IN_PROGRESS" and not wire.get("callbackAfterSeconds")


def _terminal_failure(workflow_id: str, task_id: str, reason: str) -> TaskResult:
    return TaskResult(
        workflow_instance_id=workflow_id,
        task_id=task_id,
        status=TaskResultStatus.FAILED_WITH_TERMINAL_ERROR,
        reason_for_incompletion=reason[:_LONGEST_REASON],
    )
