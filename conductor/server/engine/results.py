"""New executions, the dispatch of tasks to workers, and the results that workers report."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.commands import AddLog
from conductor.server.engine.context import EngineContext
from conductor.server.engine.decide import enqueue
from conductor.server.engine.expressions.inputs import workflow_input
from conductor.server.engine.json_schema import refuse_output
from conductor.server.engine.masking import MASKS
from conductor.server.engine.outcome import touch
from conductor.server.engine.state import (
    COMPLETED,
    IN_PROGRESS,
    RUNNING,
    SCHEDULED,
    Doc,
    Execution,
    is_done,
    is_system,
    plain_reference,
)
from conductor.server.engine.tree import DefinitionTree

Json = dict[str, Any]


def new_execution(request: Json, tree: DefinitionTree, workflow_id: str, context: EngineContext) -> Execution:
    """Return the execution that a request starts. It has no tasks before the engine decides.

    Args:
        request: A StartWorkflowRequest, with ``parentWorkflowId`` and ``parentWorkflowTaskId`` for a child, and
            ``event`` if an event handler starts it.
        tree: The populated definition.
        workflow_id: The execution's id.
        context: The engine's context.
    """
    definition = tree.definition
    document: Json = {
        "ownerApp": "",
        "createTime": context.now,
        "updateTime": context.now,
        "status": RUNNING,
        "endTime": 0,
        "workflowId": workflow_id,
        "input": workflow_input(definition, request.get("input") or {}),
        "output": {},
        "taskToDomain": request.get("taskToDomain") or {},
        "failedReferenceTaskNames": [],
        "priority": request.get("priority") or 0,
        "variables": dict(definition.get("variables") or {}),
        "lastRetriedTime": 0,
        "failedTaskNames": [],
        "workflowName": definition["name"],
        "workflowVersion": definition["version"],
    }
    for key in ("correlationId", "parentWorkflowId", "parentWorkflowTaskId", "event"):
        if request.get(key) is not None:
            document[key] = request[key]
    if context.extensions.records_creators and request.get("createdBy"):
        document["createdBy"] = request["createdBy"]
    masks = context.extensions.masks(definition)
    if masks:
        document[MASKS] = masks
    return Execution(Doc(document), tree)


def dispatch(task: Doc, worker: str | None, now: int) -> None:
    """Set a task to IN_PROGRESS, because a worker has polled it."""
    task["status"] = IN_PROGRESS
    task["startTime"] = task["startTime"] or now
    task["callbackAfterSeconds"] = 0
    task["pollCount"] += 1
    if worker is None:
        task.drop("workerId")
    else:
        task["workerId"] = worker
    touch(task, now)


def extend_lease(task: Doc, now: int) -> None:
    """Start the response timeout of a task again."""
    if not is_done(task):
        task["updateTime"] = now


def apply_result(execution: Execution, task: Doc, result: Json, context: EngineContext) -> bool:
    """Apply a worker's result to a task.

    Returns:
        Whether the task changed; False if the task or the execution has already ended.
    """
    if is_done(task) or execution.is_terminal:
        return False
    status = result["status"]
    of_engine = is_system(task)
    task["status"] = SCHEDULED if status == IN_PROGRESS and not of_engine else status
    for key in ("reasonForIncompletion", "workerId"):
        if result.get(key) is None:
            task.drop(key)
        else:
            task[key] = result[key]
    task["callbackAfterSeconds"] = int(result.get("callbackAfterSeconds") or 0)
    task["outputData"] = dict(result.get("outputData") or {})
    if status == COMPLETED:
        refuse_output(task, context)
    if not of_engine or result.get("subWorkflowId") is not None:
        task["subWorkflowId"] = result.get("subWorkflowId")
    task.drop("_callbackAfterMs")
    if task["status"] == SCHEDULED:
        enqueue(execution, task, context)
    touch(task, context.now)
    for line in filter(None, result.get("logs") or []):
        created = line.get("createdTime") or context.now
        execution.commands.append(AddLog(task["taskId"], str(line.get("log")), created))
    return True


def pending_task(execution: Execution, reference: str) -> Doc | None:
    """Return the open task with a reference name; in a loop, the name without the iteration is enough."""
    found = [task for task in execution.tasks if not is_done(task)]
    exact = next((task for task in found if task["referenceTaskName"] == reference), None)
    if exact is not None:
        return exact
    return next((task for task in found if plain_reference(task["referenceTaskName"]) == reference), None)


def result_of(task: Doc) -> Json:
    """Return the TaskResult that would not change the task, as the base of a partial update."""
    kept = ("reasonForIncompletion", "workerId", "callbackAfterSeconds", "subWorkflowId")
    made = {key: task.get(key) for key in kept}
    return {**made, "status": task["status"], "outputData": dict(task["outputData"])}
