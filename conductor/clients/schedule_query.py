"""The query language of searches for what schedules started, which is another than that of workflows and tasks.

What the open-source server does not understand it takes for the name of a schedule (``SchedulerSearchQuery`` in the
server), and then finds nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from enum import Enum

from conductor.errors import ConfigurationError
from conductor.models.codec import epoch_ms

__all__ = ["executions_query", "several"]

_CONDITION = re.compile(r"(scheduleName|state) IN \([^()]+\)|scheduledTime[<>] *\d+|(workflowName|executionId)=[^=<>]+")
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
    if _CONDITION.fullmatch(condition.strip()):
        return condition.strip()
    raise ConfigurationError(
        f"The search condition {condition.strip()!r} is not understood by the server, which would take it for the name "
        "of a schedule. Conditions are 'scheduleName IN (a,b)', 'state IN (a,b)', 'scheduledTime>1', "
        "'scheduledTime<2', 'workflowName=a' and 'executionId=a', joined by ' AND '.",
        variable="query",
        value=condition,
        allowed="scheduleName IN (a,b) AND ...",
    )
