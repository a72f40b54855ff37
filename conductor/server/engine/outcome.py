"""End executions: set the output and the reason, cancel open tasks, and start the failure workflow."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.commands import Ended, NotifyParent, StartFailureWorkflow
from conductor.server.engine.context import EngineContext, RefusedError, TerminateWorkflowError
from conductor.server.engine.definitions import render_failed
from conductor.server.engine.expressions.inputs import task_input
from conductor.server.engine.expressions.java_text import cast_error
from conductor.server.engine.json_schema import fault_of
from conductor.server.engine.registry import cancel_of
from conductor.server.engine.state import (
    CANCELED,
    COMPLETED,
    FAILED,
    FAILED_TASK,
    SUCCESSFUL_TASK,
    TERMINATED,
    Doc,
    Execution,
    is_done,
)
from conductor.server.engine.tasks.planning import Run

Json = dict[str, Any]

#: Maximum number of nested failed executions in the input of a failure workflow. Without a limit, the input of a
#: failure workflow that starts itself would grow each time.
_MAX_FAILURES = 10
#: Key of a child with further tasks that end with it: pairs of execution and task id.
FOLLOWERS = "_followers"


def touch(task: Doc, now: int) -> None:
    """Set the update time of a task, and the end time of a task that has just ended."""
    done = is_done(task)
    if not done or not task["updateTime"]:
        task["updateTime"] = now
    if done and not task["endTime"]:
        task["endTime"] = now


def update_output(execution: Execution, context: EngineContext, task: Doc | None = None) -> None:
    """Set the execution's output: from a TERMINATE task, from ``outputParameters``, or from the last task."""
    if not execution.tasks:
        return
    workflow, parameters = execution.workflow, execution.definition.get("outputParameters")
    terminate = next((one for one in execution.tasks if _has_terminated(one)), None)
    if terminate is not None:
        workflow["output"] = dict(terminate["outputData"])
    elif parameters:
        workflow["output"] = task_input(execution, parameters, context)
    else:
        workflow["output"] = dict((task or execution.tasks[-1])["outputData"])


def _has_terminated(task: Doc) -> bool:
    return task["taskType"] == "TERMINATE" and task["status"] in SUCCESSFUL_TASK


def end(execution: Execution, context: EngineContext, terminate: Doc | None) -> None:
    """End an execution that has nothing left to do, or that has reached a TERMINATE task."""
    if terminate is None:
        complete(execution, context)
        return
    status = terminate["inputData"].get("terminationStatus")
    reason = terminate["inputData"].get("terminationReason")
    if reason is not None and not isinstance(reason, str):
        raise RefusedError(500, cast_error(reason))
    if not (reason or "").strip():
        reason = f"Workflow is {status} by TERMINATE task: {terminate['taskId']}"
    if status in {FAILED, TERMINATED}:
        execution.workflow["status"] = status
        end_failed(execution, context, TerminateWorkflowError(reason, status, terminate["taskId"]))
    else:
        execution.workflow["reasonForIncompletion"] = reason
        complete(execution, context)
    cancel_open_tasks(execution, context)


def complete(execution: Execution, context: EngineContext) -> None:
    """End an execution as COMPLETED."""
    update_output(execution, context)
    fault = fault_of(execution.definition, "outputSchema", execution.workflow["output"], context)
    if fault is not None:
        end_failed(execution, context, TerminateWorkflowError(f"Invalid output of the workflow: {fault}"))
        return
    execution.workflow["status"] = COMPLETED
    _finish(execution, context)


def end_failed(execution: Execution, context: EngineContext, error: TerminateWorkflowError) -> None:
    """End an execution because of an error, and start its failure workflow."""
    workflow = execution.workflow
    if execution.is_open:
        workflow["status"] = error.status
    if error.task_id is not None and workflow.get("_failedTaskId") is None:
        workflow["_failedTaskId"] = error.task_id
    if error.task_id is not None and (failed := execution.task(error.task_id)) is not None:
        touch(failed, context.now)
    definition = execution.definition
    name = failure_workflow_of(execution, context)
    terminate(execution, context, error.reason, name, definition.get("failureWorkflowVersion"))


