"""Values of enums checked before they are sent.

Models read any text, so that a newer server is understood. The servers take only what they know: anything else is a 500
with words about Java. What neither edition knows is refused here, wherever it stands in a body. A newer server's value
can still be sent: in ``unknown_fields``, which are written as they are.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import attrs
from attrs import frozen

from conductor.errors import ConfigurationError
from conductor.models._base import Model, wire_name
from conductor.models.enums import ApplicationRole, TaskType, UserRole, WireEnum

__all__ = ["refuse_unknown_values"]


_OPEN = frozenset(
    {TaskType, ApplicationRole, UserRole}
)  # workers have types of their own, Orkes has roles of its users
_SHOWN = 60


@frozen
class _Place:
    """A field in which enums or models may stand; ``kind`` is the enum, or ``Model``."""

    attribute: str
    name: str
    kind: type[Any]


def refuse_unknown_values(given: Any, name: str = "") -> None:
    """Refuse a model, several, or a parameter with a value of an enum that no server knows.

    Args:
        given: What is to be sent; plain JSON values are left alone.
        name: What it is called, for the error.

    Raises:
        ConfigurationError: There is one; ``variable`` says where, by wire names.
    """
    _refuse(given, None, name)


def _refuse(given: Any, kind: type[Any] | None, name: str) -> None:
    if isinstance(given, str):
        _refuse_text(given, type(given) if isinstance(given, WireEnum) else kind, name)
    elif isinstance(given, Model):
        model: Any = type(given)
        for place in _places(model):
            inside = getattr(given, place.attribute)
            if inside is not None:
                _refuse(inside, place.kind, f"{name}.{place.name}" if name else place.name)
    elif isinstance(given, list | tuple | set | frozenset):
        for index, one in enumerate(given):
            _refuse(one, kind, f"{name}[{index}]")
    elif kind is not None and isinstance(given, Mapping):
        for key, one in given.items():
            _refuse(one, kind, f"{name}.{key}")


def _refuse_text(given: str, kind: type[Any] | None, name: str) -> None:
    if kind is None or not issubclass(kind, WireEnum) or kind in _OPEN or kind(str(given)).is_known:
        return
    allowed = ", ".join(one.value for one in kind)
    raise ConfigurationError(
        f"{name} is {str(given)[:_SHOWN]!r}; it must be one of {allowed}. Nothing was sent.",
        variable=name,
        value=str(given),
        allowed=allowed,
    )


@cache
def _places(cls: type[Any]) -> tuple[_Place, ...]:
    attrs.resolve_types(cls)
    return tuple(
        _Place(each.name, wire_name(each), kind)
        for each in attrs.fields(cls)
        if not each.metadata.get("read_only") and (kind := next(_kinds(each.type), None)) is not None
    )


def _kinds(annotation: Any) -> Iterator[type[Any]]:
    """The enums in an annotation, and ``Model`` where there is one."""
    if isinstance(annotation, type) and issubclass(annotation, WireEnum):
        yield annotation
    elif isinstance(annotation, type) and issubclass(annotation, Model):
        yield Model
    for inner in typing.get_args(annotation):
        yield from _kinds(inner)
