"""What execute and signal answer: a WorkflowRun or a TaskRun, by its ``responseType``."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from conductor.errors import ServerError, UnexpectedResponseError, WorkflowTimeoutError
from conductor.models.enums import ReturnStrategy
from conductor.models.run import TaskRun, WorkflowRun
from conductor.transport.operation import Operation
from conductor.transport.timeouts import NOT_GIVEN, NotGiven, seconds

if TYPE_CHECKING:
    from conductor.transport.http import Transport

__all__ = ["call_timeout", "nothing_blocked", "read_run"]

_MARGIN = 15.0
_TASK_ANSWERS = frozenset({ReturnStrategy.BLOCKING_TASK, ReturnStrategy.BLOCKING_TASK_INPUT})


def read_run(operation: Operation[dict[str, Any]], answer: dict[str, Any]) -> WorkflowRun | TaskRun:
    """The answer as the model that its ``responseType`` names; a WorkflowRun where it names none.

    Raises:
        UnexpectedResponseError: It has another shape.
    """
    kind: type[WorkflowRun] | type[TaskRun] = TaskRun if answer.get("responseType") in _TASK_ANSWERS else WorkflowRun
    try:
        return kind.from_dict(answer)
    except UnexpectedResponseError as error:
        raise UnexpectedResponseError(
            f"{operation} answered in another shape: {error.message}",
            path_in_body=error.path_in_body,
            operation=str(operation),
            method=operation.method,
            path=operation.path,
        ) from None


def nothing_blocked(
    error: ServerError, strategy: ReturnStrategy | None, workflow_id: str = ""
) -> WorkflowTimeoutError | None:
    """The error in clear words, where the server only meant that no task blocked in time; else None.

    The open-source server then answers 500 with the one word ``value``.
    """
    if strategy not in _TASK_ANSWERS or error.server_message != "value":
        return None
    return WorkflowTimeoutError(
        f"{error.operation}: nothing blocked before the wait was over, so there is no task to answer with. The workflow "
        "goes on; wait longer, or use the return strategy TARGET_WORKFLOW, which answers in any case.",
        workflow_id=workflow_id,
    )


def call_timeout(transport: Transport, wait: float | timedelta) -> float | NotGiven | None:
    """The timeout of a call during which the server waits: always longer than the wait."""
    usual = transport.settings.request_timeout_ms / 1000
    needed = seconds(wait) + _MARGIN
    return NOT_GIVEN if usual == 0 or usual >= needed else needed
