"""The query language of searches: `workflowType=order AND status IN (FAILED,TIMED_OUT) AND startTime>1700000000000`.

Conditions are joined by ` AND ` in capitals; there is no OR. A row is a map of the fields below, times in epoch
milliseconds. Conditions on other fields hold for every row, as on the real server.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from attrs import frozen

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
"""What conditions and sorting can name."""

_CONDITION = re.compile(r"([a-zA-Z]+)\s?(=|>|<|IN)\s?(.*)", re.DOTALL)
_DECORATION = str.maketrans("", "", "\"'()")
_WILDCARDS = re.compile("[*%_]")
_LONG = 2**63
_DIRECTIONS = {"ASC": False, "DESC": True}


class QueryError(ValueError):
    """A condition cannot be read; the real server answers 400 with this text."""


class QueryNumberError(QueryError):
    """A time is compared with something that is no number; the real server answers 500 with this text."""


@frozen
class Condition:
    """One comparison; a single text value may hold `*` for any characters, whatever the case."""

    field: str
    operator: str
    values: tuple[str | int, ...]

    def matches(self, row: Mapping[str, Any]) -> bool:
        """Say whether the row's field compares as asked."""
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
    """All conditions, and a text that must occur somewhere in the row's document, whatever its case."""

    conditions: tuple[Condition, ...] = ()
    free_text: str = ""

    def matches(self, row: Mapping[str, Any], document: str = "") -> bool:
        """Say whether the row is found; the document is the text (JSON) that the free text is looked for in."""
        return all(condition.matches(row) for condition in self.conditions) and self._has_text(document)

    @property
    def longest_literal(self) -> str:
        """The longest part of the free text that has no wildcard: what is found contains it."""
        return max(_WILDCARDS.split(self.free_text), key=len)

    def _has_text(self, document: str) -> bool:
        """Say whether the text occurs: `*` and `%` stand for any characters, `_` for one."""
        if not _WILDCARDS.search(self.free_text):
            return self.free_text in document.lower()
        return _find_in_order(re.split("[*%]", self.free_text), document.lower(), 0) is not None


@frozen
class SortKey:
    """A field to sort by."""

    field: str
    descending: bool


def parse_query(query: str | None, free_text: str | None = "*", *, strict: bool = False) -> Query:
    """Return the query; an empty one finds all.

    Args:
        query: Conditions as above.
        free_text: A text to look for; `*` and nothing mean any.
        strict: Keep blanks after the commas of a list, which the real server does: `IN (a, b)` then finds only `a`.

    Raises:
        QueryError: A condition cannot be read.
        QueryNumberError: A time is no number of milliseconds.
    """
    parts = query.split(" AND ") if query else []
    conditions = [_condition(part, strict=strict) for part in parts]
    wanted = "" if free_text in {None, "*"} else str(free_text).lower()
    return Query(tuple(condition for condition in conditions if condition.field in FIELDS), wanted)


def parse_sort(text: str | None) -> tuple[SortKey, ...]:
    """Return the keys of `startTime:DESC|status:ASC`; what is not of this form, or no known field, is left out."""
    keys = []
    for part in (text or "").split("|"):
        name, colon, direction = part.partition(":")
        if colon and name in FIELDS and direction.upper() in _DIRECTIONS:
            keys.append(SortKey(name, _DIRECTIONS[direction.upper()]))
    return tuple(keys)


def sort_rows(rows: Iterable[Mapping[str, Any]], keys: tuple[SortKey, ...]) -> list[Mapping[str, Any]]:
    """Return the rows sorted by all keys, the first one first; rows that compare equal keep their order."""
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
    if not re.fullmatch(r"[+-]?[0-9]+", text) or abs(int(text)) >= _LONG:
        raise QueryNumberError(f'For input string: "{text}"')
    return int(text)


def matches_wildcards(pattern: str, text: str) -> bool:
    """Return whether a whole text matches a pattern in which `*` stands for any characters, whatever the case.

    The time grows with the length of the text, not with the number of wildcards: each part between two of them is
    looked for once, from where the one before it ends.
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
    """Return where the last of the parts ends, each found behind the one before; `_` stands for any character."""
    for part in parts:
        found = _part_pattern(part).search(text, position)
        if found is None:
            return None
        position = found.end()
    return position


@lru_cache(maxsize=256)
def _part_pattern(part: str) -> re.Pattern[str]:
    return re.compile("".join("." if char == "_" else re.escape(char) for char in part), re.DOTALL)
