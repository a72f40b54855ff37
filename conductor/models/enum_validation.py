"""Validation of enum values before a request is sent.

Models accept unknown values, so that responses of newer servers can be read. Servers accept only values that they know,
and answer 500 with a Java error to others. A value of a newer server can be sent in ``unknown_fields``.
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


#: Enums that users extend: workers define task types, Orkes has custom roles.
_EXTENSIBLE = frozenset({TaskType, ApplicationRole, UserRole})
#: Characters of an invalid value that an error shows.
_MAX_VALUE_LENGTH = 60


@frozen
class _EnumField:
    """A field with an enum or models; ``kind`` is the enum, or ``Model``."""

    attribute: str
    name: str
    kind: type[Any]


def refuse_unknown_values(value: Any, name: str = "") -> None:
    """Refuse a value that contains an enum value which no server knows.

    Args:
        value: A model, a list of models, or a parameter. Plain JSON values are not checked.
        name: The name of the value, for the error.

    Raises:
        ConfigurationError: An enum value is unknown; ``variable`` is its path in JSON names.
    """
    _refuse(value, None, name)


def _refuse(given: Any, kind: type[Any] | None, name: str) -> None:
    if isinstance(given, str):
        _refuse_str(given, type(given) if isinstance(given, WireEnum) else kind, name)
    elif isinstance(given, Model):
        model: Any = type(given)
        for enum_field in _enum_fields(model):
            inside = getattr(given, enum_field.attribute)
            if inside is not None:
                _refuse(inside, enum_field.kind, f"{name}.{enum_field.name}" if name else enum_field.name)
    elif isinstance(given, list | tuple | set | frozenset):
        for index, item in enumerate(given):
            _refuse(item, kind, f"{name}[{index}]")
    elif kind is not None and isinstance(given, Mapping):
        for key, item in given.items():
            _refuse(item, kind, f"{name}.{key}")


def _refuse_str(given: str, kind: type[Any] | None, name: str) -> None:
    if kind is None or not issubclass(kind, WireEnum) or kind in _EXTENSIBLE or kind(str(given)).is_known:
        return
    allowed = ", ".join(member.value for member in kind)
    raise ConfigurationError(
        f"{name} is {str(given)[:_MAX_VALUE_LENGTH]!r}; it must be one of {allowed}. Nothing was sent.",
        variable=name,
        value=str(given),
        allowed=allowed,
    )


@cache
def _enum_fields(cls: type[Any]) -> tuple[_EnumField, ...]:
    attrs.resolve_types(cls)
    return tuple(
        _EnumField(attribute.name, wire_name(attribute), kind)
        for attribute in attrs.fields(cls)
        if not attribute.metadata.get("read_only") and (kind := next(_kinds(attribute.type), None)) is not None
    )


def _kinds(annotation: Any) -> Iterator[type[Any]]:
    """Yield the enums in an annotation, and ``Model`` if it contains a model."""
    if isinstance(annotation, type) and issubclass(annotation, WireEnum):
        yield annotation
    elif isinstance(annotation, type) and issubclass(annotation, Model):
        yield Model
    for inner in typing.get_args(annotation):
        yield from _kinds(inner)
