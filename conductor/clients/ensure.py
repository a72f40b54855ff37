"""Comparison of a wanted definition with the server's, for methods that write only differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from conductor.models._base import Model
from conductor.models.defaults import SHAPES, WRITE_ONLY, Shape, without_overwritten
from conductor.models.unknown_fields import AUDIT_FIELDS

__all__ = ["Change", "Ensured", "compare"]

#: Fields that only the server sets.
_SERVER_FIELDS = AUDIT_FIELDS | {"ownerApp", "nextRunTime", "pausedReason"}
#: Values with which an option is off.
_OFF: tuple[Any, ...] = (False, 0, "")


@frozen
class Change:
    """A difference between the wanted definition and the server's.

    Attributes:
        path: The path in JSON names, such as ``tasks[0].inputParameters.url``.
        before: The server's value, or None.
        after: The wanted value, or None.
    """

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.path}: {self.before!r} -> {self.after!r}"


@frozen
class Ensured:
    """The result of an ``ensure`` method; true if something was written, or would be with ``dry_run``.

    Attributes:
        name: The name of the definition or schedule.
        created: Whether it did not exist.
        changes: The differences; empty if it was created or unchanged.
    """

    name: str
    created: bool
    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return self.created or bool(self.changes)

    def __str__(self) -> str:
        if self.created:
            return f"{self.name}: created"
        return f"{self.name}: " + ("; ".join(str(change) for change in self.changes) or "unchanged")


def compare(name: str, wanted: Model, found: Model | None) -> Ensured:
    """Return the changes that writing ``wanted`` over ``found`` makes.

    The server's defaults, times and authors do not count as changes.
    """
    if found is None:
        return Ensured(name, created=True)
    shape = SHAPES.get(type(wanted).__name__, SHAPES["object"])
    return Ensured(name, created=False, changes=tuple(_differences(wanted.to_dict(), found.to_dict(), "", shape)))


def _differences(wanted: Any, found: Any, path: str, shape: Shape) -> Iterator[Change]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        yield from _object_differences(wanted, found, path, shape)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]", shape)
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
    """Return whether a value that only one side has equals the absence of the value."""
    if shape.is_user_data:
        return False
    if key in wanted:
        if key in WRITE_ONLY:
            return True
        # a server that omits a field which others always return does not have the option
        is_unsupported = wanted[key] in _OFF and key in shape.defaults
        return is_unsupported or wanted[key] == "" or shape.is_default(key, wanted[key])
    return key in _SERVER_FIELDS or found[key] == "" or shape.is_default(key, found[key])
