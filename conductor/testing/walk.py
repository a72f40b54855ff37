"""The tasks that the server would create for a planned execution of a definition."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve, frozen

from conductor.models import Task, TaskStatus, TaskType, WorkflowDef, WorkflowExecutionStatus, WorkflowTask
from conductor.testing.decisions import case_of, entries_of, usual_output
from conductor.testing.executions import example_task
from conductor.testing.expressions import resolved

__all__ = ["Plan", "Walk"]

_FORKS = frozenset({TaskType.FORK_JOIN, TaskType.FORK_JOIN_DYNAMIC})
_JOINS = frozenset({TaskType.JOIN, TaskType.EXCLUSIVE_JOIN})
_SWITCHES = frozenset({TaskType.SWITCH, TaskType.DECISION})
_SCRIPTS = frozenset(
    {
        TaskType.INLINE,
        TaskType.LAMBDA,
        TaskType.SET_VARIABLE,
        TaskType.JSON_JQ_TRANSFORM,
        TaskType.NOOP,
        TaskType.EXCLUSIVE_JOIN,
        TaskType.TERMINATE,
    }
)
#: Ticks per millisecond: the walk counts microseconds, so that a task without a duration is before the next one.
_TICKS = 1000


@frozen
class Plan:
    """The planned execution; see ``example_workflow_run``."""

    definition: WorkflowDef
    workflow_id: str
    input: dict[str, Any]
    outputs: dict[str, dict[str, Any]]
    cases: dict[str, str]
    iterations: dict[str, int]
    retries: dict[str, int]
    began: int
    milliseconds: int
    stops_at: str | None = None
    stops_as: TaskStatus = TaskStatus.IN_PROGRESS
    reason: str = ""


@frozen
class _Made:
    """A task, with its start and end in ticks."""

    begin: int
    end: int
    task: Task


class Walk:
    """Executes a plan when it is created.

    Attributes:
        tasks: The tasks, in the order of their scheduling.
        document: The values of expressions: ``workflow`` and the tasks by reference name.
        variables: The execution's variables at the end.
        stopped_id: The id of the task at which the execution has stopped.
        terminated_as: The status, output and reason that a TERMINATE task set.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.variables: dict[str, Any] = dict(plan.definition.variables or {})
        self.document: dict[str, Any] = {
            "workflow": {
                "input": plan.input,
                "variables": self.variables,
                "workflowId": plan.workflow_id,
                "workflowType": plan.definition.name,
                "version": plan.definition.version or 1,
            }
        }
        self.stopped_id: str = ""
        self.terminated_as: WorkflowExecutionStatus | None = None
        self.terminated_with: dict[str, Any] = {}
        self.terminated_reason: str = ""
        self._made: list[_Made] = []
        self._ended: int | None = None
        self._series(plan.definition.tasks, plan.began * _TICKS, 0)
        self.tasks: list[Task] = self._in_order()

    # -- steps; each function returns the end in ticks, or None if the execution stopped

    def _series(self, tasks: Sequence[WorkflowTask], now: int, iteration: int) -> int | None:
        time: int | None = now
        fork: tuple[int, list[int | None]] | None = None
        for task in tasks:
            if time is None:
                return None
            if fork is not None and task.type in _JOINS:
                time, fork = self._join(task, fork[0], fork[1], iteration), None
            elif task.type in _FORKS:
                fork = (time, self._fork(task, time, iteration))
            else:
                time = self._step(task, time, iteration)
        return None if fork is not None else time

    def _step(self, task: WorkflowTask, now: int, iteration: int) -> int | None:
        if task.type in _SWITCHES:
            return self._switch(task, now, iteration)
        if task.type == TaskType.DO_WHILE:
            return self._loop(task, now)
        if task.type == TaskType.TERMINATE:
            self._terminate(task, now, iteration)
            return None
        inputs = self._inputs(task)
        if task.type == TaskType.SET_VARIABLE:
            self.variables.update(inputs)
        output = self.plan.outputs.get(task.task_reference_name)
        if output is None:
            output = usual_output(task, inputs, self.plan.workflow_id)
        took = 1 if task.type in _SCRIPTS else self.plan.milliseconds * _TICKS
        return self._attempts(task, now, iteration, inputs, output, took)

    def _attempts(
        self, task: WorkflowTask, now: int, iteration: int, inputs: dict[str, Any], output: dict[str, Any], took: int
    ) -> int | None:
        ref = task.task_reference_name
        failures = self.plan.retries.get(ref, 0)
        for attempt in range(failures):
            self._add(task, now, iteration, inputs, {}, TaskStatus.FAILED, took, attempt, retried=True)
            now += took
        if ref == self.plan.stops_at:
            self._stop(self._add(task, now, iteration, inputs, {}, self.plan.stops_as, took, failures))
            return None
        self._add(task, now, iteration, inputs, output, TaskStatus.COMPLETED, took, failures)
        return now + took

    # -- blocks

    def _switch(self, task: WorkflowTask, now: int, iteration: int) -> int | None:
        inputs = self._inputs(task)
        selected = self.plan.cases.get(task.task_reference_name, case_of(task, inputs))
        chosen = (task.decision_cases or {}).get(selected, task.default_case or [])
        shown = {**inputs, "case": selected, **({"hasChildren": "true"} if chosen else {})}
        output = {"evaluationResult": [selected], "selectedCase": selected}
        ended = self._attempts(task, now, iteration, shown, output, 0)
        return None if ended is None else self._series(chosen, ended, iteration)

    def _fork(self, task: WorkflowTask, now: int, iteration: int) -> list[int | None]:
        inputs = self._inputs(task)
        branches = task.fork_tasks or []
        if task.type == TaskType.FORK_JOIN_DYNAMIC:
            branches = [[entry] for entry in entries_of(task, inputs)]
            inputs["forkedTasks"] = [branch[0].task_reference_name for branch in branches]
        if self._attempts(task, now, iteration, inputs, {}, 0) is None:
            return [None]
        return [self._series(branch, now, iteration) for branch in branches]

    def _join(self, task: WorkflowTask, forked: int, ends: list[int | None], iteration: int) -> int | None:
        stops = task.task_reference_name == self.plan.stops_at
        waits = None in ends and not stops
        end = max((end for end in ends if end is not None), default=forked)
        refs = task.join_on or []
        output = {ref: self.document[ref]["output"] for ref in refs if self.document.get(ref, {}).get("output")}
        status = TaskStatus.IN_PROGRESS if waits else self.plan.stops_as if stops else TaskStatus.COMPLETED
        made = self._add(task, forked, iteration, {"joinOn": refs}, {} if waits else output, status, end - forked)
        if stops:
            self._stop(made)
        return None if stops or waits else end

    def _loop(self, task: WorkflowTask, now: int) -> int | None:
        inputs = self._inputs(task)
        items = resolved(task.items or inputs.get("_items"), self.document)
        times = self.plan.iterations.get(task.task_reference_name, len(items) if isinstance(items, list) else 1)
        place, time, output = len(self._made), now, dict[str, Any]()
        done: int | None = now
        for number in range(1, times + 1):
            begin = len(self._made)
            done = self._series(task.loop_over or [], time, number)
            if done is None:
                break
            time = done
            output[str(number)] = {_name(made.task): made.task.output_data for made in self._made[begin:]}
        stops = task.task_reference_name == self.plan.stops_at
        status = TaskStatus.IN_PROGRESS if done is None else self.plan.stops_as if stops else TaskStatus.COMPLETED
        count = len(output) + (done is None)
        made = self._add(task, now, 0, inputs, {**output, "iteration": count}, status, time - now)
        made.task.iteration, made.task.loop_over_task = count, count > 0
        self._made.insert(place, self._made.pop())  # the loop was scheduled before its body
        if stops:
            self._stop(made)
        return None if stops else done

    def _terminate(self, task: WorkflowTask, now: int, iteration: int) -> None:
        inputs = self._inputs(task)
        given = inputs.get("workflowOutput")
        output = given if isinstance(given, dict) else {} if given is None else {"output": given}
        if self._attempts(task, now, iteration, inputs, output, 0) is None:
            return
        made = self._made[-1].task
        self.terminated_as = WorkflowExecutionStatus(str(inputs.get("terminationStatus")))
        self.terminated_with = output
        usual = f"Workflow is {self.terminated_as} by TERMINATE task: {made.task_id}"
        self.terminated_reason = str(inputs.get("terminationReason") or usual)
        self._end(now)

    # -- tasks

    def _add(
        self,
        task: WorkflowTask,
        now: int,
        iteration: int,
        inputs: dict[str, Any],
        output: dict[str, Any],
        status: TaskStatus,
        took: int,
        retry_count: int = 0,
        *,
        retried: bool = False,
    ) -> _Made:
        failed = status.is_terminal and not status.is_successful
        made = example_task(
            task.name,
            inputs,
            status=status,
            output=output,
            definition=task,
            workflow_type=self.plan.definition.name,
            workflow_id=self.plan.workflow_id,
            retry_count=retry_count,
            iteration=iteration,
            scheduled_time=now // _TICKS,
            milliseconds=took // _TICKS,
            retried=retried,
            reason_for_incompletion=(self.plan.reason or "an example") if failed else None,
            sub_workflow_id=output.get("subWorkflowId"),
        )
        self._made.append(_Made(now, now + took, made))
        self.document[task.task_reference_name] = {
            "input": made.input_data,
            "output": made.output_data,
            "status": str(status),
            "taskId": made.task_id,
            "iteration": made.iteration,
        }
        return self._made[-1]

    def _inputs(self, task: WorkflowTask) -> dict[str, Any]:
        filled = resolved(task.input_parameters or {}, self.document)
        return filled if isinstance(filled, dict) else {}

    def _stop(self, made: _Made) -> None:
        self.stopped_id = made.task.task_id or ""
        self._end(made.end)

    def _end(self, time: int) -> None:
        self._ended = time if self._ended is None else min(self._ended, time)

    def _in_order(self) -> list[Task]:
        """Return the tasks in the order of scheduling, without those after the end; open ones are closed."""
        made = sorted(self._made, key=lambda one: one.begin)
        end = self._ended
        if end is None:
            tasks = [one.task for one in made]
        else:
            goes_on = self.terminated_as is None and not self.plan.stops_as.is_terminal
            left = TaskStatus.IN_PROGRESS if goes_on else TaskStatus.CANCELED
            there = [one for one in made if one.task.task_id == self.stopped_id or one.begin < end or one.end == end]
            tasks = [_cut(one, end, left) for one in there]
        return [evolve(task, seq=number) for number, task in enumerate(tasks, 1)]


def _cut(made: _Made, end: int, left: TaskStatus) -> Task:
    task = made.task
    if task.is_terminal and made.end <= end:
        return task
    ended = end // _TICKS if left.is_terminal else 0
    return evolve(task, status=left, end_time=ended, update_time=ended or task.scheduled_time)


def _name(task: Task) -> str:
    return task.workflow_task.task_reference_name if task.workflow_task is not None else ""
