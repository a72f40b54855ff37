"""The operators of JSONPath filters, with the real server's idea of equality: the text '1' equals the number 1."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from typing import Any

from conductor.server.engine.java_text import scalar_text


def equal(left: Any, right: Any) -> bool:
    """Compare as the library does: number and text by the right-hand side's number, or the left-hand side's text."""
    kinds = _kind(left), _kind(right)
    if kinds == ("number", "text"):
        number = _as_number(right)
        return number is not None and bool(left == number)
    if kinds == ("text", "number"):
        return bool(left == scalar_text(right))
    return kinds[0] == kinds[1] and bool(left == right)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "text"
    return "null" if value is None else type(value).__name__


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(left: Any, right: Any) -> bool:
        kind = _kind(left)
        return kind == _kind(right) and kind in {"number", "text"} and compare(left, right)

    return holds


def _same(left: Any, right: Any) -> bool:
    return _kind(left) == _kind(right) and equal(left, right)


def _among(left: Any, right: Any) -> bool:
    return isinstance(right, list) and any(equal(left, item) for item in right)


def _contains(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return right in left
    return isinstance(left, list) and _among(right, left)


def _size(left: Any, right: Any) -> bool:
    return isinstance(left, (str, list)) and _kind(right) == "number" and len(left) == right


def _empty(left: Any, right: Any) -> bool:
    return isinstance(left, (str, list, dict)) and (not left) is right


def _any_of(left: Any, right: Any) -> bool:
    return isinstance(left, list) and any(_among(item, right) for item in left)


def _none_of(left: Any, right: Any) -> bool:
    return isinstance(left, list) and isinstance(right, list) and not _any_of(left, right)


def _subset(left: Any, right: Any) -> bool:
    return isinstance(left, list) and all(_among(item, right) for item in left)


def _regex(left: Any, right: Any) -> bool:
    if isinstance(left, re.Pattern):
        left, right = right, left
    if not isinstance(right, re.Pattern):
        return False
    text = scalar_text(left) if isinstance(left, (bool, int, float)) else left
    return right.fullmatch(text if isinstance(text, str) else "") is not None


def _never(_left: Any, _right: Any) -> bool:
    """ALL and TYPE exist in the library, but hold for nothing that can be written in a path."""
    return False


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "===": _same,
    "!==": lambda left, right: not _same(left, right),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "=~": _regex,
    "IN": _among,
    "NIN": lambda left, right: not _among(left, right),
    "CONTAINS": _contains,
    "SIZE": _size,
    "EMPTY": _empty,
    "ANYOF": _any_of,
    "NONEOF": _none_of,
    "SUBSETOF": _subset,
    "ALL": _never,
    "TYPE": _never,
}
