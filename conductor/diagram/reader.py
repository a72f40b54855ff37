"""Build the graph of a definition or an execution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from attrs import evolve

from conductor.diagram.graph import Graph, Kind, Lane, Step, kind_of
from conductor.diagram.labels import detail_of
from conductor.diagram.runs import Runs, of_workflow, plain_name, summary
from conductor.errors import UnexpectedResponseError
from conductor.models import SubWorkflowParams, Task, TaskStatus, Workflow, WorkflowDef, WorkflowTask
from conductor.models._base import Model

__all__ = ["graph_of", "without_invalid_values"]


def without_invalid_values(wire: Mapping[str, Any]) -> dict[str, Any]:
    """Return the wire form of a definition without values of a wrong type."""
    return _fitting({**wire, "tasks": _tasks(wire.get("tasks"))}, WorkflowDef)


def _tasks(value: Any) -> list[dict[str, Any]]:
    return [_task(task) for task in value if isinstance(task, Mapping)] if isinstance(value, list) else []


def _task(wire: Mapping[str, Any]) -> dict[str, Any]:
    task = dict(wire)
    for key in {"defaultCase", "loopOver"} & task.keys():
        task[key] = _tasks(task[key])
    if isinstance(cases := task.get("decisionCases"), Mapping):
        task["decisionCases"] = {name: _tasks(case) for name, case in cases.items()}
    if isinstance(branches := task.get("forkTasks"), list):
        task["forkTasks"] = [_tasks(branch) for branch in branches]
    return _fitting(task, WorkflowTask)


def _fitting(wire: Mapping[str, Any], kind: type[Model]) -> dict[str, Any]:
    return {key: value for key, value in wire.items() if _fits({key: value}, kind)}


def _fits(wire: Mapping[str, Any], kind: type[Model]) -> bool:
    try:
        kind.from_dict(wire)
    except UnexpectedResponseError:
        return False
    return True


#: Levels of nesting to draw.
_MAX_DEPTH = 25
#: Steps to draw; a definition that contains itself twice would be endless.
_MAX_STEPS = 5000
#: Branches of a dynamic fork to draw; the others are counted.
_MAX_BRANCHES = 12


def graph_of(subject: object, inside: Iterable[object] = ()) -> Graph:
    """Return the graph of a definition, an execution, the wire form of either, or an object with ``to_def()``.

    Args:
        subject: The workflow.
        inside: Definitions and executions of sub-workflows, for the steps that run them.

    Raises:
        TypeError: ``subject`` is of another type.
        UnexpectedResponseError: The wire form of an execution has values of a wrong type.
    """
    subject = _model_of(subject)
    others = _SubWorkflows([_model_of(other) for other in inside])
    if isinstance(subject, WorkflowDef):
        return Graph(str(subject.name), subject.version, _Reader(None, others, (subject,)).steps(subject.tasks))
    runs = Runs(subject.tasks)
    definition = subject.workflow_definition
    reader = _Reader(runs, others, (definition,))
    steps = reader.steps(definition.tasks) if definition is not None else reader.executed_only(runs.names())
    name = subject.workflow_name or (definition.name if definition is not None else "")
    version = subject.workflow_version or (definition.version if definition is not None else None)
    return Graph(str(name), version, steps, executed=True, run=of_workflow(subject))


def _model_of(subject: object) -> WorkflowDef | Workflow:
    if callable(getattr(subject, "to_def", None)) and callable(to_dict := getattr(subject, "to_dict", None)):
        subject = to_dict()  # a builder, whose definition may be invalid
    if isinstance(subject, Mapping) and subject.keys() & {"name", "tasks", "workflowId", "workflowDefinition"}:
        return _read(subject)
    if callable(to_def := getattr(subject, "to_def", None)):
        subject = to_def()
    if isinstance(subject, WorkflowDef | Workflow):
        return subject
    raise TypeError(f"A {type(subject).__name__} cannot be drawn; pass a definition, an execution or a builder.")


def _read(wire: Mapping[str, Any]) -> WorkflowDef | Workflow:
    if "workflowId" not in wire and "workflowDefinition" not in wire:
        try:
            return WorkflowDef.from_dict(wire)
        except UnexpectedResponseError:
            return WorkflowDef.from_dict(without_invalid_values(wire))
    try:
        return Workflow.from_dict(wire)
    except UnexpectedResponseError:
        if not isinstance(definition := wire.get("workflowDefinition"), Mapping):
            raise
        return Workflow.from_dict({**wire, "workflowDefinition": without_invalid_values(definition)})


class _SubWorkflows:
    """The sub-workflows to draw inside the steps that run them, and the number of steps that may still be drawn."""

    def __init__(self, models: Sequence[WorkflowDef | Workflow]) -> None:
        self.left = _MAX_STEPS
        self._executions = {one.workflow_id: one for one in models if isinstance(one, Workflow)}
        self._definitions: dict[tuple[str, int | None], WorkflowDef] = {}
        for one in models:
            if isinstance(one, WorkflowDef):
                self._definitions[one.name, one.version] = one
                self._definitions[one.name, None] = one

    def execution(self, task: Task | None) -> Workflow | None:
        """Return the execution that a task has started."""
        return self._executions.get(task.sub_workflow_id) if task is not None and task.sub_workflow_id else None

    def definition(self, given: SubWorkflowParams) -> WorkflowDef | None:
        """Return the definition that a step runs: the one that it contains, or the one with its name and version."""
        inner = given.workflow_definition
        try:
            return _as_definition(_model_of(inner))
        except (TypeError, UnexpectedResponseError):
            return self._definitions.get((str(given.name), given.version)) if inner is None else None


def _as_definition(model: WorkflowDef | Workflow) -> WorkflowDef | None:
    return model if isinstance(model, WorkflowDef) else None


class _Reader:
    """Converts tasks of a definition to steps, with their states in an execution."""

    def __init__(
        self, runs: Runs | None, others: _SubWorkflows, within: tuple[WorkflowDef | None, ...] = (), depth: int = 0
    ) -> None:
        self._runs = runs
        self._others = others
        self._within = within
        self._depth = depth

    def steps(self, tasks: Sequence[WorkflowTask] | None) -> tuple[Step, ...]:
        if not isinstance(tasks, Sequence) or self._depth > _MAX_DEPTH:
            return ()
        known = [task for task in tasks if isinstance(task, WorkflowTask)][: max(0, self._others.left)]
        self._others.left -= len(known)
        self._depth += 1
        try:
            return tuple(self._step(task, after) for task, after in zip_longest(known, known[1:]))
        finally:
            self._depth -= 1

    def executed_only(self, names: Iterable[str]) -> tuple[Step, ...]:
        """Return steps for tasks that are not in the definition: of a dynamic fork, or without a definition."""
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
            executed=self._runs is not None,
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
        return self._inner(task)

    def _inner(self, task: WorkflowTask) -> tuple[Lane, ...]:
        """Return the steps of a sub-workflow, with their states if its execution is available."""
        given: Any = task.sub_workflow_param
        if not isinstance(given, SubWorkflowParams):
            return ()
        child = self._others.execution(self._last(str(task.task_reference_name)))
        runs = Runs(child.tasks) if child is not None else None
        definition = child.workflow_definition if child is not None else None
        definition = definition or self._others.definition(given)
        if definition is None or any(one is definition for one in self._within):
            return ()
        reader = _Reader(runs, self._others, (*self._within, definition), self._depth)
        return (Lane("", reader.steps(definition.tasks)),)

    def _cases(self, task: WorkflowTask) -> tuple[Lane, ...]:
        cases = task.decision_cases if isinstance(task.decision_cases, Mapping) else {}
        lanes = [self._lane(str(value), tasks) for value, tasks in cases.items()]
        lanes.append(self._lane("default", task.default_case))
        switch = self._last(str(task.task_reference_name))
        if switch is None:
            return tuple(lanes)
        selected = str(switch.output_data.get("selectedCase") or switch.input_data.get("case") or "")
        if not any(lane.taken for lane in lanes):  # an empty case, which has no tasks in the execution
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
        shown, more = _select_branches(names, self._runs)
        lanes = [Lane("", self.executed_only([name]), taken=True) for name in shown]
        if more:
            run = summary(run for name in more if (run := self._runs.of(name)) is not None)
            lanes.append(
                Lane("", (Step(Kind.MORE, "", "", f"{len(more)} more branches", run=run, executed=True),), taken=True)
            )
        return tuple(lanes)

    def _lane(self, label: str, tasks: Sequence[WorkflowTask] | None) -> Lane:
        steps = self.steps(tasks)
        return Lane(label, steps, taken=any(step.run for step in steps) if self._runs is not None else None)

    def _last(self, ref: str) -> Task | None:
        return self._runs.last(ref) if self._runs is not None else None


def _listed(value: object) -> list[Any]:
    """Return the value if it is a list, otherwise an empty list: an unfinished definition may be invalid."""
    return value if isinstance(value, list) else []


def _select_branches(names: list[str], runs: Runs) -> tuple[list[str], list[str]]:
    """Return the branches to draw, preferring those that have not succeeded, and the branches to count."""
    if len(names) <= _MAX_BRANCHES:
        return names, []

    def succeeded(name: str) -> bool:
        last = runs.last(name)
        return last is not None and TaskStatus(str(last.status)).is_successful

    shown = set(sorted(names, key=succeeded)[:_MAX_BRANCHES])
    return [name for name in names if name in shown], [name for name in names if name not in shown]


def _definition_of(task: Task) -> WorkflowTask:
    given, name = task.workflow_task, plain_name(task)
    if given is not None:
        return evolve(given, task_reference_name=name)
    return WorkflowTask(task.task_def_name or task.task_type or "", name, type=task.task_type)


def _join_detail(after: WorkflowTask | None) -> str:
    return "" if after is not None and kind_of(str(after.type)) is Kind.JOIN else "no JOIN follows"


def _inside(lane: Lane) -> Iterator[Step]:
    for step in lane.steps:
        yield step
        for inner in step.lanes:
            yield from _inside(inner)
