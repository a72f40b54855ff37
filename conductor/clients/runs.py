"""Calls during which the server waits: their timeouts, and what they answer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from conductor.errors import ServerError, UnexpectedResponseError, WorkflowTimeoutError
from conductor.models import ReturnStrategy, TaskRun, WorkflowRun
from conductor.models.wire import structure
from conductor.settings import Settings
from conductor.transport.operation import Operation

__all__ = ["as_run", "blocking_timeout", "longer_than"]

_MARGIN = 15.0
_ANSWERS_A_TASK = frozenset({ReturnStrategy.BLOCKING_TASK, ReturnStrategy.BLOCKING_TASK_INPUT})


def longer_than(wait: float, settings: Settings) -> float | None:
    """The timeout, in seconds, of a call during which the server waits: the settings' own, or what the wait needs."""
    usual = settings.request_timeout_ms / 1000
    return max(usual, wait + _MARGIN) if usual else None


def as_run(operation: Operation[dict[str, Any]], said: dict[str, Any]) -> WorkflowRun | TaskRun:
    """The answer of execute and signal, as what its ``responseType`` says."""
    kind: type[WorkflowRun | TaskRun] = TaskRun if said.get("responseType") in _ANSWERS_A_TASK else WorkflowRun
    try:
        return structure(said, kind)
    except UnexpectedResponseError as error:
        raise UnexpectedResponseError(
            f"{operation} answered in another shape: {error.message}",
            path_in_body=error.path_in_body,
            operation=str(operation),
            method=operation.method,
            path=operation.path,
        ) from None


@contextlib.contextmanager
def blocking_timeout(strategy: ReturnStrategy | None, workflow_id: str = "") -> Iterator[None]:
    """Say in clear words what the open-source server says by a 500 with the one word ``value``.

    Raises:
        WorkflowTimeoutError: A BLOCKING_TASK strategy, and no task blocked before the wait was over.
    """
    try:
        yield
    except ServerError as error:
        if strategy not in _ANSWERS_A_TASK or error.server_message != "value":
            raise
        raise WorkflowTimeoutError(
            f"{error.operation}: no task blocked before the wait was over, so there is none to answer with. The "
            "workflow goes on; wait longer, or use TARGET_WORKFLOW, which answers in any case.",
            workflow_id=workflow_id,
        ) from error
