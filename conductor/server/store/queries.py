"""Translates the conditions and the sort order of a search to SQL, as far as the database can evaluate them."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import frozen

from conductor.server.engine.query import Condition, Query, SortKey

_CORRELATION = "correlationId"
#: SQL expressions of the fields that a search for executions can compare. Executions have no fields of tasks.
EXECUTION_COLUMNS: Mapping[str, str] = {
    "workflowId": "id",
    "workflowType": "name",
    "status": "status",
    _CORRELATION: "COALESCE(correlation_id, '')",
    "parentWorkflowId": "COALESCE(parent_id, '')",
    "startTime": "created",
    "updateTime": "updated",
    "endTime": "ended",
    "classifier": "'workflow'",
    **dict.fromkeys(("taskId", "taskType", "taskDefName"), "''"),
}
#: The order of executions that sort keys do not distinguish: that of their creation.
EXECUTION_ORDER = "created, updated, ended, parent_id, id"
#: SQL expressions of the fields that a search for tasks can compare. A task has no parent and no classifier.
TASK_COLUMNS: Mapping[str, str] = {
    "taskId": "id",
    "workflowId": "execution_id",
    "workflowType": "workflow",
    _CORRELATION: "COALESCE((SELECT correlation_id FROM execution WHERE execution.id = execution_id), '')",
    "taskType": "type",
    "taskDefName": "definition",
    "status": "status",
    "startTime": "started",
    "updateTime": "updated",
    "endTime": "ended",
    **dict.fromkeys(("parentWorkflowId", "classifier"), "''"),
}
#: The order of tasks that sort keys do not distinguish.
TASK_ORDER = "updated, execution_id, seq, id"
#: The largest integer that SQLite stores.
_MAX_INTEGER = 2**63 - 1
#: Wildcards in a value that SQL matches; more could take long, and are matched by ``Condition.matches``.
_FEW_WILDCARDS = 5
#: Longest value with wildcards that SQL matches, in characters.
_LONG_PATTERN = 5000


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
    parts: list[str] = ["TRUE"]
    values: list[str | int] = []
    is_complete = True
    for condition in query.conditions:
        column = columns.get(condition.field)
        if column is not None and (pattern := _like_pattern(condition)) is not None:
            parts.append(f"{column} LIKE ? ESCAPE '\\'")
            values.append(pattern)
            continue
        if column is None or not _is_comparable(condition):
            is_complete = False
            continue
        kept = condition.values if condition.operator in {"=", "IN"} else condition.values[:1]
        marks = ", ".join("?" * len(kept))
        comparison = f"{'IN' if condition.operator in {'=', 'IN'} else condition.operator} ({marks})"
        if condition.field == _CORRELATION and "" not in kept and comparison.startswith("IN"):
            found = f"SELECT id FROM execution WHERE correlation_id {comparison}"  # by its index
            parts.append(f"{columns['workflowId']} IN ({found})")
        else:
            parts.append(f"{column} {comparison}")
        values += kept
    return Where(" AND ".join(parts), tuple(values), is_complete)


def _is_comparable(condition: Condition) -> bool:
    """Return whether SQL can compare the values: no wildcards, and no integers beyond SQLite's range."""
    if any(isinstance(value, int) and abs(value) > _MAX_INTEGER for value in condition.values):
        return False
    return len(condition.values) > 1 or condition.operator in {"<", ">"} or "*" not in str(condition.values[0])


def _like_pattern(condition: Condition) -> str | None:
    """Return the pattern for a value with a few wildcards; None for others, and for letters that LIKE does not fold."""
    value = condition.values[0]
    if condition.operator != "=" or len(condition.values) > 1 or not isinstance(value, str) or not value.isascii():
        return None
    if not 0 < value.count("*") <= _FEW_WILDCARDS or len(value) > _LONG_PATTERN:
        return None
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


def order_by(keys: tuple[SortKey, ...], columns: Mapping[str, str], last: str) -> str | None:
    """Return the ORDER BY clause, with the order ``last`` at its end; None if a key has no column."""
    if any(key.field not in columns for key in keys):
        return None
    parts = [f"{columns[key.field]}{' DESC' if key.descending else ''}" for key in keys]
    return ", ".join([*parts, last])
