"""What workers do to tasks: take them, and report on them."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.commands import AddLog
from conductor.server.engine.context import EngineContext
from conductor.server.engine.decide import enqueue
from conductor.server.engine.expressions.inputs import workflow_input
from conductor.server.engine.outcome import touch
from conductor.server.engine.state import (
    IN_PROGRESS,
    RUNNING,
    SCHEDULED,
    SYSTEM,
    Doc,
    Execution,
    is_done,
    plain_reference,
)
from conductor.server.engine.tree import DefinitionTree

Json = dict[str, Any]


def new_execution(request: Json, tree: DefinitionTree, workflow_id: str, context: EngineContext) -> Execution:
    """The execution that a request starts; it has no tasks before it is decided.

    Args:
        request: A StartWorkflowRequest, with ``parentWorkflowId`` and ``parentWorkflowTaskId`` for a child, and
            ``event`` for one that an event handler starts.
        tree: The populated definition.
        workflow_id: Its id.
        context: The context.
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
    return Execution(Doc(document), tree)


def dispatch(task: Doc, worker: str | None, now: int) -> None:
    """A worker has taken the task."""
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
    """The response timeout begins anew; nothing else changes."""
    if not is_done(task):
        task["updateTime"] = now


def apply_result(execution: Execution, task: Doc, result: Json, context: EngineContext) -> bool:
    """Take over what a worker reports; returns whether anything changed, which ended tasks and executions do not."""
    if is_done(task) or execution.is_terminal:
        return False
    status = result["status"]
    is_system = task["taskType"] in SYSTEM
    task["status"] = SCHEDULED if status == IN_PROGRESS and not is_system else status
    for key in ("reasonForIncompletion", "workerId"):
        if result.get(key) is None:
            task.drop(key)
        else:
            task[key] = result[key]
    task["callbackAfterSeconds"] = int(result.get("callbackAfterSeconds") or 0)
    task["outputData"] = dict(result.get("outputData") or {})
    if not is_system or result.get("subWorkflowId") is not None:
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
    """The open task of a reference name; inside a loop the name without the round finds it too."""
    found = [task for task in execution.tasks if not is_done(task)]
    exact = next((task for task in found if task["referenceTaskName"] == reference), None)
    if exact is not None:
        return exact
    return next((task for task in found if plain_reference(task["referenceTaskName"]) == reference), None)


def result_of(task: Doc) -> Json:
    """The report that would leave the task as it is; what a partial update is laid over."""
    kept = ("reasonForIncompletion", "workerId", "callbackAfterSeconds", "subWorkflowId")
    made = {key: task.get(key) for key in kept}
    return {**made, "status": task["status"], "outputData": dict(task["outputData"])}
