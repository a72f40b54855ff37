"""An execution as a readable tree without ids and times: the same text for each run with the same course."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from attrs import define

from conductor.models.definition import WorkflowDef, WorkflowTask
from conductor.models.execution import WorkflowExecution
from conductor.models.task import Task
from conductor.testing.reports import as_execution, without

if TYPE_CHECKING:
    from conductor.clients.client import ConductorClient

__all__ = ["execution_tree"]

#: Milliseconds before and after the execution within which a time counts as a time of the run.
_MARGIN_MS = 60_000
_UUID = re.compile(r"\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b")
_ISO_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")
_EPOCH_MS = re.compile(r"\b\d{13}\b")
_FORKS = frozenset({"FORK", "FORK_JOIN", "FORK_JOIN_DYNAMIC"})
#: Tasks whose input and output only repeat those of other tasks in the tree.
_STRUCTURE = _FORKS | {"JOIN", "EXCLUSIVE_JOIN", "SWITCH", "DECISION", "DO_WHILE", "SUB_WORKFLOW", "SET_VARIABLE"}
#: Tasks whose input is in the definition.
_SCRIPTS = frozenset({"INLINE", "LAMBDA", "JSON_JQ_TRANSFORM"})
#: Fields of a response that differ from call to call.
_HTTP_IGNORED = frozenset({"headers"})


def execution_tree(
    run: WorkflowExecution,
    *,
    values: bool = True,
    ignore: Iterable[str] = (),
    client: ConductorClient | None = None,
) -> str:
    """Return an execution as a tree of its tasks: status, attempts, reasons, inputs and outputs.

    Two runs with the same course have the same tree. Ids become `<id>` and times of the run become `<time>`, also
    inside inputs, outputs and reasons. Durations, workers and the order of parallel tasks are omitted.

    Args:
        run: The execution with its tasks.
        values: Whether to show inputs and outputs.
        ignore: Names of fields to omit from inputs and outputs, at any depth.
        client: The client that reads sub-workflows (`GET /workflow/{workflowId}`), to show them inside; by default each
            sub-workflow is a single line.

    Returns:
        The tree, one line for each fact, ending in a line feed.
    """
    root = _Writer(as_execution(run, "execution_tree"), values, frozenset(ignore), client).root()
    lines = [root.heading, *(f"  {value}" for value in root.values), *_drawn(root.children)]
    return "\n".join(lines) + "\n"


@define
class _Node:
    """An attempt of a task, or an execution, with its values and children."""

    heading: str
    values: list[str]
    children: list[_Node]


class _Writer:
    def __init__(
        self,
        run: WorkflowExecution,
        values: bool,
        ignored: frozenset[str],
        client: ConductorClient | None,
    ) -> None:
        self._run = run
        self._shows_values = values
        self._ignored = ignored
        self._client = client
        self._begin = (run.start_time or run.create_time or 0) - _MARGIN_MS
        self._end = max([run.end_time, run.update_time or 0, *(task.update_time for task in run.tasks)]) + _MARGIN_MS
        self._by_name: dict[str, list[Task]] = {}
        for task in sorted(run.tasks, key=lambda one: one.seq):
            self._by_name.setdefault(task.reference_task_name or "", []).append(task)

    def root(self) -> _Node:
        run = self._run
        version = f" v{run.workflow_version}" if run.workflow_version else ""
        reason = f": {self._masked(run.reason_for_incompletion)}" if run.reason_for_incompletion else ""
        values = [("input", run.input), ("output", run.output), ("variables", run.variables)]
        heading = f"{run.workflow_name}{version} {run.status}{reason}"
        definition = run.workflow_definition
        nodes = self._nodes(definition.tasks if isinstance(definition, WorkflowDef) else (), 0)
        nodes += [self._attempts(name, None, 0) for name in list(self._by_name)]
        return _Node(heading, list(self._values(values, self._ignored)), [node for group in nodes for node in group])

    def _nodes(self, tasks: Sequence[WorkflowTask], iteration: int) -> list[list[_Node]]:
        return [self._attempts(_named(task.task_reference_name, iteration), task, iteration) for task in tasks]

    def _attempts(self, name: str, definition: WorkflowTask | None, iteration: int) -> list[_Node]:
        attempts = self._by_name.pop(name, [])
        nodes = [self._node(task) for task in attempts]
        if nodes and definition is not None:
            nodes[-1].children = self._children(attempts[-1], definition, iteration)
        elif nodes:
            nodes[-1].children = self._sub_workflow(attempts[-1])
        return nodes

    def _children(self, task: Task, definition: WorkflowTask, iteration: int) -> list[_Node]:
        blocks: list[tuple[Sequence[WorkflowTask], int]] = []
        if definition.loop_over:
            blocks = [(definition.loop_over, number) for number in range(1, task.iteration + 1)]
        elif definition.fork_tasks:
            blocks = [(branch, iteration) for branch in definition.fork_tasks]
        else:
            cases = [*(definition.decision_cases or {}).values(), definition.default_case or []]
            blocks = [(case, iteration) for case in cases]
        nodes = [node for tasks, number in blocks for group in self._nodes(tasks, number) for node in group]
        if str(definition.type) == "FORK_JOIN_DYNAMIC":
            forked = task.input_data.get("forkedTasks")
            names = sorted(map(str, forked)) if isinstance(forked, list) else []
            nodes += [node for name in names for node in self._attempts(name, None, iteration)]
        return nodes + self._sub_workflow(task)

    def _sub_workflow(self, task: Task) -> list[_Node]:
        if self._client is None or not task.sub_workflow_id:
            return []
        child = self._client.workflows.get(task.sub_workflow_id)
        writer = _Writer(child, self._shows_values, self._ignored, self._client)
        return [writer.root()]

    def _node(self, task: Task) -> _Node:
        kind = str(task.task_type)
        is_worker = task.workflow_task is None or str(task.workflow_task.type or "SIMPLE") == "SIMPLE"
        shown = (task.task_def_name or kind) if is_worker else kind
        words = [task.reference_task_name or "?"]
        if shown != words[0] or not is_worker:
            words.append(f"({shown})")
        words.append(str(task.status))
        if task.retry_count:
            words.append(f"attempt {task.retry_count + 1}")
        line = " ".join(words)
        if kind in {"SWITCH", "DECISION"} and (case := task.output_data.get("selectedCase")) is not None:
            line += f": case {case}"
        if task.reason_for_incompletion:
            line += f": {self._masked(task.reason_for_incompletion.strip().splitlines()[0])}"
        values = []
        if kind not in _STRUCTURE:
            values = [("input", {} if kind in _SCRIPTS else task.input_data), ("output", task.output_data)]
        return _Node(line, list(self._values(values, self._ignored | _ignored_by(kind))), [])

    def _values(self, values: Iterable[tuple[str, Mapping[str, Any]]], ignored: frozenset[str]) -> Iterator[str]:
        for name, value in values if self._shows_values else ():
            if kept := without(value, ignored):
                text = json.dumps(kept, sort_keys=True, ensure_ascii=False, default=repr)
                yield f"{name}: {self._masked(text)}"

    def _masked(self, text: str | None) -> str:
        text = _UUID.sub("<id>", text or "")
        text = _ISO_TIME.sub(lambda found: "<time>" if self._is_of_run(_iso_ms(found[0])) else found[0], text)
        return _EPOCH_MS.sub(lambda found: "<time>" if self._is_of_run(int(found[0])) else found[0], text)

    def _is_of_run(self, moment: int | None) -> bool:
        return moment is not None and self._begin <= moment <= self._end


def _drawn(nodes: Sequence[_Node], before: str = "") -> Iterator[str]:
    for node in nodes:
        is_last = node is nodes[-1]
        inner = before + ("   " if is_last else "│  ")
        yield before + ("└─ " if is_last else "├─ ") + node.heading
        yield from (f"{inner}{'│' if node.children else ' '} {value}" for value in node.values)
        yield from _drawn(node.children, inner)


def _named(name: str | None, iteration: int) -> str:
    return f"{name}__{iteration}" if iteration else name or ""


def _ignored_by(kind: str) -> frozenset[str]:
    return _HTTP_IGNORED if kind in {"HTTP", "HTTP_POLL"} else frozenset()


def _iso_ms(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return round((moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp() * 1000)
