"""Fields of JSON documents that others sent, converted as the OSS server converts them; the rest is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.expressions.java_text import scalar_text

Json = dict[str, Any]
Reader = Callable[[Any], Any]
"""Converts a value that is not null; raises UnreadableError, whose text says what it has to be."""

_WHOLE = re.compile(r"\s*[+-]?\d+\s*")
_INT, _LONG = 2**31, 2**63


class UnreadableError(ValueError):
    """A value cannot be converted; the text says what it has to be."""


def text(value: Any) -> str:
    """A text; numbers and booleans become one."""
    if isinstance(value, (dict, list)):
        raise UnreadableError("a text")
    return value if isinstance(value, str) else scalar_text(value)


def whole(value: Any, limit: int = _INT) -> int | None:
    """A whole number; a fraction is cut off, an empty text is none."""
    if isinstance(value, str) and not value.strip():
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UnreadableError("a whole number")
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise UnreadableError("a whole number")
    number = int(value) if not isinstance(value, float) or abs(value) < limit else limit
    if not -limit <= number < limit:
        raise UnreadableError(f"a number of {limit.bit_length()} bits")
    return number


def long(value: Any) -> int | None:
    """The same with 64 bits."""
    return whole(value, _LONG)


def boolean(value: Any) -> bool:
    """True or false, also as a text or a number."""
    if isinstance(value, str) and value.strip().lower() in {"true", "false", ""}:
        return value.strip().lower() == "true"
    if not isinstance(value, (bool, int)):
        raise UnreadableError("true or false")
    return bool(value)


def mapping(value: Any) -> Json:
    """An object."""
    if not isinstance(value, dict):
        raise UnreadableError("an object")
    return value


def texts_by_name(value: Any) -> Json:
    """An object whose values are texts or null."""
    try:
        return {key: None if one is None else text(one) for key, one in mapping(value).items()}
    except UnreadableError:
        raise UnreadableError("an object of texts") from None


def word(*allowed: str) -> Reader:
    """One of some words."""

    def read(value: Any) -> str:
        if value not in allowed:
            raise UnreadableError(f"one of {', '.join(sorted(allowed))}")
        return str(value)

    return read


def list_of(reader: Reader) -> Reader:
    """A list; each element is read."""

    def read_all(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise UnreadableError("a list")
        return [None if one is None else reader(one) for one in value]

    return read_all


def record(fields: Mapping[str, Reader]) -> Reader:
    """An object with some known fields."""

    def read_record(value: Any) -> Json:
        return _read(mapping(value), fields)

    return read_record


def read(given: Json, fields: Mapping[str, Reader]) -> Json:
    """The object with its known fields converted; nulls and unknown fields stay.

    Raises:
        RefusedError: 500, as the real server answers what it cannot read.
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
                shown = f"{name}.{what}" if is_below else f"{name} must be {what}, not {_kind(given[name])}"
                raise UnreadableError(shown) from None
    return made


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "an object"
    return "a list" if isinstance(value, list) else repr(value)


START: Mapping[str, Reader] = {
    "name": text,
    "version": whole,
    "correlationId": text,
    "priority": whole,
    "input": mapping,
    "taskToDomain": texts_by_name,
    "workflowDef": mapping,
    "externalInputPayloadStoragePath": text,
    "createdBy": text,
    "idempotencyKey": text,
    "idempotencyStrategy": word("FAIL", "RETURN_EXISTING", "FAIL_ON_RUNNING"),
}
"""The fields of a request to start a workflow."""
