"""Wait for an execution to end, and run one from its start to its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from datetime import timedelta
from typing import Any, Protocol

from conductor.clients._resource import Resource
from conductor.errors import APIError, WorkflowFailedError, WorkflowTimeoutError
from conductor.models import Task, TaskExecLog, Workflow, WorkflowExecutionStatus, WorkflowStatus
from conductor.transport.operation import Operation

__all__ = ["WorkflowWait"]

LOGS: Operation[list[TaskExecLog]] = Operation("GET", "/tasks/{taskId}/log", list[TaskExecLog], on_empty=list)

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 2.0
_GROWTH = 1.5


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
        executions: _Executions = self
        limit = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        deadline = None if limit is None else self.clock() + limit
        wanted = {str(status) for status in until or ()}
        pause = _FIRST_PAUSE
        while True:
            status = executions.get_status(workflow_id).status
            if status is not None and (status.is_terminal or status.value in wanted):
                return executions.get(workflow_id)
            left = None if deadline is None else deadline - self.clock()
            if left is not None and left <= 0:
                raise WorkflowTimeoutError(
                    f"Workflow {workflow_id} has not ended within {limit:g} s; it is {status} and goes on.",
                    workflow_id=workflow_id,
                    workflow=executions.get(workflow_id),
                )
            self.sleep(pause if left is None else min(pause, left))
            pause = min(pause * _GROWTH, longest_pause)

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
        finished: Workflow = self.wait(self.start(workflow, input, **options), timeout=timeout)
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

    def _logs_of(self, task: Task | None) -> list[TaskExecLog]:
        if task is None or not task.task_id:
            return []
        try:
            return self._call(LOGS, {"taskId": task.task_id})
        except APIError:  # the failure itself is what the caller needs to see
            return []
