"""JSON in and out: orjson when it is installed (extra ``fast``), the standard library otherwise.

``to_jsonable`` turns what people put into inputs and outputs into plain JSON values, and says where it cannot.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import attrs

from conductor.errors import ConfigurationError, SerializationError

__all__ = ["MAX_DEPTH", "DamagedTask", "dumps", "epoch_ms", "loads", "moment", "to_jsonable"]


class DamagedTask(dict[str, Any]):
    """The readable fields of a task whose JSON has others that cannot be parsed; see ``transport.response_json``."""


MAX_DEPTH = 200
_SHOWN = 60


def _stdlib_dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _fast_dumps(value: Any) -> bytes:
    try:
        return bytes(orjson.dumps(value))
    except TypeError:  # integers over 64 bits and lone surrogates, which the standard library writes
        return _stdlib_dumps(value)


def _fast_loads(text: bytes | str) -> Any:
    try:
        return orjson.loads(text)
    except ValueError:  # lone surrogates, which the standard library reads
        return json.loads(text)


try:
    import orjson
except ImportError:
    dumps: Callable[[Any], bytes] = _stdlib_dumps
    loads: Callable[[bytes | str], Any] = json.loads
else:
    dumps, loads = _fast_dumps, _fast_loads


def moment(milliseconds: int | None) -> datetime | None:
    """Epoch milliseconds as an aware UTC datetime; None for None and for 0, by which the server means "never"."""
    if not milliseconds:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, tz=timezone.utc)


def epoch_ms(value: datetime | int | None, name: str = "a moment") -> int | None:
    """A moment as epoch milliseconds; a datetime without a time zone is local time.

    Raises:
        ConfigurationError: It is something else, ``name`` being what it is called.
    """
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ConfigurationError(
        f"{name} is {value!r}; it must be a datetime, or epoch milliseconds as a whole number.",
        variable=name,
        value=value,
        allowed="a datetime, or epoch milliseconds",
    )


def to_jsonable(value: Any, path: str = "$") -> Any:
    """Convert ``value`` into dicts, lists, strings, numbers, booleans and None.

    Datetimes become ISO 8601 text, timedeltas seconds, Decimals and UUIDs text, Enums their value; models, attrs
    classes, dataclasses and pydantic models become objects; tuples become lists.

    Raises:
        SerializationError: Something in it has no JSON form (a set, a lock, NaN, a circular reference); the error's
            ``path_in_value`` names the place, ``path`` being the value's own.
    """
    return _convert(value, path, 0)


def _convert(value: Any, path: str, depth: int) -> Any:
    kind = value.__class__
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is float:
        if math.isfinite(value):
            return value
        raise _no_json(path, f"{value!r} is not a JSON number")
    if depth > MAX_DEPTH:
        start = path if len(path) <= _SHOWN else f"{path[:_SHOWN]}..."
        raise _no_json(start, f"nested more than {MAX_DEPTH} levels deep, or it contains itself")
    if kind is dict:
        return {_key(k, path): _convert(v, f"{path}.{k}", depth + 1) for k, v in value.items()}
    if kind is list or kind is tuple:
        return [_convert(v, f"{path}[{i}]", depth + 1) for i, v in enumerate(value)]
    return _convert_object(value, path, depth)


def _key(key: Any, path: str) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, str):
        return str(key)
    if isinstance(key, bool) or not isinstance(key, int | UUID | date):
        raise _no_json(path, f"a key of type {type(key).__name__} cannot be a JSON key; use text")
    return str(key)


def _convert_object(value: Any, path: str, depth: int) -> Any:
    for kinds, convert in _SCALARS:
        if isinstance(value, kinds):
            return _convert(convert(value), path, depth + 1)
    if isinstance(value, Mapping):
        return {_key(k, path): _convert(v, f"{path}.{k}", depth + 1) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_convert(v, f"{path}[{i}]", depth + 1) for i, v in enumerate(value)]
    fields = _fields_of(value)
    if fields is None:
        raise _no_json(path, f"a value of type {type(value).__module__}.{type(value).__qualname__} has no JSON form")
    return _convert(fields, path, depth + 1)


_SCALARS: tuple[tuple[Any, Callable[[Any], Any]], ...] = (
    (Enum, lambda v: v.value),
    (bool, bool),
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    ((datetime, date, time), lambda v: v.isoformat()),
    (timedelta, timedelta.total_seconds),
    ((Decimal, UUID, PurePath), str),
)


def _fields_of(value: Any) -> Any:
    if isinstance(value, type):
        return None
    for method in ("to_dict", "model_dump"):  # ours and pydantic's
        if callable(own := getattr(type(value), method, None)):
            return own(value)
    if attrs.has(type(value)):
        return {a.name: getattr(value, a.name) for a in attrs.fields(type(value))}
    if dataclasses.is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    return None


def _no_json(path: str, why: str) -> SerializationError:
    return SerializationError(f"{path}: {why}", path_in_value=path)
