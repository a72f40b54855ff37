"""The part of a search that the database can answer, as SQL."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from conductor.server.engine.query import Condition, Query, SortKey

EXECUTION_COLUMNS: Mapping[str, str] = {
    "workflowId": "execution.id",
    "workflowType": "name",
    "status": "status",
    "correlationId": "COALESCE(correlation_id, '')",
    "parentWorkflowId": "COALESCE(parent_id, '')",
    "startTime": "created",
    "updateTime": "execution.updated",
    "endTime": "ended",
}
TASK_COLUMNS: Mapping[str, str] = {
    "taskId": "id",
    "workflowId": "execution_id",
    "taskType": "type",
    "status": "status",
}
_LARGEST = 2**63 - 1


@frozen
class Where:
    """Conditions as SQL.

    Attributes:
        sql: What stands after WHERE; fixed words and question marks.
        values: What the question marks stand for.
        is_whole: Whether it says all that the conditions say; otherwise the rows have to be looked at.
    """

    sql: str
    values: tuple[str | int, ...]
    is_whole: bool


def where(wanted: Query, columns: Mapping[str, str]) -> Where:
    """The conditions on these columns; the free text is not among them."""
    parts, values, is_whole = ["TRUE"], [], True
    for condition in wanted.conditions:
        column = columns.get(condition.field)
        if column is None or not _is_plain(condition):
            is_whole = False
            continue
        kept = condition.values if condition.operator in {"=", "IN"} else condition.values[:1]
        marks = ", ".join("?" * len(kept))
        parts.append(f"{column} {'IN' if condition.operator in {'=', 'IN'} else condition.operator} ({marks})")
        values += list(kept)
    return Where(" AND ".join(parts), tuple(values), is_whole)


def _is_plain(condition: Condition) -> bool:
    if any(isinstance(value, int) and abs(value) > _LARGEST for value in condition.values):
        return False
    return len(condition.values) > 1 or condition.operator in {"<", ">"} or "*" not in str(condition.values[0])


def order(keys: tuple[SortKey, ...], columns: Mapping[str, str]) -> str | None:
    """What stands after ORDER BY, ending with the order of creation; None when a key has no column."""
    if any(key.field not in columns for key in keys):
        return None
    parts = [f"{columns[key.field]}{' DESC' if key.descending else ''}" for key in keys]
    return ", ".join([*parts, "created", "execution.updated", "ended", "parent_id", "execution.id"])
