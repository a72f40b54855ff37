"""Pause, resume and terminate executions, skip tasks, and reset callbacks."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.context import EngineContext, RefusedError
from conductor.server.engine.decide import enqueue
from conductor.server.engine.outcome import failure_workflow_of, terminate
from conductor.server.engine.state import (
    COMPLETED,
    PAUSED,
    RUNNING,
    SCHEDULED,
    SKIPPED,
    TERMINATED,
    Doc,
    Execution,
    is_system,
)
from conductor.server.engine.tasks.planning import new_document
from conductor.server.engine.tree import walk

Json = dict[str, Any]


def pause(execution: Execution) -> None:
    """Schedule no further tasks until the execution is resumed."""
    if execution.is_terminal:
        raise RefusedError(409, f"Workflow {execution.label} has ended, status cannot be updated.")
    execution.workflow["status"] = PAUSED


def resume(execution: Execution, context: EngineContext) -> None:
    """Resume a paused execution; its timeout starts again."""
    workflow = execution.workflow
    if workflow["status"] != PAUSED:
        raise RefusedError(
            500,
            f"The workflow {execution.id} is not PAUSED so cannot resume. Current status is {workflow['status']}",
        )
    workflow["status"] = RUNNING
    workflow["lastRetriedTime"] = context.now


def terminate_by_request(
    execution: Execution, reason: str | None, context: EngineContext, *, start_failure_workflow: bool = False
) -> bool:
    """Terminate an execution; returns False if it is already TERMINATED."""
    status = execution.workflow["status"]
    if status == COMPLETED:
        raise RefusedError(409, "Cannot terminate a COMPLETED workflow.")
    if status == TERMINATED:
        return False
    execution.workflow["status"] = TERMINATED
    name = failure_workflow_of(execution, context) if start_failure_workflow else None
    terminate(execution, context, reason, name, execution.definition.get("failureWorkflowVersion"))
    return True


def skip(execution: Execution, reference: str, request: Json, context: EngineContext) -> None:
    """Skip a task that has not been scheduled yet."""
    if execution.workflow["status"] != RUNNING:
        raise RefusedError(
            500,
            f"The workflow {execution.id} is not running so the task referenced by {reference} cannot be skipped",
        )
    definition = execution.tree.task(reference)
    if definition is None:
        raise RefusedError(
            500,
            f"The task referenced by {reference} does not exist in the WorkflowDefinition "
            f"{execution.workflow['workflowName']}",
        )
    if execution.newest(reference) is not None:
        raise RefusedError(500, f"The task referenced {reference} has already been processed, cannot be skipped")
    task = _skipped(execution, definition, context)
    task.update(inputData=request.get("taskInput") or {}, outputData=request.get("taskOutput") or {})
    execution.add([task], first=True)
    if context.extensions.skips_content:
        execution.add([_skipped(execution, one, context) for one in _content(execution, definition)], first=True)


def _skipped(execution: Execution, definition: Json, context: EngineContext) -> Doc:
    task = new_document(execution, definition, context.new_id(), context.now)
    task.update(taskType=definition["name"], status=SKIPPED, scheduledTime=0, endTime=context.now, seq=0)
    task.drop("workflowType")
    return task


def _content(execution: Execution, definition: Json) -> list[Json]:
    """Return the tasks inside an operator, and the JOIN of a fork."""
    following = execution.tree.next(definition["taskReferenceName"])
    is_fork = definition["type"] in {"FORK_JOIN", "FORK_JOIN_DYNAMIC"}
    joins = [following] if is_fork and following is not None and following["type"] == "JOIN" else []
    return [*list(walk([definition]))[1:], *joins]


def reset_callbacks(execution: Execution, context: EngineContext) -> None:
    """Make the delayed worker tasks due now."""
    if execution.is_terminal:
        raise RefusedError(409, f"Workflow is in terminal state. Status = {execution.workflow['status']}")
    for task in execution.tasks:
        if task["status"] == SCHEDULED and not is_system(task) and task["callbackAfterSeconds"] > 0:
            task["callbackAfterSeconds"] = 0
            task.drop("_callbackAfterMs")
            enqueue(execution, task, context)