def failure_workflow_of(execution: Execution, context: EngineContext) -> str | None:
    """Return the name of an execution's failure workflow; None without one."""
    name: str | None = execution.definition.get("failureWorkflow")
    if name and name.startswith("$"):
        resolves = context.divergences.resolve_failure_workflow
        parts = (name.rstrip("}") if resolves else name).split(".")  # the OSS server looks up an input named `x}`
        name = execution.workflow["input"].get(parts[2]) if len(parts) > 2 else None  # ${workflow.input.NAME}
    return name


def terminate(
    execution: Execution,
    context: EngineContext,
    reason: str | None,
    failure_workflow: str | None = None,
    version: Any = None,
) -> None:
    """End an execution, cancel its open tasks, and start the failure workflow, if there is one."""
    workflow = execution.workflow
    if execution.is_open:
        workflow["status"] = TERMINATED
    update_output(execution, context)
    if reason is None:
        workflow.drop("reasonForIncompletion")
    else:
        workflow["reasonForIncompletion"] = reason
    cancel_open_tasks(execution, context)
    _finish(execution, context)
    if failure_workflow and str(failure_workflow).strip():
        execution.commands.append(_failure_workflow(execution, failure_workflow, version))


def _failure_workflow(execution: Execution, name: str, version: Any) -> StartFailureWorkflow:
    workflow, failed = execution.workflow, render_failed(execution)
    failed["input"] = _without_oldest_failures(failed["input"])
    given = {
        **workflow["input"],
        "workflowId": execution.id,
        "reason": workflow.get("reasonForIncompletion"),
        "failureStatus": workflow["status"],
        "failedWorkflow": failed,
    }
    if workflow.get("_failedTaskId") is not None:
        given["failureTaskId"] = workflow["_failedTaskId"]
    return StartFailureWorkflow({
        "name": name,
        "version": version,
        "input": given,
        "correlationId": workflow.get("correlationId"),
        "taskToDomain": workflow["taskToDomain"],
    })  # fmt: skip


def _without_oldest_failures(given: Json, depth: int = 0) -> Json:
    """Return an input with at most ``_MAX_FAILURES`` failed executions, each in the input of the next."""
    failed = given.get("failedWorkflow")
    if not isinstance(failed, dict) or not isinstance(failed.get("input"), dict):
        return given
    if depth == _MAX_FAILURES:
        return {key: value for key, value in given.items() if key != "failedWorkflow"}
    return {**given, "failedWorkflow": {**failed, "input": _without_oldest_failures(failed["input"], depth + 1)}}


def _finish(execution: Execution, context: EngineContext) -> None:
    workflow = execution.workflow
    failed = [task for task in execution.tasks if task["status"] in FAILED_TASK]
    for key, name in (("failedReferenceTaskNames", "referenceTaskName"), ("failedTaskNames", "taskDefName")):
        workflow[key] = sorted({*workflow[key], *(task[name] for task in failed)})
    workflow["endTime"] = context.now
    execution.commands.append(Ended())
    if workflow.get("parentWorkflowId") and workflow.get("parentWorkflowTaskId"):
        execution.commands.append(NotifyParent(workflow["parentWorkflowId"], workflow["parentWorkflowTaskId"]))
    for parent_id, task_id in workflow.get(FOLLOWERS, ()):
        execution.commands.append(NotifyParent(parent_id, task_id))


def cancel_open_tasks(execution: Execution, context: EngineContext) -> None:
    """Cancel the tasks that have not ended, including their child executions."""
    for task in execution.tasks:
        if not is_done(task):
            task["status"] = CANCELED
            cancel = cancel_of(task["taskType"], context)
            if cancel is not None:
                cancel(Run(execution, context, task, _no_iteration))
            touch(task, context.now)


def _no_iteration(_: Doc) -> None:
    raise AssertionError("Canceling schedules nothing")
