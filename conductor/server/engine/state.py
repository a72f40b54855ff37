"""One execution in memory: its document, its tasks, and the engine's commands."""

from __future__ import annotations

import heapq
import re
from bisect import insort
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, field, frozen

from conductor.server.engine.commands import AddLog, Command
from conductor.server.engine.tree import DefinitionTree

SCHEDULED, IN_PROGRESS = "SCHEDULED", "IN_PROGRESS"
COMPLETED, COMPLETED_WITH_ERRORS, SKIPPED = "COMPLETED", "COMPLETED_WITH_ERRORS", "SKIPPED"
FAILED, FAILED_WITH_TERMINAL_ERROR = "FAILED", "FAILED_WITH_TERMINAL_ERROR"
TIMED_OUT, CANCELED = "TIMED_OUT", "CANCELED"
RUNNING, PAUSED, TERMINATED = "RUNNING", "PAUSED", "TERMINATED"
OPEN_TASK = frozenset({SCHEDULED, IN_PROGRESS})
SUCCESSFUL_TASK = frozenset({COMPLETED, COMPLETED_WITH_ERRORS, SKIPPED})
UNSUCCESSFUL_TASK = frozenset({FAILED, FAILED_WITH_TERMINAL_ERROR, TIMED_OUT, CANCELED})
TERMINAL_TASK = SUCCESSFUL_TASK | UNSUCCESSFUL_TASK
RETRIABLE_TASK = frozenset({FAILED, TIMED_OUT})
FAILED_TASK = frozenset({FAILED, FAILED_WITH_TERMINAL_ERROR})
OPEN_WORKFLOW = frozenset({RUNNING, PAUSED})
TERMINAL_WORKFLOW = frozenset({COMPLETED, FAILED, TIMED_OUT, TERMINATED})
#: Types that the engine never retries, even if a task definition with their name allows retries.
BUILT_IN = frozenset({
    "DECISION", "SWITCH", "FORK", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN", "EXCLUSIVE_JOIN", "DO_WHILE",
})  # fmt: skip
#: Types that the engine runs as a part of deciding.
SYNCHRONOUS = frozenset({
    "SWITCH", "DECISION", "FORK", "INLINE", "LAMBDA", "SET_VARIABLE", "JSON_JQ_TRANSFORM", "NOOP", "TERMINATE",
    "DO_WHILE", "EXCLUSIVE_JOIN", "HUMAN",
})  # fmt: skip
#: Types that call a model or a tool; the embedded server leaves them open for an update.
LLM = frozenset({
    "LLM_TEXT_COMPLETE", "LLM_CHAT_COMPLETE", "LLM_GENERATE_EMBEDDINGS", "LLM_INDEX_TEXT", "LLM_SEARCH_INDEX",
    "LLM_GET_EMBEDDINGS", "LLM_STORE_EMBEDDINGS", "LLM_SEARCH_EMBEDDINGS", "LIST_MCP_TOOLS", "CALL_MCP_TOOL", "AGENT",
    "GENERATE_IMAGE", "GENERATE_AUDIO", "GENERATE_VIDEO", "GENERATE_PDF",
})  # fmt: skip
#: Types that end only with an update through the API.
ENDED_BY_UPDATE = LLM | {"HUMAN"}
#: Types that the engine starts after deciding.
ASYNCHRONOUS = LLM | {
    "HTTP", "EVENT", "SUB_WORKFLOW", "START_WORKFLOW", "JOIN", "WAIT", "KAFKA_PUBLISH", "PULL_WORKFLOW_MESSAGES",
}  # fmt: skip
#: Types that the engine runs; workers run all others.
SYSTEM = SYNCHRONOUS | ASYNCHRONOUS

#: A deadline that is never reached.
NEVER = 2**63
#: Number of outdated deadlines of waiting tasks up to which no cleanup is needed.
_FEW_DEADLINES = 100
#: Keys of tasks that an edition runs. The type is not enough to identify them, because a worker can have the same type.
_OF_EDITION, _ENDED_BY_UPDATE = "_isOfEdition", "_isEndedByUpdate"
#: Separates a reference name from the iteration of its loop.
ITERATION_SEPARATOR = "__"
_ITERATION = re.compile(r"__\d+$")
Json = dict[str, Any]


