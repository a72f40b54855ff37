"""The query language of searches: ``workflowType=order AND status IN (FAILED,TIMED_OUT) AND startTime>1700000000000``.

Conditions are joined by ``AND`` in upper case; there is no OR. A row is a dictionary of the fields below, with times in
epoch milliseconds. Conditions on other fields match every row, as on the OSS server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from attrs import frozen

#: The fields that conditions and sort keys can name.
FIELDS = frozenset(
    {
        "workflowId",
        "correlationId",
        "workflowType",
        "startTime",
        "endTime",
        "updateTime",
        "status",
        "parentWorkflowId",
        "classifier",
        "taskId",
        "taskType",
        "taskDefName",
    }
)

# A field starts at a word boundary; otherwise, the search would restart at each letter of a long word.
_CONDITION = re.compile(r"(?<![a-zA-Z])([a-zA-Z]+)\s?(=|>|<|IN)\s?(.*)", re.DOTALL)
_DECORATION = str.maketrans("", "", "\"'()")
_WILDCARDS = re.compile("[*%_]")
#: The first number that Java's ``long`` cannot hold: the OSS server fails to parse it.
_LONG = 2**63
#: Maximum length of a free text with ``_`` between two other wildcards: all its characters are compared at each
#: position of a document.
_LONG_PART = 200
_DIRECTIONS = {"ASC": False, "DESC": True}


class QueryError(ValueError):
    """A condition is invalid; the OSS server answers 400 with this message."""


class QueryNumberError(QueryError):
    """A time is compared with a value that is not a number; the OSS server answers 500 with this message."""


@frozen
class Condition:
    """One comparison. A single string value may contain ``*`` for any characters, and then ignores case."""

    field: str
    operator: str
    values: tuple[str | int, ...]

    def matches(self, row: Mapping[str, Any]) -> bool:
        """Return whether the row fulfills the condition."""
        found: Any = row.get(self.field)
        if found is None:
            found = 0 if self.field.endswith("Time") else ""
        first: Any = self.values[0]
        if self.operator == ">":
            return bool(found > first)
        if self.operator == "<":
            return bool(found < first)
        if isinstance(first, str) and len(self.values) == 1 and "*" in first:
            return matches_wildcards(first, str(found))
        return found in self.values


@frozen
class Query:
    """Conditions, all of which must hold, and free text that the document must contain in any case.

    Attributes:
        conditions: The conditions.
        free_text: The text, in lower case; ``*`` and ``%`` match any characters, ``_`` matches one.
    """

    conditions: tuple[Condition, ...] = ()
    free_text: str = ""

    def matches(self, row: Mapping[str, Any], document: str = "") -> bool:
        """Return whether the query finds the row; ``document`` is the JSON string to look for the free text in."""
        return all(condition.matches(row) for condition in self.conditions) and self._has_text(document)

    @property
    def longest_literal(self) -> str:
        """The longest part of the free text without a wildcard, which every document found contains."""
        return max(_WILDCARDS.split(self.free_text), key=len)

    def _has_text(self, document: str) -> bool:
        if not _WILDCARDS.search(self.free_text):
            return self.free_text in document.lower()
        return _find_in_order(re.split("[*%]", self.free_text), document.lower(), 0) is not None


@frozen
class SortKey:
    """A field to sort by."""

    field: str
    descending: bool


def parse_query(query: str | None, free_text: str | None = "*", *, strict: bool = False) -> Query:
    """Parse a query. An empty query finds everything.

    Args:
        query: The conditions.
        free_text: Text to look for; ``*`` or None for any.
        strict: Keep spaces after the commas of a list, as the OSS server does: ``IN (a, b)`` then finds only ``a``.

    Raises:
        QueryError: A condition or the free text is invalid.
        QueryNumberError: A time is not a number of milliseconds.
    """
    parts = query.split(" AND ") if query else []
    conditions = [_condition(part, strict=strict) for part in parts]
    wanted = "" if free_text in {None, "*"} else str(free_text).lower()
    if "_" in wanted and max(map(len, re.split("[*%]", wanted))) > _LONG_PART:
        raise QueryError(f"Free text with _ can have at most {_LONG_PART} characters between two wildcards")
    return Query(tuple(condition for condition in conditions if condition.field in FIELDS), wanted)


def parse_sort(text: str | None) -> tuple[SortKey, ...]:
    """Parse sort keys such as ``startTime:DESC|status:ASC``; invalid keys and unknown fields are ignored."""
    keys = []
    for part in (text or "").split("|"):
        name, colon, direction = part.partition(":")
        if colon and name in FIELDS and direction.upper() in _DIRECTIONS:
            keys.append(SortKey(name, _DIRECTIONS[direction.upper()]))
    return tuple(keys)


def sort_rows(rows: Iterable[Mapping[str, Any]], keys: tuple[SortKey, ...]) -> list[Mapping[str, Any]]:
    """Return the rows sorted by the keys, the first key taking precedence; equal rows keep their order."""
    result = list(rows)
    for key in reversed(keys):
        empty: Any = 0 if key.field.endswith("Time") else ""
        result.sort(key=lambda row: row.get(key.field) or empty, reverse=key.descending)
    return result


def _condition(text: str, *, strict: bool) -> Condition:
    match = _CONDITION.search(text)
    if not match:
        raise QueryError(f"Incorrectly formatted query string: {text}")
    name, operator = match[1], match[2]
    values: list[str | int] = list(match[3].translate(_DECORATION).split(","))
    if not strict and operator == "IN":
        values = [str(value).strip() for value in values]
    if name in FIELDS and name.endswith("Time"):
        values = [_milliseconds(str(value)) for value in values]
    return Condition(name, "=" if operator == "IN" and len(values) == 1 else operator, tuple(values))


def _milliseconds(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,100}", text) or abs(int(text)) >= _LONG:
        raise QueryNumberError(f'For input string: "{text}"')
    return int(text)


def matches_wildcards(pattern: str, text: str) -> bool:
    """Return whether a pattern matches the whole text, ignoring case; ``*`` matches any characters.

    The time is linear in the length of the text for any number of wildcards.
    """
    first, *middle, last = pattern.lower().split("*")
    text = text.lower()
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    end = len(text) - len(last)
    position = len(first)
    for part in middle:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True


def _find_in_order(parts: list[str], text: str, position: int) -> int | None:
    """Return the end of the last part if all parts occur in this order, otherwise None; ``_`` matches a character."""
    for part in parts:
        found = _part_pattern(part).search(text, position)
        if found is None:
            return None
        position = found.end()
    return position


@lru_cache(maxsize=256)
def _part_pattern(part: str) -> re.Pattern[str]:
    return re.compile("".join("." if char == "_" else re.escape(char) for char in part), re.DOTALL)
