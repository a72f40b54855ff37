"""Readers of JSON fields, with the conversions of the OSS server's JSON parser. Other values are refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.expressions.java_text import scalar_text

Json = dict[str, Any]
#: Converts a value other than null; raises UnreadableError, whose message completes "must be".
Reader = Callable[[Any], Any]

_INTEGER = re.compile(r"\s*[+-]?\d+\s*")
#: The first positive integers that do not fit into 32 and 64 bits.
_INT, _LONG = 2**31, 2**63


class UnreadableError(ValueError):
    """A value cannot be converted; the message completes "must be"."""


def string(value: Any) -> str:
    """Read a string; numbers and booleans are converted to strings."""
    if isinstance(value, (dict, list)):
        raise UnreadableError("a string")
    return value if isinstance(value, str) else scalar_text(value)


def integer(value: Any, limit: int = _INT) -> int | None:
    """Read an integer of 32 bits: a fraction is cut off, and an empty string is None."""
    if isinstance(value, str) and not value.strip():
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UnreadableError("an integer")
    if isinstance(value, str) and not _INTEGER.fullmatch(value):
        raise UnreadableError("an integer")
    number = int(value) if not isinstance(value, float) or abs(value) < limit else limit
    if not -limit <= number < limit:
        raise UnreadableError(f"a number of {limit.bit_length()} bits")
    return number


def long(value: Any) -> int | None:
    """Read an integer of 64 bits, as ``integer`` does."""
    return integer(value, _LONG)


def boolean(value: Any) -> bool:
    """Read a boolean, also from a string or a number."""
    if isinstance(value, str) and value.strip().lower() in {"true", "false", ""}:
        return value.strip().lower() == "true"
    if not isinstance(value, (bool, int)):
        raise UnreadableError("true or false")
    return bool(value)


def mapping(value: Any) -> Json:
    """Read an object."""
    if not isinstance(value, dict):
        raise UnreadableError("an object")
    return value


def strings_by_name(value: Any) -> Json:
    """Read an object whose values are strings or null."""
    try:
        return {key: None if one is None else string(one) for key, one in mapping(value).items()}
    except UnreadableError:
        raise UnreadableError("an object of strings") from None


def one_of(*allowed: str) -> Reader:
    """Return a reader of an enum."""

    def read(value: Any) -> str:
        if value not in allowed:
            raise UnreadableError(f"one of {', '.join(sorted(allowed))}")
        return str(value)

    return read


def list_of(reader: Reader) -> Reader:
    """Return a reader of a list, which reads each element with ``reader``."""

    def read_all(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise UnreadableError("a list")
        return [None if one is None else reader(one) for one in value]

    return read_all


def record(fields: Mapping[str, Reader]) -> Reader:
    """Return a reader of an object with these fields, among others."""

    def read_record(value: Any) -> Json:
        return _read(mapping(value), fields)

    return read_record


def read(given: Json, fields: Mapping[str, Reader]) -> Json:
    """Return the object with these fields converted; null values and other fields stay as they are.

    Raises:
        RefusedError: A field cannot be converted (500, as on the OSS server).
    """
    try:
        return _read(given, fields)
    except UnreadableError as error:
        raise RefusedError(500, f"JSON parse error: {error}") from None


def _read(given: Json, fields: Mapping[str, Reader]) -> Json:
    made = dict(given)
    for name in given.keys() & fields.keys():
        if given[name] is not None:
            try:
                made[name] = fields[name](given[name])
            except UnreadableError as error:
                what = str(error)
                is_below = " must be " in what
                shown = f"{name}.{what}" if is_below else f"{name} must be {what}, not {_type_or_value(given[name])}"
                raise UnreadableError(shown) from None
    return made


def _type_or_value(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else repr(value)


#: The fields of a StartWorkflowRequest.
START: Mapping[str, Reader] = {
    "name": string,
    "version": integer,
    "correlationId": string,
    "priority": integer,
    "input": mapping,
    "taskToDomain": strings_by_name,
    "workflowDef": mapping,
    "externalInputPayloadStoragePath": string,
    "createdBy": string,
    "idempotencyKey": string,
    "idempotencyStrategy": one_of("FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING"),
}
