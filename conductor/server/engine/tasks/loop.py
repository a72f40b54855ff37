"""DO_WHILE: rounds of a body."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from conductor.server.engine.context import ScriptFailedError
from conductor.server.engine.expressions.inputs import task_input
from conductor.server.engine.state import (
    FAILED_WITH_TERMINAL_ERROR,
    IN_PROGRESS,
    LOOP_MARK,
    SUCCESSFUL_TASK,
    Doc,
    in_round,
    is_done,
    plain_reference,
)
from conductor.server.engine.tasks.planning import Plan, Run
from conductor.server.engine.tree import next_inside, walk

Json = dict[str, Any]


def plan_loop(plan: Plan) -> list[Doc]:
    """The loop; its first round is scheduled when it runs."""
    existing = plan.execution.newest(plan.task["taskReferenceName"])
    if existing is not None and is_done(existing):
        return []
    given = plan.input(plan.task.get("taskDefinition"))
    return [plan.started("DO_WHILE", IN_PROGRESS, given, retryCount=plan.retry_count)]


def run_loop(run: Run) -> bool:
    """Begin the first round, or end one and begin the next."""
    loop = run.task
    if loop["iteration"] and _loses_its_rounds(run):
        return False
    body = _tasks_of_round(run, loop["iteration"])
    if not body:
        return _begin(run)
    output: Json = {}
    failed: Doc | None = None
    for task in body.values():
        output[plain_reference(task["referenceTaskName"])] = _output_of(run, task)
        if is_done(task) and task["status"] not in SUCCESSFUL_TASK:
            failed = task
            break
    if failed is None and not _is_complete(run, body):
        loop["_round"] = output  # shown only when the loop is canceled in the same breath
        return False
    loop.put_all("outputData", {str(loop["iteration"]): output})
    _forget_old_rounds(run)
    if failed is not None:
        return run.fail(f"{failed.get('reasonForIncompletion')} ")
    return _next_round(run)


def _output_of(run: Run, task: Doc) -> Json:
    """Return a task's output; of a loop in the loop with the iteration that is running."""
    output: Json = task["outputData"]
    if task["taskType"] != "DO_WHILE" or is_done(task) or not task["iteration"]:
        return output
    inner = evolve(run, task=task)
    body = _tasks_of_round(inner, task["iteration"]).values()
    shown = {plain_reference(one["referenceTaskName"]): _output_of(inner, one) for one in body}
    return {**output, str(task["iteration"]): shown}


def _loses_its_rounds(run: Run) -> bool:
    """Whether this is a loop that the real server never ends: it takes ``a`` for the name of a task ``a__b``."""
    body = walk(run.task["workflowTask"]["loopOver"])
    return not run.context.divergences.refuse_loop_marks and any(LOOP_MARK in one["taskReferenceName"] for one in body)


def cancel_loop(run: Run) -> None:
    """Show what the round had brought."""
    if run.task.get("_round"):
        run.task.put_all("outputData", {str(run.task["iteration"]): run.task["_round"]})


def _begin(run: Run) -> bool:
    if not run.task["workflowTask"].get("loopOver"):
        return run.fail("A loop needs tasks to repeat: its loopOver is empty")
    if is_over_items(run.task) and not items_of(run):
        run.task.put("outputData", iteration=0)
        return run.complete()
    return _start_round(run, 1)


def _next_round(run: Run) -> bool:
    try:
        goes_on = _evaluate_condition(run)
    except ScriptFailedError as error:
        condition = run.task["workflowTask"].get("loopCondition")
        reason = f"Unable to evaluate condition {condition}, exception {error}"
        return run.fail(reason, FAILED_WITH_TERMINAL_ERROR)
    return _start_round(run, run.task["iteration"] + 1) if goes_on else run.complete()


def _start_round(run: Run, iteration: int) -> bool:
    run.task["iteration"] = iteration
    output = {"iteration": iteration}
    if is_over_items(run.task):
        items, index = items_of(run), iteration - 1
        output["loopIndex"] = index
        if index < len(items):
            output["loopItem"] = items[index]
    run.task.put_all("outputData", output)
    run.schedule_round(run.task)
    return True


