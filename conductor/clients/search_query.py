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
from conductor.models.codec import epoch_ms

__all__ = [
    "TASK_FIELDS",
    "WORKFLOW_FIELDS",
    "build_query",
    "check_query",
    "check_sort",
    "executions_query",
    "refuse_fields",
    "several",
]


_SCHEDULE_CONDITION = re.compile(
    r"(scheduleName|state) IN \([^()]+\)|scheduledTime[<>] *\d+|(workflowName|executionId)=[^=<>]+"
)
_VALUE = re.compile(r"[^(),]+")


def several(given: str | Iterable[str] | None) -> list[str]:
    """One text or several, as a list."""
    if given is None:
        return []
    return [str(one.value if isinstance(one, Enum) else one) for one in ([given] if isinstance(given, str) else given)]


def executions_query(
    names: list[str],
    states: list[str],
    workflow_name: str | None,
    due: tuple[datetime | int | None, datetime | int | None],
    raw: str | None,
) -> str | None:
    """One query of typed conditions and of further ones as text.

    Raises:
        ConfigurationError: The server would not understand it.
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
    for one in given:
        if not _VALUE.fullmatch(one) or " AND " in one:
            raise ConfigurationError(
                f"{one!r} cannot be searched for in {field}: the server's query language has no way to write commas "
                "and parentheses in a value.",
                variable=field,
                value=one,
                allowed="text without commas and parentheses",
            )
    return ",".join(given)


def _checked(condition: str) -> str:
    if _SCHEDULE_CONDITION.fullmatch(condition.strip()):
        return condition.strip()
    raise ConfigurationError(
        f"The search condition {condition.strip()!r} is not understood by the server, which would take it for the name "
        "of a schedule. Conditions are 'scheduleName IN (a,b)', 'state IN (a,b)', 'scheduledTime>1', "
        "'scheduledTime<2', 'workflowName=a' and 'executionId=a', joined by ' AND '.",
        variable="query",
        value=condition,
        allowed="scheduleName IN (a,b) AND ...",
    )


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
_TIMES = frozenset({"startTime", "endTime", "updateTime"})
_MILLISECONDS = re.compile(r"-?\d+")
_REASONS = {
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
_WORDS = re.compile(r"\s(AND|OR|NOT)\s", re.IGNORECASE)
_SORT = re.compile(r"(\w+)(?::(ASC|DESC))?", re.IGNORECASE)


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
        parts += [f"{name} > {epoch_ms(after, f'the moment after which {name} is')}"] if after is not None else []
        parts += [f"{name} < {epoch_ms(before, f'the moment before which {name} is')}"] if before is not None else []
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
        if not found or not _is_value(found[2], found[3]):
            raise ConfigurationError(
                f"The search condition {condition.strip()!r} is not understood by the server. Conditions are "
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
    """The values of a condition without their quotes; one empty value when they are no list where one has to be."""
    if operator != "IN":
        return [_unquoted(text)]
    inner = _LIST.fullmatch(text)
    return [_unquoted(value.strip()) for value in inner[1].split(",")] if inner else [""]


def _check_times(field: str, values: Iterable[str], raw: str) -> None:
    for value in values:
        if not _MILLISECONDS.fullmatch(value):
            raise ConfigurationError(
                f"{field} is compared with {value!r}; the server takes epoch milliseconds there. The arguments of a "
                "search, as started_after, take a datetime.",
                variable="query",
                value=raw,
                allowed=f"{field} > 1700000000000",
            )


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text


def _is_plain(text: str) -> bool:
    """Whether the query language can express a value."""
    return bool(text.strip()) and text[0] not in "=<>" and not (_FORBIDDEN.search(text) or _WORDS.search(f" {text} "))


def _check_field(name: str, known: list[str], variable: str) -> None:
    if name in known:
        return
    advice = f" ({_REASONS[name]})" if name in _REASONS else ""
    raise ConfigurationError(
        f"A search by {name!r} is not possible: the server would ignore the condition and answer everything{advice}. "
        f"Fields are: {', '.join(known)}.",
        variable=variable,
        value=name,
        allowed=", ".join(known),
    )


def refuse_fields(given: Mapping[str, object], allowed: Iterable[str]) -> None:
    """Refuse keyword arguments that no search has, in words that help.

    Raises:
        ConfigurationError: There is one.
    """
    for name in given:
        head, *rest = name.split("_")
        _check_field(head + "".join(part.capitalize() for part in rest), list(allowed), name)
        raise ConfigurationError(f"search takes no {name!r}.", variable=name, allowed="its keyword arguments")


def check_sort(sort: str | Iterable[str] | None, allowed: Iterable[str]) -> str | None:
    """The order as the server takes it, ``field:ASC|field:DESC``.

    Raises:
        ConfigurationError: The server would ignore it.
    """
    if sort is None:
        return None
    known = list(allowed)
    orders = []
    for one in sort.split("|") if isinstance(sort, str) else sort:
        found = _SORT.fullmatch(one.strip())
        if not found or found[1] not in known:
            raise ConfigurationError(
                f"The order {one!r} would be ignored by the server. Orders are 'field:ASC' and 'field:DESC', with one "
                f"of: {', '.join(known)}.",
                variable="sort",
                value=one,
                allowed="field:ASC or field:DESC",
            )
        orders.append(f"{found[1]}:{(found[2] or 'ASC').upper()}")
    return "|".join(orders) or None


def _condition(name: str, value: Any) -> str:
    if isinstance(value, list | tuple | set | frozenset):
        if not value:
            raise ConfigurationError(
                f"{name} is an empty list, by which nothing could be found.", variable=name, allowed="a value, or None"
            )
        return f"{name} IN ({','.join(_value(name, one) for one in value)})"
    return f"{name} = {_value(name, value)}"


def _value(name: str, value: Any) -> str:
    text = str(value.value if isinstance(value, Enum) else value)
    if not _is_plain(text):
        raise ConfigurationError(
            f"{text!r} cannot be searched for in {name}: the server's query language has no way to write quotes, "
            "parentheses, commas, AND or OR in a value. Use free_text.",
            variable=name,
            value=text,
            allowed="text without quotes, parentheses and commas",
        )
    return f'"{text}"' if " " in text else text
