"""Differences between a definition and the one that a server has."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from attrs import frozen

from conductor.models._base import AUDIT_FIELDS, Model
from conductor.models.defaults import SHAPES, WRITE_ONLY, Shape, without_overwritten

__all__ = ["Change", "Diff", "Ensured", "compare"]

#: Fields that servers fill in when the definition leaves them out.
_FILLED_IN = AUDIT_FIELDS | {"ownerApp", "nextRunTime", "pausedReason"}
#: Values of a field that have no effect on a server without the field. ``0`` also matches False, because they are
#: equal.
_NO_EFFECT: tuple[Any, ...] = (0, "")
_TASK = SHAPES["WorkflowTask"]


@frozen
class Change:
    """One difference.

    Attributes:
        path: The path of the value in the JSON form. Tasks of workflows are named by their reference names, as in
            ``tasks[charge].inputParameters.amount``.
        before: The server's value; None if the field is not set.
        after: The new value; None if it is removed.
    """

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        if self.before is None and self.after is not None:
            return f"+ {self.path}: {self.after!r}"
        if self.after is None:
            return f"- {self.path}: {self.before!r}"
        return f"~ {self.path}: {self.before!r} -> {self.after!r}"


@frozen
class Diff:
    """The differences between two definitions; false without differences.

    Attributes:
        changes: The differences, in the order of the definition.
        is_registered: Whether the server has a definition to compare with.
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
        if not self.is_registered:
            return "the server has no such definition"
        return "\n".join(map(str, self.changes)) or "no differences"


@frozen
class Ensured:
    """The result of an ``ensure`` method; true if it changed something, or would without ``dry_run``.

    Attributes:
        name: The name of the definition.
        created: Whether the definition did not exist on the server.
        changes: The differences; empty if it was created or unchanged.
    """

    name: str
    created: bool
    changes: tuple[Change, ...] = ()

    @classmethod
    def of(cls, name: str, diff: Diff) -> Ensured:
        """Return the result of saving a definition with these differences."""
        return cls(name, not diff.is_registered, diff.changes)

    def __bool__(self) -> bool:
        return self.created or bool(self.changes)

    def __str__(self) -> str:
        if self.created:
            return f"{self.name}: created"
        return f"{self.name}: " + ("; ".join(map(str, self.changes)) or "unchanged")


def compare(wanted: Model, found: Model | None, *, filled_in: Collection[str] = ()) -> Diff:
    """Return what saving a definition would change; the server's defaults, times and authors are not differences.

    Args:
        wanted: The definition to write.
        found: The definition that the server has, or None.
        filled_in: Further fields that the server fills in when the definition leaves them out.
    """
    if found is None:
        return Diff((), is_registered=False)
    mine, theirs = wanted.to_dict(), found.to_dict()
    theirs = {key: value for key, value in theirs.items() if key in mine or key not in filled_in}
    return Diff(tuple(_differences(mine, theirs, "", SHAPES.get(type(wanted).__name__, SHAPES["object"]))))


def _differences(wanted: Any, found: Any, path: str, shape: Shape) -> Iterator[Change]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        yield from _object_differences(wanted, found, path, shape)
    elif isinstance(wanted, list) and isinstance(found, list):
        yield from _list_differences(wanted, found, path, shape)
    elif wanted != found:
        yield Change(path, found, wanted)


def _object_differences(
    wanted: Mapping[str, Any], found: Mapping[str, Any], path: str, shape: Shape
) -> Iterator[Change]:
    if not shape.is_user_data and "workflowDefinition" in wanted:
        wanted, found = without_overwritten(wanted), without_overwritten(found)
    for key in {**wanted, **found}:
        place = f"{path}.{key}" if path else key
        if key in wanted and key in found:
            yield from _differences(wanted[key], found[key], place, shape.of_field(key))
        elif not _equals_absence(key, wanted, found, shape):
            yield Change(place, found.get(key), wanted.get(key))


def _equals_absence(key: str, wanted: Mapping[str, Any], found: Mapping[str, Any], shape: Shape) -> bool:
    """Return whether a value that only one side has means the same as its absence."""
    if shape.is_user_data:
        return False
    if key in wanted:
        if key in WRITE_ONLY:
            return True
        # a server that omits a field which others always return does not have the option
        is_unsupported = wanted[key] in _NO_EFFECT and key in shape.defaults
        return is_unsupported or wanted[key] == "" or shape.is_default(key, wanted[key])
    return key in _FILLED_IN or found[key] == "" or shape.is_default(key, found[key])


def _list_differences(wanted: list[Any], found: list[Any], path: str, shape: Shape) -> Iterator[Change]:
    if (
        shape is _TASK and wanted + found and all(isinstance(branch, list) for branch in wanted + found)
    ):  # branches of a fork
        for index, (branch, other) in enumerate(zip_longest(wanted, found)):
            yield from _list_differences(branch or [], other or [], f"{path}[{index}]", shape)
        return
    mine, theirs = (_by_reference(tasks) if shape is _TASK else None for tasks in (wanted, found))
    if mine is not None and theirs is not None:
        orders = [[name for name in names if name in others] for names, others in ((mine, theirs), (theirs, mine))]
        if orders[0] != orders[1]:
            yield Change(f"{path} in order", list(theirs), list(mine))
        for reference in {**mine, **theirs}:
            yield from _differences(mine.get(reference), theirs.get(reference), f"{path}[{reference}]", shape)
    elif len(wanted) == len(found):
        for index, (item, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(item, other, f"{path}[{index}]", shape)
    else:
        yield Change(path, found, wanted)


def _by_reference(tasks: list[Any]) -> Mapping[str | None, Any] | None:
    """Return tasks by reference name; None if a name is missing or duplicate."""
    named = {task.get("taskReferenceName"): task for task in tasks if isinstance(task, Mapping)}
    return named if len(named) == len(tasks) and None not in named else None