def _body_of(definition: Json) -> set[str]:
    return {one["taskReferenceName"] for one in walk([definition])}


def _tasks_of_round(run: Run, iteration: int) -> dict[str, Doc]:
    loop = run.task
    newest = (run.execution.newest(in_round(name, iteration)) for name in _body_of(loop["workflowTask"]))
    found = [task for task in newest if task is not None and task is not loop and task["iteration"] == iteration]
    return {task["referenceTaskName"]: task for task in sorted(found, key=lambda one: int(one["seq"]))}


def _is_complete(run: Run, body: dict[str, Doc]) -> bool:
    """Whether the round is done: its own tasks, and what they lead to."""
    loop, definition = run.task, run.task["workflowTask"]
    references = [in_round(task["taskReferenceName"], loop["iteration"]) for task in definition["loopOver"]]
    if any(reference not in body for reference in references) or not all(is_done(task) for task in body.values()):
        return False
    for task in body.values():
        following = next_inside(definition, plain_reference(task["referenceTaskName"]), None)
        if following is None or following is definition or task["inputData"].get("hasChildren") is not None:
            continue
        if in_round(following["taskReferenceName"], loop["iteration"]) not in body:
            return False
    return True


def _forget_old_rounds(run: Run) -> None:
    kept = (run.task["workflowTask"].get("inputParameters") or {}).get("keepLastN")
    last_gone = run.task["iteration"] - kept if isinstance(kept, int) else 0
    if last_gone <= 0:
        return
    gone = {str(number) for number in range(1, last_gone + 1)}
    output = run.task["outputData"]
    if gone & output.keys():
        run.task["outputData"] = {key: value for key, value in output.items() if key not in gone}
    own, names = run.task["referenceTaskName"], _body_of(run.task["workflowTask"])
    old = [
        task
        for task in run.execution.tasks
        if task["iteration"] <= last_gone
        and task["referenceTaskName"] != own
        and plain_reference(task["referenceTaskName"]) in names
    ]
    if old:
        run.execution.remove(old)


def is_over_items(task: Doc) -> bool:
    """Whether the loop goes over the items of a list."""
    definition = task["workflowTask"]
    if (definition.get("items") or "").strip():
        return True
    items = (definition.get("inputParameters") or {}).get("_items")
    return isinstance(items, list) or (isinstance(items, str) and bool(items.strip()))


def items_of(run: Run) -> list[Any]:
    """The items; a single value counts as a list of one."""
    definition = run.task["workflowTask"]
    items = None
    if (definition.get("items") or "").strip():
        items = task_input(run.execution, {"items": definition["items"]}, run.context)["items"]
    if items is None:
        items = _parameters(run).get("_items")
    if items is None:
        return []
    return items if isinstance(items, list) else [items]


def _parameters(run: Run) -> Json:
    definition = run.task["workflowTask"]
    return task_input(
        run.execution,
        definition.get("inputParameters"),
        run.context,
        task_def=definition.get("taskDefinition"),
        task_id=run.task["taskId"],
    )


def _evaluate_condition(run: Run) -> bool:
    loop, definition = run.task, run.task["workflowTask"]
    bindings = _parameters(run)
    bindings[loop["referenceTaskName"]] = loop["outputData"]
    for name in _body_of(definition):
        task = run.execution.newest_by_name(name)
        if task is not None and task is not loop and name != loop["referenceTaskName"]:
            bindings[name] = task["outputData"]
    condition = definition.get("loopCondition")
    if is_over_items(loop):
        items, index = items_of(run), loop["iteration"] - 1
        bindings["loopIndex"] = index
        if index < len(items):
            bindings["loopItem"] = items[index]
        has_more = index < len(items) - 1
        return has_more and (not (condition or "").strip() or _is_true(run, condition or "", bindings))
    return condition is not None and _is_true(run, condition, bindings)


def _is_true(run: Run, condition: str, bindings: Json) -> bool:
    value = run.context.javascript(condition, bindings)
    if isinstance(value, bool):
        return value
    return isinstance(value, int | float) and value > 0
