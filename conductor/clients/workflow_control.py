"""Steering executions: pause, resume, terminate, retry, restart, rerun, skip, jump, delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import uuid4

from attrs import evolve

from conductor.clients._checks import MAX_TASK_PAYLOAD, MAX_WORKFLOW_PAYLOAD, payload, whole_seconds
from conductor.clients._definitions import body
from conductor.clients._runs import call_timeout
from conductor.clients.workflow_execute import comma_list
from conductor.clients.workflow_read import GET, WorkflowRead
from conductor.errors import NotFoundError
from conductor.models.bodies import RerunWorkflowRequest, SkipTaskRequest, UpgradeWorkflowRequest, WorkflowStateUpdate
from conductor.models.enums import TaskStatus
from conductor.models.run import WorkflowRun
from conductor.models.task import Task, TaskResult
from conductor.models.workflow import Workflow
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["WorkflowControl"]

PAUSE: Operation[None] = Operation("PUT", "/workflow/{workflowId}/pause")
RESUME: Operation[None] = Operation("PUT", "/workflow/{workflowId}/resume", repeat=Repeat.NEVER)
TERMINATE: Operation[None] = Operation("DELETE", "/workflow/{workflowId}")
TERMINATE_AND_DELETE: Operation[None] = Operation(
    "DELETE", "/workflow/{workflowId}/terminate-remove", repeat=Repeat.NEVER, edition=Edition.OSS
)
DELETE: Operation[None] = Operation("DELETE", "/workflow/{workflowId}/remove", repeat=Repeat.NEVER)
RETRY: Operation[None] = Operation("POST", "/workflow/{workflowId}/retry", repeat=Repeat.NEVER)
RESTART: Operation[None] = Operation("POST", "/workflow/{workflowId}/restart", repeat=Repeat.NEVER)
RERUN: Operation[str] = Operation("POST", "/workflow/{workflowId}/rerun", str, repeat=Repeat.NEVER)
SKIP_TASK: Operation[None] = Operation(
    "PUT", "/workflow/{workflowId}/skiptask/{taskReferenceName}", repeat=Repeat.NEVER
)
JUMP_TO_TASK: Operation[None] = Operation(
    "POST", "/workflow/{workflowId}/jump/{taskReferenceName}", repeat=Repeat.NEVER, edition=Edition.ORKES
)
RESET_CALLBACKS: Operation[None] = Operation("POST", "/workflow/{workflowId}/resetcallbacks")
DECIDE: Operation[None] = Operation("PUT", "/workflow/decide/{workflowId}")
UPDATE_VARIABLES: Operation[Workflow] = Operation(
    "POST", "/workflow/{workflowId}/variables", Workflow, edition=Edition.ORKES
)
UPDATE_STATE: Operation[WorkflowRun] = Operation(
    "POST", "/workflow/{workflowId}/state", WorkflowRun, repeat=Repeat.NEVER, edition=Edition.ORKES
)
UPGRADE: Operation[None] = Operation(
    "POST", "/workflow/{workflowId}/upgrade", repeat=Repeat.NEVER, edition=Edition.ORKES
)


class WorkflowControl(WorkflowRead):
    """Steers executions."""

    def pause(self, workflow_id: str) -> None:
        """Schedule no further task until ``resume`` (`PUT /workflow/{workflowId}/pause`).

        Tasks that are scheduled already can still be polled and finished. Pausing twice is harmless.

        Raises:
            ConflictError: The execution has ended.
        """
        self._call(PAUSE, {"workflowId": workflow_id})

    def resume(self, workflow_id: str) -> None:
        """Go on after ``pause`` (`PUT /workflow/{workflowId}/resume`).

        Raises:
            ConflictError: The execution is not paused.
        """
        self._call(RESUME, {"workflowId": workflow_id})

    def terminate(
        self, workflow_id: str, reason: str | None = None, *, trigger_failure_workflow: bool | None = None
    ) -> None:
        """End the execution as TERMINATED (`DELETE /workflow/{workflowId}`).

        Open tasks become CANCELED, running sub-workflows are terminated too.

        Args:
            workflow_id: The execution's id.
            reason: Becomes the execution's ``reason_for_incompletion``.
            trigger_failure_workflow: Orkes: whether the failure workflow is started. The open-source server never does.

        Raises:
            ConflictError: The execution is COMPLETED.
        """
        query = {"reason": reason, "triggerFailureWorkflow": trigger_failure_workflow}
        self._call(TERMINATE, {"workflowId": workflow_id}, query=query)

    def terminate_and_delete(self, workflow_id: str, reason: str | None = None, *, archive: bool = True) -> None:
        """End the execution and delete it (`DELETE /workflow/{workflowId}/terminate-remove`).

        Args:
            workflow_id: The execution's id.
            reason: Why.
            archive: Whether it can still be found by a search.
        """
        query = {"reason": reason, "archiveWorkflow": archive}
        self._call(TERMINATE_AND_DELETE, {"workflowId": workflow_id}, query=query)

    def delete(self, workflow_id: str, *, archive: bool = True) -> None:
        """Delete the execution (`DELETE /workflow/{workflowId}/remove`).

        Args:
            workflow_id: The execution's id.
            archive: Whether it can still be found by a search. The server archives only what has ended: use False, or
                ``terminate_and_delete``, for an execution that runs.

        Raises:
            BadRequestError: The execution runs, and ``archive`` is true.
        """
        self._call(DELETE, {"workflowId": workflow_id}, query={"archiveWorkflow": archive})

    def retry(
        self,
        workflow_id: str,
        *,
        resume_subworkflow_tasks: bool = False,
        retry_if_retried_by_parent: bool | None = None,
    ) -> None:
        """Try the failed task again (`POST /workflow/{workflowId}/retry`).

        Args:
            workflow_id: The id of an execution that is FAILED, TIMED_OUT or TERMINATED.
            resume_subworkflow_tasks: Resume a failed sub-workflow at its failed task instead of starting it anew.
            retry_if_retried_by_parent: Orkes: whether to retry a sub-workflow that its parent retried already.

        Raises:
            ConflictError: Nothing failed.
            NotFoundError: No such execution, or it still runs.
        """
        query = {
            "resumeSubworkflowTasks": resume_subworkflow_tasks,
            "retryIfRetriedByParent": retry_if_retried_by_parent,
        }
        self._call(RETRY, {"workflowId": workflow_id}, query=query)

    def restart(self, workflow_id: str, *, use_latest_definitions: bool = False) -> None:
        """Run the execution anew under the same id; its tasks start over (`POST /workflow/{workflowId}/restart`).

        Args:
            workflow_id: The id of an execution that has ended.
            use_latest_definitions: Take the newest definitions, and not those it started with.

        Raises:
            ConflictError: The execution has not ended.
        """
        query = {"useLatestDefinitions": use_latest_definitions}
        self._call(RESTART, {"workflowId": workflow_id}, query=query)

    def rerun(
        self,
        workflow_id: str,
        request: RerunWorkflowRequest | Mapping[str, Any] | None = None,
        *,
        from_task_id: str | None = None,
        workflow_input: Mapping[str, Any] | None = None,
        task_input: Mapping[str, Any] | None = None,
        correlation_id: str | None = None,
    ) -> str:
        """Run the execution again, from a task or from its start (`POST /workflow/{workflowId}/rerun`).

        Args:
            workflow_id: The id of an execution that has ended.
            request: All of the following in one.
            from_task_id: The id of the task to run from; the first task when left out.
            workflow_input: Replaces the workflow's input.
            task_input: Replaces the input of the task to run from.
            correlation_id: Replaces the correlation id.

        Returns:
            The execution's id, which stays the same.

        Raises:
            ConflictError: The execution has not ended.
            BadRequestError: It has no such task.
        """
        base = body(RerunWorkflowRequest, request if request is not None else {}, "request")
        wanted = evolve(
            base,
            rerun_from_task_id=from_task_id or base.rerun_from_task_id,
            workflow_input=payload(workflow_input or base.workflow_input, "workflow_input", MAX_WORKFLOW_PAYLOAD),
            task_input=payload(task_input or base.task_input, "task_input", MAX_TASK_PAYLOAD),
            correlation_id=correlation_id or base.correlation_id,
        )
        return self._call(RERUN, {"workflowId": workflow_id}, body=wanted)

    def go_back_to_task(
        self,
        workflow_id: str,
        target: str | Callable[[Task], bool],
        *,
        task_input: Mapping[str, Any] | None = None,
        workflow_input: Mapping[str, Any] | None = None,
    ) -> Task:
        """Run the execution again from an earlier task, the last one that matches.

        Args:
            workflow_id: The id of an execution that has ended.
            target: The task's reference name, or a function that tells for each task whether it is the one.
            task_input: Replaces the task's input.
            workflow_input: Replaces the workflow's input.

        Returns:
            The task that it runs from, as it was before.

        Raises:
            NotFoundError: No task matches.
            ConflictError: The execution has not ended.
        """
        workflow = self.get(workflow_id)
        if callable(target):
            found = next((task for task in reversed(workflow.tasks) if target(task)), None)
        else:
            found = workflow.task(target)
        wanted = "the condition" if callable(target) else repr(target)
        task = _found(found, workflow_id, wanted)
        self.rerun(workflow_id, from_task_id=task.task_id, task_input=task_input, workflow_input=workflow_input)
        return task

    def go_back_to_first_task_of_type(
        self, workflow_id: str, task_type: str, *, task_input: Mapping[str, Any] | None = None
    ) -> Task:
        """Run the execution again from its first COMPLETED task of a type, such as HTTP or a worker's task name.

        Returns:
            The task that it runs from, as it was before.

        Raises:
            NotFoundError: No task matches.
            ConflictError: The execution has not ended.
        """
        tasks = self.get(workflow_id).tasks
        matching = (t for t in tasks if t.task_type == task_type and t.status == TaskStatus.COMPLETED)
        task = _found(next(matching, None), workflow_id, f"a COMPLETED task of type {task_type!r}")
        self.rerun(workflow_id, from_task_id=task.task_id, task_input=task_input)
        return task

    def skip_task(
        self,
        workflow_id: str,
        reference_name: str,
        *,
        task_input: Mapping[str, Any] | None = None,
        task_output: Mapping[str, Any] | None = None,
    ) -> None:
        """Skip a task that is not scheduled yet (`PUT /workflow/{workflowId}/skiptask/{taskReferenceName}`).

        The open-source server reads input and output from the query, where all values are text; Orkes reads the body.
        Both are sent.

        Raises:
            ConflictError: The task is scheduled already.
            NotFoundError: No such execution or task.
        """
        request = SkipTaskRequest(
            task_input=payload(task_input, "task_input", MAX_TASK_PAYLOAD),
            task_output=payload(task_output, "task_output", MAX_TASK_PAYLOAD),
        )
        query = {
            f"{name}[{key}]": value
            for name, values in (("taskInput", request.task_input), ("taskOutput", request.task_output))
            for key, value in (values or {}).items()
        }
        path = {"workflowId": workflow_id, "taskReferenceName": reference_name}
        self._call(SKIP_TASK, path, query=_as_text(query), body=request)

    def jump_to_task(
        self, workflow_id: str, reference_name: str, input: Mapping[str, Any] | None = None  # noqa: A002
    ) -> None:
        """Go on from another task, on Orkes (`POST /workflow/{workflowId}/jump/{taskReferenceName}`)."""
        self._call(
            JUMP_TO_TASK,
            {"workflowId": workflow_id, "taskReferenceName": reference_name},
            query={"taskReferenceName": reference_name},
            body=payload(input or {}, "input", MAX_TASK_PAYLOAD),
        )

    def reset_callbacks(self, workflow_id: str) -> None:
        """Let waiting worker tasks be polled at once (`POST /workflow/{workflowId}/resetcallbacks`)."""
        self._call(RESET_CALLBACKS, {"workflowId": workflow_id})

    def decide(self, workflow_id: str) -> None:
        """Have the server evaluate the execution now (`PUT /workflow/decide/{workflowId}`)."""
        self._call(DECIDE, {"workflowId": workflow_id})

    def update_variables(self, workflow_id: str, variables: Mapping[str, Any]) -> Workflow:
        """Set variables of a running execution, on Orkes (`POST /workflow/{workflowId}/variables`)."""
        plain = payload(variables, "variables", MAX_WORKFLOW_PAYLOAD)
        return self._call(UPDATE_VARIABLES, {"workflowId": workflow_id}, body=plain)

    def update_state(
        self,
        workflow_id: str,
        *,
        variables: Mapping[str, Any] | None = None,
        task_reference_name: str | None = None,
        task_result: TaskResult | Mapping[str, Any] | None = None,
        wait_until: str | Sequence[str] | None = None,
        wait_for_seconds: float | timedelta = 10,
        request_id: str | None = None,
    ) -> WorkflowRun:
        """Set variables and update a task in one, on Orkes (`POST /workflow/{workflowId}/state`).

        Args:
            workflow_id: The execution's id.
            variables: Variables to set.
            task_reference_name: The task to update.
            task_result: What became of that task.
            wait_until: Reference names of tasks to wait for.
            wait_for_seconds: How long the server waits.
            request_id: The request's id; made up when left out.
        """
        wait = whole_seconds(wait_for_seconds, "wait_for_seconds", minimum=1)
        update = WorkflowStateUpdate(
            task_reference_name=task_reference_name,
            task_result=None if task_result is None else body(TaskResult, task_result, "task_result"),
            variables=payload(variables, "variables", MAX_WORKFLOW_PAYLOAD),
        )
        query = {
            "requestId": request_id or str(uuid4()),
            "waitUntilTaskRef": comma_list(wait_until),
            "waitForSeconds": wait,
        }
        timeout = call_timeout(self._transport, wait)
        return self._call(UPDATE_STATE, {"workflowId": workflow_id}, query=query, body=update, timeout=timeout)

    def upgrade(
        self,
        workflow_id: str,
        name: str,
        version: int,
        *,
        workflow_input: Mapping[str, Any] | None = None,
        task_output: Mapping[str, Any] | None = None,
    ) -> None:
        """Move a running execution to another version of its definition, on Orkes (`POST /workflow/{workflowId}/upgrade`)."""
        request = UpgradeWorkflowRequest(
            name=name,
            version=version,
            workflow_input=payload(workflow_input, "workflow_input", MAX_WORKFLOW_PAYLOAD),
            task_output=payload(task_output, "task_output", MAX_TASK_PAYLOAD),
        )
        self._call(UPGRADE, {"workflowId": workflow_id}, body=request)


def _found(task: Task | None, workflow_id: str, wanted: str) -> Task:
    if task is None or task.task_id is None:
        raise NotFoundError(
            f"The workflow {workflow_id} has no task that matches {wanted}; nothing was run again.",
            operation=str(GET),
            method=GET.method,
            path=GET.fill({"workflowId": workflow_id}),
        )
    return task


def _as_text(query: Mapping[str, Any]) -> dict[str, str]:
    from conductor.models.codec import dumps  # noqa: PLC0415

    return {
        key: value if isinstance(value, str) else dumps(value).decode()
        for key, value in query.items()
        if value is not None
    }
