"""Executions: pause, resume, terminate, retry, restart, rerun, skip, jump, change."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from conductor._internal.durations import to_whole_seconds
from conductor.clients._base import Resource
from conductor.clients.bodies import MAX_WORKFLOW_INPUT_BYTES, as_model, require_max_bytes
from conductor.clients.payloads import TASK_INPUT, TASK_OUTPUT, WORKFLOW_INPUT, PayloadKind, PayloadStorage
from conductor.clients.workflow_wait import GET, longer_than
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

_LONG_QUERY = 4_000


class WorkflowControl(Resource):
    """What changes an execution."""

    def pause(self, workflow_id: str) -> None:
        """Schedule no further tasks (``PUT /workflow/{workflowId}/pause``); those already scheduled can be finished."""
        self._call(PAUSE, {"workflowId": workflow_id})

    def resume(self, workflow_id: str) -> None:
        """Go on after a pause (``PUT /workflow/{workflowId}/resume``).

        Raises:
            ConflictError: The execution is not paused.
        """
        self._call(RESUME, {"workflowId": workflow_id})

    def terminate(
        self, workflow_id: str, reason: str | None = None, *, trigger_failure_workflow: bool | None = None
    ) -> None:
        """End an execution as TERMINATED (``DELETE /workflow/{workflowId}``); its open tasks are cancelled.

        Args:
            workflow_id: The execution's id.
            reason: Why; kept as its ``reason_for_incompletion``.
            trigger_failure_workflow: Start its failure workflow too (Orkes; the open-source server never does).

        Raises:
            ConflictError: The execution has completed.
        """
        query = {"reason": reason, "triggerFailureWorkflow": trigger_failure_workflow}
        self._call(TERMINATE, {"workflowId": workflow_id}, query=query)

    def terminate_and_delete(self, workflow_id: str, reason: str | None = None, *, archive: bool = True) -> None:
        """Terminate and delete (``DELETE /workflow/{workflowId}/terminate-remove``, open-source server)."""
        query = {"reason": reason, "archiveWorkflow": archive}
        self._call(TERMINATE_AND_DELETE, {"workflowId": workflow_id}, query=query)

    def delete(self, workflow_id: str, *, archive: bool = True) -> None:
        """Delete an execution (``DELETE /workflow/{workflowId}/remove``).

        Args:
            workflow_id: The execution's id.
            archive: Keep its entry in the search index; the server does so only for one that has ended.

        Raises:
            BadRequestError: The execution runs, and ``archive`` is true.
        """
        self._call(DELETE, {"workflowId": workflow_id}, query={"archiveWorkflow": archive})

    def restart(self, workflow_id: str, *, use_latest_definitions: bool = False) -> None:
        """Start an ended execution from its first task, with the same id (``POST /workflow/{workflowId}/restart``).

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
        """Try the failed task of an execution once more (``POST /workflow/{workflowId}/retry``).

        Args:
            workflow_id: The execution's id.
            resume_subworkflow_tasks: Go on inside a failed sub-workflow, and do not start it again.
            retry_if_retried_by_parent: Also when the parent was retried (Orkes).

        Raises:
            ConflictError: The execution still runs, or no task can be retried.
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
            workflow_id: The execution's id.
            request: The whole request, in place of the other arguments.
            from_task_id: The task to begin with; the first one otherwise.
            task_input: That task's new input.
            workflow_input: The workflow's new input.
            correlation_id: A new correlation id.

        Returns:
            The execution's id.

        Raises:
            ConflictError: The execution has not ended.
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
        """Rerun an execution from its last task that matches; returns the execution's id.

        Args:
            workflow_id: The execution's id; it must have ended.
            task: A reference name, or a function that says of a task whether it is the one.
            task_input: That task's new input.
            workflow_input: The workflow's new input.

        Raises:
            ConfigurationError: No task matches.
        """
        found = [one for one in self._tasks_of(workflow_id) if _matches(one, task)]
        return self._rerun_from(workflow_id, found[-1:], task, task_input, workflow_input)

    def go_back_to_first_task_of_type(
        self,
        workflow_id: str,
        task_type: str,
        *,
        task_input: Mapping[str, Any] | None = None,
        workflow_input: Mapping[str, Any] | None = None,
    ) -> str:
        """Rerun an execution from its first completed task of a type; returns the execution's id.

        Args:
            workflow_id: The execution's id; it must have ended.
            task_type: A system task's type, or a task definition's name.
            task_input: That task's new input.
            workflow_input: The workflow's new input.

        Raises:
            ConfigurationError: No completed task is of this type.
        """
        found = [
            one
            for one in self._tasks_of(workflow_id)
            if one.status == TaskStatus.COMPLETED and task_type in {one.task_type, one.task_def_name}
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
                f"Workflow {workflow_id} has no task that matches {wanted!r}, so there is nothing to go back to.",
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
        input: Mapping[str, Any] | None = None,  # noqa: A002  the server's word
        output: Mapping[str, Any] | None = None,
    ) -> None:
        """Skip a task that is not scheduled yet (``PUT /workflow/{workflowId}/skiptask/{taskReferenceName}``).

        The open-source server reads ``input`` and ``output`` from the query, as text; Orkes from the body. Both are
        sent.

        Raises:
            ConflictError: The task is scheduled already, or has ended.
            NotFoundError: The definition has no such task.
            BadRequestError: With ``input`` and ``output`` the URL is longer than the server takes.
        """
        body = SkipTaskRequest(
            task_input=self._payload(input, TASK_INPUT),
            task_output=self._payload(output, TASK_OUTPUT),
        )
        query = {f"taskInput[{k}]": _as_text(v) for k, v in (body.task_input or {}).items()}
        query |= {f"taskOutput[{k}]": _as_text(v) for k, v in (body.task_output or {}).items()}
        path = {"workflowId": workflow_id, "taskReferenceName": reference_name}
        with _said_of_long_urls(len(urlencode(query))):
            self._call(SKIP, path, query=query, body=body)

    def jump_to_task(
        self,
        workflow_id: str,
        reference_name: str,
        *,
        input: Mapping[str, Any] | None = None,  # noqa: A002  the server's word
    ) -> None:
        """Go on at another task (``POST /workflow/{workflowId}/jump/{taskReferenceName}``, Orkes)."""
        path = {"workflowId": workflow_id, "taskReferenceName": reference_name}
        self._call(
            JUMP,
            path,
            query={"taskReferenceName": reference_name},
            body=PayloadStorage(self._transport).inline(input, TASK_INPUT),
        )

    def update_variables(self, workflow_id: str, variables: Mapping[str, Any]) -> WorkflowExecution:
        """Set workflow variables (``POST /workflow/{workflowId}/variables``, Orkes)."""
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
        """Update variables and a task at once, and wait (``POST /workflow/{workflowId}/state``, Orkes)."""
        seconds = max(1, to_whole_seconds(wait_for, "wait_for"))
        query = {
            "requestId": request_id or str(uuid.uuid4()),
            "waitUntilTaskRef": wait_until if isinstance(wait_until, str | None) else ",".join(wait_until),
            "waitForSeconds": seconds,
        }
        body = as_model(update, WorkflowStateUpdate)
        limit = longer_than(seconds, self._transport.settings)
        return self._call(UPDATE_STATE, {"workflowId": workflow_id}, query=query, body=body, timeout=limit)

    def upgrade(self, workflow_id: str, request: UpgradeWorkflowRequest | Mapping[str, Any]) -> None:
        """Move a running execution to another version (``POST /workflow/{workflowId}/upgrade``, Orkes)."""
        self._call(UPGRADE, {"workflowId": workflow_id}, body=as_model(request, UpgradeWorkflowRequest))

    def reset_callbacks(self, workflow_id: str) -> None:
        """Have tasks that wait for their callback handed out now (``POST /workflow/{workflowId}/resetcallbacks``)."""
        self._call(RESET_CALLBACKS, {"workflowId": workflow_id})

    def decide(self, workflow_id: str) -> None:
        """Have the server look at an execution now (``PUT /workflow/decide/{workflowId}``)."""
        self._call(DECIDE, {"workflowId": workflow_id})


@contextlib.contextmanager
def _said_of_long_urls(length: int) -> Iterator[None]:
    """Say in clear words what Tomcat says by an HTML page.

    Raises:
        BadRequestError: The URL is longer than the server takes.
    """
    try:
        yield
    except BadRequestError as error:
        if length < _LONG_QUERY or error.validation_errors:
            raise
        raise BadRequestError(
            f"{error.message}. The input and output of a skipped task travel in the URL, of which they take {length:,} "
            "bytes; the open-source server takes about 8,000 by default: give less.",
            **{name: value for name, value in vars(error).items() if name != "message"},
        ) from None


def _matches(task: Task, wanted: str | Callable[[Task], bool]) -> bool:
    return task.reference_task_name == wanted if isinstance(wanted, str) else wanted(task)


def _as_text(value: Any) -> str:
    """A value in the query: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else dumps(value).decode()
