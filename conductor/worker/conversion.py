"""JSON values to what a function's annotations ask for; strict where a value would be lost, and it says where.

A converter is made once for a type: ``converter_for(list[Item])`` returns a function from a value and its path.
"""

from __future__ import annotations

import dataclasses
import sys
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal, InvalidOperation
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union
from uuid import UUID

import attrs
import typing_extensions
from typing_extensions import get_type_hints, is_typeddict

from conductor.errors import TaskInputError, UnexpectedResponseError
from conductor.models._base import Model

__all__ = ["Convert", "converter_for", "describe"]

Convert = Callable[[Any, str], Any]


def describe(kind: Any) -> str:
    """A type in words."""
    if kind is type(None):
        return "None"
    if typing.get_origin(kind) is None and isinstance(kind, type):
        return kind.__name__
    return str(kind).replace("typing.", "").replace("NoneType", "None")


def _refused(path: str, kind: Any, value: Any, why: str = "") -> TaskInputError:
    shown = repr(value)
    shown = shown if len(shown) <= 80 else f"{shown[:77]}..."  # noqa: PLR2004
    return TaskInputError(
        f"input {path!r} must be {describe(kind)}, got {type(value).__name__} {shown}" + (f" ({why})" if why else ""),
        parameter=path,
        expected=describe(kind),
    )


def converter_for(kind: Any) -> Convert:  # noqa: PLR0911  one line for each kind of annotation
    """The converter for ``kind``; types that are not known here must match by ``isinstance``."""
    if kind is Any or kind is object or isinstance(kind, typing.TypeVar):
        return _as_is
    origin = typing.get_origin(kind)
    if origin is Annotated:
        return converter_for(typing.get_args(kind)[0])
    if origin in {Union, types.UnionType}:
        return _union(kind)
    if origin is Literal:
        return _literal(kind)
    if origin in {typing_extensions.Required, typing_extensions.NotRequired}:
        return converter_for(typing.get_args(kind)[0])
    if (simple := _SCALARS.get(kind)) is not None:
        return lambda value, path: simple(value, path, kind)
    if (container := _container(kind, origin or kind)) is not None:
        return container
    if isinstance(kind, type):
        return _class(kind)
    supertype = getattr(kind, "__supertype__", None)  # NewType
    return converter_for(supertype) if supertype is not None else _as_is


def _as_is(value: Any, _path: str) -> Any:
    return value


# -- scalars


