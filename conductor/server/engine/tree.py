"""A workflow definition as a tree of tasks: find tasks, and the task that follows another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import define, field, frozen

_BRANCHING = frozenset({"DECISION", "SWITCH", "DO_WHILE"})
_WITH_CHILDREN = _BRANCHING | {"FORK_JOIN"}


def children(task: dict[str, Any]) -> list[list[dict[str, Any]]]:
    """Return the branches of an operator; an empty list for other tasks."""
    kind = task.get("type")
    if kind in {"DECISION", "SWITCH"}:
        return [*(task.get("decisionCases") or {}).values(), task.get("defaultCase") or []]
    if kind == "FORK_JOIN":
        return list(task.get("forkTasks") or [])
    if kind == "DO_WHILE":
        return [task.get("loopOver") or []]
    return []


def walk(tasks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield all tasks, each before its children."""
    for task in tasks:
        yield task
        for branch in children(task):
            yield from walk(branch)


def contains(task: dict[str, Any], reference: str) -> bool:
    """Return whether the task or a task inside it has the reference name."""
    return any(one["taskReferenceName"] == reference for one in walk([task]))


def next_inside(task: dict[str, Any], reference: str, parent: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the task that follows ``reference`` inside an operator; None if it is not inside, or the last one."""
    kind = task.get("type")
    if kind not in _WITH_CHILDREN:
        return None
    for branch in children(task):
        following, is_here = _next_in_branch(task, branch, reference)
        if following is not None:
            return following
        if is_here and kind == "FORK_JOIN" and parent is not None:
            return next_inside(parent, task["taskReferenceName"], parent)
    if kind == "DO_WHILE" and contains(task, reference):
        return task
    return None


def _next_in_branch(
    task: dict[str, Any], branch: list[dict[str, Any]], reference: str
) -> tuple[dict[str, Any] | None, bool]:
    for position, one in enumerate(branch):
        is_here = one["taskReferenceName"] == reference
        if not is_here:
            following = next_inside(one, reference, task)
            if following is not None:
                return following, False
        if is_here or contains(one, reference):
            return (branch[position + 1] if position + 1 < len(branch) else None), is_here
    return None, False


@frozen
class _Place:
    """The location of a task: its operator (None at the top), the branch, and its position in the branch."""

    parent: dict[str, Any] | None
    branch: list[dict[str, Any]]
    position: int


@define(eq=False)
class DefinitionTree:
    """One definition, with indexes of its tasks.

    Attributes:
        definition: The definition.
        snapshot: The row number of the definition in the database; None before it is stored.
        types: The types of all tasks.
    """

    definition: dict[str, Any]
    snapshot: int | None = None
    _tasks: dict[str, dict[str, Any]] = field(factory=dict)
    _places: dict[str, _Place] = field(factory=dict)
    _next: dict[str, dict[str, Any] | None] = field(factory=dict)
    types: frozenset[str] = frozenset()

    def __attrs_post_init__(self) -> None:
        self._locate(self.definition["tasks"], None)
        self.types = frozenset(task["type"] for task in self._tasks.values())

    def task(self, reference: str) -> dict[str, Any] | None:
        """Return the task with a reference name, at any depth."""
        return self._tasks.get(reference)

    def reference_of(self, task: dict[str, Any] | None) -> str | None:
        """Return the reference name of a task of this definition; None for a modified copy."""
        reference = (task or {}).get("taskReferenceName")
        return reference if reference is not None and self._tasks.get(reference) is task else None

    def next(self, reference: str) -> dict[str, Any] | None:
        """Return the task to schedule after ``reference`` has ended; None after the last one."""
        if reference not in self._next:
            self._next[reference] = self._find_next(reference)
        return self._next[reference]

    def _find_next(self, reference: str) -> dict[str, Any] | None:
        own = self.task(reference)
        if own is None or own["type"] == "TERMINATE":
            return None
        place: _Place | None = self._places[reference]
        while place is not None:
            following = place.branch[place.position + 1 : place.position + 2]
            if following:
                return following[0]
            if place.parent is not None and place.parent["type"] == "DO_WHILE":
                return place.parent
            place = None if place.parent is None else self._places[place.parent["taskReferenceName"]]
        return None

    def _locate(self, branch: list[dict[str, Any]], parent: dict[str, Any] | None) -> None:
        for position, task in enumerate(branch):
            reference = task["taskReferenceName"]
            self._tasks.setdefault(reference, task)
            self._places.setdefault(reference, _Place(parent, branch, position))
            for one in children(task):
                self._locate(one, task)
