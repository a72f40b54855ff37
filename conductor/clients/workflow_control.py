"""Operations that change executions: pause, terminate, retry, restart, rerun, skip and others."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from conductor._internal.durations import to_whole_seconds
from conductor.clients._base import MAX_WORKFLOW_INPUT_BYTES, Resource, as_model, require_max_bytes
from conductor.clients.payloads import TASK_INPUT, TASK_OUTPUT, WORKFLOW_INPUT, PayloadKind, PayloadStorage
from conductor.clients.workflow_wait import GET, request_timeout
from conductor.errors import BadRequestError, ConfigurationError
from conductor.models import (
    RerunWorkflowRequest,
    SkipTaskRequest,
    Task,
    TaskStatus,
    UpgradeWorkflowRequest,
    WorkflowExecution,
    WorkflowRun,
    WorkflowStateUpdate,
)
from conductor.models.codec import dumps
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["WorkflowControl"]

PAUSE: Operation[None] = Operation("PUT", "/workflow/{workflowId}/pause")
RESUME: Operation[None] = Operation("PUT", "/workflow/{workflowId}/resume", repeat=Repeat.NEVER)
TERMINATE: Operation[None] = Operation("DELETE", "/workflow/{workflowId}", orkes_query=("triggerFailureWorkflow",))
TERMINATE_AND_DELETE: Operation[None] = Operation(
    "DELETE", "/workflow/{workflowId}/terminate-remove", repeat=Repeat.NEVER, edition=Edition.OSS
)
DELETE: Operation[None] = Operation("DELETE", "/workflow/{workflowId}/remove", repeat=Repeat.NEVER)
RESTART: Operation[None] = Operation("POST", "/workflow/{workflowId}/restart", repeat=Repeat.NEVER)
RETRY: Operation[None] = Operation(
    "POST", "/workflow/{workflowId}/retry", repeat=Repeat.NEVER, orkes_query=("retryIfRetriedByParent",)
)
RERUN: Operation[str] = Operation("POST", "/workflow/{workflowId}/rerun", str, Repeat.NEVER)
RESET_CALLBACKS: Operation[None] = Operation("POST", "/workflow/{workflowId}/resetcallbacks")
DECIDE: Operation[None] = Operation("PUT", "/workflow/decide/{workflowId}")
SKIP: Operation[None] = Operation("PUT", "/workflow/{workflowId}/skiptask/{taskReferenceName}", repeat=Repeat.NEVER)
JUMP: Operation[None] = Operation(
    "POST", "/workflow/{workflowId}/jump/{taskReferenceName}", repeat=Repeat.NEVER, edition=Edition.ORKES
)
UPDATE_VARIABLES: Operation[WorkflowExecution] = Operation(
    "POST", "/workflow/{workflowId}/variables", WorkflowExecution, edition=Edition.ORKES
)
UPDATE_STATE: Operation[WorkflowRun] = Operation(
    "POST", "/workflow/{workflowId}/state", WorkflowRun, Repeat.NEVER, Edition.ORKES
)
UPGRADE: Operation[None] = Operation(
    "POST", "/workflow/{workflowId}/upgrade", repeat=Repeat.NEVER, edition=Edition.ORKES
)

#: Length of a query in bytes from which the length of the URL may be the cause of a 400 response.
_LONG_QUERY = 4_000


class WorkflowControl(Resource):
    """Operations that change an execution; part of ``client.workflows``."""

    def pause(self, workflow_id: str) -> None:
        """Pause an execution (``PUT /workflow/{workflowId}/pause``).

        The server schedules no more tasks; tasks that are already scheduled can be completed.

        Args:
            workflow_id: The id of the execution.
        """
        self._call(PAUSE, {"workflowId": workflow_id})

    def resume(self, workflow_id: str) -> None:
        """Resume a paused execution (``PUT /workflow/{workflowId}/resume``).

        Args:
            workflow_id: The id of the execution.

        Raises:
            ConflictError: The execution is not PAUSED.
        """
        self._call(RESUME, {"workflowId": workflow_id})

    def terminate(
        self, workflow_id: str, reason: str | None = None, *, trigger_failure_workflow: bool | None = None
    ) -> None:
        """Terminate an execution and cancel its open tasks (``DELETE /workflow/{workflowId}``).

        Args:
            workflow_id: The id of the execution.
            reason: Stored as ``reason_for_incompletion``.
            trigger_failure_workflow: Whether to start its failure workflow (Orkes; ignored by the open-source server).

        Raises:
            ConflictError: The execution has completed.
        """
        query = {"reason": reason, "triggerFailureWorkflow": trigger_failure_workflow}
        self._call(TERMINATE, {"workflowId": workflow_id}, query=query)

    def terminate_and_delete(self, workflow_id: str, reason: str | None = None, *, archive: bool = True) -> None:
        """Terminate and delete an execution (``DELETE /workflow/{workflowId}/terminate-remove``, open-source server).

        Args:
            workflow_id: The id of the execution.
            reason: Why it is terminated.
            archive: Whether to keep its entry in the search index.
        """
        query = {"reason": reason, "archiveWorkflow": archive}
        self._call(TERMINATE_AND_DELETE, {"workflowId": workflow_id}, query=query)

    def delete(self, workflow_id: str, *, archive: bool = True) -> None:
        """Delete an execution (``DELETE /workflow/{workflowId}/remove``).

        Args:
            workflow_id: The id of the execution.
            archive: Whether to keep its entry in the search index; only for ended executions.

        Raises:
            BadRequestError: The execution has not ended, and ``archive`` is true.
        """
        self._call(DELETE, {"workflowId": workflow_id}, query={"archiveWorkflow": archive})

    def restart(self, workflow_id: str, *, use_latest_definitions: bool = False) -> None:
        """Restart an ended execution from its first task, with the same id (``POST /workflow/{workflowId}/restart``).

        Args:
            workflow_id: The id of the execution.
            use_latest_definitions: Whether to use the latest version of the definition.

        Raises:
            ConflictError: The execution has not ended.
        """
        query = {"useLatestDefinitions": use_latest_definitions}
        self._call(RESTART, {"workflowId": workflow_id}, query=query)

    def retry(
        self,
        workflow_id: str,
        *,
        resume_subworkflow_tasks: bool = False,
        retry_if_retried_by_parent: bool | None = None,
    ) -> None:
        """Retry the failed task of an execution (``POST /workflow/{workflowId}/retry``).

        Args:
            workflow_id: The id of the execution.
            resume_subworkflow_tasks: Whether to retry the failed task of a sub-workflow instead of starting the
                sub-workflow again.
            retry_if_retried_by_parent: Whether to retry even if the parent was retried (Orkes).

        Raises:
            ConflictError: The execution is running, or has no task that can be retried.
        """
        query = {
            "resumeSubworkflowTasks": resume_subworkflow_tasks,
            "retryIfRetriedByParent": retry_if_retried_by_parent,
        }
        self._call(RETRY, {"workflowId": workflow_id}, query=query)

    def rerun(
        self,
        workflow_id: str,
        request: RerunWorkflowRequest | Mapping[str, Any] | None = None,
        *,
        from_task_id: str | None = None,
        task_input: Mapping[str, Any] | None = None,
        workflow_input: Mapping[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> str:
        """Run an ended execution again, from a task or from the start (``POST /workflow/{workflowId}/rerun``).

        Args:
            workflow_id: The id of the execution.
            request: The request, instead of the other arguments.
            from_task_id: The id of the task to start from; None for the first task.
            task_input: New input of that task.
            workflow_input: New input of the workflow.
            correlation_id: New correlation id.

        Returns:
            The id of the execution.

        Raises:
            ConflictError: The execution has not ended.
            ConfigurationError: An input is too large; nothing was sent.
        """
        body = (
            as_model(request, RerunWorkflowRequest)
            if request is not None
            else RerunWorkflowRequest(
                rerun_from_workflow_id=workflow_id,
                rerun_from_task_id=from_task_id,
                task_input=self._payload(task_input, TASK_INPUT),
                workflow_input=self._payload(workflow_input, WORKFLOW_INPUT),
                correlation_id=correlation_id,
            )
        )
        return self._call(RERUN, {"workflowId": workflow_id}, body=body)

    def go_back_to_task(
        self,
        workflow_id: str,
        task: str | Callable[[Task], bool],
        *,
        task_input: Mapping[str, Any] | None = None,
        workflow_input: Mapping[str, Any] | None = None,
    ) -> str:
        """Rerun an ended execution from its last matching task.

        ``GET /workflow/{workflowId}``, ``POST /workflow/{workflowId}/rerun``.

        Args:
            workflow_id: The id of the execution.
            task: A reference name, or a function that takes a ``Task`` and returns whether it matches.
            task_input: New input of that task.
            workflow_input: New input of the workflow.

        Returns:
            The id of the execution.

        Raises:
            ConfigurationError: No task matches; nothing was changed.
            ConflictError: The execution has not ended.
        """
        found = [candidate for candidate in self._tasks_of(workflow_id) if _matches(candidate, task)]
        return self._rerun_from(workflow_id, found[-1:], task, task_input, workflow_input)

    def go_back_to_first_task_of_type(
        self,
        workflow_id: str,
        task_type: str,
        *,
        task_input: Mapping[str, Any] | None = None,
        workflow_input: Mapping[str, Any] | None = None,
    ) -> str:
        """Rerun an ended execution from its first completed task of a type.

        ``GET /workflow/{workflowId}``, ``POST /workflow/{workflowId}/rerun``.

        Args:
            workflow_id: The id of the execution.
            task_type: The type of a system task, or the name of a task definition.
            task_input: New input of that task.
            workflow_input: New input of the workflow.

        Returns:
            The id of the execution.

        Raises:
            ConfigurationError: No completed task has this type; nothing was changed.
            ConflictError: The execution has not ended.
        """
        found = [
            task
            for task in self._tasks_of(workflow_id)
            if task.status == TaskStatus.COMPLETED and task_type in {task.task_type, task.task_def_name}
        ]
        return self._rerun_from(workflow_id, found[:1], task_type, task_input, workflow_input)

    def _payload(self, value: Mapping[str, Any] | None, kind: PayloadKind) -> dict[str, Any] | None:
        return None if value is None else PayloadStorage(self._transport).inline(value, kind)

    def _tasks_of(self, workflow_id: str) -> list[Task]:
        return self._call(GET, {"workflowId": workflow_id}, query={"includeTasks": True}).tasks

    def _rerun_from(
        self,
        workflow_id: str,
        found: Sequence[Task],
        wanted: Any,
        task_input: Mapping[str, Any] | None,
        workflow_input: Mapping[str, Any] | None,
    ) -> str:
        if not found:
            raise ConfigurationError(
                f"Workflow {workflow_id} has no task that matches {wanted!r}; nothing was changed.",
                variable="task",
                value=str(wanted),
                allowed="a task that has run",
            )
        return self.rerun(
            workflow_id, from_task_id=found[0].task_id, task_input=task_input, workflow_input=workflow_input
        )

    def skip_task(
        self,
        workflow_id: str,
        reference_name: str,
        *,
        input: Mapping[str, Any] | None = None,  # the API's name
        output: Mapping[str, Any] | None = None,
    ) -> None:
        """Skip a task that is not scheduled yet (``PUT /workflow/{workflowId}/skiptask/{taskReferenceName}``).

        The open-source server reads ``input`` and ``output`` from the query, as strings; Orkes reads them from the
        body. Both are sent.

        Args:
            workflow_id: The id of the execution.
            reference_name: The reference name of the task.
            input: Input to record for the task.
            output: Output that later tasks read.

        Raises:
            ConflictError: The task is already scheduled, or has ended.
            NotFoundError: The definition has no such task.
            BadRequestError: The URL with ``input`` and ``output`` is longer than the server accepts.
        """
        body = SkipTaskRequest(
            task_input=self._payload(input, TASK_INPUT),
            task_output=self._payload(output, TASK_OUTPUT),
        )
        query = {f"taskInput[{k}]": _as_query_value(v) for k, v in (body.task_input or {}).items()}
        query |= {f"taskOutput[{k}]": _as_query_value(v) for k, v in (body.task_output or {}).items()}
        path = {"workflowId": workflow_id, "taskReferenceName": reference_name}
        with _explain_long_url(len(urlencode(query))):
            self._call(SKIP, path, query=query, body=body)

    def jump_to_task(
        self,
        workflow_id: str,
        reference_name: str,
        *,
        input: Mapping[str, Any] | None = None,  # the API's name
    ) -> None:
        """Continue a running execution at another task.

        ``POST /workflow/{workflowId}/jump/{taskReferenceName}``, Orkes.

        Args:
            workflow_id: The id of the execution.
            reference_name: The reference name of the task.
            input: Input of the task.
        """
        path = {"workflowId": workflow_id, "taskReferenceName": reference_name}
        self._call(
            JUMP,
            path,
            query={"taskReferenceName": reference_name},
            body=PayloadStorage(self._transport).inline(input, TASK_INPUT),
        )

    def update_variables(self, workflow_id: str, variables: Mapping[str, Any]) -> WorkflowExecution:
        """Set workflow variables (``POST /workflow/{workflowId}/variables``, Orkes).

        Args:
            workflow_id: The id of the execution.
            variables: Variable name to value.

        Returns:
            The execution.
        """
        return self._call(
            UPDATE_VARIABLES,
            {"workflowId": workflow_id},
            body=require_max_bytes(variables, MAX_WORKFLOW_INPUT_BYTES, "variables"),
        )

    def update_state(
        self,
        workflow_id: str,
        update: WorkflowStateUpdate | Mapping[str, Any],
        *,
        wait_until: str | Sequence[str] | None = None,
        wait_for: float | timedelta = 10,
        request_id: str | None = None,
    ) -> WorkflowRun:
        """Update the variables and a task of an execution at once, and wait.

        ``POST /workflow/{workflowId}/state``, Orkes.

        Args:
            workflow_id: The id of the execution.
            update: The variables and the result of the task.
            wait_until: Reference names of tasks; the wait ends when one of these tasks ends.
            wait_for: Seconds that the server waits, or a ``timedelta``; rounded up to whole seconds, at least 1.
            request_id: Id of the request; a UUID by default.

        Returns:
            The execution after the wait.
        """
        seconds = max(1, to_whole_seconds(wait_for, "wait_for"))
        query = {
            "requestId": request_id or str(uuid.uuid4()),
            "waitUntilTaskRef": wait_until if isinstance(wait_until, str | None) else ",".join(wait_until),
            "waitForSeconds": seconds,
        }
        body = as_model(update, WorkflowStateUpdate)
        limit = request_timeout(seconds, self._transport.settings)
        return self._call(UPDATE_STATE, {"workflowId": workflow_id}, query=query, body=body, timeout=limit)

    def upgrade(self, workflow_id: str, request: UpgradeWorkflowRequest | Mapping[str, Any]) -> None:
        """Continue a running execution with another version of its definition.

        ``POST /workflow/{workflowId}/upgrade``, Orkes.

        Args:
            workflow_id: The id of the execution.
            request: The name and version of the definition, and new inputs and outputs.
        """
        self._call(UPGRADE, {"workflowId": workflow_id}, body=as_model(request, UpgradeWorkflowRequest))

    def reset_callbacks(self, workflow_id: str) -> None:
        """Dispatch IN_PROGRESS tasks now instead of after their callback time.

        ``POST /workflow/{workflowId}/resetcallbacks``.

        Args:
            workflow_id: The id of the execution.
        """
        self._call(RESET_CALLBACKS, {"workflowId": workflow_id})

    def decide(self, workflow_id: str) -> None:
        """Make the server evaluate an execution now (``PUT /workflow/decide/{workflowId}``).

        Args:
            workflow_id: The id of the execution.
        """
        self._call(DECIDE, {"workflowId": workflow_id})


@contextlib.contextmanager
def _explain_long_url(length: int) -> Iterator[None]:
    """Explain a 400 response to a URL that is too long, which has an HTML body.

    Raises:
        BadRequestError: The URL is longer than the server accepts.
    """
    try:
        yield
    except BadRequestError as error:
        if length < _LONG_QUERY or error.validation_errors:
            raise
        raise BadRequestError(
            f"{error.message}. The input and output of a skipped task are part of the URL, where they have {length:,} "
            "bytes; the open-source server accepts about 8,000 by default. Pass less data.",
            **{name: value for name, value in vars(error).items() if name != "message"},
        ) from None


def _matches(task: Task, wanted: str | Callable[[Task], bool]) -> bool:
    return task.reference_task_name == wanted if isinstance(wanted, str) else wanted(task)


def _as_query_value(value: Any) -> str:
    """Return a string unchanged, and other values as JSON."""
    return value if isinstance(value, str) else dumps(value).decode()