def _text(value: Any, path: str, kind: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise _refused(path, kind, value)


def _whole(value: Any, path: str, kind: Any) -> int:
    if value.__class__ is int:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            pass
    raise _refused(path, kind, value)


def _real(value: Any, path: str, kind: Any) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            pass
    raise _refused(path, kind, value)


def _truth(value: Any, path: str, kind: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in {"true", "false"}:
        return bool(value == "true")
    raise _refused(path, kind, value)


def _nothing(value: Any, path: str, kind: Any) -> None:
    if value is not None:
        raise _refused(path, kind, value)


def _instant(value: Any, path: str, kind: Any) -> datetime:
    if isinstance(value, int | float) and not isinstance(value, bool):  # epoch milliseconds, as Conductor writes times
        return datetime.fromtimestamp(value / 1000, tz=timezone.utc)
    return typing.cast("datetime", _parsed(value, path, kind, lambda text: datetime.fromisoformat(_zulu(text))))


def _zulu(text: str) -> str:
    return f"{text[:-1]}+00:00" if text.endswith(("Z", "z")) else text  # Python 3.10 does not read Z


def _parsed(value: Any, path: str, kind: Any, parse: Callable[[str], Any]) -> Any:
    if not isinstance(value, str):
        raise _refused(path, kind, value)
    try:
        return parse(value)
    except ValueError as error:
        raise _refused(path, kind, value, str(error)) from None


def _duration(value: Any, path: str, kind: Any) -> timedelta:
    return timedelta(seconds=_real(value, path, kind))


def _decimal(value: Any, path: str, kind: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise _refused(path, kind, value)
    try:
        return Decimal(str(value))
    except InvalidOperation:
        raise _refused(path, kind, value) from None


_SCALARS: dict[Any, Callable[[Any, str, Any], Any]] = {
    str: _text,
    int: _whole,
    float: _real,
    bool: _truth,
    None: _nothing,
    type(None): _nothing,
    datetime: _instant,
    date: lambda value, path, kind: _parsed(value, path, kind, lambda text: date.fromisoformat(text[:10])),
    time: lambda value, path, kind: _parsed(value, path, kind, time.fromisoformat),
    timedelta: _duration,
    Decimal: _decimal,
    UUID: lambda value, path, kind: _parsed(value, path, kind, UUID),
    Path: lambda value, path, kind: _parsed(value, path, kind, Path),
}


# -- unions and literals


def _union(kind: Any) -> Convert:
    members = typing.get_args(kind)
    exact = tuple(m for m in members if m in {str, int, float, bool, dict, list})
    converters = [converter_for(m) for m in members if m is not type(None)]
    has_none = type(None) in members

    def convert(value: Any, path: str) -> Any:
        if value is None and has_none:
            return None
        if type(value) in exact:
            return value
        first: TaskInputError | None = None
        for attempt in converters:
            try:
                return attempt(value, path)
            except TaskInputError as error:
                first = first or error
        if first is not None and len(converters) == 1:
            raise first
        raise _refused(path, kind, value)

    return convert


def _literal(kind: Any) -> Convert:
    allowed = typing.get_args(kind)

    def convert(value: Any, path: str) -> Any:
        for one in allowed:
            if value == one and type(value) is type(one):
                return one
        raise _refused(path, kind, value)

    return convert


# -- containers


def _container(kind: Any, origin: Any) -> Convert | None:
    arguments = typing.get_args(kind)
    if origin in {list, Sequence, typing.Sequence}:
        return _items(kind, arguments[0] if arguments else Any, list)
    if origin in {set, frozenset, AbstractSet}:
        return _items(kind, arguments[0] if arguments else Any, frozenset if origin is frozenset else set)
    if origin is tuple:
        return _tuple(kind, arguments)
    if origin in {dict, Mapping}:
        return _mapping(kind, arguments)
    return None


def _items(kind: Any, item: Any, make: Callable[[Any], Any]) -> Convert:
    each = converter_for(item)

    def convert(value: Any, path: str) -> Any:
        if not isinstance(value, list | tuple):
            raise _refused(path, kind, value)
        return make([each(one, f"{path}[{i}]") for i, one in enumerate(value)])

    return convert


def _tuple(kind: Any, arguments: tuple[Any, ...]) -> Convert:
    if not arguments or arguments[-1] is Ellipsis:
        return _items(kind, arguments[0] if arguments else Any, tuple)
    each = [converter_for(argument) for argument in arguments]

    def convert(value: Any, path: str) -> Any:
        if not isinstance(value, list | tuple) or len(value) != len(each):
            raise _refused(path, kind, value)
        return tuple(one(item, f"{path}[{i}]") for i, (one, item) in enumerate(zip(each, value, strict=True)))

    return convert


def _mapping(kind: Any, arguments: tuple[Any, ...]) -> Convert:
    key, value_of = (converter_for(a) for a in (arguments or (Any, Any)))

    def convert(value: Any, path: str) -> Any:
        if not isinstance(value, Mapping):
            raise _refused(path, kind, value)
        return {key(k, path): value_of(v, f"{path}.{k}") for k, v in value.items()}

    return convert


# -- classes


def _class(kind: type) -> Convert:  # noqa: PLR0911  one line for each kind of class
    if issubclass(kind, Enum):
        return _enum(kind)
    if issubclass(kind, Model):
        return _model(kind)
    if is_typeddict(kind):
        return _typed_dict(kind)
    if attrs.has(kind):
        attrs.resolve_types(kind)
        fields = {a.alias: a.type for a in attrs.fields(kind) if a.init}
        required = {a.alias for a in attrs.fields(kind) if a.init and a.default is attrs.NOTHING}
        return _fields(kind, fields, required, kind)
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind)
    if issubclass(kind, tuple) and hasattr(kind, "_fields"):
        hints = get_type_hints(kind)
        fields = {name: hints.get(name, Any) for name in kind._fields}
        return _fields(kind, fields, set(fields) - set(getattr(kind, "_field_defaults", {})), kind)
    if hasattr(kind, "model_validate"):
        return _pydantic(kind)
    return _instance(kind)


def _enum(kind: type[Enum]) -> Convert:
    def convert(value: Any, path: str) -> Any:
        try:
            return kind(value)
        except ValueError:
            if isinstance(value, str) and value in kind.__members__:
                return kind[value]
        allowed = ", ".join(repr(member.value) for member in kind)
        raise _refused(path, kind, value, f"one of {allowed}")

    return convert


def _model(kind: type[Model]) -> Convert:
    def convert(value: Any, path: str) -> Any:
        try:
            return kind.from_dict(value)
        except UnexpectedResponseError as error:
            raise _refused(path, kind, value, error.message) from None

    return convert


def _typed_dict(kind: Any) -> Convert:
    hints = get_type_hints(kind, include_extras=True)
    not_required: Any = typing_extensions.NotRequired
    optional = {name for name, one in hints.items() if typing.get_origin(one) == not_required}
    return _fields(kind, hints, kind.__required_keys__ - optional, dict)  # Python 3.10 overlooks NotRequired


def _dataclass(kind: Any) -> Convert:
    hints = get_type_hints(kind, include_extras=True)
    own = [f for f in dataclasses.fields(kind) if f.init]
    missing = dataclasses.MISSING
    required = {f.name for f in own if f.default is missing and f.default_factory is missing}
    return _fields(kind, {f.name: hints[f.name] for f in own}, required, kind)


def _fields(kind: Any, types_of: Mapping[str, Any], required: AbstractSet[str], make: Callable[..., Any]) -> Convert:
    """A class that is made from named values; keys that it does not know are left out."""
    converters: dict[str, Convert] = {}

    def convert(value: Any, path: str) -> Any:
        if not converters:  # on first use, so that a class may refer to itself
            converters.update({name: converter_for(one) for name, one in types_of.items()})
        if not isinstance(value, Mapping):
            if isinstance(value, kind if isinstance(kind, type) and not is_typeddict(kind) else ()):
                return value
            raise _refused(path, kind, value)
        for name in required:
            if name not in value:
                raise TaskInputError(
                    f"input '{path}.{name}' is missing; {describe(kind)} needs it",
                    parameter=f"{path}.{name}",
                    expected=describe(types_of[name]),
                )
        given = {name: one(value[name], f"{path}.{name}") for name, one in converters.items() if name in value}
        try:
            return make(**given)
        except (TypeError, ValueError) as error:
            raise _refused(path, kind, value, str(error)) from None

    return convert


def _pydantic(kind: Any) -> Convert:
    def convert(value: Any, path: str) -> Any:
        pydantic = sys.modules["pydantic"]  # it is there, or there would be no such class
        try:
            return kind.model_validate(value)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            inside = "".join(f".{part}" for part in first["loc"])
            raise TaskInputError(
                f"input '{path}{inside}' does not fit {describe(kind)}: {first['msg']}",
                parameter=f"{path}{inside}",
                expected=describe(kind),
            ) from None

    return convert


def _instance(kind: type) -> Convert:
    def convert(value: Any, path: str) -> Any:
        if isinstance(value, kind):
            return value
        raise _refused(path, kind, value)

    return convert
