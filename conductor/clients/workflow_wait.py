"""Wait for an execution to end, and run one from its start to its end."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from typing import Any, Protocol

from conductor.clients._base import Resource
from conductor.clients.bodies import known_all
from conductor.errors import (
    APIError,
    NotFoundError,
    ServerError,
    UnexpectedResponseError,
    WorkflowFailedError,
    WorkflowTimeoutError,
)
from conductor.migration import explains
from conductor.models import (
    ReturnStrategy,
    Task,
    TaskExecLog,
    TaskRun,
    Workflow,
    WorkflowExecutionStatus,
    WorkflowRun,
    WorkflowStatus,
)
from conductor.models._base import structure
from conductor.settings import Settings
from conductor.transport.operation import Operation

__all__ = ["WorkflowWait", "as_run", "blocking_timeout", "longer_than"]


logger = logging.getLogger(__name__)
LOGS: Operation[list[TaskExecLog]] = Operation("GET", "/tasks/{taskId}/log", list[TaskExecLog], on_empty=list)
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_GROWTH = 1.5
_LOG_PAUSES = (0.0, 0.1, 0.3)  # the server indexes log lines a moment after the task has ended
_VISIBLE_WITHIN = 5.0  # on some servers a new execution is not there at once


class _Executions(Protocol):
    def get(self, workflow_id: str, *, include_tasks: bool = True) -> Workflow: ...

    def get_status(self, workflow_id: str) -> WorkflowStatus: ...

    def start(self, workflow: Any, input: Mapping[str, Any] | None = None, **options: Any) -> str: ...  # noqa: A002


class WorkflowWait(Resource):
    """What waits for executions."""

    clock: Callable[[], float] = staticmethod(time.monotonic)
    sleep: Callable[[float], None] = staticmethod(time.sleep)

    def wait(
        self: Any,
        workflow_id: str,
        *,
        timeout: float | timedelta | None = None,
        until: Collection[WorkflowExecutionStatus | str] | None = None,
        longest_pause: float = _LONGEST_PAUSE,
    ) -> Workflow:
        """Wait until an execution has ended, and return it with its tasks.

        It is asked for its status after 50 ms, and then after pauses that grow up to ``longest_pause``
        (``GET /workflow/{workflowId}/status``, at the end ``GET /workflow/{workflowId}``).

        Args:
            workflow_id: The execution's id.
            timeout: The longest wait, in seconds; None for no limit.
            until: Statuses to wait for in place of the end; the end is waited for in any case.
            longest_pause: The longest pause, in seconds.

        Raises:
            WorkflowTimeoutError: It has not ended in time; it goes on.
            NotFoundError: There is no such execution.
        """
        finished: Workflow = self._wait(workflow_id, timeout, until, longest_pause, self.clock())
        return finished

    def _wait(
        self: Any,
        workflow_id: str,
        timeout: float | timedelta | None,
        until: Collection[WorkflowExecutionStatus | str] | None,
        longest_pause: float,
        visible_by: float,
    ) -> Workflow:
        executions: _Executions = self
        limit = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        deadline = None if limit is None else self.clock() + limit
        wanted = set(known_all([until] if isinstance(until, str) else until, WorkflowExecutionStatus, "until") or ())
        pause = _FIRST_PAUSE
        while True:
            status = self._status(workflow_id, visible_by)
            if status is not None and (status.is_terminal or status in wanted):
                return executions.get(workflow_id)
            left = None if deadline is None else deadline - self.clock()
            if left is not None and left <= 0:
                raise self._too_late(workflow_id, status, limit)
            self.sleep(pause if left is None else min(pause, left))
            pause = min(pause * _GROWTH, longest_pause)

    def _status(self: Any, workflow_id: str, visible_by: float) -> WorkflowExecutionStatus | None:
        """The status; None for an execution that is not to be seen yet."""
        executions: _Executions = self
        try:
            return executions.get_status(workflow_id).status
        except NotFoundError:
            if self.clock() >= visible_by:
                raise
            return None

    def _too_late(
        self: Any, workflow_id: str, status: WorkflowExecutionStatus | None, limit: float | None
    ) -> WorkflowTimeoutError:
        executions: _Executions = self
        try:
            workflow = executions.get(workflow_id)
        except APIError:
            workflow = None
        waiting = [t for t in workflow.tasks if not t.is_terminal] if workflow else []
        at = ", ".join(f"{t.reference_task_name} ({t.status})" for t in waiting[:5])
        state = f"{status} at {at}" if at else f"{status}"
        return WorkflowTimeoutError(
            f"Workflow {workflow_id} has not ended within {limit:g} s; it is {state} and goes on.",
            workflow_id=workflow_id,
            workflow=workflow,
        )

    @explains
    def run(
        self: Any,
        workflow: Any,
        input: Mapping[str, Any] | None = None,  # noqa: A002  the server's and everybody's word
        *,
        timeout: float | timedelta | None = None,
        **options: Any,
    ) -> Workflow:
        """Start a workflow, wait for its end, and return it.

        Args:
            workflow: As for ``start``.
            input: As for ``start``.
            timeout: The longest wait, in seconds; None for no limit.
            options: What else ``start`` takes.

        Raises:
            WorkflowFailedError: It ended, but not as COMPLETED; the error has the failed task, the reason and its logs.
            WorkflowTimeoutError: It has not ended in time; it goes on.
        """
        workflow_id = self.start(workflow, input, **options)
        visible_by = self.clock() + _VISIBLE_WITHIN
        finished: Workflow = self._wait(workflow_id, timeout, None, _LONGEST_PAUSE, visible_by)
        if finished.status != WorkflowExecutionStatus.COMPLETED:
            raise self.failure(finished)
        return finished

    def failure(self: Any, workflow: Workflow) -> WorkflowFailedError:
        """The error for an execution that did not complete; the log is from ``GET /tasks/{taskId}/log``."""
        task = workflow.failed_task
        reason = workflow.reason_for_incompletion or (task.reason_for_incompletion if task else None) or ""
        where = f" at task {task.reference_task_name!r} ({task.status})" if task else ""
        return WorkflowFailedError(
            f"Workflow {workflow.workflow_name or '?'} {workflow.workflow_id} ended as {workflow.status}{where}"
            + (f": {reason}" if reason else ""),
            workflow_id=workflow.workflow_id or "",
            workflow=workflow,
            failed_task=task,
            reason=reason,
            logs=self._logs_of(task),
        )

    def _logs_of(self: Any, task: Task | None) -> list[TaskExecLog]:
        if task is None or not task.task_id:
            return []
        try:
            for pause in _LOG_PAUSES:
                self.sleep(pause)
                lines: list[TaskExecLog] = self._call(LOGS, {"taskId": task.task_id})
                if lines:
                    return lines
        except APIError:  # the failure itself is what the caller needs to see
            logger.debug("the log of task %s could not be read", task.task_id, exc_info=True)
        return []


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
