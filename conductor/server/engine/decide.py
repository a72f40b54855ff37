"""Decide which tasks of an execution to schedule, retry or end, and when the execution itself ends."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, field

from conductor.server.engine.commands import Enqueue
from conductor.server.engine.context import EngineContext, RefusedError, TerminateWorkflowError
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.expressions.jsonpath import PAUSE
from conductor.server.engine.json_schema import is_refused, refuse_input
from conductor.server.engine.outcome import cancel_open_tasks, end, end_failed, touch
from conductor.server.engine.registry import plan_of, run_of, start_of
from conductor.server.engine.retry import retry_or_end
from conductor.server.engine.state import (
    COMPLETED,
    COMPLETED_WITH_ERRORS,
    IN_PROGRESS,
    NEVER,
    PAUSED,
    SCHEDULED,
    SKIPPED,
    SUCCESSFUL_TASK,
    SYNCHRONOUS,
    Doc,
    Execution,
    is_asynchronous,
    is_done,
    is_system,
    plain_reference,
    reference_in_iteration,
    set_system,
)
from conductor.server.engine.task_cache import is_from_cache, keep_result, use_result
from conductor.server.engine.tasks.planning import Plan, Run
from conductor.server.engine.timeouts import check_task, check_workflow, task_deadline

Json = dict[str, Any]

#: Milliseconds after a poll during which a domain counts as having a worker, as on the OSS server.
_ACTIVE_MS = 10_000


def advance(execution: Execution, context: EngineContext) -> None:
    """Decide, and run the engine's own tasks, until the execution waits for a worker, a timer or an update.

    If this takes too long, as in an endless loop, a later change does the rest: ``execution.is_unfinished``.
    """
    execution.is_unfinished = False
    decide(execution, context)
    while execution.is_open and not execution.is_unfinished and run_due_tasks(execution, context):
        execution.is_unfinished = context.deadline_passed()
        if not execution.is_unfinished:
            decide(execution, context)


def decide(execution: Execution, context: EngineContext) -> None:
    """Evaluate the execution: timeouts, retries, the next tasks, and its end.

    Raises:
        RefusedError: The first tasks cannot be scheduled, so the start is refused.
    """
    if execution.is_terminal:
        if execution.workflow["status"] != COMPLETED:
            cancel_open_tasks(execution, context)
        return
    # Settled tasks are skipped by the passes below. Without this, each update of a fork with 10,000 branches would
    # evaluate all of them.
    execution.settle(partial(_waits_until, context=context))
    execution.revive_due(context.now)
    _reopen_joins(execution)
    try:
        # Over the rate limit of its workflow, an execution schedules nothing, but its timeouts still count.
        if not context.extensions.admits(execution):
            check_workflow(execution, context)
            return
        execution.is_unfinished = _passes(execution, context)
    except TerminateWorkflowError as error:
        end_failed(execution, context, error)
    # During a start, the error fails the request. Once the execution exists, no request waits for the error, so the
    # execution fails.
    except RefusedError as error:
        if not execution.tasks or execution.is_starting:
            raise
        end_failed(execution, context, TerminateWorkflowError(error.message))
    except Exception as error:  # unexpected data fails the execution; otherwise it would never end
        context.warn(f"Deciding the execution {execution.id} failed")
        end_failed(execution, context, TerminateWorkflowError(unexpected_error(error)))
    for task in execution.live:
        if "_iterationOutput" in task:
            task.drop("_iterationOutput")


def _waits_until(task: Doc, context: EngineContext) -> int:
    """Return the time until which an unchanged open task needs no decision, epoch ms; 0 if it needs one now."""
    if is_done(task) or run_of(task["taskType"], context) is not None:
        return 0
    if is_system(task) and task["status"] != IN_PROGRESS:
        return 0
    task_def = (task.get("workflowTask") or {}).get("taskDefinition")
    if task_def is not None and task_def["totalTimeoutSeconds"] > 0:
        return 0
    due = task_deadline(task)
    return NEVER if due is None else due if due > context.now else 0


def _passes(execution: Execution, context: EngineContext) -> bool:
    """Evaluate all tasks until nothing changes; returns True if the deadline passed before that."""
    while _one_pass(execution, context):
        if context.deadline_passed():
            return True
    return False


def run_due_tasks(execution: Execution, context: EngineContext) -> bool:
    """Start and run the engine's own tasks that are due; returns whether one of them changed."""
    changed = False
    for task in list(execution.live):
        if not is_asynchronous(task) or is_done(task):
            continue
        run = Run(execution, context, task, _no_iteration)
        # Starting and running are separate steps, as on the OSS server: `pollCount` and `startTime` are visible to
        # users.
        if task["status"] == SCHEDULED:
            if task.get("_due", 0) > context.now or task.get("_isAsked"):
                continue
            task["_isAsked"] = True  # started once; the outcome, such as a child's id, arrives later
            task["startTime"] = context.now
            task["pollCount"] += 1
            run_or_fail(start_of(task["taskType"], context), run)
            touch(task, context.now)
            changed = True
        elif (function := run_of(task["taskType"], context)) is not None and run_or_fail(function, run):
            touch(task, context.now)
            changed = True
    return changed


