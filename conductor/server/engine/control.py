"""Control of executions: pause, resume, terminate, retry, restart, skip."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.commands import ReviveParent
from conductor.server.engine.decide import enqueue, plan_tasks, put_in_round, schedule
from conductor.server.engine.expressions.inputs import task_input
from conductor.server.engine.outcome import terminate, touch
from conductor.server.engine.retry import new_attempt
from conductor.server.engine.state import (
    CANCELED,
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    PAUSED,
    RUNNING,
    SCHEDULED,
    SKIPPED,
    SYNCHRONOUS,
    SYSTEM,
    TERMINATED,
    TIMED_OUT,
    UNSUCCESSFUL_TASK,
    Doc,
    Execution,
    is_done,
    plain_reference,
)
from conductor.server.engine.tasks.family import new_document
from conductor.server.engine.tasks.wait import wait_anew
from conductor.server.engine.tree import DefinitionTree, walk
from conductor.server.engine.world import RefusedError, World

Json = dict[str, Any]

_IN_PLACE = frozenset({"DO_WHILE", "FORK_JOIN", "JOIN", "EXCLUSIVE_JOIN"})


def pause(execution: Execution) -> None:
    """Schedule nothing new until it is resumed."""
    if execution.is_terminal:
        raise RefusedError(409, f"Workflow {execution.label} has ended, status cannot be updated.")
    execution.workflow["status"] = PAUSED


def resume(execution: Execution, world: World) -> None:
    """Go on; its timeout begins anew."""
    workflow = execution.workflow
    if workflow["status"] != PAUSED:
        raise RefusedError(
            500,
            f"The workflow {execution.id} is not PAUSED so cannot resume. Current status is {workflow['status']}",
        )
    workflow["status"] = RUNNING
    workflow["lastRetriedTime"] = world.now


def terminate_by_request(execution: Execution, reason: str | None, world: World) -> bool:
    """End it as TERMINATED; returns whether that changed anything."""
    status = execution.workflow["status"]
    if status == COMPLETED:
        raise RefusedError(409, "Cannot terminate a COMPLETED workflow.")
    if status == TERMINATED:
        return False
    execution.workflow["status"] = TERMINATED
    terminate(execution, world, reason)
    return True


def check_retry(execution: Execution) -> None:
    """Refuse to retry what is not over."""
    if execution.is_open:
        raise RefusedError(404, f"Workflow is still running.  status={execution.workflow['status']}")
    if not execution.tasks:
        raise RefusedError(409, "Workflow has not started yet")


def retry(execution: Execution, world: World) -> None:
    """New attempts at what failed, timed out or was canceled."""
    found = _retriable(execution)
    workflow = execution.workflow
    if not found and workflow["status"] != TIMED_OUT:
        raise RefusedError(
            409,
            "There are no retryable tasks! Use restart if you want to attempt entire workflow execution again.",
        )
    _reopen(execution, world)
    again = []
    for task in sorted(found, key=lambda one: int(one["seq"])):
        new = _again(execution, task, world)
        if new is None:
            touch(task, world.now)
        else:
            again.append(new)
    known = {(task["referenceTaskName"], task["retryCount"]) for task in execution.tasks}
    new_tasks = [task for task in again if (task["referenceTaskName"], task["retryCount"]) not in known]
    execution.add(new_tasks)
    schedule(execution, new_tasks, world)


def _reopen(execution: Execution, world: World) -> None:
    workflow = execution.workflow
    workflow["status"] = RUNNING
    workflow["lastRetriedTime"] = world.now
    workflow["endTime"] = 0
    workflow.drop("reasonForIncompletion")


def _retriable(execution: Execution) -> list[Doc]:
    found: dict[str, Doc] = {}
    for task in execution.tasks:
        status, reference = task["status"], task["referenceTaskName"]
        if (
            status == FAILED
            and task["taskType"] in {"JOIN", "EXCLUSIVE_JOIN"}
            and _waits_for_permissive(execution, task)
        ) or (status == CANCELED and task["taskType"] in {"JOIN", "DO_WHILE"}):
            _open_again(task)
        elif status in UNSUCCESSFUL_TASK:
            found[reference] = task
        else:
            found.pop(reference, None)
    return list(found.values())


def _open_again(task: Doc) -> None:
    task["status"] = IN_PROGRESS
    task.update(endTime=0, executed=False)


def _waits_for_permissive(execution: Execution, join: Doc) -> bool:
    for reference in join["inputData"].get("joinOn") or []:
        task = execution.newest(reference)
        if task is not None and task["status"] == FAILED:
            definition = task.get("workflowTask") or {}
            return bool(definition.get("permissive") and not definition.get("optional"))
    return False


def _again(execution: Execution, task: Doc, world: World) -> Doc | None:
    """A new attempt; None when the task itself is opened again."""
    if task["taskType"] in _IN_PLACE:
        task.update(retried=False, retryCount=task["retryCount"] + 1, status=IN_PROGRESS, endTime=0, executed=False)
        return None
    again = new_attempt(task, world)
    again["startDelayInSeconds"] = task["startDelayInSeconds"]
    definition = task.get("workflowTask")
    if definition is not None:
        given = task_input(
            execution,
            definition.get("inputParameters"),
            world,
            task_def=definition.get("taskDefinition"),
            task_id=again["taskId"],
        )
        again.put_all("inputData", given)
    task.update(retried=True, executed=True)
    return again


def failed_task(execution: Execution) -> Doc | None:
    """The first task that ended badly."""
    return next((task for task in execution.tasks if _is_bad(task)), None)


def _is_bad(task: Doc) -> bool:
    return is_done(task) and task["status"] in UNSUCCESSFUL_TASK


def restart(execution: Execution, tree: DefinitionTree, world: World) -> None:
    """Begin anew with the same id and input."""
    workflow = execution.workflow
    if execution.is_open:
        raise RefusedError(
            409, f"Workflow: {execution.label}.{workflow['status']} is not in terminal state, unable to restart."
        )
    if workflow["status"] == COMPLETED and not execution.definition["restartable"]:
        raise RefusedError(404, f"Workflow: {execution.label} is non-restartable")
    execution.remove(execution.tasks)
    execution.tree = tree
    workflow.update(
        status=RUNNING,
        createTime=world.now,
        endTime=0,
        lastRetriedTime=0,
        output={},
        workflowVersion=tree.definition["version"],
    )
    workflow.drop("reasonForIncompletion", "_failedTaskId")


def rerun_all(execution: Execution, request: Json, world: World) -> None:
    """Remove all tasks and begin anew."""
    execution.remove(execution.tasks)
    _reset_for_rerun(execution, request, world)


def check_rerun(execution: Execution) -> None:
    """Refuse to rerun what is not over."""
    if execution.is_open:
        label = f"{execution.label}.{execution.workflow['status']}"
        raise RefusedError(409, f"Workflow: {label} is not in terminal state, unable to rerun.")


def _reset_for_rerun(execution: Execution, request: Json, world: World) -> None:
    workflow = execution.workflow
    workflow.update(status=RUNNING, endTime=0, failedReferenceTaskNames=[], failedTaskNames=[])
    workflow.drop("reasonForIncompletion", "_failedTaskId")
    if request.get("correlationId") is not None:
        workflow["correlationId"] = request["correlationId"]
    if request.get("workflowInput") is not None:
        workflow["input"] = request["workflowInput"]
    workflow["updateTime"] = world.now


def rerun_from(execution: Execution, task: Doc, request: Json, world: World) -> None:
    """Go on from a task: later ones are removed, it is scheduled once more."""
    _check_branch(execution, task)
    if task["taskType"] == "FORK":
        _fork_anew(execution, task, request, world)
        return
    _reset_for_rerun(execution, request, world)
    execution.remove([one for one in execution.tasks if one["seq"] > task["seq"]])
    task.update(
        scheduledTime=world.now,
        startTime=0,
        updateTime=0,
        endTime=0,
        outputData={},
        retried=False,
        executed=False,
        pollCount=0,
        callbackAfterSeconds=0,
        status=SCHEDULED,
    )
    task.drop("subWorkflowId", "_callbackAfterMs", "_due", "_isAsked")
    if request.get("taskInput") is not None and task["taskType"] != "SUB_WORKFLOW":
        task["inputData"] = request["taskInput"]
    if task["taskType"] in {"WAIT", "JOIN"} or task["taskType"] in SYNCHRONOUS:
        task.update(status=COMPLETED if task["taskType"] == "FORK" else IN_PROGRESS, startTime=world.now)
    if task["taskType"] == "WAIT":
        wait_anew(task, world.now)
    enqueue(execution, task, world)
    _reopen_others(execution, task, world)


def _check_branch(execution: Execution, task: Doc) -> None:
    """Refuse to go on from a task in a branch: what it would remove is of other branches, and the JOIN's."""
    reference = plain_reference(task["referenceTaskName"])
    for fork in execution.tasks:
        if fork["taskType"] == "FORK" and fork is not task and reference in _forked(fork):
            raise RefusedError(
                409,
                f"The task {reference} is in a branch of the fork {fork['referenceTaskName']}, from which the embedded "
                "server cannot rerun. Rerun from the fork, or retry the workflow.",
            )