class Doc(dict[str, Any]):
    """A JSON document that records whether it has changed since it was saved.

    Values are never modified, only replaced. Keys that begin with an underscore are internal: the API does not return
    them.
    """

    __slots__ = ("changed", "deadline", "owner", "pending", "position")

    def __init__(self, content: Mapping[str, Any], *, changed: bool = True) -> None:
        super().__init__(content)
        self.changed: bool = changed
        self.deadline: int | None = None  # of a task: its next timer, cached until it changes; 0 for none
        self.pending: set[str] | None = None  # of a JOIN: the reference names of tasks that have not ended
        self.position: int = 0  # of a JOIN: how many settled tasks it has checked
        self.owner: Execution | None = None  # of a settled or waiting task: the execution to notify of changes

    def _note_change(self) -> None:
        self.changed = True
        self.deadline = None
        if self.owner is not None:
            self.owner.revive(self)

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._note_change()

    def update(self, *given: Any, **values: Any) -> None:
        """Set several members."""
        super().update(*given, **values)
        self._note_change()

    def drop(self, *keys: str) -> None:
        """Remove members, if they exist."""
        for key in keys:
            super().pop(key, None)
        self._note_change()

    def put(self, key: str, **values: Any) -> None:
        """Set members of the object at ``key``, which is replaced by a modified copy."""
        self[key] = {**self[key], **values}

    def put_all(self, key: str, values: Mapping[str, Any]) -> None:
        """Set members of the object at ``key``, as ``put`` does, from a mapping."""
        self[key] = {**self[key], **values}


@frozen
class Snapshot:
    """The documents of an execution at one moment."""

    workflow: Json
    tasks: list[Json]
    definition: Json


@define(eq=False)
class Execution:
    """A workflow execution.

    Attributes:
        workflow: The document without tasks and definition.
        tasks: The task documents, in the order of scheduling.
        tree: The definition that the execution was started with.
        commands: The engine's commands, in order.
        removed: Ids of tasks that were removed but are still in the database.
        is_unfinished: Whether deciding was interrupted and must be continued.
        is_starting: Whether a request is starting the execution. Then invalid data refuses the request instead of
            failing the execution.
    """

    workflow: Doc
    tree: DefinitionTree
    tasks: list[Doc] = field(factory=list)
    commands: list[Command] = field(factory=list)
    removed: list[str] = field(factory=list)
    is_unfinished: bool = False
    is_starting: bool = False
    _newest: dict[str, Doc] = field(factory=dict)
    _newest_by_name: dict[str, Doc] = field(factory=dict)
    _live: list[Doc] | None = None
    _settled_references: set[str] = field(factory=set)
    _settled_in_order: list[str] = field(factory=list)  # reference names, for JOINs
    _waiting: dict[str, Doc] = field(factory=dict)  # by task id
    _due: list[tuple[int, str]] = field(factory=list)  # heap of the deadlines of waiting tasks, some outdated

    def __attrs_post_init__(self) -> None:
        self._index()

    def _index(self) -> None:
        self._newest = {task["referenceTaskName"]: task for task in self.tasks}
        self._newest_by_name = {name_in_expressions(task): task for task in self.tasks}

    @property
    def id(self) -> str:
        """The execution's id."""
        return str(self.workflow["workflowId"])

    @property
    def definition(self) -> Json:
        """The definition that the execution was started with."""
        return self.tree.definition

    @property
    def is_terminal(self) -> bool:
        """Whether the execution has ended."""
        return self.workflow["status"] in TERMINAL_WORKFLOW

    @property
    def is_open(self) -> bool:
        """Whether the execution is running or paused."""
        return self.workflow["status"] in OPEN_WORKFLOW

    @property
    def label(self) -> str:
        """Name, version and id, for messages: ``name.1/id``."""
        return f"{self.workflow['workflowName']}.{self.workflow['workflowVersion']}/{self.id}"

    def newest(self, reference: str) -> Doc | None:
        """Return the last scheduled task with a reference name."""
        return self._newest.get(reference)

    def newest_by_name(self, name: str) -> Doc | None:
        """Return the last scheduled task with a name in expressions, which does not include the iteration."""
        return self._newest_by_name.get(name)

    @property
    def live(self) -> list[Doc]:
        """The tasks that must be evaluated, in the order of scheduling.

        The others are settled (they have ended, and their next tasks have been scheduled) or wait for a worker or an
        update. In a large execution these are most tasks, so skipping them keeps deciding fast.
        """
        if self._live is None:
            self._settled_references.clear()
            self._waiting.clear()
            self._due.clear()
            self._live = self._without_settled(self.tasks)
        return self._live

    def settle(self, waits_until: Callable[[Doc], int]) -> None:
        """Remove the settled tasks and the waiting tasks from ``live``.

        Args:
            waits_until: Returns the time until which an unchanged task needs no evaluation, epoch ms; 0 if it needs one
                now.
        """
        kept = []
        for task in self._without_settled(self.live):
            due = 0 if task.changed else waits_until(task)
            if due:
                self._add_waiting(task, due)
            else:
                kept.append(task)
        self._live = kept

    def _add_waiting(self, task: Doc, due: int) -> None:
        task.owner = self
        self._waiting[task["taskId"]] = task
        if due < NEVER:
            heapq.heappush(self._due, (due, task["taskId"]))
            if len(self._due) > _FEW_DEADLINES + 2 * len(self._waiting):  # most are outdated
                self._due = [(one.deadline, task_id) for task_id, one in self._waiting.items() if one.deadline]
                heapq.heapify(self._due)

    @property
    def has_waiting(self) -> bool:
        """Whether tasks wait for a worker or an update."""
        return bool(self._waiting)

    def next_waiting_deadline(self) -> int | None:
        """Return the earliest deadline of the waiting tasks, epoch ms; None if none has a deadline."""
        while self._due:
            due, task_id = self._due[0]
            task = self._waiting.get(task_id)
            if task is not None and task.deadline == due:
                return due
            heapq.heappop(self._due)
        return None

    def revive_due(self, now: int) -> None:
        """Return the waiting tasks whose deadline has passed to ``live``."""
        while (due := self.next_waiting_deadline()) is not None and due <= now:
            self.revive(self._waiting[self._due[0][1]])

    def settled_since(self, position: int) -> tuple[list[str], int]:
        """Return the reference names of the tasks settled after a position, and the next position."""
        return self._settled_in_order[position:], len(self._settled_in_order)

    def is_settled(self, reference: str) -> bool:
        """Return whether a task with this reference name is settled."""
        return reference in self._settled_references

    def revive(self, task: Doc) -> None:
        """Return a settled or waiting task to ``live``."""
        task.owner = None
        if self._waiting.pop(task["taskId"], None) is None or self._live is None:
            self._live = None
        else:
            insort(self._live, task, key=_seq)

    def _without_settled(self, tasks: list[Doc]) -> list[Doc]:
        kept = []
        for task in tasks:
            if not task.changed and task["executed"] and is_done(task) and task["taskType"] != "TERMINATE":
                task.owner = self
                self._settled_references.add(task["referenceTaskName"])
                self._settled_in_order.append(task["referenceTaskName"])
            else:
                kept.append(task)
        return kept

    def references(self) -> Iterable[str]:
        """Return the reference names of all tasks."""
        return self._newest.keys()

    def task(self, task_id: str) -> Doc | None:
        """Return the task with an id."""
        return next((task for task in reversed(self.tasks) if task["taskId"] == task_id), None)

    def add(self, tasks: Iterable[Doc], *, first: bool = False) -> None:
        """Append tasks; with ``first``, insert them before all others, as for skipped tasks."""
        for task in tasks:
            self.tasks.insert(0 if first else len(self.tasks), task)
            if first:
                self._live = None
            elif self._live is not None:
                self._live.append(task)
            self._newest[task["referenceTaskName"]] = task
            self._newest_by_name[name_in_expressions(task)] = task

    def remove(self, tasks: Iterable[Doc]) -> None:
        """Remove tasks permanently."""
        gone = {task["taskId"] for task in tasks}
        self.removed.extend(gone)
        self.tasks = [task for task in self.tasks if task["taskId"] not in gone]
        self._live = None
        self._index()

    def snapshot(self, *, include_tasks: bool) -> Snapshot:
        """Return a copy of the documents, which later changes do not modify."""
        return Snapshot(
            dict(self.workflow), [dict(task) for task in self.tasks] if include_tasks else [], self.definition
        )

    def add_log(self, task: Doc, text: str, now: int) -> None:
        """Append a line to a task's log."""
        self.commands.append(AddLog(task["taskId"], text, now))


