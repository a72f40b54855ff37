"""FORK_JOIN, JOIN and EXCLUSIVE_JOIN: run branches in parallel and wait for them."""

from __future__ import annotations

from conductor.server.engine.context import RefusedError, TerminateWorkflowError
from conductor.server.engine.state import (
    CANCELED,
    COMPLETED,
    COMPLETED_WITH_ERRORS,
    FAILED,
    IN_PROGRESS,
    SKIPPED,
    SUCCESSFUL_TASK,
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
