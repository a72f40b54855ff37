"""FORK_JOIN, FORK_JOIN_DYNAMIC, JOIN and EXCLUSIVE_JOIN: run branches in parallel and wait for them."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.context import RefusedError, TerminateWorkflowError
from conductor.server.engine.definitions import complete_workflow_task, parse_workflow_task, populate_task
from conductor.server.engine.expressions.java_text import cast_error, java_text
from conductor.server.engine.json_fields import mapping, read, string
from conductor.server.engine.state import (
    CANCELED,
    COMPLETED,
    COMPLETED_WITH_ERRORS,
    FAILED,
    IN_PROGRESS,
    SKIPPED,
    SUCCESSFUL_TASK,
    SYSTEM,
    Doc,
    is_done,
)
from conductor.server.engine.state import reference_in_iteration as named
from conductor.server.engine.tasks.planning import Plan, Run


def plan_fork(plan: Plan) -> list[Doc]:
    """Plan a FORK, which is already completed, the first task of each branch, and the JOIN."""
    now = plan.context.now
    fork = plan.started("FORK", COMPLETED, plan.input(), taskDefName="FORK", endTime=now)
    made = [fork]
    for branch in plan.task["forkTasks"]:
        if not branch:
            raise RefusedError(500, "Index 0 out of bounds for length 0")
        made += plan.plan_with(branch[0], plan.retry_count)
    join = plan.execution.tree.next(plan.task["taskReferenceName"])
    if join is None or join["type"] != "JOIN":
        raise TerminateWorkflowError("Fork task definition is not followed by a join task.  Check the blueprint")
    return made + plan.plan_with(join, plan.retry_count)


def plan_join(plan: Plan) -> list[Doc]:
    """Plan a JOIN, which is in progress from the start."""
    given = {"joinOn": plan.task.get("joinOn") or []}
    return [plan.started("JOIN", IN_PROGRESS, given, taskDefName="JOIN")]


def plan_exclusive_join(plan: Plan) -> list[Doc]:
    """Plan an EXCLUSIVE_JOIN, which is in progress from the start."""
    given = {"joinOn": plan.task.get("joinOn") or []}
    given["defaultExclusiveJoinTask"] = plan.task.get("defaultExclusiveJoinTask") or []
    return [plan.started("EXCLUSIVE_JOIN", IN_PROGRESS, given, taskDefName="EXCLUSIVE_JOIN")]


def run_join(run: Run) -> bool:
    """Check the joined tasks that may have ended since the last check; returns whether the JOIN has ended."""
    join = run.task
    settled, position = run.execution.settled_since(join.position)
    if join.pending:
        live = [task["referenceTaskName"] for task in run.execution.live]
        changed = [reference for reference in dict.fromkeys([*settled, *live]) if reference in join.pending]
        if not _may_end(run, join.pending, changed):
            join.position = position
            return False
    join.position = position
    return _check(run, _joined(run))  # all of them: some may have been retried


def _may_end(run: Run, pending: set[str], changed: list[str]) -> bool:
    """Copy the outputs of changed tasks to the JOIN; returns whether all have ended, or one that fails the JOIN."""
    found = {reference: task for reference in changed if (task := run.execution.newest(reference)) is not None}
    done = {reference: task for reference, task in found.items() if is_done(task)}
    if len(done) == len(pending) or any(_fails_join(task, all_done=False) for task in done.values()):
        return True
    pending.difference_update(done)
    known = run.task["outputData"]
    output = {reference: task["outputData"] for reference, task in found.items() if task["outputData"]}
    if any(known.get(reference) != one for reference, one in output.items()):
        run.task.put_all("outputData", output)
    return False


def _check(run: Run, references: list[str]) -> bool:
    """Copy the outputs of all joined tasks to the JOIN; returns whether it has ended."""
    found = [run.execution.newest(reference) for reference in references]
    all_done = all(task is not None and is_done(task) for task in found)
    output, optional_failures = dict(run.task["outputData"]), ""
    for reference, task in zip(references, found, strict=True):
        if task is None:
            continue
        if task["outputData"]:
            output[reference] = task["outputData"]
        if is_done(task) and _fails_join(task, all_done=all_done):
            return _fail_join(run, found, output)
        if _flag(task, "optional") and task["status"] == COMPLETED_WITH_ERRORS:
            optional_failures += f"{task['taskDefName']}/{task['taskId']} "
    if output != run.task["outputData"]:
        run.task["outputData"] = output
    if not all_done:
        pairs = zip(references, found, strict=True)
        run.task.pending = {reference for reference, task in pairs if task is None or not is_done(task)}
        return False
    run.task.pending = None
    if optional_failures:
        return run.fail(f"{optional_failures}completed with errors", COMPLETED_WITH_ERRORS)
    return run.complete()


def _joined(run: Run) -> list[str]:
    references = run.input.get("joinOn") or []
    iteration = run.task["iteration"]
    return [named(reference, iteration) for reference in references] if iteration > 0 else list(references)


def _fails_join(task: Doc, *, all_done: bool) -> bool:
    is_bad = task["status"] not in SUCCESSFUL_TASK and not _flag(task, "optional")
    return is_bad and (not _flag(task, "permissive") or all_done)


def _fail_join(run: Run, found: list[Doc | None], output: dict[str, object]) -> bool:
    bad = [task for task in found if task is not None and task["status"] not in SUCCESSFUL_TASK]
    reasons = [task["reasonForIncompletion"] for task in bad if task.get("reasonForIncompletion") is not None]
    ended = [task for task in bad if is_done(task) and not _flag(task, "optional")]
    only_canceled = all(task["status"] == CANCELED for task in ended)
    return run.fail(" ".join(reasons), CANCELED if only_canceled else FAILED, output)


def _flag(task: Doc, name: str) -> bool:
    return bool((task.get("workflowTask") or {}).get(name))


def run_exclusive_join(run: Run) -> bool:
    """End an EXCLUSIVE_JOIN with the first of its tasks that was scheduled, or the first of its defaults."""
    chosen = _first_scheduled(run, _joined(run))
    if chosen is None or not is_done(chosen):
        chosen = _first_scheduled(run, run.input.get("defaultExclusiveJoinTask") or [])
    if chosen is None or not is_done(chosen):
        return False
    if chosen["status"] not in SUCCESSFUL_TASK and not _flag(chosen, "permissive"):
        return run.fail(chosen.get("reasonForIncompletion") or "")
    return run.complete(dict(chosen["outputData"]))


def _first_scheduled(run: Run, references: list[str]) -> Doc | None:
    found = (run.execution.newest(reference) for reference in references)
    return next((task for task in found if task is not None and task["status"] != SKIPPED), None)


Json = dict[str, Any]
#: The fields of a dynamic task in the oldest form, ``dynamicForkJoinTasksParam``.
_OLD_ENTRY = {"taskName": string, "referenceName": string, "type": string, "input": mapping}
#: The tasks to run, and their inputs by reference name.
Branches = tuple[list[Json], dict[str, Json]]


def plan_dynamic_fork(plan: Plan) -> list[Doc]:
    """Plan a FORK, a task for each entry, and the JOIN that waits for them."""
    given = plan.input()
    tasks, inputs = _entries(plan, given) or _listed_tasks(plan, given)
    now = plan.context.now
    fork_input = {"forkedTasks": [task["taskReferenceName"] for task in tasks], "forkedTaskDefs": tasks, **given}
    fork = plan.started("FORK", COMPLETED, fork_input, taskDefName="FORK", endTime=now, executed=True)
    made, joined = [fork], []
    if plan.execution.newest(plan.task["taskReferenceName"]) is None:
        for task in tasks:
            documents = _plan_branch(plan, task, inputs)
            made += documents
            joined.append(documents[-1]["referenceTaskName"])
    return [*made, _join(plan, joined)]


def _plan_branch(plan: Plan, task: Json, inputs: dict[str, Json]) -> list[Doc]:
    own = inputs.get(task["taskReferenceName"]) or {}
    if not isinstance(own, dict):
        raise TerminateWorkflowError(
            f"Tasks could not be dynamically forked due to invalid input: {java_text(own)} is not a map"
        )
    task["inputParameters"] = {**(task.get("inputParameters") or {}), **own}
    documents = plan.plan_with(task, plan.retry_count)
    if documents:
        return documents
    reference, label = task["taskReferenceName"], f"{task['name']}/{task['taskReferenceName']}"
    raise TerminateWorkflowError(
        f"No dynamic tasks could be created for the Workflow: {plan.execution.label}, Dynamic Fork Task: {label}"
        f" attempted to create a duplicate task reference name: {reference}"
    )


def _join(plan: Plan, joined: list[str]) -> Doc:
    join = plan.execution.tree.next(plan.task["taskReferenceName"])
    if join is None or join["type"] != "JOIN":
        raise TerminateWorkflowError(
            "Dynamic join definition is not followed by a join task.  Check the workflow definition."
        )
    given = {**join["inputParameters"], "joinOn": joined}
    made = plan.started("JOIN", IN_PROGRESS, given, taskDefName="JOIN")
    made.update(referenceTaskName=join["taskReferenceName"], workflowTask=join, taskId=plan.context.new_id())
    return made


def _listed_tasks(plan: Plan, given: Json) -> Branches:
    parameter = plan.task.get("dynamicForkTasksParam")
    if parameter is None:
        return _old_form(plan, given)
    tasks = _read_tasks(parameter, given.get(parameter))
    for task in tasks:
        populate_task(task, plan.context.task_def)
    inputs = given.get(plan.task.get("dynamicForkTasksInputParamName") or "")
    if not isinstance(inputs, dict):
        raise TerminateWorkflowError(
            "Input to the dynamically forked tasks is not a map -> expecting a map of K,V  but found "
            + java_text(inputs)
        )
    return tasks, inputs


def _read_tasks(parameter: str, value: Any) -> list[Json]:
    if isinstance(value, list) and all(isinstance(one, dict) and one.get("taskReferenceName") for one in value):
        try:
            return [parse_workflow_task(one) for one in value]
        except RefusedError:
            pass
    raise TerminateWorkflowError(
        f"Input '{parameter}' is invalid. Cannot deserialize a list of Workflow Tasks from '{java_text(value)}'"
    )


def _old_form(plan: Plan, given: Json) -> Branches:
    parameter = plan.task.get("dynamicForkJoinTasksParam") or ""
    value = given.get(parameter)
    if not isinstance(value, dict) or not isinstance(value.get("dynamicTasks"), list):
        raise TerminateWorkflowError(
            f"Dynamic tasks could not be created. The value of {parameter} from task's input {java_text(given)} "
            "has no dynamic tasks to be scheduled"
        )
    tasks, inputs = [], {}
    for given_one in value["dynamicTasks"]:
        one = _read_old(parameter, given_one)
        inputs[one["referenceName"]] = one.get("input") or {}
        task = complete_workflow_task({
            "name": one["taskName"], "taskReferenceName": one["referenceName"], "type": one.get("type") or "SIMPLE",
        })  # fmt: skip
        populate_task(task, plan.context.task_def)
        tasks.append(task)
    return tasks, inputs


def _read_old(parameter: str, value: Any) -> Json:
    if isinstance(value, dict) and value.get("referenceName") and value.get("taskName"):
        try:
            return read(value, _OLD_ENTRY)
        except RefusedError:
            pass
    raise TerminateWorkflowError(
        f"Input '{parameter}' is invalid. A dynamic task needs a taskName, a referenceName and an input that is an "
        f"object, but the value is {java_text(value)}"
    )


def _entries(plan: Plan, given: Json) -> Branches | None:
    """Return one task for each entry of ``forkTaskInputs``; None if the input is not a list."""
    entries = given.get("forkTaskInputs")
    if not isinstance(entries, list):
        return None
    name, kind = _name_and_kind(plan, given)
    is_second = any((task["workflowTask"] or {}).get("type") == "FORK_JOIN_DYNAMIC" for task in plan.execution.tasks)
    prefix = f"_{plan.task['taskReferenceName']}_{name}" if is_second else f"_{name}"
    tasks, inputs = [], {}
    for index, entry in enumerate(entries):
        parameters = {**(entry if isinstance(entry, dict) else {"input": entry}), "__index": index}
        reference = f"{prefix}_{index}"
        task = _entry_task(plan, given, name, kind)
        task.update(taskReferenceName=reference, inputParameters=parameters)
        if task.get("subWorkflowParam") and isinstance(entry, dict) and entry.get("taskToDomain"):
            task["subWorkflowParam"]["taskToDomain"] = entry["taskToDomain"]
        tasks.append(task)
        inputs[reference] = parameters
    return tasks, inputs


def _name_and_kind(plan: Plan, given: Json) -> tuple[str, str]:
    kind, name = given.get("forkTaskType"), given.get("forkTaskName")
    if name is None and kind in SYSTEM:
        name = kind
    return name or plan.task["taskReferenceName"], kind or "SIMPLE"


def _entry_task(plan: Plan, given: Json, name: str, kind: str) -> Json:
    child = given.get("forkTaskWorkflow")
    common = {"taskReferenceName": "", "optional": bool(plan.task.get("optional"))}
    if child is not None:
        version = given.get("forkTaskWorkflowVersion") or ""
        if not isinstance(version, str) and not plan.context.divergences.accept_numeric_versions:
            raise RefusedError(500, cast_error(version))
        version = str(version)
        parameters = {"name": child, "version": int(version) if version.isdigit() else None}
        return complete_workflow_task({
            **common, "name": child, "type": "SUB_WORKFLOW",
            "subWorkflowParam": {key: value for key, value in parameters.items() if value is not None},
        })  # fmt: skip
    task = complete_workflow_task({**common, "name": name, "type": kind})
    task_def = plan.context.task_def(name)
    if task_def is not None:
        task["taskDefinition"] = task_def
    return task