def run_or_fail(function: Callable[[Run], bool | None], run: Run) -> bool:
    """Start or run a task; an unexpected error fails the task. Returns whether the task changed."""
    try:
        return bool(function(run))
    except (TerminateWorkflowError, RefusedError):
        raise
    except Exception as error:  # unexpected data fails the task, not the server
        run.context.warn(f"The task {run.task['taskId']} failed")
        return run.fail(unexpected_error(error))


def unexpected_error(error: Exception) -> str:
    """Return the reason for incompletion after an exception that the engine does not handle."""
    return f"Unexpected {type(error).__name__}: {error}"


def _no_iteration(_: Doc) -> None:
    raise AssertionError("Only loops have iterations")


def _reopen_joins(execution: Execution) -> None:
    """Reopen failed JOINs when a child execution in one of their branches runs again."""
    changed = [t for t in execution.live if t["subworkflowChanged"] and not t["retried"]]
    for task in changed:
        task["subworkflowChanged"] = False
    if changed:
        for task in execution.tasks:
            if task["taskType"] == "JOIN" and is_done(task) and task["status"] not in SUCCESSFUL_TASK:
                task["status"] = IN_PROGRESS
                task.update(endTime=0, executed=False)


def _one_pass(execution: Execution, context: EngineContext) -> bool:
    check_workflow(execution, context)
    if execution.workflow["status"] == PAUSED:
        return False
    found = _Pass(execution, context)
    try:
        found.evaluate()
        if found.is_complete:
            end(execution, context, found.terminate)
            is_failed = found.terminate is not None and execution.workflow["status"] != COMPLETED
            # The OSS server ends the execution before it stores the tasks that this evaluation changed; clients see the
            # earlier status.
            found.undo(found.terminate["taskId"] if found.terminate is not None and is_failed else None)
            return False
    except Exception as error:  # the exception is raised again
        found.undo(error.task_id if isinstance(error, TerminateWorkflowError) else None)
        raise
    set_domains(execution, found.to_schedule, context)
    # Two branches can lead to the same task, and a retry can be planned twice in one pass; the reference name and the
    # number of retries tell them apart.
    new = _without_duplicates(execution, found.to_schedule)
    execution.add(new)
    # True means another pass: a task that ends at once can have successors, which nothing else would schedule.
    changed = schedule(execution, new, context) or any(is_refused(task) or is_from_cache(task) for task in new)
    for task in found.to_schedule:
        if task["taskType"] in SYNCHRONOUS and not is_done(task):
            run = Run(execution, context, task, lambda loop: _schedule_iteration(execution, loop, context))
            function = run_of(task["taskType"], context)
            if function is not None and run_or_fail(function, run):
                touch(task, context.now)
                changed = True
    for task in found.updated:
        touch(task, context.now)
    return changed


