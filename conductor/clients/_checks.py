"""Arguments that the server would take wrongly: refused before anything is sent.

The open-source server drops a payload over its limit and goes on with an empty one, and answers 500 to an enum value that
it does not know. A call that would end so is a ``ConfigurationError`` here, which names the argument.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from conductor.errors import ConfigurationError
from conductor.models.codec import dumps, to_jsonable
from conductor.models.enums import WireEnum
from conductor.transport.timeouts import seconds

__all__ = ["MAX_TASK_PAYLOAD", "MAX_WORKFLOW_PAYLOAD", "enum_value", "id_list", "payload", "refuse", "whole_seconds"]

MAX_WORKFLOW_PAYLOAD = 5 * 1024 * 1024
MAX_TASK_PAYLOAD = 3 * 1024 * 1024

E = TypeVar("E", bound=WireEnum)


def refuse(what: str, argument: str, value: object, allowed: str) -> ConfigurationError:
    """The error for an argument that is not sent; ``what`` says what is wrong with it."""
    return ConfigurationError(f"{argument}: {what}; allowed: {allowed}.", variable=argument, value=value, allowed=allowed)


def payload(value: Mapping[str, Any] | None, argument: str, limit: int) -> dict[str, Any] | None:
    """An input or output as plain JSON values, within the server's limit.

    Raises:
        ConfigurationError: It is no object, or it is larger than ``limit`` bytes of JSON: the server would drop it
            silently, and go on with an empty one.
        SerializationError: Something in it has no JSON form.
    """
    if value is None:
        return None
    plain = to_jsonable(value, f"$.{argument}")
    if not isinstance(plain, dict):
        raise refuse(f"{type(value).__name__} is no object", argument, type(value).__name__, "a dict, or a model of one")
    size = len(dumps(plain))
    if size > limit:  # escapes may make it look larger than the server sees it
        size = len(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))
    if size > limit:
        raise refuse(
            f"{size:,} bytes of JSON are too large, and the server would silently use an empty object instead",
            argument,
            size,
            f"up to {limit:,} bytes; keep large data elsewhere and pass a reference to it",
        )
    return plain


def enum_value(kind: type[E], value: E | str, argument: str) -> E:
    """``value`` as a member of ``kind`` that the server knows.

    Raises:
        ConfigurationError: It is another one, to which the server would answer 500.
    """
    member = kind(value)
    if not member.is_known:
        raise refuse(f"{str(value)!r} is unknown", argument, str(value), ", ".join(one.value for one in kind))
    return member


def whole_seconds(value: float | timedelta, argument: str, *, minimum: int = 0) -> int:
    """A duration in whole seconds, rounded up.

    Raises:
        ConfigurationError: It is shorter than ``minimum``.
    """
    whole = math.ceil(seconds(value))
    if whole < minimum:
        raise refuse(f"{value!r} is too short", argument, value, f"{minimum} seconds or more")
    return whole


def id_list(values: Sequence[str], argument: str, limit: int | None = None) -> list[str]:
    """A list of ids or names, not empty.

    Raises:
        ConfigurationError: It is a single text, empty, or longer than ``limit``.
    """
    most = f"1 to {limit} entries" if limit else "one entry or more"
    if isinstance(values, str):
        raise refuse(f"{values!r} is a single text", argument, values, f"a list of {most}")
    items = [str(value) for value in values]
    if not items or (limit is not None and len(items) > limit):
        raise refuse(f"{len(items)} entries", argument, len(items), most)
    return items
