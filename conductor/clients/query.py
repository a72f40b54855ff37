"""The query language of searches: typed conditions in, and unknown fields refused.

The open-source server drops a condition on a field that it does not know, and then answers everything. So the fields
that it knows are listed here (``SqliteIndexQueryBuilder`` in the server), and any other is an error.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from conductor.errors import ConfigurationError

__all__ = ["TASK_FIELDS", "WORKFLOW_FIELDS", "build_query", "check_query"]

WORKFLOW_FIELDS = (
    "workflowId",
    "correlationId",
    "workflowType",
    "startTime",
    "endTime",
    "updateTime",
    "status",
    "parentWorkflowId",
    "classifier",
)
TASK_FIELDS = ("taskId", "taskType", "taskDefName", "workflowType", "status", "startTime", "endTime", "updateTime")

_CONDITION = re.compile(r"^\s*(\w+)\s*(=|>|<|IN)\s*(.+?)\s*$", re.DOTALL)
_FORBIDDEN = re.compile(r"[\"'(),]")


def build_query(
    fields: Mapping[str, Any], ranges: Mapping[str, tuple[Any, Any]], raw: str | None, allowed: Iterable[str]
) -> str | None:
    """One query from typed fields.

    Args:
        fields: Wire name to a value or several; None is left out.
        ranges: Wire name to the moments after and before which it lies; None is open.
        raw: Further conditions as text.
        allowed: The fields that may be named in ``raw``.
    """
    parts = [_condition(name, value) for name, value in fields.items() if value is not None]
    for name, (after, before) in ranges.items():
        parts += [f"{name} > {_moment(after)}"] if after is not None else []
        parts += [f"{name} < {_moment(before)}"] if before is not None else []
    if raw:
        check_query(raw, allowed)
        parts.append(raw)
    return " AND ".join(parts) or None


def check_query(raw: str, allowed: Iterable[str]) -> None:
    """Refuse what the server would silently ignore.

    Raises:
        ConfigurationError: A condition is not of the form ``field = value``, ``field > value``, ``field < value`` or
            ``field IN (a,b)``, or its field is unknown.
    """
    known = list(allowed)
    for condition in raw.split(" AND "):
        found = _CONDITION.match(condition)
        if not found:
            raise ConfigurationError(
                f"The search condition {condition.strip()!r} is not understood by the server. Conditions are "
                "'field = value', 'field > value', 'field < value' and 'field IN (a,b)', joined by ' AND '; there is "
                "no OR, no != and no 'field:value'.",
                variable="query",
                value=raw,
                allowed="field = value AND ...",
            )
        if found[1] not in known:
            raise ConfigurationError(
                f"A search by {found[1]!r} is not possible: the server would ignore the condition and answer "
                f"everything. Fields are: {', '.join(known)}.",
                variable="query",
                value=found[1],
                allowed=", ".join(known),
            )


def _condition(name: str, value: Any) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        return f"{name} IN ({','.join(_value(name, one) for one in value)})"
    return f"{name} = {_value(name, value)}"


def _value(name: str, value: Any) -> str:
    text = str(value.value if isinstance(value, Enum) else value)
    if not text or _FORBIDDEN.search(text) or " AND " in text:
        raise ConfigurationError(
            f"{text!r} cannot be searched for in {name}: the server's query language has no way to write quotes, "
            "parentheses or commas in a value. Use free_text.",
            variable=name,
            value=text,
            allowed="text without quotes, parentheses and commas",
        )
    return f'"{text}"' if " " in text else text


def _moment(value: datetime | int) -> int:
    return round(value.timestamp() * 1000) if isinstance(value, datetime) else int(value)