def _forked(fork: Doc) -> set[str]:
    branches = [*(fork["workflowTask"].get("forkTasks") or []), fork["inputData"].get("forkedTaskDefs") or []]
    return {task["taskReferenceName"] for branch in branches for task in walk(branch)}


def _fork_anew(execution: Execution, fork: Doc, request: Json, world: World) -> None:
    """The branches are begun once more, as new tasks."""
    _reset_for_rerun(execution, request, world)
    execution.remove([one for one in execution.tasks if one["seq"] >= fork["seq"]])
    made = plan_tasks(execution, fork["workflowTask"], 0, world)
    if fork["iteration"]:
        for one in made:
            put_in_round(one, fork["iteration"])
    execution.add(made)
    schedule(execution, made, world)


def rerun_in_child(execution: Execution, task: Doc, request: Json, world: World) -> None:
    """The task to rerun lies in a child: its parent's task goes on with the child."""
    _reset_for_rerun(execution, {**request, "workflowInput": None, "correlationId": None}, world)
    task.update(status=IN_PROGRESS, endTime=0, retried=False, executed=False, startTime=world.now)
    task.drop("reasonForIncompletion")
    execution.remove([one for one in execution.tasks if one["seq"] > task["seq"] and one["status"] == SCHEDULED])


def _reopen_others(execution: Execution, rerun: Doc, world: World) -> None:
    for task in execution.tasks:
        if not _is_bad(task) or task["retried"] or task["referenceTaskName"] == rerun["referenceTaskName"]:
            continue
        in_progress = task["taskType"] in {"JOIN", "DO_WHILE"} or task["taskType"] in SYNCHRONOUS
        task.update(status=IN_PROGRESS if in_progress else SCHEDULED, executed=False, startTime=world.now, endTime=0)
        task.drop("reasonForIncompletion", "_isAsked", "subWorkflowId" if task["taskType"] == "SUB_WORKFLOW" else "")
        enqueue(execution, task, world)