@define
class _Pass:
    """One evaluation of all tasks: finds the tasks to schedule, and whether the execution is complete.

    Attributes:
        updated: Tasks that the evaluation changed.
        is_complete: Whether nothing is left to do.
        terminate: The TERMINATE task that has completed, if any.
    """

    execution: Execution
    context: EngineContext
    updated: list[Doc] = field(factory=list)
    is_complete: bool = False
    terminate: Doc | None = None
    _before: list[tuple[Doc, str]] = field(factory=list)
    _next: dict[str, Doc] = field(factory=dict)
    _done: set[str] = field(factory=set)
    _open: set[str] = field(factory=set)

    @property
    def to_schedule(self) -> list[Doc]:
        return [task for reference, task in self._next.items() if not self._is_executed(reference)]

    def _is_executed(self, reference: str) -> bool:
        return reference in self._done or (reference not in self._open and self.execution.is_settled(reference))

    def evaluate(self) -> None:
        tasks = self.execution.live
        if not self.execution.has_waiting and all(task["status"] == SKIPPED or task["executed"] for task in tasks):
            for task in self._first_tasks():
                self._next[task["referenceTaskName"]] = task
        pending = []
        for task in tasks:
            if task["executed"]:
                self._done.add(task["referenceTaskName"])
            elif not task["retried"] and task["status"] != SKIPPED:
                pending.append(task)
            if task["taskType"] == "TERMINATE" and task["status"] in SUCCESSFUL_TASK:
                self.terminate = task
        for task in pending:
            self._evaluate_task(task)
        if self.terminate is not None or (not self.to_schedule and self._all_done()):
            self._check_permissive()
            self.is_complete = True

    def undo(self, kept: str | None = None) -> None:
        """Restore the tasks that were evaluated, except ``kept``: the OSS server does not store the last evaluation."""
        for task, status in self._before:
            if task["taskId"] != kept:
                task.update(status=status, executed=False)

    def _first_tasks(self) -> list[Doc]:
        tasks = self.execution.definition["tasks"]
        task: Json | None = tasks[0] if tasks else None  # a child's definition that is an input may have no tasks
        while task is not None and self._is_skipped(task):
            task = self.execution.tree.next(task["taskReferenceName"])
        return plan_tasks(self.execution, task, 0, self.context) if task is not None else []

    def _is_skipped(self, task: Json) -> bool:
        found = self.execution.newest(task["taskReferenceName"])
        return found is not None and found["status"] == SKIPPED

    def _evaluate_task(self, task: Doc) -> None:
        PAUSE.get()()
        reference = task["referenceTaskName"]
        if is_done(task):
            self._before.append((task, task["status"]))
        # An open system task is planned again in each pass, so that _one_pass() runs it until it ends.
        if is_system(task) and not is_done(task):
            self._next.setdefault(reference, task)
            self._done.discard(reference)
            self._open.add(reference)
        definition = task.get("workflowTask") or self.execution.tree.task(reference) or {}
        task_def = definition.get("taskDefinition")
        if task_def is not None:
            check_task(task, task_def, self.context)
        if is_done(task) and task["status"] not in SUCCESSFUL_TASK:
            self._retry(task, task_def)
        # `executed` marks tasks whose successors were scheduled, so that a later pass does not schedule them again.
        if is_done(task) and not task["executed"] and not task["retried"]:
            self._follow(task)
        if is_done(task) and self._next.get(reference) is task:
            del self._next[reference]  # it has just timed out or failed, so it must not run

    def _retry(self, task: Doc, task_def: Json | None) -> None:
        again = retry_or_end(self.execution, task, task_def, self.context)
        definition = task.get("workflowTask") or {}
        if again is not None:
            self._next[again["referenceTaskName"]] = again
            self._done.discard(again["referenceTaskName"])
            self._open.add(again["referenceTaskName"])
            self.updated.append(task)
        # A permissive task keeps its failed status, because _check_permissive() fails the execution for it at the end.
        elif not definition.get("permissive") or definition.get("optional"):
            task["status"] = COMPLETED_WITH_ERRORS

    def _follow(self, task: Doc) -> None:
        keep_result(task, self.context)
        task["executed"] = True
        following = self._following(task)
        if task["iteration"] > 0 and task["taskType"] != "DO_WHILE":
            following = self._in_iteration_of(task, following)
        for one in following:
            self._next.setdefault(one["referenceTaskName"], one)
        self.updated.append(task)

    def _following(self, task: Doc) -> list[Doc]:
        # The branch was scheduled with the SWITCH; the task after the SWITCH follows the last task of the branch.
        if task["taskType"] in {"SWITCH", "DECISION"} and task["inputData"].get("hasChildren") is not None:
            return []
        own = task["referenceTaskName"]
        definition = self.execution.tree.next(plain_reference(own) if task["iteration"] > 0 else own)
        while definition is not None and self._is_skipped(definition):
            definition = self.execution.tree.next(definition["taskReferenceName"])
        if definition is None:
            return []
        # A task of the loop's own body leads back to the loop, which schedules its next iteration itself.
        if definition["type"] == "DO_WHILE" and self.execution.newest(definition["taskReferenceName"]) is not None:
            return []
        return plan_tasks(self.execution, definition, 0, self.context)

    def _in_iteration_of(self, task: Doc, following: list[Doc]) -> list[Doc]:
        for one in following:
            set_iteration(one, task["iteration"])
        return [one for one in following if not _is_under_way(self.execution, one)]

    def _all_done(self) -> bool:
        if self.execution.has_waiting:
            return False
        if not self.execution.tasks:
            return not self.execution.definition["tasks"]
        statuses = {}
        for task in self.execution.tasks:
            if not is_done(task):
                return False
            statuses[task["referenceTaskName"]] = task["status"]
        # Tasks inside of branches need not have run, but each task of the top level must have.
        if any(t["taskReferenceName"] not in statuses for t in self.execution.definition["tasks"]):
            return False
        for task in self.execution.tasks:
            if not task["retried"] or not task["executed"]:
                following = self.execution.tree.next(task["referenceTaskName"])
                while following is not None and self._is_skipped(following):
                    following = self.execution.tree.next(following["taskReferenceName"])
                if following is not None and following["taskReferenceName"] not in statuses:
                    return False
        return True

    def _check_permissive(self) -> None:
        """Fail the execution if permissive tasks have failed, now that all other tasks have ended."""
        newest: dict[str, Doc] = {}
        for task in self.execution.tasks:
            definition = task.get("workflowTask") or {}
            if definition.get("permissive") and not definition.get("optional"):
                newest[task["referenceTaskName"]] = task
        failed = [task for task in newest.values() if is_done(task) and task["status"] not in SUCCESSFUL_TASK]
        if failed:
            reasons = (
                f"Task {task['taskId']} failed with status: {task['status']} "
                f"and reason: '{java_text(task.get('reasonForIncompletion'))}'"
                for task in failed
            )
            raise TerminateWorkflowError(". ".join(reasons))


