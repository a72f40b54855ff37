"""Executions on the embedded server's engine whose tasks end according to a plan.

The engine decides what happens: which tasks are scheduled, with which inputs, and how the execution ends. The plan
replaces everything outside the engine: workers, people, requests, scripts and the executions of sub-workflows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from attrs import evolve, frozen

from conductor.models import (
    Task,
    TaskDef,
    TaskType,
    WorkflowDef,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowTask,
)
from conductor.server.engine.commands import StartFailureWorkflow
from conductor.server.engine.context import RefusedError, TerminateWorkflowError
from conductor.server.engine.definitions import complete_task_def, default_task_def, render
from conductor.server.engine.extensions import Extensions, TaskKind
from conductor.server.engine.registry import PLANS, RUNS, STARTS
from conductor.server.engine.results import apply_result, dispatch
from conductor.server.engine.state import IN_PROGRESS, SCHEDULED, SYNCHRONOUS, Doc, Execution, is_done, is_system
from conductor.server.engine.tasks import branch, loop
from conductor.server.engine.tasks.external import leave_open
from conductor.server.engine.tasks.planning import Plan, Run
from conductor.server.engine.tasks.worker import plan_simple
from conductor.server.engine.tree import walk
from conductor.testing.engine import Engine, defined_name
from conductor.testing.executions import example_id

__all__ = ["PlannedRun", "RunPlan"]

Json = dict[str, Any]

#: Types that the engine runs, because their outcome depends only on the execution.
_STRUCTURE = frozenset({
    "FORK", "JOIN", "EXCLUSIVE_JOIN", "SWITCH", "DECISION", "DO_WHILE", "TERMINATE", "SET_VARIABLE", "NOOP",
})  # fmt: skip
_SCRIPTS = frozenset({"INLINE", "LAMBDA", "JSON_JQ_TRANSFORM"})
#: Types that the engine would run or start outside the execution; the plan ends them instead.
_OUTSIDE = _SCRIPTS | {
    "HTTP", "EVENT", "KAFKA_PUBLISH", "PULL_WORKFLOW_MESSAGES", "SUB_WORKFLOW", "START_WORKFLOW",
}  # fmt: skip
#: Types in executions of tasks whose definition has another type.
_SHOWN_AS = {"FORK_JOIN": "FORK", "FORK_JOIN_DYNAMIC": "FORK"}
_OF_WORKERS = frozenset({TaskType.SIMPLE, TaskType.DYNAMIC, TaskType.USER_DEFINED})
#: Key of a task that the plan ends, although the engine runs tasks of its type.
_IS_PLANNED = "_isPlanned"
#: Id of the worker to which the server would have dispatched the tasks.
_WORKER = "worker"
#: Fields of a rendered task that are read from the definition, which is much faster.
_READ_FROM_DEFINITION = frozenset({"workflowTask", "taskDefinition"})


@frozen
class RunPlan:
    """The planned execution; see ``example_workflow_run``.

    Attributes:
        document: The definition as JSON.
        stops_as: The status of an execution that stops at a task.
    """

    definition: WorkflowDef
    document: Json
    workflow_id: str
    input: Json
    outputs: Mapping[str, Json]
    cases: Mapping[str, str]
    iterations: Mapping[str, int]
    retries: Mapping[str, int]
    began: int
    milliseconds: int
    reason: str
    stops_at: str | None = None
    stops_as: WorkflowExecutionStatus = WorkflowExecutionStatus.COMPLETED


class PlannedRun:
    """An execution that follows a plan. Tasks that the plan does not mention succeed.

    Args:
        engine: The engine, which runs no other execution at the same time.
        plan: The plan.

    Attributes:
        execution: The execution.
        has_stopped: Whether it has reached the task at which the plan stops it.
    """

    def __init__(self, engine: Engine, plan: RunPlan) -> None:
        self._engine, self._kernel, self._plan = engine, engine.kernel, plan
        self._held: str | None = None  # id of the task at which the execution stops, if the engine has ended it
        self.has_stopped: bool = False
        self._searched: list[Doc] | None = None
        self._count, self._open = 0, list[Doc]()
        engine.begin(plan.workflow_id, plan.began, Extensions(kinds=self._kinds()))
        self._kernel.handlers[StartFailureWorkflow] = self._name_failure_workflow
        request = {"workflowDef": self._prepared(plan.document), "input": plan.input}
        with self._kernel.change():
            self.execution: Execution = engine.services.starter.create(request, plan.workflow_id)
            self._kernel.advance(self.execution)
            self._dispatch()

    def finish(self) -> None:
        """End tasks until the execution has ended, or has reached the task at which it stops."""
        while self.execution.is_open and not self.has_stopped:
            self._engine.settle()
            held = None if self._held is None else self.execution.task(self._held)
            if held is not None:
                self._stop_at(held)
                continue
            moment, task = self._next()
            if moment is None and task is None:
                return  # the engine has nothing left to do, and waits for nothing
            self._engine.clock.set_ms(moment or 0)
            if task is None:
                self._change(self._kernel.advance, self.execution)
            else:
                self._end_as_planned(task)

    def ready(self) -> list[Doc]:
        """Return the tasks that can end now: those of a worker, a person or a service."""
        return [task for task in self._find_open() if self._moment_of(task)[1]]

    def pass_time(self) -> bool:
        """Move the clock to the next wait or delay that ends; returns whether there is one."""
        found = map(self._moment_of, self._find_open())
        moments = [moment for moment, ends in found if moment is not None and not ends]
        if moments:
            self._engine.clock.set_ms(min(moments))
            self._change(self._kernel.advance, self.execution)
        return bool(moments)

    @property
    def reached(self) -> list[str]:
        """The reference names of the tasks that were scheduled, in their order."""
        return list(dict.fromkeys(defined_name(task) for task in self.execution.tasks))

    def result(self) -> WorkflowExecution:
        """Return the execution as a client reads it."""
        document = render(self.execution)
        del document["workflowDefinition"]
        kept = [{key: one[key] for key in one.keys() - _READ_FROM_DEFINITION} for one in document["tasks"]]
        run = WorkflowExecution.from_dict({**document, "tasks": kept})
        run.workflow_definition = self._plan.definition
        defined = {task.task_reference_name: task for task in self._plan.definition.all_tasks()}
        for task, raw in zip(run.tasks, self.execution.tasks, strict=True):
            _add_definition(task, raw["workflowTask"], defined)
        return run

    def remove(self) -> None:
        """Remove the execution from the engine."""
        self._engine.services.executions.remove(self.execution.id, archive=False)

    # -- the definition

    def _prepared(self, definition: Json) -> Json:
        """Return the definition with only the planned retries, and without timeouts."""
        made = {**definition, "timeoutPolicy": "ALERT_ONLY"}
        for task in walk(made.get("tasks") or []):
            self._prepare(task)
        return made

    def _prepare(self, task: Json) -> Json:
        reference, kind = task["taskReferenceName"], task["type"]
        limits = complete_task_def(task.get("taskDefinition") or default_task_def(task["name"], kind))
        limits.update(timeoutPolicy="ALERT_ONLY", totalTimeoutSeconds=0)
        if limits["responseTimeoutSeconds"] * 1000 <= self._plan.milliseconds:
            limits["responseTimeoutSeconds"] = 0
        task.update(taskDefinition=limits, retryCount=self._plan.retries.get(reference, 0))
        if reference == self._plan.stops_at:
            task.update(optional=False, permissive=False)
        parameters = task.get("subWorkflowParam")
        if parameters and parameters.get("version") is None:
            task["subWorkflowParam"] = {**parameters, "version": 1}  # the definition of the child is not registered
        return task

    # -- what replaces work of the engine

    def _kinds(self) -> dict[str, TaskKind]:
        kinds = {name: TaskKind(self._tolerant(PLANS[name]), leave_open) for name in _OUTSIDE}
        kinds["SUB_WORKFLOW"] = TaskKind(self._tolerant(PLANS["SUB_WORKFLOW"]), self._name_child)
        kinds["WAIT"] = TaskKind(self._tolerant(self._plan_wait), STARTS["WAIT"], RUNS["WAIT"])
        plans: dict[str, Callable[[Plan], list[Doc]]] = {
            **{name: PLANS[name] for name in ("FORK_JOIN", "JOIN", "EXCLUSIVE_JOIN", "DO_WHILE", "TERMINATE")},
            **{name: PLANS[name] for name in ("SET_VARIABLE", "NOOP", "DYNAMIC")},
            "SWITCH": self._plan_switch,
            "DECISION": self._plan_decision,
            "FORK_JOIN_DYNAMIC": self._plan_dynamic_fork,
        }
        runs = {**RUNS, "DO_WHILE": self._run_loop}
        for name, plan in plans.items():
            run = runs.get(name)
            kinds[name] = TaskKind(self._tolerant(plan), leave_open, None if run is None else partial(self._run, run))
        return kinds

    def _tolerant(self, plan_task: Callable[[Plan], list[Doc]]) -> Callable[[Plan], list[Doc]]:
        """Return a function that also plans tasks with incomplete input, and stops at the planned task."""

        def plan(plan: Plan) -> list[Doc]:
            try:
                made = plan_task(plan)
            except (TerminateWorkflowError, RefusedError, ValueError):
                made = _without_input(plan)
            if plan.task["taskReferenceName"] == self._plan.stops_at and made and made[0]["taskType"] in _STRUCTURE:
                del made[1:]
                if is_done(made[0]):
                    made[0].update(status=IN_PROGRESS, executed=False, endTime=0)
                    self._held = made[0]["taskId"]
            return made

        return plan

    def _run(self, run_task: Callable[[Run], bool], run: Run) -> bool:
        """Run a task of the engine; the task at which the execution stops stays open."""
        if run.task["taskId"] == self._held:
            return False
        changed = run_task(run)
        if defined_name(run.task) == self._plan.stops_at and is_done(run.task):
            run.task["status"] = IN_PROGRESS
            self._held = run.task["taskId"]
            return False
        return changed

    def _plan_switch(self, plan: Plan) -> list[Doc]:
        case = self._case(plan.task, is_script=plan.task.get("evaluatorType") != "value-param")
        return branch.plan_switch(plan) if case is None else branch.plan_switch_to(plan, plan.input(), case)

    def _plan_decision(self, plan: Plan) -> list[Doc]:
        case = self._case(plan.task, is_script=bool(plan.task.get("caseExpression")))
        return branch.plan_decision(plan) if case is None else branch.plan_decision_to(plan, case)

    def _case(self, task: Json, *, is_script: bool) -> str | None:
        """Return the planned case, or the first case for a script; None for the case of the value."""
        planned = self._plan.cases.get(task["taskReferenceName"])
        return next(iter(task["decisionCases"]), "null") if planned is None and is_script else planned

    def _plan_dynamic_fork(self, plan: Plan) -> list[Doc]:
        return PLANS["FORK_JOIN_DYNAMIC"](
            evolve(plan, plan_with=lambda task, retries: plan.plan_with(self._prepare({**task}), retries))
        )

    def _plan_wait(self, plan: Plan) -> list[Doc]:
        made = PLANS["WAIT"](plan)
        reference = plan.task["taskReferenceName"]
        if reference in self._plan.outputs or reference == self._plan.stops_at or plan.task["retryCount"]:
            made[0].drop("_waitTimeout")  # it ends by an update
        return made

    def _run_loop(self, run: Run) -> bool:
        planned = self._plan.iterations.get(defined_name(run.task))
        if planned is not None and not run.task["iteration"]:
            return loop.start_iteration(run, 1) if planned > 0 else run.complete({"iteration": 0})
        return loop.repeat(run, partial(self._goes_on, planned))

    @staticmethod
    def _goes_on(planned: int | None, run: Run) -> bool:
        times = planned if planned is not None else len(loop.items_of(run)) if loop.is_over_items(run.task) else 1
        return bool(run.task["iteration"] < times)

    def _name_child(self, run: Run) -> None:
        leave_open(run)
        run.task["subWorkflowId"] = child = self._child_of(run.task)
        run.task.put("outputData", subWorkflowId=child)

    def _child_of(self, task: Mapping[str, Any]) -> str:
        return example_id(self._plan.workflow_id, defined_name(task))

    def _name_failure_workflow(self, execution: Execution, command: StartFailureWorkflow) -> None:
        started = example_id(self._plan.workflow_id, command.request["name"])
        execution.workflow.put_all("output", {"conductor.failure_workflow": started})

    # -- time

    def _next(self) -> tuple[int | None, Doc | None]:
        """Return the time of the next event, and the task that then ends, unless the event is a timer.

        Of several tasks that end at the same time, the one at which the execution stops is the last.
        """
        open_tasks = self._find_open()
        moments = {task["taskId"]: self._moment_of(task) for task in open_tasks}
        timed = [task for task in open_tasks if moments[task["taskId"]][0] is not None]
        if timed:
            first = min(timed, key=lambda one: (moments[one["taskId"]][0], defined_name(one) == self._plan.stops_at))
            moment, ends = moments[first["taskId"]]
            return moment, first if ends else None
        if open_tasks:  # such as a JOIN of tasks that do not exist: it ends now
            return self._engine.clock.now_ms(), open_tasks[-1]
        return None, None

    def _find_open(self) -> list[Doc]:
        """Return the open tasks, without searching tasks that are known to have ended."""
        tasks = self.execution.tasks
        if tasks is not self._searched:  # a loop has removed tasks of earlier iterations
            self._searched, self._count, self._open = tasks, 0, []
        self._open = [task for task in (*self._open, *tasks[self._count :]) if not is_done(task)]
        self._count = len(tasks)
        return self._open

    def _moment_of(self, task: Doc) -> tuple[int | None, bool]:
        """Return the time of the next event of an open task, epoch ms or None, and whether the task then ends."""
        kind = task["taskType"]
        if kind in _STRUCTURE and _IS_PLANNED not in task:
            return None, False
        if task["status"] == SCHEDULED and kind not in SYNCHRONOUS:
            due = task.get("_due")  # a task that is due and has not been started cannot be
            return due, due is not None and due <= self._engine.clock.now_ms()
        if task.get("_waitTimeout"):
            return task["_waitTimeout"] + 1, False
        return task["startTime"] + (0 if kind in _SCRIPTS | _STRUCTURE else self._plan.milliseconds), True

    def _dispatch(self) -> None:
        """Dispatch the tasks of workers that are due."""
        now = self._kernel.context.now
        for task in self._find_open():
            if task["status"] == SCHEDULED and not is_system(task) and task.get("_due", now + 1) <= now:
                dispatch(task, _WORKER if task["workflowTask"]["type"] in _OF_WORKERS else None, now)

    # -- outcomes

    def _end_as_planned(self, task: Doc) -> None:
        name, plan = defined_name(task), self._plan
        if task["retryCount"] < plan.retries.get(name, 0) and not _is_structure(task):
            self.end(task, "FAILED", {}, plan.reason)
        elif name == plan.stops_at:
            self._stop_at(task)
        else:
            output = plan.outputs.get(name)
            self.end(task, "COMPLETED", self._usual_output(task) if output is None else output, None)

    def _stop_at(self, task: Doc) -> None:
        self.has_stopped = True
        status, reason = self._plan.stops_as, self._plan.reason
        if status in {WorkflowExecutionStatus.FAILED, WorkflowExecutionStatus.TIMED_OUT}:
            self.end(task, str(status), {}, reason)
        else:
            self.stop(status, reason)

    def stop(self, status: WorkflowExecutionStatus, reason: str | None) -> None:
        """Pause or terminate the execution; with RUNNING, leave it as it is."""
        executions = self._engine.services.executions
        if status == WorkflowExecutionStatus.TERMINATED:
            executions.terminate(self.execution.id, reason)
        elif status == WorkflowExecutionStatus.PAUSED:
            executions.pause(self.execution.id)

    def end(self, task: Doc, status: str, output: Json, reason: str | None) -> None:
        """End an open task."""
        result = {"status": status, "outputData": output, "reasonForIncompletion": reason}
        self._change(self._apply, task, {**result, "workerId": task.get("workerId")})

    def _apply(self, task: Doc, result: Json) -> None:
        if apply_result(self.execution, task, result, self._kernel.context):
            self._kernel.advance(self.execution)

    def _change(self, function: Callable[..., None], *arguments: Any) -> None:
        with self._kernel.change():
            self._kernel.touch(self.execution)
            function(*arguments)
            self._dispatch()

    def _usual_output(self, task: Doc) -> Json:
        """Return a small example output."""
        kind, given = task["taskType"], task["inputData"]
        response = {"statusCode": 200, "reasonPhrase": "OK", "headers": {}, "body": {}}
        usual: dict[str, Json] = {
            "HTTP": {"response": response},
            "HTTP_POLL": {"response": response},
            "INLINE": {"result": None},
            "LAMBDA": {"result": None},
            "JSON_JQ_TRANSFORM": {"result": None, "resultList": []},
            "SUB_WORKFLOW": {"subWorkflowId": task.get("subWorkflowId")},
            "START_WORKFLOW": {"workflowId": self._child_of(task)},
            "EVENT": {**given, "event_produced": given.get("sink")},
        }
        return usual.get(kind, {})


def _is_structure(task: Doc) -> bool:
    return task["taskType"] in _STRUCTURE


def _without_input(plan: Plan) -> list[Doc]:
    kind = str(plan.task["type"])
    if kind == "DYNAMIC":
        return plan_simple(plan)
    shown = _SHOWN_AS.get(kind, kind)
    made = plan.started(shown, IN_PROGRESS, plan.input())
    made[_IS_PLANNED] = True
    if shown == "FORK":
        made["taskDefName"] = shown
    return [made]


def _add_definition(task: Task, raw: Json, defined: Mapping[str, WorkflowTask]) -> None:
    definition = defined.get(raw["taskReferenceName"])
    task.workflow_task = definition if definition is not None else WorkflowTask.from_dict(raw)
    task.task_definition = task.workflow_task.task_definition or TaskDef(task.task_def_name or "")
