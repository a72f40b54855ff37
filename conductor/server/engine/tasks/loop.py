"""DO_WHILE: repeat tasks while a condition holds, or for each item of a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve

from conductor.server.engine.context import ScriptFailedError
from conductor.server.engine.expressions.inputs import task_input
from conductor.server.engine.state import (
    FAILED_WITH_TERMINAL_ERROR,
    IN_PROGRESS,
    ITERATION_SEPARATOR,
    SUCCESSFUL_TASK,
    Doc,
    is_done,
    plain_reference,
    reference_in_iteration,
)
from conductor.server.engine.tasks.planning import Plan, Run
from conductor.server.engine.tree import next_inside, walk

Json = dict[str, Any]


def plan_loop(plan: Plan) -> list[Doc]:
    """Plan a DO_WHILE; its first iteration is scheduled when it runs."""
    existing = plan.execution.newest(plan.task["taskReferenceName"])
    if existing is not None and is_done(existing):
        return []
    given = plan.input(plan.task.get("taskDefinition"))
    return [plan.started("DO_WHILE", IN_PROGRESS, given, retryCount=plan.retry_count)]


def run_loop(run: Run) -> bool:
    """Start the first iteration, or the next one after the current iteration has ended."""
    return repeat(run, _evaluate_condition)


def repeat(run: Run, condition: Callable[[Run], bool]) -> bool:
    """Start the first iteration, or, if the condition holds, the next one after the current iteration has ended."""
    loop = run.task
    if loop["iteration"] and _never_ends(run):
        return False
    body = _tasks_of_iteration(run, loop["iteration"])
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
        loop["_iterationOutput"] = output  # needed if the loop is canceled in the same evaluation
        return False
    loop.put_all("outputData", {str(loop["iteration"]): output})
    _remove_old_iterations(run)
    if failed is not None:
        return run.fail(f"{failed.get('reasonForIncompletion')} ")
    return _next_iteration(run, condition)


def _output_of(run: Run, task: Doc) -> Json:
    """Return a task's output; for a nested loop, including its current iteration."""
    output: Json = task["outputData"]
    if task["taskType"] != "DO_WHILE" or is_done(task) or not task["iteration"]:
        return output
    inner = evolve(run, task=task)
    body = _tasks_of_iteration(inner, task["iteration"]).values()
    shown = {plain_reference(one["referenceTaskName"]): _output_of(inner, one) for one in body}
    return {**output, str(task["iteration"]): shown}


def _never_ends(run: Run) -> bool:
    """Return whether the OSS server never ends this loop, because it reads the name ``a`` from a task ``a__b``."""
    if run.context.divergences.refuse_iteration_separators:
        return False
    return any(ITERATION_SEPARATOR in one["taskReferenceName"] for one in walk(run.task["workflowTask"]["loopOver"]))


def cancel_loop(run: Run) -> None:
    """Put the output of the current iteration into a canceled loop."""
    if run.task.get("_iterationOutput"):
        run.task.put_all("outputData", {str(run.task["iteration"]): run.task["_iterationOutput"]})


def _begin(run: Run) -> bool:
    if not run.task["workflowTask"].get("loopOver"):
        return run.fail("A loop needs tasks to repeat: its loopOver is empty")
    if is_over_items(run.task) and not items_of(run):
        run.task.put("outputData", iteration=0)
        return run.complete()
    return start_iteration(run, 1)


def _next_iteration(run: Run, condition: Callable[[Run], bool]) -> bool:
    try:
        goes_on = condition(run)
    except ScriptFailedError as error:
        script = run.task["workflowTask"].get("loopCondition")
        reason = f"Unable to evaluate condition {script}, exception {error}"
        return run.fail(reason, FAILED_WITH_TERMINAL_ERROR)
    return start_iteration(run, run.task["iteration"] + 1) if goes_on else run.complete()


def start_iteration(run: Run, iteration: int) -> bool:
    """Schedule the first task of an iteration; returns True, because the loop has changed."""
    run.task["iteration"] = iteration
    output = {"iteration": iteration}
    if is_over_items(run.task):
        items, index = items_of(run), iteration - 1
        output["loopIndex"] = index
        if index < len(items):
            output["loopItem"] = items[index]
    run.task.put_all("outputData", output)
    run.schedule_iteration(run.task)
    return True


def _body_of(definition: Json) -> set[str]:
    return {one["taskReferenceName"] for one in walk([definition])}


def _tasks_of_iteration(run: Run, iteration: int) -> dict[str, Doc]:
    loop = run.task
    # By name and iteration: `newest` is an index, while a search in all tasks would take quadratic time over the
    # iterations.
    newest = (run.execution.newest(reference_in_iteration(name, iteration)) for name in _body_of(loop["workflowTask"]))
    found = [task for task in newest if task is not None and task is not loop and task["iteration"] == iteration]
    return {task["referenceTaskName"]: task for task in sorted(found, key=lambda one: int(one["seq"]))}


def _is_complete(run: Run, body: dict[str, Doc]) -> bool:
    """Return whether the current iteration is complete: its tasks, and the tasks in their branches."""
    loop, definition = run.task, run.task["workflowTask"]
    names = (task["taskReferenceName"] for task in definition["loopOver"])
    references = [reference_in_iteration(name, loop["iteration"]) for name in names]
    if any(reference not in body for reference in references) or not all(is_done(task) for task in body.values()):
        return False
    for task in body.values():
        following = next_inside(definition, plain_reference(task["referenceTaskName"]), None)
        if following is None or following is definition or task["inputData"].get("hasChildren") is not None:
            continue
        # A task has ended whose successor is not scheduled yet, because this pass has not reached it.
        if reference_in_iteration(following["taskReferenceName"], loop["iteration"]) not in body:
            return False
    return True


def _remove_old_iterations(run: Run) -> None:
    kept = (run.task["workflowTask"].get("inputParameters") or {}).get("keepLastN")
    last_gone = run.task["iteration"] - kept if isinstance(kept, int) else 0
    if last_gone <= 0:
        return
    # Without `keepLastN`, a loop that polls for days would have an output of megabytes, which each change writes.
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
    """Return whether the loop repeats its tasks for each item of a list."""
    definition = task["workflowTask"]
    if (definition.get("items") or "").strip():
        return True
    items = (definition.get("inputParameters") or {}).get("_items")
    return isinstance(items, list) or (isinstance(items, str) and bool(items.strip()))


def items_of(run: Run) -> list[Any]:
    """Return the items; a single value counts as a list with one item."""
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
    # Conditions read the loop's own state by its reference name: `$.loop.iteration`.
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
