"""What differs between a workflow and the definition that a server has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from conductor.models.defaults import WRITE_ONLY, without_defaults, without_overwritten

__all__ = ["Change", "Diff", "compare"]


_OWNERS = {"ownerApp", "ownerEmail"}


@frozen
class Change:
    """One difference.

    Attributes:
        path: Where: steps are named by their reference names, as ``tasks[charge].inputParameters.amount``.
        here: What the workflow has; None for nothing.
        there: What the server has; None for nothing.
    """

    path: str
    here: Any
    there: Any

    def __str__(self) -> str:
        if self.there is None:
            return f"+ {self.path}: {self.here!r}"
        if self.here is None:
            return f"- {self.path}: {self.there!r}"
        return f"~ {self.path}: {self.there!r} -> {self.here!r}"


@frozen
class Diff:
    """All differences; false when there are none.

    Attributes:
        changes: The differences, in the order of the definition.
        is_registered: Whether the server has the workflow in this version at all.
    """

    changes: tuple[Change, ...]
    is_registered: bool = True

    def __bool__(self) -> bool:
        return bool(self.changes) or not self.is_registered

    def __iter__(self) -> Iterator[Change]:
        return iter(self.changes)

    def __len__(self) -> int:
        return len(self.changes)

    def __str__(self) -> str:
        head = [] if self.is_registered else ["the server has no such workflow"]
        return "\n".join([*head, *map(str, self.changes)]) or "no differences"


def compare(here: Mapping[str, Any], there: Mapping[str, Any] | None) -> Diff:
    """Compare two definitions in their wire form; defaults, and when and by whom they were stored, do not count.

    Args:
        here: The one that is written.
        there: The one that is registered; None for none.
    """
    if there is None:
        return Diff((), is_registered=False)
    mine, theirs = (dict(_definition(without_defaults(one))) for one in (here, there))
    for asked in WRITE_ONLY:
        mine.pop(asked, None)
    for owner in _OWNERS - mine.keys():
        theirs.pop(owner, None)  # Orkes puts in who registered it
    paths = [*mine, *(path for path in theirs if path not in mine)]
    return Diff(tuple(Change(p, mine.get(p), theirs.get(p)) for p in paths if mine.get(p) != theirs.get(p)))


def _definition(wire: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in wire.items():
        if key == "tasks":
            yield from _tasks(value, "tasks")
        elif (key, value) != ("version", 1):
            yield from _flat(value, key)


def _tasks(tasks: Any, path: str) -> Iterator[tuple[str, Any]]:
    tasks = tasks or []
    if tasks:
        yield f"{path} in order", [task.get("taskReferenceName") for task in tasks]
    for task in tasks:
        yield from _task(task, f"{path}[{task.get('taskReferenceName')}]")


def _task(task: Mapping[str, Any], path: str) -> Iterator[tuple[str, Any]]:
    for key, value in task.items():
        at = f"{path}.{key}"
        if key == "decisionCases" and isinstance(value, Mapping):
            for name, case in value.items():
                yield from _tasks(case, f"{at}.{name}")
        elif key == "forkTasks" and isinstance(value, list):
            for index, branch in enumerate(value):
                yield from _tasks(branch, f"{at}[{index}]")
        elif key in {"defaultCase", "loopOver"}:
            yield from _tasks(value, at)
        elif key == "subWorkflowParam" and isinstance(value, Mapping):
            inner = value.get("workflowDefinition")
            param = without_overwritten(value)
            yield from _flat({k: v for k, v in param.items() if k != "workflowDefinition" or isinstance(v, str)}, at)
            if isinstance(inner, Mapping):
                yield from ((f"{at}.workflowDefinition.{p}", v) for p, v in _definition(inner))
        elif (key, value) != ("type", "SIMPLE"):
            yield from _flat(value, at)


def _flat(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(item, f"{path}.{key}")
    elif value is not None and value != []:
        yield path, value
