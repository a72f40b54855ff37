"""One execution in memory: its document, its tasks, and what the engine wants done outside."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field

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
# Never retried by the engine, whatever a task definition of their name says.
BUILT_IN = frozenset({
    "DECISION", "SWITCH", "FORK", "FORK_JOIN", "FORK_JOIN_DYNAMIC", "JOIN", "EXCLUSIVE_JOIN", "DO_WHILE",
})  # fmt: skip
SYNCHRONOUS = frozenset({
    "SWITCH", "DECISION", "FORK", "INLINE", "LAMBDA", "SET_VARIABLE", "JSON_JQ_TRANSFORM", "NOOP", "TERMINATE",
    "DO_WHILE", "EXCLUSIVE_JOIN", "HUMAN",
})  # fmt: skip
LLM = frozenset({
    "LLM_TEXT_COMPLETE", "LLM_CHAT_COMPLETE", "LLM_GENERATE_EMBEDDINGS", "LLM_INDEX_TEXT", "LLM_SEARCH_INDEX",
    "LLM_GET_EMBEDDINGS", "LLM_STORE_EMBEDDINGS", "LLM_SEARCH_EMBEDDINGS", "LIST_MCP_TOOLS", "CALL_MCP_TOOL", "AGENT",
    "GENERATE_IMAGE", "GENERATE_AUDIO", "GENERATE_VIDEO", "GENERATE_PDF",
})  # fmt: skip
ENDED_BY_OTHERS = LLM | {"HUMAN"}
ASYNCHRONOUS = LLM | {
    "HTTP", "EVENT", "SUB_WORKFLOW", "START_WORKFLOW", "JOIN", "WAIT", "KAFKA_PUBLISH", "PULL_WORKFLOW_MESSAGES",
}  # fmt: skip
SYSTEM = SYNCHRONOUS | ASYNCHRONOUS

LOOP_MARK = "__"
"""Stands between a reference name and the round of its loop."""
_ITERATION = re.compile(r"__\d+$")
Json = dict[str, Any]


class Doc(dict[str, Any]):
    """A JSON document that knows whether it changed since it was saved.

    Values are never changed in place: a new value is set under its key. Keys that begin with an underscore are the
    engine's own, and never leave the server.
    """

    __slots__ = ("changed", "deadline", "owner", "pending")

    def __init__(self, content: Mapping[str, Any], *, changed: bool = True) -> None:
        super().__init__(content)
        self.changed: bool = changed
        self.deadline: int | None = None  # of a task, kept until it changes; 0 for none
        self.pending: list[str] | None = None  # of a JOIN: the references that have not ended
        self.owner: Execution | None = None  # of a settled task: the execution that must know when it changes

    def _note_change(self) -> None:
        self.changed = True
        self.deadline = None
        if self.owner is not None:
            self.owner.unsettle(self)

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        self._note_change()

    def update(self, *given: Any, **values: Any) -> None:
        """Set several members."""
        super().update(*given, **values)
        self._note_change()

    def drop(self, *keys: str) -> None:
        """Remove what is there of ``keys``."""
        for key in keys:
            super().pop(key, None)
        self._note_change()

    def put(self, key: str, **values: Any) -> None:
        """Set members of the object at ``key``, which is replaced by a changed copy."""
        self[key] = {**self[key], **values}

    def put_all(self, key: str, values: Mapping[str, Any]) -> None:
        """The same, for names that are data."""
        self[key] = {**self[key], **values}


@define(eq=False)
class Execution:
    """A workflow execution.

    Attributes:
        workflow: The document without tasks and definition.
        tasks: The task documents in the order of scheduling.
        tree: The definition as it was at the start.
        commands: What is to be done outside, in order.
        removed: Ids of tasks that were removed and are still stored.
        is_unfinished: Whether deciding was broken off, and has to go on.
        is_starting: Whether a request waits for the start, which invalid data refuses instead of failing the execution.
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
        """The definition as it was at the start."""
        return self.tree.definition

    @property
    def is_terminal(self) -> bool:
        """Whether it has ended."""
        return self.workflow["status"] in TERMINAL_WORKFLOW

    @property
    def is_open(self) -> bool:
        """Whether it is running or paused."""
        return self.workflow["status"] in OPEN_WORKFLOW

    @property
    def label(self) -> str:
        """Name, version and id, as messages write them."""
        return f"{self.workflow['workflowName']}.{self.workflow['workflowVersion']}/{self.id}"

    def newest(self, reference: str) -> Doc | None:
        """The last scheduled task of this reference name."""
        return self._newest.get(reference)

    def newest_by_name(self, name: str) -> Doc | None:
        """Return the last scheduled task that expressions know by this name: in a loop without the iteration."""
        return self._newest_by_name.get(name)

    @property
    def live(self) -> list[Doc]:
        """The tasks that deciding still looks at, and those that changed, in the order of scheduling.

        The others have ended and were followed by their next tasks; most tasks of a long execution are of this kind.
        """
        if self._live is None:
            self._settled_references.clear()
            self._live = self._without_settled(self.tasks)
        return self._live

    def settle(self) -> None:
        """Drop the tasks that deciding is done with from ``live``."""
        self._live = self._without_settled(self.live)

    def is_settled(self, reference: str) -> bool:
        """Whether a task of this reference name is no longer live."""
        return reference in self._settled_references

    def unsettle(self, task: Doc) -> None:
        """Take a settled task that changed back into ``live``."""
        task.owner = None
        self._live = None

    def _without_settled(self, tasks: list[Doc]) -> list[Doc]:
        kept = []
        for task in tasks:
            if not task.changed and task["executed"] and is_done(task) and task["taskType"] != "TERMINATE":
                task.owner = self
                self._settled_references.add(task["referenceTaskName"])
            else:
                kept.append(task)
        return kept

    def references(self) -> Iterable[str]:
        """The reference names of all tasks."""
        return self._newest.keys()

    def task(self, task_id: str) -> Doc | None:
        """The task of this id."""
        return next((task for task in reversed(self.tasks) if task["taskId"] == task_id), None)

    def add(self, tasks: Iterable[Doc], *, first: bool = False) -> None:
        """Append tasks; or put them first, as those are that were never scheduled."""
        for task in tasks:
            self.tasks.insert(0 if first else len(self.tasks), task)
            if first:
                self._live = None
            elif self._live is not None:
                self._live.append(task)
            self._newest[task["referenceTaskName"]] = task
            self._newest_by_name[name_in_expressions(task)] = task

    def remove(self, tasks: Iterable[Doc]) -> None:
        """Remove tasks for good."""
        gone = {task["taskId"] for task in tasks}
        self.removed.extend(gone)
        self.tasks = [task for task in self.tasks if task["taskId"] not in gone]
        self._live = None
        self._index()

    def add_log(self, task: Doc, text: str, now: int) -> None:
        """Ask for a line in the task's log."""
        self.commands.append(AddLog(task["taskId"], text, now))


def name_in_expressions(task: Mapping[str, Any]) -> str:
    """Return the name by which expressions know a task."""
    reference: str = task["referenceTaskName"]
    return plain_reference(reference) if task["iteration"] > 0 else reference


def is_done(task: Mapping[str, Any]) -> bool:
    """Whether the task has ended."""
    return task["status"] in TERMINAL_TASK


def plain_reference(reference: str) -> str:
    """A reference name without the round of its loop."""
    return _ITERATION.sub("", reference)


def in_round(reference: str, iteration: int) -> str:
    """A reference name in a round of its loop."""
    return f"{reference}{LOOP_MARK}{iteration}"
