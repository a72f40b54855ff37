"""JSON encoding and decoding: with orjson if it is installed (extra ``fast``), else with the standard library.

``to_jsonable`` converts the values that users put into inputs and outputs.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import json
import marshal
import math
import re
import sys
from collections import deque
from collections.abc import Callable, Mapping, ValuesView
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta, timezone
from enum import Enum
from pathlib import PurePath
from typing import Any

import attrs

from conductor._internal.epoch import from_epoch_ms
from conductor.errors import ConfigurationError, SerializationError

__all__ = [
    "MAX_DEPTH",
    "DamagedTask",
    "dumps",
    "epoch_ms",
    "is_nested_deeper",
    "is_writable",
    "loads",
    "register_encoder",
    "to_datetime",
    "to_jsonable",
]


class DamagedTask(dict[str, Any]):
    """The readable fields of a task with invalid JSON in others; see ``transport.response_json``."""


#: Maximum nesting depth of an encoded value; deeper values usually contain themselves.
MAX_DEPTH = 200
#: Characters of a path that an error shows if the value is nested too deeply.
_MAX_PATH_LENGTH = 60


def _stdlib_dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode()


def _fast_dumps(value: Any) -> bytes:
    try:
        return bytes(orjson.dumps(value))
    except TypeError:  # the standard library also writes integers over 64 bits and lone surrogates
        return _stdlib_dumps(value)


#: A number with 19 digits or more. orjson reads integers over 64 bits as floats, and so loses digits.
_LONG_NUMBER = re.compile(r"(?:^|[:,\[\s])-?[0-9]{19}")
_LONG_NUMBER_BYTES = re.compile(_LONG_NUMBER.pattern.encode())
#: Replaces each digit by 0 and all other bytes by x: this finds long numbers ten times as fast as a regular expression.
_DIGITS = bytes(ord("0") if chr(byte) in "0123456789" else ord("x") for byte in range(256))
#: 19 digits in a row, after ``_DIGITS`` has replaced each digit by 0; shorter numbers fit into 64 bits.
_LONG = b"0" * 19


def _has_long_number(text: bytes | str) -> bool:
    if isinstance(text, str):
        return _LONG_NUMBER.search(text) is not None
    return _LONG in text.translate(_DIGITS) and _LONG_NUMBER_BYTES.search(text) is not None


def _fast_loads(text: bytes | str) -> Any:
    if _has_long_number(text):
        return json.loads(text)
    try:
        return orjson.loads(text)
    except ValueError:  # the standard library also reads lone surrogates
        return json.loads(text)


#: A float in marshal's binary format whose exponent marks it as infinite or NaN.
_NOT_FINITE = re.compile(rb"g[\x00-\xff]{6}[\xf0-\xff][\x7f\xff]")


def _fast_text(value: Any) -> bytes:
    options = orjson.OPT_PASSTHROUGH_SUBCLASS | orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME
    # Written at once instead of visited in Python: for plain values, which are most, that is many times faster. Other
    # values fail here and take the path that converts value by value.
    text: bytes = orjson.dumps(value, option=options)
    # NaN and infinity are written as null. Version 2 of marshal writes floats in binary form.
    if b"null" in text and _NOT_FINITE.search(marshal.dumps(value, 2)):
        raise ValueError("not plain JSON")
    return text


def _fast_copy(value: Any) -> tuple[bytes, Any]:
    text = _fast_text(value)
    return text, orjson.loads(text)


def _stdlib_copy(value: Any) -> tuple[bytes, Any]:
    text = _stdlib_dumps(value)
    copy = json.loads(text)
    if copy != value:  # such as keys that are numbers
        raise ValueError("not plain JSON")
    return text, copy


def _stdlib_text(value: Any) -> bytes:
    return _stdlib_copy(value)[0]


try:
    import orjson
except ImportError:
    dumps: Callable[[Any], bytes] = _stdlib_dumps
    loads: Callable[[bytes | str], Any] = json.loads
    _copy: Callable[[Any], tuple[bytes, Any]] = _stdlib_copy
    _text: Callable[[Any], bytes] = _stdlib_text
else:
    dumps, loads, _copy, _text = _fast_dumps, _fast_loads, _fast_copy, _fast_text


#: All bytes but quotes, brackets and braces.
_NOT_STRUCTURE = bytes(byte for byte in range(256) if chr(byte) not in '"[]{}')
#: Levels of nesting to remove from a JSON text; each removal copies it, and few values have more levels.
_TRIED_LEVELS = 16


def is_nested_deeper(value: Any, text: bytes, limit: int) -> bool:
    """Return whether a value contains containers nested deeper than ``limit``.

    Args:
        value: The value.
        text: Its JSON: counting the brackets takes a fifth of the time of visiting all values.
        limit: Levels.
    """
    marks = text.translate(None, _NOT_STRUCTURE)
    if len(marks) <= 2 * limit:
        return False
    marks = marks.replace(b'""', b"")  # strings without brackets
    if b'"' not in marks and b'\\"' not in text:
        for removed in range(0, _TRIED_LEVELS, 2):
            if len(marks) <= 2 * (limit - removed):
                return False
            marks = marks.replace(b"[]", b"").replace(b"{}", b"")  # two levels at most
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(limit):
        level = [
            child
            for container in level
            for child in (container.values() if isinstance(container, dict) else container)
            if child.__class__ is dict or child.__class__ is list
        ]
        if not level:
            return False
    return True


def to_datetime(milliseconds: int | None) -> datetime | None:
    """Return epoch milliseconds as an aware datetime in UTC; None for None and for 0, which servers use for "never"."""
    if not milliseconds:
        return None
    return from_epoch_ms(milliseconds)


def epoch_ms(value: datetime | int | None, name: str = "time") -> int | None:
    """Return a datetime as epoch milliseconds; a datetime without a time zone is in local time.

    Args:
        value: A datetime, or epoch milliseconds, which are returned unchanged.
        name: The name of the argument, for the error.

    Raises:
        ConfigurationError: The value is neither a datetime nor an integer.
    """
    if isinstance(value, datetime):
        return round(value.timestamp() * 1000)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    raise ConfigurationError(
        f"{name} is {value!r}; it must be a datetime, or epoch milliseconds as an integer.",
        variable=name,
        value=value,
        allowed="a datetime, or epoch milliseconds",
    )


def to_jsonable(value: Any, path: str = "$", depth: int = 0) -> Any:
    """Convert a value to dicts, lists, strings, numbers, booleans and None.

    Dates and times become ISO 8601 strings, timedeltas seconds, bytes Base64, Enums their values. Decimals, UUIDs,
    paths and IP addresses become strings. Models, attrs classes, dataclasses and pydantic models become objects.
    Tuples, sets, deques, ranges and arrays become lists; sets are sorted if possible.

    Args:
        value: The value.
        path: Path of the value, for the error.
        depth: Levels of a larger value around it.

    Raises:
        SerializationError: The value contains NaN, itself, two keys with the same JSON form, or an object without a
            JSON form; ``path_in_value`` is the path.
    """
    if _has_containers(value) and not _encoders:
        try:
            text, copy = _copy(value)
        except (TypeError, ValueError, RecursionError):  # something in it is not plain JSON
            pass
        else:
            if not is_nested_deeper(copy, text, MAX_DEPTH - depth):
                return copy
    return _convert(value, path, depth)


def is_writable(value: Any) -> bool:
    """Return whether ``dumps`` writes a dict or list with containers in it like the result of ``to_jsonable``.

    The check creates no objects for the garbage collector, whose work grows with the number of tasks that run. The
    result is also False for values that are cheap to convert.
    """
    if _encoders or not _has_containers(value):
        return False
    try:
        text = _text(value)
    except (TypeError, ValueError, RecursionError):
        return False
    return not is_nested_deeper(value, text, MAX_DEPTH)


def _has_containers(value: Any) -> bool:
    """Return whether a plain dict or list contains others; copying is five times as fast as visiting all values."""
    items = value.values() if value.__class__ is dict else value if value.__class__ is list else ()
    return any(item.__class__ is dict or item.__class__ is list for item in items)


def register_encoder(kind: type, encode: Callable[[Any], Any]) -> None:
    """Encode instances of ``kind`` as the value that ``encode`` returns."""
    _encoders[kind] = encode


_encoders: dict[type, Callable[[Any], Any]] = {}


def _convert(value: Any, path: str, depth: int) -> Any:
    kind = value.__class__
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is float:
        if math.isfinite(value):
            return value
        raise _no_json(path, f"{value!r} is not a JSON number; use None or a string")
    if depth > MAX_DEPTH:
        start = path if len(path) <= _MAX_PATH_LENGTH else f"{path[:_MAX_PATH_LENGTH]}..."
        raise _no_json(start, f"nested more than {MAX_DEPTH} levels deep, or it contains itself")
    if kind is dict:
        return _convert_mapping(value, path, depth)
    if kind is list or kind is tuple:
        return [_convert(v, f"{path}[{i}]", depth + 1) for i, v in enumerate(value)]
    return _convert_object(value, path, depth)


def _convert_mapping(value: Mapping[Any, Any], path: str, depth: int) -> dict[str, Any]:
    converted = {_key(k, path): _convert(v, f"{path}.{k}", depth + 1) for k, v in value.items()}
    if len(converted) != len(value):
        names = [_key(k, path) for k in value]
        duplicate = next(name for name in names if names.count(name) > 1)
        raise _no_json(
            f"{path}.{duplicate}", f"two keys become the same JSON key {duplicate!r}; one value would be lost"
        )
    return converted


def _key(key: Any, path: str) -> str:
    if isinstance(key, Enum):
        key = key.value
    if isinstance(key, str):
        return str.__str__(key)
    plain = None
    if not isinstance(key, bool | bytes) and key is not None:
        plain = _plain(key, path)
    if isinstance(plain, bool) or not isinstance(plain, str | int | float) or isinstance(key, timedelta):
        raise _no_json(path, f"a key of type {type(key).__name__} cannot be a JSON key; use a string")
    return str(plain)


def _plain(key: Any, path: str) -> Any:
    try:
        return _convert(key, path, 0)
    except SerializationError:
        return None


def _convert_object(value: Any, path: str, depth: int) -> Any:  # noqa: C901  one branch per kind of value
    encode = next((_encoders[kind] for kind in type(value).__mro__ if kind in _encoders), None) if _encoders else None
    if encode is not None:
        return _convert(encode(value), path, depth + 1)
    if (write := getattr(type(value), "_write_json", None)) is not None:
        return write(value, path, depth)  # a model: its values are converted already
    for kinds, convert in _scalars():
        if isinstance(value, kinds):
            return _convert(convert(value), path, depth + 1)
    if isinstance(value, Mapping):
        return _convert_mapping(value, path, depth)
    if isinstance(value, _SETS):
        items = [_convert(v, f"{path}[]", depth + 1) for v in value]
        try:
            return sorted(items)
        except TypeError:  # items of several kinds
            return items
    if isinstance(value, _LISTS):
        return [_convert(v, f"{path}[{i}]", depth + 1) for i, v in enumerate(value)]
    try:
        fields = _fields_of(value)
    except SerializationError:
        raise
    except Exception as error:  # the object's own serializer can raise anything
        raise _no_json(path, f"cannot convert a value of type {_name(value)}: {error}") from None
    if fields is None:
        raise _no_json(
            path,
            f"a value of type {_name(value)} has no JSON form; convert it first, such as to a string, list or dict",
        )
    return _convert(fields, path, depth + 1)


def _name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


_SETS = (AbstractSet,)
_LISTS = (list, tuple, deque, range, ValuesView)


@functools.cache
def _scalars() -> tuple[tuple[Any, Callable[[Any], Any]], ...]:
    """Return the classes with a scalar JSON form, each with its conversion; the first match is used."""
    from decimal import Decimal  # these modules take 3 ms to import, and many programs convert only plain values
    from fractions import Fraction
    from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
    from uuid import UUID
    from zoneinfo import ZoneInfo

    return (
        (Enum, lambda v: v.value),
        (bool, bool),
        (str, str.__str__),
        (int, int.__int__),
        (float, float.__float__),
        ((datetime, date, time), lambda v: v.isoformat()),
        (timedelta, timedelta.total_seconds),
        ((bytes, bytearray), lambda v: base64.b64encode(v).decode()),
        ((Decimal, Fraction, UUID, PurePath, timezone), str),
        ((IPv4Address, IPv6Address, IPv4Network, IPv6Network), str),
        (ZoneInfo, lambda v: v.key),
    )


def _fields_of(value: Any) -> Any:  # one branch per kind of value
    kind = type(value)
    if isinstance(value, type):
        return None
    if callable(own := getattr(kind, "to_dict", None)):
        return own(value)
    if "pydantic" in sys.modules and hasattr(kind, "__pydantic_serializer__"):
        return _from_pydantic(value)
    if callable(own := getattr(kind, "model_dump", None)):
        return own(value)
    if attrs.has(kind):
        return {a.alias or a.name: getattr(value, a.name) for a in attrs.fields(kind)}
    if dataclasses.is_dataclass(value):
        return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
    if kind.__module__.partition(".")[0] == "numpy" and callable(own := getattr(kind, "tolist", None)):
        return own(value)
    if "pydantic" in sys.modules and hasattr(kind, "__get_pydantic_core_schema__"):
        owner: Any = kind
        return _type_adapter(owner).dump_python(value, mode="json")
    return None


def _from_pydantic(value: Any) -> Any:
    """Dump a pydantic model or dataclass in JSON mode, with the names from which it can be validated again."""
    fields = getattr(type(value), "__pydantic_fields__", {})
    aliased = any(field.validation_alias is not None for field in fields.values())
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return dump(mode="json", by_alias=aliased)
    owner: Any = type(value)
    return _type_adapter(owner).dump_python(value, mode="json", by_alias=aliased)


@functools.lru_cache(maxsize=512)
def _type_adapter(kind: Any) -> Any:
    from pydantic import TypeAdapter  # optional dependency, already imported

    return TypeAdapter(kind)


def _no_json(path: str, why: str) -> SerializationError:
    return SerializationError(f"{path}: {why}", path_in_value=path)
