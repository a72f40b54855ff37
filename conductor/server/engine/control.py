"""Operations of users on executions: pause, resume, terminate, skip a task, jump to a task, and upgrade."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.context import EngineContext, RefusedError
from conductor.server.engine.decide import enqueue, plan_tasks, schedule, set_domains
from conductor.server.engine.outcome import failure_workflow_of, terminate, touch
from conductor.server.engine.registry import cancel_of
from conductor.server.engine.state import (
    COMPLETED,
    PAUSED,
    RUNNING,
    SCHEDULED,
    SKIPPED,
    TERMINATED,
    Doc,
    Execution,
    is_done,
    is_system,
    plain_reference,
)
from conductor.server.engine.tasks.planning import Run, new_document
from conductor.server.engine.tree import DefinitionTree, contains, walk

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


def jump(execution: Execution, reference: str, task_input: Json, context: EngineContext) -> None:
    """Continue with another task. Open tasks and tasks before it are skipped; a task that has run is run again.

    Args:
        execution: An execution that has not ended.
        reference: The reference name of a task at the top level of the definition.
        task_input: The input of the task; empty for the resolved parameters.
        context: The engine's context.

    Raises:
        RefusedError: The execution has ended (409), or the task does not exist or is inside another one (400).
    """
    _check_open(execution)
    tasks = execution.definition["tasks"]
    position = next((index for index, task in enumerate(tasks) if task["taskReferenceName"] == reference), None)
    if position is None:
        is_inside = execution.tree.task(reference) is not None
        fault = "is inside another task" if is_inside else "does not exist"
        raise RefusedError(400, f"Cannot jump to the task {reference} of workflow {execution.label}: it {fault}")
    _skip_open(execution, context)
    if execution.newest(reference) is not None:
        execution.remove(_from(execution, position))
    _skip_before(execution, tasks[:position], {}, context)
    _schedule(execution, tasks[position], task_input, context)


def upgrade(
    execution: Execution, tree: DefinitionTree, outputs: Json, workflow_input: Json, context: EngineContext
) -> None:
    """Continue an execution with another version of its definition.

    Tasks that exist only in the new version and precede the current task are skipped.

    Args:
        execution: An execution that has not ended.
        tree: The other version, populated.
        outputs: The outputs of the skipped tasks, by reference name.
        workflow_input: Values to set in the execution's input.
        context: The engine's context.

    Raises:
        RefusedError: The execution has ended (409).
    """
    _check_open(execution)
    execution.tree = tree
    execution.workflow["workflowVersion"] = tree.definition["version"]
    execution.workflow.put_all("input", workflow_input)
    for task in execution.tasks:
        task["workflowTask"] = tree.task(task["referenceTaskName"]) or task.get("workflowTask")
    tasks = tree.definition["tasks"]
    known = [index for index, task in enumerate(tasks) if any(contains(task, name) for name in execution.references())]
    position = max(known, default=-1)
    _skip_before(execution, tasks[: max(position, 0)], outputs, context)
    gone = [task for task in execution.tasks if not is_done(task) and not _is_in(task, tree)]
    for task in gone:
        _skip(execution, task, context)
    if gone and position + 1 < len(tasks):
        _schedule(execution, tasks[position + 1], {}, context)


def _is_in(task: Doc, tree: DefinitionTree) -> bool:
    """Return whether the tree has the task; tasks of dynamic forks and loops have their own names."""
    is_own = tree.reference_of(task.get("workflowTask")) is not None
    return is_own or task["iteration"] > 0 or "FORK_JOIN_DYNAMIC" in tree.types


def _from(execution: Execution, position: int) -> list[Doc]:
    """Return the tasks that belong to a position of the definition or to a later one."""
    earlier = execution.definition["tasks"][:position]
    kept = [task for task in execution.tasks if _belongs_to(task, earlier)]
    last = max((task["seq"] for task in kept), default=0)
    return [task for task in execution.tasks if task not in kept and (task["seq"] > last or not task["seq"])]


def _belongs_to(task: Doc, tasks: list[Json]) -> bool:
    reference = plain_reference(task["referenceTaskName"])
    return any(contains(one, reference) for one in tasks)


def _check_open(execution: Execution) -> None:
    if execution.is_terminal:
        raise RefusedError(409, f"Workflow {execution.label} has ended. Status = {execution.workflow['status']}")


def _skip_open(execution: Execution, context: EngineContext) -> None:
    for task in execution.tasks:
        if not is_done(task):
            _skip(execution, task, context)


def _skip(execution: Execution, task: Doc, context: EngineContext) -> None:
    """Skip an open task; its children are terminated."""
    cancel = cancel_of(task["taskType"], context)
    if cancel is not None:
        cancel(Run(execution, context, task, lambda _: None))
    task["status"] = SKIPPED
    touch(task, context.now)


def _skip_before(execution: Execution, tasks: list[Json], outputs: Json, context: EngineContext) -> None:
    """Add skipped documents for the tasks that have never run."""
    for task in reversed(tasks):
        reference = task["taskReferenceName"]
        if execution.newest(reference) is None:
            made = new_document(execution, task, context.new_id(), context.now)
            made.update(
                status=SKIPPED, endTime=context.now, updateTime=context.now, outputData=outputs.get(reference) or {}
            )
            execution.add([made], first=True)


def _schedule(execution: Execution, task: Json, task_input: Json, context: EngineContext) -> None:
    made = plan_tasks(execution, task, 0, context)
    if made and task_input:
        made[0]["inputData"] = task_input
    set_domains(execution, made, context)
    execution.add(made)
    schedule(execution, made, context)
