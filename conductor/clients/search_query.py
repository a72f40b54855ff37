"""Queries in the server's search language, built from typed conditions.

The open-source server ignores conditions on unknown fields, and returns everything. This module therefore lists the
supported fields (``SqliteIndexQueryBuilder`` in the server's source) and rejects others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any

from conductor._internal.suggestions import did_you_mean
from conductor.errors import ConfigurationError
from conductor.models.codec import epoch_ms

__all__ = [
    "TASK_FIELDS",
    "WORKFLOW_FIELDS",
    "as_str_list",
    "build_query",
    "check_query",
    "check_sort",
    "executions_query",
    "refuse_fields",
]


_SCHEDULE_CONDITION = re.compile(
    r"(scheduleName|state) IN \([^()]+\)|scheduledTime[<>] *\d+|(workflowName|executionId)=[^=<>]+"
)
_VALUE = re.compile(r"[^(),]+")


def as_str_list(given: str | Iterable[str] | None) -> list[str]:
    """Return one string, or several, as a list; an empty list for None."""
    if given is None:
        return []
    values = [given] if isinstance(given, str) else given
    return [str(value.value if isinstance(value, Enum) else value) for value in values]


def executions_query(
    names: list[str],
    states: list[str],
    workflow_name: str | None,
    due: tuple[datetime | int | None, datetime | int | None],
    raw: str | None,
) -> str | None:
    """Return the query of a search for runs of schedules; None without conditions.

    Args:
        names: Names of schedules.
        states: States of runs.
        workflow_name: Part of the name of a workflow.
        due: The times after and before which the runs are due; None for no limit.
        raw: More conditions in the query language.

    Raises:
        ConfigurationError: The server would misinterpret a condition.
    """
    parts = [
        f"{field} IN ({_list(field, given)})" for field, given in (("scheduleName", names), ("state", states)) if given
    ]
    parts += [f"workflowName={workflow_name}"] if workflow_name else []
    parts += [
        f"scheduledTime{sign}{epoch_ms(moment, 'scheduled_after or scheduled_before')}"
        for sign, moment in zip("><", due, strict=True)
        if moment is not None
    ]
    parts += [_checked(condition) for condition in re.split(r"\s+AND\s+", raw.strip())] if raw else []
    return " AND ".join(parts) or None


def _list(field: str, given: list[str]) -> str:
    for value in given:
        if not _VALUE.fullmatch(value) or " AND " in value:
            raise ConfigurationError(
                f"Cannot search {field} for {value!r}: the server's query language cannot express commas and "
                "parentheses.",
                variable=field,
                value=value,
                allowed="a string without commas and parentheses",
            )
    return ",".join(given)


def _checked(condition: str) -> str:
    if _SCHEDULE_CONDITION.fullmatch(condition.strip()):
        return condition.strip()
    raise ConfigurationError(
        f"Invalid search condition {condition.strip()!r}: the server would take it for the name of a schedule. "
        "Conditions are 'scheduleName IN (a,b)', 'state IN (a,b)', 'scheduledTime>1', "
        "'scheduledTime<2', 'workflowName=a' and 'executionId=a', joined by ' AND '.",
        variable="query",
        value=condition,
        allowed="scheduleName IN (a,b) AND ...",
    )


#: Fields that the open-source server searches executions by.
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
#: Fields that the open-source server searches tasks by.
TASK_FIELDS = ("taskId", "taskType", "taskDefName", "workflowType", "status", "startTime", "endTime", "updateTime")
_TIMES = frozenset({"startTime", "endTime", "updateTime"})
_MILLISECONDS = re.compile(r"-?\d+")
#: Fields that are not indexed but often expected, and what to use instead.
_ADVICE = {
    "version": "version is not indexed; compare summary.version of the results",
    "priority": "priority is not indexed; compare summary.priority of the results",
    "createdBy": "createdBy is not indexed; compare summary.created_by of the results",
    "modifiedTime": "use updateTime",
    "workflowName": "use workflowType",
    "name": "use workflowType, or taskDefName for tasks",
    "referenceTaskName": "use workflows.list_tasks",
    "workflowId": "list an execution's tasks with workflows.list_tasks",
}
_CONDITION = re.compile(r"^\s*(\w+)\s*(=|>|<|IN\b)\s*(.+?)\s*$", re.DOTALL)
_LIST = re.compile(r"\(([^()]+)\)")
_FORBIDDEN = re.compile(r"[\"'(),]")
_OPERATORS = re.compile(r"\s(AND|OR|NOT)\s", re.IGNORECASE)
_SORT = re.compile(r"(\w+)(?::(ASC|DESC))?", re.IGNORECASE)


def build_query(
    fields: Mapping[str, Any], ranges: Mapping[str, tuple[Any, Any]], raw: str | None, allowed: Iterable[str]
) -> str | None:
    """Return the query of a search for executions or tasks; None without conditions.

    Args:
        fields: For the JSON name of each field, one value or several; None for no condition.
        ranges: For the JSON name of each field, the earliest and the latest time; None for no limit.
        raw: More conditions in the query language.
        allowed: The fields that ``raw`` may contain.

    Raises:
        ConfigurationError: The server would ignore or misinterpret a condition.
    """
    parts = [_condition(name, value) for name, value in fields.items() if value is not None]
    for name, (after, before) in ranges.items():
        parts += [f"{name} > {epoch_ms(after, f'the lower limit of {name}')}"] if after is not None else []
        parts += [f"{name} < {epoch_ms(before, f'the upper limit of {name}')}"] if before is not None else []
    if raw:
        check_query(raw, allowed)
        parts.append(raw)
    return " AND ".join(parts) or None


def check_query(raw: str, allowed: Iterable[str]) -> None:
    """Reject a query of which the server would ignore a part.

    Args:
        raw: The query.
        allowed: The fields that it may contain.

    Raises:
        ConfigurationError: A condition is not ``field = value``, ``field > value``, ``field < value`` or
            ``field IN (a,b)``, or its field is unknown.
    """
    known = list(allowed)
    for condition in raw.split(" AND "):
        found = _CONDITION.match(condition)
        if not found or not _is_value(found[2], found[3]):
            raise ConfigurationError(
                f"Invalid search condition {condition.strip()!r}: the server would ignore it. Conditions are "
                "'field = value', 'field > value', 'field < value' and 'field IN (a,b)', joined by ' AND '; there is "
                "no OR, no != and no 'field:value'.",
                variable="query",
                value=raw,
                allowed="field = value AND ...",
            )
        _check_field(found[1], known, "query")
        if found[1] in _TIMES:
            _check_times(found[1], _values(found[2], found[3]), raw)


def _is_value(operator: str, text: str) -> bool:
    return all(map(_is_plain, _values(operator, text)))


def _values(operator: str, text: str) -> list[str]:
    """Return the values of a condition without quotes; one empty value if IN is not followed by a list."""
    if operator != "IN":
        return [_unquoted(text)]
    inner = _LIST.fullmatch(text)
    return [_unquoted(value.strip()) for value in inner[1].split(",")] if inner else [""]


def _check_times(field: str, values: Iterable[str], raw: str) -> None:
    for value in values:
        if not _MILLISECONDS.fullmatch(value):
            raise ConfigurationError(
                f"{field} is compared with {value!r}, but the server expects epoch milliseconds. The arguments of the "
                "search, such as started_after, accept a datetime.",
                variable="query",
                value=raw,
                allowed=f"{field} > 1700000000000",
            )


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _is_plain(text: str) -> bool:
    """Return whether the query language can express a value."""
    return (
        bool(text.strip()) and text[0] not in "=<>" and not (_FORBIDDEN.search(text) or _OPERATORS.search(f" {text} "))
    )


def _check_field(name: str, known: list[str], variable: str) -> None:
    if name in known:
        return
    advice = f" ({_ADVICE[name]})" if name in _ADVICE else did_you_mean(name, known)
    raise ConfigurationError(
        f"Cannot search by {name!r}: the server would ignore the condition and return everything{advice}. "
        f"Fields are: {', '.join(known)}.",
        variable=variable,
        value=name,
        allowed=", ".join(known),
    )


def refuse_fields(given: Mapping[str, object], allowed: Iterable[str]) -> None:
    """Reject unknown keyword arguments of a search, with advice on fields that the server does not index.

    Raises:
        ConfigurationError: There is an unknown argument.
    """
    for name in given:
        head, *rest = name.split("_")
        _check_field(head + "".join(part.capitalize() for part in rest), list(allowed), name)
        raise ConfigurationError(f"search has no argument {name!r}.", variable=name, allowed="its keyword arguments")


def check_sort(sort: str | Iterable[str] | None, allowed: Iterable[str]) -> str | None:
    """Return a sort order in the server's form, ``field:ASC|field:DESC``.

    Args:
        sort: ``field``, ``field:ASC`` or ``field:DESC``, or several; None for the server's order.
        allowed: The fields to sort by.

    Raises:
        ConfigurationError: The server would ignore the order.
    """
    if sort is None:
        return None
    known = list(allowed)
    orders = []
    for order in sort.split("|") if isinstance(sort, str) else sort:
        found = _SORT.fullmatch(order.strip())
        if not found or found[1] not in known:
            raise ConfigurationError(
                f"Invalid sort order {order!r}: the server would ignore it. Use 'field:ASC' or 'field:DESC' with "
                f"one of: {', '.join(known)}.",
                variable="sort",
                value=order,
                allowed="field:ASC or field:DESC",
            )
        orders.append(f"{found[1]}:{(found[2] or 'ASC').upper()}")
    return "|".join(orders) or None


def _condition(name: str, value: Any) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        if not value:
            raise ConfigurationError(
                f"{name} is an empty list, which matches nothing.", variable=name, allowed="a value, or None"
            )
        return f"{name} IN ({','.join(_value(name, item) for item in value)})"
    return f"{name} = {_value(name, value)}"


def _value(name: str, value: Any) -> str:
    text = str(value.value if isinstance(value, Enum) else value)
    if not _is_plain(text):
        raise ConfigurationError(
            f"Cannot search {name} for {text!r}: the server's query language cannot express values with quotes, "
            "parentheses, commas, AND or OR. Use free_text.",
            variable=name,
            value=text,
            allowed="a string without quotes, parentheses and commas",
        )
    return f'"{text}"' if " " in text else text
