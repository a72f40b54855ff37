"""Idempotent writes: compare what is wanted with what the server has, write only a difference, say what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from conductor.models._base import Model
from conductor.models.defaults import SHAPES, WRITE_ONLY, Shape, without_overwritten
from conductor.models.unknown_fields import AUDIT_FIELDS

__all__ = ["Change", "Ensured", "compare"]

_FILLED_IN = AUDIT_FIELDS | {"ownerApp", "nextRunTime", "pausedReason"}
_NOTHING: tuple[Any, ...] = (False, 0, "")  # 0 equals False


@frozen
class Change:
    """One place where the server had something else.

    Attributes:
        path: Where, in the wire form: ``tasks[0].inputParameters.url``.
        before: What the server had; None for nothing.
        after: What was wanted; None for nothing.
    """

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.path}: {self.before!r} -> {self.after!r}"


@frozen
class Ensured:
    """What an ``ensure`` call did; true when it wrote something.

    Attributes:
        name: Of what.
        created: It was not there.
        changes: Where it differed; empty when it was created, or was as wanted.
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
    """What writing ``wanted`` over ``found`` would change; a server's defaults and bookkeeping are no change."""
    if found is None:
        return Ensured(name, created=True)
    shape = SHAPES.get(type(wanted).__name__, SHAPES["object"])
    return Ensured(name, created=False, changes=tuple(_differences(wanted.to_dict(), found.to_dict(), "", shape)))


def _differences(wanted: Any, found: Any, path: str, shape: Shape) -> Iterator[Change]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        yield from _in_objects(wanted, found, path, shape)
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]", shape)
    elif wanted != found:
        yield Change(path, found, wanted)


def _in_objects(wanted: Mapping[str, Any], found: Mapping[str, Any], path: str, shape: Shape) -> Iterator[Change]:
    if not shape.is_user_data and "workflowDefinition" in wanted:
        wanted, found = without_overwritten(wanted), without_overwritten(found)
    for key in {**wanted, **found}:
        place = f"{path}.{key}" if path else key
        if key in wanted and key in found:
            yield from _differences(wanted[key], found[key], place, shape.of_field(key))
        elif not _is_the_same(key, wanted, found, shape):
            yield Change(place, found.get(key), wanted.get(key))


def _is_the_same(key: str, wanted: Mapping[str, Any], found: Mapping[str, Any], shape: Shape) -> bool:
    """Whether a value that only one side has makes no difference."""
    if shape.is_user_data:
        return False
    if key in wanted:
        if key in WRITE_ONLY:
            return True
        # where a server leaves out what others always write, it does not have the option
        is_unknown = wanted[key] in _NOTHING and key in shape.defaults
        return is_unknown or wanted[key] == "" or shape.is_default(key, wanted[key])
    return key in _FILLED_IN or found[key] == "" or shape.is_default(key, found[key])