def plan_tasks(execution: Execution, task: Json, retry_count: int, context: EngineContext) -> list[Doc]:
    """Return new documents of a task of the definition, and of the tasks that are scheduled with it."""
    PAUSE.get()()

    def plan_with(other: Json, count: int) -> list[Doc]:
        return plan_tasks(execution, other, count, context)

    made = plan_of(task["type"], context)(Plan(execution, context, task, retry_count, context.new_id(), plan_with))
    for one in made:
        kind = context.extensions.kinds.get(one["taskType"])
        if kind is not None and not is_system(one):
            set_system(one, is_ended_by_update=kind.is_ended_by_update)
        refuse_input(one, context)
        use_result(one, context)
    return [one for one in made if not _is_under_way(execution, one)]


def _is_under_way(execution: Execution, task: Doc) -> bool:
    known = execution.newest(task["referenceTaskName"])
    return known is not None and known["status"] != SCHEDULED


def set_iteration(task: Doc, iteration: int) -> None:
    """Assign a task to an iteration of its loop."""
    task["referenceTaskName"] = reference_in_iteration(task["referenceTaskName"], iteration)
    task["iteration"] = iteration


def _schedule_iteration(execution: Execution, loop: Doc, context: EngineContext) -> None:
    tasks = plan_tasks(execution, loop["workflowTask"]["loopOver"][0], loop["retryCount"], context)
    set_domains(execution, tasks, context)
    for task in tasks:
        set_iteration(task, loop["iteration"])
    execution.add(tasks)
    schedule(execution, tasks, context)


