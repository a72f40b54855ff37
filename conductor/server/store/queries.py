"""Translates the conditions and the sort order of a search to SQL, as far as the database can evaluate them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from conductor.server.engine.query import Condition, Query, SortKey

#: SQL expressions of the fields that a search for executions can compare.
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
#: SQL expressions of the fields that a search for tasks can compare.
TASK_COLUMNS: Mapping[str, str] = {
    "taskId": "id",
    "workflowId": "execution_id",
    "taskType": "type",
    "status": "status",
}
#: The largest integer that SQLite stores.
_MAX_INTEGER = 2**63 - 1


@frozen
class Where:
    """A WHERE clause.

    Attributes:
        sql: The clause: fixed SQL with a question mark for each value.
        values: The values of the question marks.
        is_complete: Whether the clause covers every condition; otherwise the caller has to filter the rows.
    """

    sql: str
    values: tuple[str | int, ...]
    is_complete: bool


def where(query: Query, columns: Mapping[str, str]) -> Where:
    """Return the WHERE clause for the conditions on these columns; the free text is not included."""
    parts, values, is_complete = ["TRUE"], [], True
    for condition in query.conditions:
        column = columns.get(condition.field)
        if column is None or not _is_comparable(condition):
            is_complete = False
            continue
        kept = condition.values if condition.operator in {"=", "IN"} else condition.values[:1]
        marks = ", ".join("?" * len(kept))
        parts.append(f"{column} {'IN' if condition.operator in {'=', 'IN'} else condition.operator} ({marks})")
        values += list(kept)
    return Where(" AND ".join(parts), tuple(values), is_complete)


def _is_comparable(condition: Condition) -> bool:
    """Return whether SQL can compare the values: no wildcards, and no integers beyond SQLite's range."""
    if any(isinstance(value, int) and abs(value) > _MAX_INTEGER for value in condition.values):
        return False
    return len(condition.values) > 1 or condition.operator in {"<", ">"} or "*" not in str(condition.values[0])


def order_by(keys: tuple[SortKey, ...], columns: Mapping[str, str]) -> str | None:
    """Return the ORDER BY clause, with the order of creation last; None if a key has no column."""
    if any(key.field not in columns for key in keys):
        return None
    parts = [f"{columns[key.field]}{' DESC' if key.descending else ''}" for key in keys]
    return ", ".join([*parts, "created", "execution.updated", "ended", "parent_id", "execution.id"])
