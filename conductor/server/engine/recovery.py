"""Retry, restart and rerun of an execution that has ended.

Each function changes one execution. ``services.recovery`` applies them to children that failed and to parents.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conductor.server.engine.context import EngineContext, RefusedError
from conductor.server.engine.decide import enqueue, plan_tasks, schedule, set_iteration
from conductor.server.engine.expressions.inputs import task_input
from conductor.server.engine.outcome import touch
from conductor.server.engine.retry import new_attempt
from conductor.server.engine.state import (
    CANCELED,
    COMPLETED,
    FAILED,
    IN_PROGRESS,
    RUNNING,
    SCHEDULED,
    SYNCHRONOUS,
    TIMED_OUT,
    UNSUCCESSFUL_TASK,
    Doc,
    Execution,
    plain_reference,
)
from conductor.server.engine.tasks.wait import restart_wait
from conductor.server.engine.tree import DefinitionTree, walk

Json = dict[str, Any]

_RETRIED_IN_PLACE = frozenset({"DO_WHILE", "FORK_JOIN", "JOIN", "EXCLUSIVE_JOIN"})


def is_unsuccessful(task: Doc) -> bool:
    """Return whether the task has failed, timed out or was canceled."""
    return task["status"] in UNSUCCESSFUL_TASK


def failed_task(execution: Execution) -> Doc | None:
    """Return the first task that has failed, timed out or was canceled."""
    return next((task for task in execution.tasks if is_unsuccessful(task)), None)


def child_id_of(task: Doc) -> str | None:
    """Return the id of the execution that a SUB_WORKFLOW task has started."""
    return task.get("subWorkflowId") if task["taskType"] == "SUB_WORKFLOW" else None


# -- retry


def check_retry(execution: Execution) -> None:
    """Raise RefusedError for an execution that has not ended, or that has no tasks."""
    if execution.is_open:
        raise RefusedError(404, f"Workflow is still running.  status={execution.workflow['status']}")
    if not execution.tasks:
        raise RefusedError(409, "Workflow has not started yet")


def retry(execution: Execution, context: EngineContext, *, require_tasks: bool = True) -> None:
    """Schedule new attempts of the tasks that failed, timed out or were canceled.

    Args:
        execution: An execution that has ended.
        context: The engine's context.
        require_tasks: Whether to refuse if there is nothing to retry.

    Raises:
        RefusedError: There is nothing to retry (409).
    """
    # A workflow that timed out may have no failed task: its open tasks were canceled.
    found = _retriable(execution)
    if not found and require_tasks and execution.workflow["status"] != TIMED_OUT:
        raise RefusedError(
            409,
            "There are no retryable tasks! Use restart if you want to attempt entire workflow execution again.",
        )
    run_again(execution, context)
    again = []
    for task in sorted(found, key=lambda one: int(one["seq"])):
        new = _again(execution, task, context)
        if new is None:
            touch(task, context.now)
        else:
            again.append(new)
    # An earlier retry may have made the same attempt, for example if the workflow was ended again before it ran.
    known = {(task["referenceTaskName"], task["retryCount"]) for task in execution.tasks}
    new_tasks = [task for task in again if (task["referenceTaskName"], task["retryCount"]) not in known]
    execution.add(new_tasks)
    schedule(execution, new_tasks, context)


def run_again(execution: Execution, context: EngineContext) -> None:
    """Set the execution to RUNNING; its timeout starts again."""
    execution.workflow.update(status=RUNNING, lastRetriedTime=context.now, endTime=0)
    execution.workflow.drop("reasonForIncompletion")


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
        # Tasks are in the order of their scheduling, so that the last attempt decides: a later success removes an
        # earlier failure.
        elif status in UNSUCCESSFUL_TASK:
            found[reference] = task
        else:
            found.pop(reference, None)
    return list(found.values())


def _open_again(task: Doc) -> None:
    task.update(status=IN_PROGRESS, endTime=0, executed=False)


def _waits_for_permissive(execution: Execution, join: Doc) -> bool:
    for reference in join["inputData"].get("joinOn") or []:
        task = execution.newest(reference)
        if task is not None and task["status"] == FAILED:
            definition = task.get("workflowTask") or {}
            return bool(definition.get("permissive") and not definition.get("optional"))
    return False


def _again(execution: Execution, task: Doc, context: EngineContext) -> Doc | None:
    """Return a new attempt, or None after reopening the task itself."""
    # The outputs of these tasks hold the state of other tasks (iterations, joined branches), which a new document would
    # not have.
    if task["taskType"] in _RETRIED_IN_PLACE:
        task.update(retried=False, retryCount=task["retryCount"] + 1)
        _open_again(task)
        return None
    again = new_attempt(task, context)
    again["startDelayInSeconds"] = task["startDelayInSeconds"]
    definition = task.get("workflowTask")
    if definition is not None:
        given = task_input(
            execution,
            definition.get("inputParameters"),
            context,
            task_def=definition.get("taskDefinition"),
            task_id=again["taskId"],
        )
        again.put_all("inputData", given)
    # `executed` too, so that the passes neither retry the old attempt nor schedule its successors.
    task.update(retried=True, executed=True)
    return again


# -- a child runs again, and with it its parent


def run_with_child(execution: Execution, task: Doc, context: EngineContext) -> None:
    """Reopen a SUB_WORKFLOW task and its execution, because its child runs again.

    Tasks that were canceled with it are rescheduled; the caller handles the children of other tasks.
    """
    follow_open_child(task)
    run_again(execution, context)
    execution.workflow.update(failedReferenceTaskNames=[], failedTaskNames=[])
    execution.workflow.drop("_failedTaskId")
    reference = plain_reference(task["referenceTaskName"])
    for one in execution.tasks:
        kind, is_canceled = one["taskType"], one["status"] == CANCELED
        if kind == "DO_WHILE" and is_unsuccessful(one) and (is_canceled or _loops_over(one, reference)):
            _open_again(one)
            one.drop("reasonForIncompletion")
        elif is_canceled and kind == "JOIN":
            _open_again(one)
        # In place, because these tasks did not fail; a new attempt would show a retry that no user asked for.
        elif is_canceled and child_id_of(one) is None:
            _reschedule_in_place(execution, one, context)


def _loops_over(loop: Doc, reference: str) -> bool:
    return any(one["taskReferenceName"] == reference for one in walk(loop["workflowTask"].get("loopOver") or []))


def follow_open_child(task: Doc) -> None:
    """Set a SUB_WORKFLOW task to IN_PROGRESS because its child is running again."""
    task.update(subworkflowChanged=True, status=IN_PROGRESS, endTime=0, executed=False)
    task.drop("reasonForIncompletion")


def _reschedule_in_place(execution: Execution, task: Doc, context: EngineContext) -> None:
    task.update(
        retryCount=task["retryCount"] + 1,
        pollCount=0,
        scheduledTime=context.now,
        startTime=0,
        endTime=0,
        retried=False,
        executed=False,
        status=SCHEDULED,
    )
    task.drop("reasonForIncompletion", "workerId", "_due", "_isAsked", "_nextRun")
    enqueue(execution, task, context)


# -- restart


def restart(execution: Execution, tree: DefinitionTree, context: EngineContext) -> None:
    """Remove all tasks and start again with the same id and input."""
    workflow = execution.workflow
    if execution.is_open:
        raise RefusedError(
            409, f"Workflow: {execution.label}.{workflow['status']} is not in terminal state, unable to restart."
        )
    # 404 is what the OSS server answers, although the execution exists.
    if workflow["status"] == COMPLETED and not execution.definition["restartable"]:
        raise RefusedError(404, f"Workflow: {execution.label} is non-restartable")
    execution.remove(execution.tasks)
    execution.tree = tree
    workflow.update(
        status=RUNNING,
        createTime=context.now,
        endTime=0,
        lastRetriedTime=0,
        output={},
        workflowVersion=tree.definition["version"],
    )
    workflow.drop("reasonForIncompletion", "_failedTaskId")


# -- rerun


def check_rerun(execution: Execution) -> None:
    """Raise RefusedError for an execution that has not ended."""
    if execution.is_open:
        label = f"{execution.label}.{execution.workflow['status']}"
        raise RefusedError(409, f"Workflow: {label} is not in terminal state, unable to rerun.")


def rerun_all(execution: Execution, request: Json, context: EngineContext) -> None:
    """Remove all tasks and start again."""
    execution.remove(execution.tasks)
    reset_for_rerun(execution, request, context)


def reset_for_rerun(execution: Execution, request: Json, context: EngineContext) -> None:
    """Set the execution to RUNNING, with the request's input and correlation id if it has any."""
    workflow = execution.workflow
    workflow.update(status=RUNNING, endTime=0, failedReferenceTaskNames=[], failedTaskNames=[])
    workflow.drop("reasonForIncompletion", "_failedTaskId")
    if request.get("correlationId") is not None:
        workflow["correlationId"] = request["correlationId"]
    if request.get("workflowInput") is not None:
        workflow["input"] = request["workflowInput"]
    workflow["updateTime"] = context.now


