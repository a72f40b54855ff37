"""Move a running execution to another task, or to another version of its definition."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.context import EngineContext, RefusedError
from conductor.server.engine.decide import plan_tasks, schedule, set_domains
from conductor.server.engine.outcome import touch
from conductor.server.engine.registry import cancel_of
from conductor.server.engine.state import SKIPPED, Doc, Execution, is_done, plain_reference
from conductor.server.engine.tasks.planning import Run, new_document
from conductor.server.engine.tree import DefinitionTree, contains

Json = dict[str, Any]


def jump(execution: Execution, reference: str, task_input: Json, context: EngineContext) -> None:
    """Continue with another task: skip what is open and what lies between; run again from a task that has run.

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

    Tasks that only the new version has and that stand before the current one are skipped.

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