def name_in_expressions(task: Mapping[str, Any]) -> str:
    """Return the name of a task in expressions: its reference name without the iteration."""
    reference: str = task["referenceTaskName"]
    return plain_reference(reference) if task["iteration"] > 0 else reference


def _seq(task: Mapping[str, Any]) -> int:
    return int(task["seq"])


def is_system(task: Mapping[str, Any]) -> bool:
    """Return whether the engine runs the task, and not a worker."""
    return task["taskType"] in SYSTEM or _OF_EDITION in task


def is_asynchronous(task: Mapping[str, Any]) -> bool:
    """Return whether the engine starts the task after deciding."""
    return task["taskType"] in ASYNCHRONOUS or _OF_EDITION in task


def set_system(task: Doc, *, is_ended_by_update: bool) -> None:
    """Mark a task of a type that only this edition runs.

    Args:
        task: The task.
        is_ended_by_update: Whether the task ends only with an update through the API.
    """
    task[_OF_EDITION] = True
    if is_ended_by_update:
        task[_ENDED_BY_UPDATE] = True


def ends_by_update(task: Mapping[str, Any]) -> bool:
    """Return whether the task's type ends only with an update through the API."""
    return task["taskType"] in ENDED_BY_UPDATE or _ENDED_BY_UPDATE in task


def is_done(task: Mapping[str, Any]) -> bool:
    """Return whether the task has ended."""
    return task["status"] in TERMINAL_TASK


def plain_reference(reference: str) -> str:
    """Return a reference name without the iteration of its loop."""
    return _ITERATION.sub("", reference)


def reference_in_iteration(reference: str, iteration: int) -> str:
    """Return a reference name with the iteration of its loop."""
    return f"{reference}{ITERATION_SEPARATOR}{iteration}"