def _without_duplicates(execution: Execution, tasks: list[Doc]) -> list[Doc]:
    return [task for task in tasks if _is_later_attempt(task, execution.newest(task["referenceTaskName"]))]


def _is_later_attempt(task: Doc, known: Doc | None) -> bool:
    return known is None or bool(task["retryCount"] > known["retryCount"])


def schedule(execution: Execution, tasks: list[Doc], context: EngineContext) -> bool:
    """Number new tasks and enqueue worker tasks; returns whether the execution must be evaluated again."""
    if not tasks:
        return False
    # New tasks are at the end and have no number yet; the last numbered one is the highest.
    seq = next((task["seq"] for task in reversed(execution.tasks) if task["seq"]), 0)
    started = False
    for task in tasks:
        if not task["seq"]:
            seq += 1
            task["seq"] = seq
        task["scheduledTime"] = task["scheduledTime"] or context.now
        task["_firstScheduledTime"] = task["_firstScheduledTime"] or context.now
        if is_system(task):
            if not is_done(task) and not task["startTime"]:
                task["startTime"] = context.now
            if task["taskType"] in SYNCHRONOUS:
                started = True
                touch(task, context.now)
                continue
        enqueue(execution, task, context)
    return started


def enqueue(execution: Execution, task: Doc, context: EngineContext) -> None:
    """Make a scheduled task due after its delay. With a negative delay it is never due, as on the OSS server."""
    if task["status"] != SCHEDULED or task["callbackAfterSeconds"] < 0:
        return
    delay = task.get("_callbackAfterMs") or task["callbackAfterSeconds"] * 1000
    task["_due"] = context.now + delay
    if not is_system(task):
        execution.commands.append(Enqueue(queue_name(task), task["taskId"], task["workflowPriority"], task["_due"]))


def queue_name(task: Doc) -> str:
    """Return the name of the queue that workers poll for the task."""
    domain = task.get("domain")
    return f"{domain}:{task['taskType']}" if domain else str(task["taskType"])


def set_domains(execution: Execution, tasks: list[Doc], context: EngineContext) -> None:
    """Set the domain of each worker task by the execution's ``taskToDomain``."""
    mapping = execution.workflow["taskToDomain"]
    if not mapping:
        return
    for task in tasks:
        if not is_system(task):
            chosen = mapping.get(task["taskType"], mapping.get("*"))
            domain = _active_domain(task["taskType"], chosen, context) if chosen and chosen.strip() else None
            if domain is not None:
                task["domain"] = domain


def _active_domain(task_type: str, chosen: str, context: EngineContext) -> str | None:
    """Return the first domain with an active worker, or the last one; None for no domain."""
    domains = [one.strip() for one in chosen.split(",")]
    for domain in domains:
        last = context.last_poll(task_type, domain) if domain.upper() != "NO_DOMAIN" else 0
        if last and context.now - last < _ACTIVE_MS:
            return domain
    return None if domains[-1].upper() == "NO_DOMAIN" else domains[-1]