def skip(execution: Execution, reference: str, request: Json, world: World) -> None:
    """Mark a task that is still to come as skipped."""
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
    task = new_document(execution, definition, world.new_id(), world.now)
    task.update(
        taskType=definition["name"],
        status=SKIPPED,
        scheduledTime=0,
        endTime=world.now,
        inputData=request.get("taskInput") or {},
        outputData=request.get("taskOutput") or {},
        seq=0,
    )
    task.drop("workflowType")
    execution.add([task], first=True)


def reset_callbacks(execution: Execution, world: World) -> None:
    """Make delayed worker tasks due now."""
    if execution.is_terminal:
        raise RefusedError(409, f"Workflow is in terminal state. Status = {execution.workflow['status']}")
    for task in execution.tasks:
        if task["status"] == SCHEDULED and task["taskType"] not in SYSTEM and task["callbackAfterSeconds"] > 0:
            task["callbackAfterSeconds"] = 0
            task.drop("_callbackAfterMs")
            enqueue(execution, task, world)


def tell_parent(execution: Execution, operation: str) -> None:
    """A child that runs again wakes its parent."""
    workflow = execution.workflow
    if workflow.get("parentWorkflowId") and workflow.get("parentWorkflowTaskId"):
        execution.commands.append(
            ReviveParent(workflow["parentWorkflowId"], workflow["parentWorkflowTaskId"], operation)
        )


def revive(execution: Execution, task: Doc, child_label: str, operation: str, world: World) -> bool:
    """The child of a task runs again, and so does this execution; returns whether its own parent is to be told."""
    definition = task.get("workflowTask")
    if definition is None or definition.get("optional") or task["retried"]:
        return False
    task.update(subworkflowChanged=True, status=IN_PROGRESS, endTime=0, executed=False)
    task.drop("reasonForIncompletion")
    execution.add_log(task, f"Sub workflow {child_label} {operation}.", world.now)
    _reopen(execution, world)
    execution.workflow.update(failedReferenceTaskNames=[], failedTaskNames=[])
    execution.workflow.drop("_failedTaskId")
    for one in execution.tasks:
        if one["status"] == CANCELED:
            _revive_canceled(execution, one, world)
    return True


def _revive_canceled(execution: Execution, task: Doc, world: World) -> None:
    if task["taskType"] in {"JOIN", "DO_WHILE"}:
        _open_again(task)
        return
    task.update(
        retryCount=task["retryCount"] + 1,
        pollCount=0,
        scheduledTime=world.now,
        startTime=0,
        endTime=0,
        retried=False,
        executed=False,
        status=SCHEDULED,
    )
    task.drop("reasonForIncompletion", "workerId", "_due", "_isAsked")
    enqueue(execution, task, world)
