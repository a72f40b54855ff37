"""A definition, or an execution of one, as a small tree of steps: what every picture is drawn from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from attrs import evolve, frozen

from conductor.errors import UnexpectedResponseError
from conductor.models import SubWorkflowParams, Task, TaskStatus, Workflow, WorkflowDef, WorkflowTask
from conductor.workflow.draw.detail import detail_of
from conductor.workflow.draw.kinds import Kind, kind_of
from conductor.workflow.draw.runs import Run, Runs, of_workflow, plain_name, summary

__all__ = ["Graph", "Lane", "Step", "graph_of"]

_DEEPEST = 25
_MOST_BRANCHES = 12


@frozen
class Lane:
    """Steps that follow one another: a case, a branch, the body of a loop, a workflow inside another.

    Attributes:
        label: The case's value; empty where there is none.
        steps: The steps, in order.
        joined: False for a branch that the JOIN does not wait for.
        taken: Whether an execution came this way; None where nothing has been executed.
    """

    label: str
    steps: tuple[Step, ...]
    joined: bool = True
    taken: bool | None = None


@frozen
class Step:
    """One task, with the lanes that it holds.

    Attributes:
        kind: Its sort.
        type: Its task type.
        name: The task definition's name.
        ref: Its reference name.
        detail: What it does, in a few words; may be long.
        optional: Whether the workflow goes on when it fails.
        lanes: Cases, branches, or the one body.
        run: What became of it; None when it was not reached, or nothing was executed.
    """

    kind: Kind
    type: str
    name: str
    ref: str
    detail: str = ""
    optional: bool = False
    lanes: tuple[Lane, ...] = ()
    run: Run | None = None

    @property
    def is_framed(self) -> bool:
        """Whether its one lane is drawn inside a frame: a loop's body, a workflow's steps."""
        return self.kind in {Kind.LOOP, Kind.WORKFLOW} and bool(self.lanes)


@frozen
class Graph:
    """A whole picture.

    Attributes:
        name: The workflow's name.
        version: Its version; None when it is the server's to say.
        steps: The steps, in order.
        executed: Whether it shows an execution.
        run: What became of the execution.
    """

    name: str
    version: int | None
    steps: tuple[Step, ...]
    executed: bool = False
    run: Run | None = None

    def walk(self) -> Iterator[Step]:
        """Every step, each before those in its lanes."""
        stack = list(reversed(self.steps))
        while stack:
            step = stack.pop()
            yield step
            stack.extend(inner for lane in reversed(step.lanes) for inner in reversed(lane.steps))


def graph_of(subject: object) -> Graph:
    """The graph of a definition, an execution, either's wire form, or anything with ``to_def()``.

    Raises:
        TypeError: It is none of these.
        UnexpectedResponseError: A wire form has values of another type.
    """
    if isinstance(subject, Mapping):
        executed = "workflowId" in subject or "workflowDefinition" in subject
        subject = Workflow.from_dict(subject) if executed else WorkflowDef.from_dict(subject)
    to_def = getattr(subject, "to_def", None)
    if callable(to_def):
        subject = to_def()
    if isinstance(subject, WorkflowDef):
        return Graph(str(subject.name), subject.version, _Reader(None).steps(subject.tasks))
    if isinstance(subject, Workflow):
        return _executed(subject)
    raise TypeError(f"A {type(subject).__name__} cannot be drawn: give a definition, an execution, or a builder.")


def _executed(execution: Workflow) -> Graph:
    definition, runs = execution.workflow_definition, Runs(execution.tasks)
    reader = _Reader(runs)
    steps = reader.steps(definition.tasks) if definition is not None else reader.unplanned(runs.names())
    name = execution.workflow_name or (definition.name if definition is not None else "")
    version = execution.workflow_version or (definition.version if definition is not None else None)
    return Graph(str(name), version, steps, executed=True, run=of_workflow(execution))


class _Reader:
    """Turns task definitions into steps, with what ``runs`` says of them."""

    def __init__(self, runs: Runs | None, depth: int = 0) -> None:
        self._runs = runs
        self._depth = depth

    def steps(self, tasks: Sequence[WorkflowTask] | None) -> tuple[Step, ...]:
        if not isinstance(tasks, Sequence) or self._depth > _DEEPEST:
            return ()
        self._depth += 1
        try:
            known = [task for task in tasks if isinstance(task, WorkflowTask)]
            return tuple(self._step(task, after) for task, after in zip_longest(known, known[1:]))
        finally:
            self._depth -= 1

    def unplanned(self, names: Iterable[str]) -> tuple[Step, ...]:
        """Steps of tasks that no definition names: of a dynamic fork, or of an execution without its definition."""
        return tuple(self._step(_definition_of(task), None) for name in names if (task := self._last(name)) is not None)

    def _step(self, task: WorkflowTask, after: WorkflowTask | None) -> Step:
        task_type = str(task.type or "SIMPLE")
        ref = str(task.task_reference_name or "")
        return Step(
            kind=kind_of(task_type),
            type=task_type,
            name=self._name(task, task_type),
            ref=ref,
            detail=_join_detail(after) if task_type == "FORK_JOIN" else detail_of(task, task_type),
            optional=bool(task.optional),
            lanes=self._lanes(task, task_type, after),
            run=self._runs.of(ref) if self._runs is not None else None,
        )

    def _name(self, task: WorkflowTask, task_type: str) -> str:
        last = self._last(str(task.task_reference_name)) if task_type == "DYNAMIC" else None
        return str((last.task_def_name or last.task_type) if last is not None else task.name or "")

    def _lanes(self, task: WorkflowTask, task_type: str, after: WorkflowTask | None) -> tuple[Lane, ...]:
        kind = kind_of(task_type)
        if kind is Kind.SWITCH:
            return self._cases(task)
        if kind is Kind.FORK:
            return self._branches(task, after) if task.fork_tasks else self._dynamic_branches(task)
        if kind is Kind.LOOP:
            return (self._lane("", task.loop_over),)
        inner = _inline_definition(task)
        # What runs inside belongs to another execution, so nothing here says what became of it.
        return (Lane("", _Reader(None, self._depth).steps(inner.tasks)),) if inner is not None else ()

    def _cases(self, task: WorkflowTask) -> tuple[Lane, ...]:
        cases = task.decision_cases if isinstance(task.decision_cases, Mapping) else {}
        lanes = [self._lane(str(value), tasks) for value, tasks in cases.items()]
        lanes.append(self._lane("default", task.default_case))
        switch = self._last(str(task.task_reference_name))
        if switch is None:
            return tuple(lanes)
        selected = str(switch.output_data.get("selectedCase") or switch.input_data.get("case") or "")
        if not any(lane.taken for lane in lanes):  # an empty case, which leaves no task behind
            lanes = [evolve(lane, taken=lane.label == (selected if selected in cases else "default")) for lane in lanes]
        return tuple(lanes)

    def _branches(self, task: WorkflowTask, after: WorkflowTask | None) -> tuple[Lane, ...]:
        lanes = [self._lane("", tasks) for tasks in _listed(task.fork_tasks)]
        if after is None or kind_of(str(after.type)) is not Kind.JOIN:
            return tuple(lanes)
        awaited = {str(ref) for ref in _listed(after.join_on)}
        return tuple(evolve(lane, joined=any(step.ref in awaited for step in _inside(lane))) for lane in lanes)

    def _dynamic_branches(self, task: WorkflowTask) -> tuple[Lane, ...]:
        fork = self._last(str(task.task_reference_name))
        if fork is None or self._runs is None:
            return ()
        names = [str(name) for name in _listed(fork.input_data.get("forkedTasks"))]
        shown, more = _most_telling(names, self._runs)
        lanes = [Lane("", self.unplanned([name]), taken=True) for name in shown]
        if more:
            run = summary(run for name in more if (run := self._runs.of(name)) is not None)
            lanes.append(Lane("", (Step(Kind.MORE, "", "", f"{len(more)} more branches", run=run),), taken=True))
        return tuple(lanes)

    def _lane(self, label: str, tasks: Sequence[WorkflowTask] | None) -> Lane:
        steps = self.steps(tasks)
        return Lane(label, steps, taken=any(step.run for step in steps) if self._runs is not None else None)

    def _last(self, ref: str) -> Task | None:
        return self._runs.last(ref) if self._runs is not None else None


def _listed(value: object) -> list[Any]:
    """``value`` where it is a list, as it should be; what is drawn may be wrong, or not finished."""
    return value if isinstance(value, list) else []


def _most_telling(names: list[str], runs: Runs) -> tuple[list[str], list[str]]:
    """Which of many branches are drawn: those that did not succeed first, then from the front."""
    if len(names) <= _MOST_BRANCHES:
        return names, []

    def succeeded(name: str) -> bool:
        last = runs.last(name)
        return last is not None and TaskStatus(str(last.status)).is_successful

    shown = set(sorted(names, key=succeeded)[:_MOST_BRANCHES])
    return [name for name in names if name in shown], [name for name in names if name not in shown]


def _definition_of(task: Task) -> WorkflowTask:
    given, name = task.workflow_task, plain_name(task)
    if given is not None:
        return evolve(given, task_reference_name=name)
    return WorkflowTask(task.task_def_name or task.task_type or "", name, type=task.task_type)


def _inline_definition(task: WorkflowTask) -> WorkflowDef | None:
    given: Any = task.sub_workflow_param
    inner = given.workflow_definition if isinstance(given, SubWorkflowParams) else None
    to_def = getattr(inner, "to_def", None)
    if callable(to_def):
        inner = to_def()
    if isinstance(inner, Mapping):
        try:
            inner = WorkflowDef.from_dict(inner)
        except UnexpectedResponseError:
            return None
    return inner if isinstance(inner, WorkflowDef) else None


def _join_detail(after: WorkflowTask | None) -> str:
    return "" if after is not None and kind_of(str(after.type)) is Kind.JOIN else "no JOIN follows"


def _inside(lane: Lane) -> Iterator[Step]:
    for step in lane.steps:
        yield step
        for inner in step.lanes:
            yield from _inside(inner)