def rerun_from(execution: Execution, task: Doc, request: Json, context: EngineContext) -> None:
    """Schedule a task again, remove the tasks after it, and reopen other tasks that have failed."""
    reset_for_rerun(execution, request, context)
    kind = task["taskType"]
    if kind == "FORK":
        _replan_fork(execution, task, context)
        return
    if kind != "SUB_WORKFLOW":  # parallel branches stay when only a child is started again
        _remove_following(execution, task, context)
    _reset_task(task, request, context)
    enqueue(execution, task, context)
    _open_others(execution, task, context)


def rerun_in_child(execution: Execution, task: Doc, request: Json, context: EngineContext) -> None:
    """Reopen a SUB_WORKFLOW task, because a task of its child is rerun."""
    reset_for_rerun(execution, request, context)
    task.update(scheduledTime=context.now, startTime=context.now, updateTime=0, retried=False, pollCount=0)
    follow_open_child(task)


def _reset_task(task: Doc, request: Json, context: EngineContext) -> None:
    kind = task["taskType"]
    task.update(
        scheduledTime=context.now,
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
    task.drop("subWorkflowId", "_callbackAfterMs", "_due", "_isAsked", "_nextRun")
    if kind == "SUB_WORKFLOW":
        task.drop("reasonForIncompletion")
    elif request.get("taskInput") is not None:
        task["inputData"] = request["taskInput"]
    # The engine runs these itself. As SCHEDULED they would wait for a worker forever.
    if kind in {"WAIT", "JOIN"} or kind in SYNCHRONOUS:
        task.update(status=IN_PROGRESS, startTime=context.now)
    if kind == "WAIT":
        restart_wait(task, context.now)


def _remove_following(execution: Execution, task: Doc, context: EngineContext) -> None:
    """Remove the tasks that were scheduled after ``task``.

    The OSS server also removes the other branches of a fork, and leaves a loop in its last iteration, so the execution
    never ends. Without ``strict``, the branches are kept and the loop returns to the task's iteration.
    """
    # `seq` is the order of scheduling, not of the definition: tasks of parallel branches are interleaved.
    following = [one for one in execution.tasks if one["seq"] > task["seq"]]
    if context.divergences.keep_branches_on_rerun:
        kept = set(_ids_in_other_branches(execution, task))
        following = [one for one in following if one["taskId"] not in kept]
        for loop in _enclosing_loops(execution, task):
            _rewind_loop(loop, task["iteration"])
    execution.remove(following)


def _enclosing_loops(execution: Execution, task: Doc) -> list[Doc]:
    reference = plain_reference(task["referenceTaskName"])
    return [
        one
        for one in execution.tasks
        if one["taskType"] == "DO_WHILE" and one is not task and _loops_over(one, reference)
    ]


def _rewind_loop(loop: Doc, iteration: int) -> None:
    # A loop's output has an object for each iteration, under its number.
    later = {key for key in loop["outputData"] if key.isdigit() and int(key) > iteration}
    output = {key: value for key, value in loop["outputData"].items() if key not in later}
    loop.update(iteration=iteration, outputData={**output, "iteration": iteration})
    _open_again(loop)
    loop.drop("reasonForIncompletion")


def _ids_in_other_branches(execution: Execution, task: Doc) -> Iterator[str]:
    """Yield the ids of tasks in the other branches of the forks around ``task``, and of JOINs of dynamic forks."""
    reference = plain_reference(task["referenceTaskName"])
    for fork in execution.tasks:
        if fork["taskType"] != "FORK" or fork["iteration"] not in {0, task["iteration"]}:
            continue
        branches = _branches(fork)
        if not any(reference in branch for branch in branches):
            continue
        others = set().union(*(branch for branch in branches if reference not in branch))
        join = execution.tree.next(plain_reference(fork["referenceTaskName"]))
        for one in execution.tasks:
            name = plain_reference(one["referenceTaskName"])
            if one["iteration"] != fork["iteration"]:
                continue
            if name in others:
                yield one["taskId"]
            elif join is not None and name == join["taskReferenceName"] and "forkedTaskDefs" in fork["inputData"]:
                _open_again(one)  # kept, because only the JOIN's document has the names of the dynamic tasks
                one.update(outputData={}, startTime=one["startTime"])
                one.drop("reasonForIncompletion")
                yield one["taskId"]


def _branches(fork: Doc) -> list[set[str]]:
    dynamic = [[task] for task in fork["inputData"].get("forkedTaskDefs") or []]
    branches = [*(fork["workflowTask"].get("forkTasks") or []), *dynamic]
    return [{task["taskReferenceName"] for task in walk(branch)} for branch in branches]


def _replan_fork(execution: Execution, fork: Doc, context: EngineContext) -> None:
    # The fork is planned again as a whole, because a dynamic fork may now have other branches.
    execution.remove([one for one in execution.tasks if one["seq"] >= fork["seq"]])
    made = plan_tasks(execution, fork["workflowTask"], 0, context)
    if fork["iteration"]:
        for one in made:
            set_iteration(one, fork["iteration"])
        if context.divergences.keep_branches_on_rerun:
            for loop in _enclosing_loops(execution, fork):
                _rewind_loop(loop, fork["iteration"])
    execution.add(made)
    schedule(execution, made, context)
    _open_others(execution, fork, context)


def _open_others(execution: Execution, rerun: Doc, context: EngineContext) -> None:
    """Reopen the other tasks that have failed; their children are started again."""
    for task in execution.tasks:
        # Without this, the failed tasks of other branches would fail the workflow again at once.
        if not is_unsuccessful(task) or task["retried"] or task["referenceTaskName"] == rerun["referenceTaskName"]:
            continue
        is_in_progress = task["taskType"] in {"JOIN", "DO_WHILE"} or task["taskType"] in SYNCHRONOUS
        task.update(
            status=IN_PROGRESS if is_in_progress else SCHEDULED, executed=False, startTime=context.now, endTime=0
        )
        task.drop("reasonForIncompletion", "_isAsked", "_nextRun")
        if task["taskType"] == "SUB_WORKFLOW":
            task.drop("subWorkflowId")
            task["outputData"] = {key: value for key, value in task["outputData"].items() if key != "subWorkflowId"}
        enqueue(execution, task, context)
