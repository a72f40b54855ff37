"""Searches for executions and tasks: their conditions in SQL, and an index for free text.

The index holds the text of each execution and task, and SQLite's FTS5 finds the entries that contain a part. Changed
documents are marked, and indexed when a free-text search needs them or the server is idle.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from conductor.models.codec import loads
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
#: The order of executions with equal sort keys: that of their creation.
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
#: The order of tasks with equal sort keys.
TASK_ORDER = "updated, execution_id, seq, id"
#: The largest integer that SQLite stores.
_MAX_INTEGER = 2**63 - 1
#: Maximum number of wildcards in a value that SQL matches. More could take long; ``Condition.matches`` matches them.
_FEW_WILDCARDS = 20
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


Json = dict[str, Any]
Rows = Callable[[str, Sequence[Any]], list[tuple[Any, ...]]]
Write = Callable[[str, Sequence[Any]], sqlite3.Cursor]

#: The shortest text that FTS5's trigram index can find; for a shorter text, every document is searched.
_TRIGRAM = 3
#: Longest free text that SQL matches, in characters; SQLite refuses patterns over 50,000 bytes.
_LONG_TEXT = 200
#: Characters of a free text by which its frequency is estimated.
_LONG_LITERAL = 30
#: Number of documents from which a free text counts as common.
_MANY = 2000
#: SQL: whether the text of a document contains a pattern.
_HAS_TEXT = "EXISTS (SELECT 1 FROM {table}_text AS one WHERE one.id = {row}.id AND one.text LIKE ?)"


@frozen
class Kind:
    """A kind of searchable document.

    Attributes:
        table: The table of the documents; those of its entries are named after it.
        columns: SQL expressions of the fields that conditions can name.
        order: The order of rows with equal sort keys.
        sortable: The columns that the order can name.
        condition: The SQL condition of all documents that a search can find.
    """

    table: str
    columns: Mapping[str, str]
    order: str
    sortable: str
    condition: str = "TRUE"


EXECUTIONS = Kind(
    "execution", EXECUTION_COLUMNS, EXECUTION_ORDER,
    "id, name, status, correlation_id, parent_id, created, updated, ended",
)  # fmt: skip
TASKS = Kind(
    "task", TASK_COLUMNS, TASK_ORDER,
    "id, execution_id, seq, type, status, updated, started, ended, workflow, definition",
    "updated > 0",  # as the OSS server, which finds a task after its first update
)  # fmt: skip
KINDS = (EXECUTIONS, TASKS)


class SearchIndex:
    """Searches in the database of a ``Store``, with its lock.

    Args:
        rows: Runs a query.
        write: Runs a statement that changes the database.
    """

    def __init__(self, rows: Rows, write: Write) -> None:
        self._rows, self._write = rows, write
        self._marked: dict[str, set[str]] = {kind.table: set() for kind in KINDS}
        self._is_current = True  # whether no change was rolled back since ``outdated``
        self.is_available: bool = self._create()

    def _create(self) -> bool:
        """Create the tables of the index; returns whether this SQLite supports it."""
        try:
            for kind in KINDS:
                self._write(
                    f"CREATE VIRTUAL TABLE IF NOT EXISTS {kind.table}_index USING fts5("
                    f"text, content='{kind.table}_text', content_rowid='row', tokenize='trigram', detail=none)",
                    (),
                )
                self._rows(f"SELECT 1 FROM {kind.table}_index LIMIT 1", ())
        except sqlite3.OperationalError:  # no FTS5, or one without trigrams
            return False
        return True

    # -- the index

    def mark(self, kind: Kind, ids: Iterable[str]) -> None:
        """Record that documents were written, so their entries are outdated."""
        known = self._marked[kind.table]
        for one in ids:
            if one not in known:
                self._write("INSERT OR IGNORE INTO unindexed VALUES (?, ?)", (kind.table, one))
                known.add(one)

    def rolled_back(self) -> None:
        """Forget which documents are marked, after a rollback."""
        self._is_current = False
        for known in self._marked.values():
            known.clear()

    def remove(self, kind: Kind, ids: Iterable[str]) -> None:
        """Remove the entries of deleted documents."""
        for one in ids:
            self._write("DELETE FROM unindexed WHERE kind = ? AND id = ?", (kind.table, one))
            self._marked[kind.table].discard(one)
            for row, text in self._rows(f"SELECT row, text FROM {kind.table}_text WHERE id = ?", (one,)):
                self._remove_row(kind, row, text)
                self._write(f"DELETE FROM {kind.table}_text WHERE row = ?", (row,))

    def _remove_row(self, kind: Kind, row: int, text: str) -> None:
        table = f"{kind.table}_index"
        self._write(f"INSERT INTO {table} ({table}, rowid, text) VALUES ('delete', ?, ?)", (row, text))

    def backlog(self) -> int:
        """Return the number of outdated entries."""
        return int(self._rows("SELECT COUNT(*) FROM unindexed", ())[0][0])

    def outdated(self, kind: Kind, limit: int) -> list[tuple[str, Json]]:
        """Return the id and the document of executions or tasks whose entries are outdated, for ``save_all``."""
        self._is_current = True
        ids = [
            str(one) for (one,) in self._rows("SELECT id FROM unindexed WHERE kind = ? LIMIT ?", (kind.table, limit))
        ]
        found = []
        for one in ids:
            rows = self._rows(f"SELECT body FROM {kind.table} WHERE id = ?", (one,))
            if rows:
                found.append((one, loads(rows[0][0])))
            else:
                self._write("DELETE FROM unindexed WHERE kind = ? AND id = ?", (kind.table, one))
        self._marked[kind.table].difference_update(one for one, _ in found)
        return found

    def save_all(self, kind: Kind, entries: Iterable[tuple[str, str]]) -> None:
        """Write the entries of documents for free-text searches, in lower case, by document id.

        Entries of documents that have changed since ``outdated`` are not written, and stay outdated.
        """
        for document_id, text in entries if self._is_current else ():
            if document_id not in self._marked[kind.table]:
                self._save(kind, document_id, text)

    def _save(self, kind: Kind, document_id: str, text: str) -> None:
        rows = self._rows(f"SELECT row, text FROM {kind.table}_text WHERE id = ?", (document_id,))
        if rows:
            row, old = rows[0]
            self._remove_row(kind, row, old)
            self._write(f"UPDATE {kind.table}_text SET text = ? WHERE row = ?", (text, row))
        else:
            row = self._write(f"INSERT INTO {kind.table}_text (id, text) VALUES (?, ?)", (document_id, text)).lastrowid
        self._write(f"INSERT INTO {kind.table}_index (rowid, text) VALUES (?, ?)", (row, text))
        self._write("DELETE FROM unindexed WHERE kind = ? AND id = ?", (kind.table, document_id))

    # -- searches

    def page(self, kind: Kind, query: Query, keys: tuple[SortKey, ...], start: int, size: int) -> Page | None:
        """Return the number of documents found and the ids of one page of them.

        Returns:
            None if SQL cannot express the query or its order; then ``rows`` returns the candidates.
        """
        found = self._condition(kind, query, keys)
        if found is None:
            return None
        condition, order, values, pattern = found
        if pattern is not None:
            return self._page_of_many(kind, found, start, size)
        total = self._rows(f"SELECT COUNT(*) FROM {kind.table} WHERE {condition}", values)[0][0]
        page = f"SELECT id FROM {kind.table} WHERE {condition} ORDER BY {order} LIMIT ? OFFSET ?"
        return int(total), [str(one) for (one,) in self._rows(page, (*values, size, start))]

    def executions_of_tasks(self, query: Query, keys: tuple[SortKey, ...], start: int, size: int) -> Page | None:
        """Return the number of executions of the tasks found, and the ids of one page of them; None as for ``page``."""
        found = self._condition(TASKS, query, keys)
        if found is None:
            return None
        condition, _, values, pattern = found
        if pattern is not None:
            condition, values = f"{condition} AND {_HAS_TEXT.format(table='task', row='task')}", (*values, pattern)
        total = int(self._rows(f"SELECT COUNT(DISTINCT execution_id) FROM task WHERE {condition}", values)[0][0])
        return total, self._first(TASKS, found, "execution_id", _end(start, size, total), total)[max(start, 0) :]

    def _page_of_many(self, kind: Kind, found: _Condition, start: int, size: int) -> Page:
        """Return the page of a search for free text that many documents contain."""
        condition, _, values, pattern = found
        table = kind.table
        has_text = _HAS_TEXT.format(table=table, row=table)
        # Every document's text is searched, except for documents that no search returns.
        if condition == f"{kind.condition} AND TRUE":
            total = int(self._rows(f"SELECT COUNT(*) FROM {table}_text WHERE text LIKE ?", (pattern,))[0][0])
            others = f"SELECT COUNT(*) FROM {table} WHERE NOT ({kind.condition}) AND {has_text}"
            total -= int(self._rows(others, (pattern,))[0][0])
        else:
            count = f"SELECT COUNT(*) FROM {table} WHERE {condition} AND {has_text}"
            total = int(self._rows(count, (*values, pattern))[0][0])
        return total, self._first(kind, found, "id", _end(start, size, total), total)[max(start, 0) :]

    def _first(self, kind: Kind, found: _Condition, column: str, count: int, total: int) -> list[str]:
        """Return the first ``count`` of the ``total`` different values of a column in the documents found.

        Many documents contain the text, so the first documents in order are searched, and further ones only if these
        are not enough.
        """
        condition, order, values, pattern = found
        has_text = "TRUE" if pattern is None else _HAS_TEXT.format(table=kind.table, row="found")
        first = f"SELECT {kind.sortable} FROM {kind.table} WHERE {condition} ORDER BY {order} LIMIT ?"
        query = f"SELECT {column} FROM ({first}) AS found WHERE {has_text} ORDER BY {order}"
        documents = int(self._rows(f"SELECT MAX(row) FROM {kind.table}_text", ())[0][0] or 0)
        likely = count + count * documents // max(total, 1) + _MANY // 10
        ids: list[str] = []
        for limit in (likely, 16 * likely, -1):  # without a limit at last
            rows = self._rows(query, (*values, limit, *([] if pattern is None else [pattern])))
            ids = list(dict.fromkeys(str(one) for (one,) in rows))
            if len(ids) >= count:
                break
        return ids[:count]

    def _condition(self, kind: Kind, query: Query, keys: tuple[SortKey, ...]) -> _Condition | None:
        condition, order = where(query, kind.columns), order_by(keys, kind.columns, kind.order)
        text = self._text_condition(kind, query)
        if not condition.is_complete or order is None or text is None or not text[2]:
            return None
        sql = f"{kind.condition} AND {condition.sql}"
        if query.free_text and self._is_common(kind, query):
            return sql, order, condition.values, text[1][0]
        return f"{sql} AND {text[0]}", order, (*condition.values, *text[1]), None

    def _is_common(self, kind: Kind, query: Query) -> bool:
        """Return whether many documents may contain the free text, so that reading the text of all is faster."""
        literal = query.longest_literal[:_LONG_LITERAL]
        if len(literal) < _TRIGRAM:
            return True
        trigrams = dict.fromkeys(literal[at : at + _TRIGRAM] for at in range(len(literal) - _TRIGRAM + 1))
        wanted = " AND ".join('"{}"'.format(one.replace('"', '""')) for one in trigrams)
        table = f"{kind.table}_index"
        found = self._rows(f"SELECT 1 FROM {table} WHERE {table} MATCH ? LIMIT ?", (wanted, _MANY))
        return len(found) == _MANY

    def _text_condition(self, kind: Kind, query: Query) -> tuple[str, tuple[str, ...], bool] | None:
        """Return SQL for the free text, its values, and whether it covers the whole text; None without an index."""
        if not query.free_text:
            return "TRUE", (), True
        if not self.is_available:
            return None
        pattern = query.free_text.replace("*", "%")
        is_complete = pattern.count("%") <= _FEW_WILDCARDS and len(pattern) <= _LONG_TEXT
        if not is_complete:
            pattern = query.longest_literal[:_LONG_TEXT]
        index = f"SELECT rowid FROM {kind.table}_index WHERE text LIKE ?"
        if len(query.longest_literal) < _TRIGRAM:
            index = f"SELECT row FROM {kind.table}_text WHERE text LIKE ?"
        return f"id IN (SELECT id FROM {kind.table}_text WHERE row IN ({index}))", (f"%{pattern}%",), is_complete

    def tasks(self, query: Query) -> Iterator[Json]:
        """Return the documents of the tasks that fulfill the conditions, also of those without an update."""
        condition = where(query, TASK_COLUMNS)
        rows = self._rows(f"SELECT body FROM task WHERE {condition.sql}", condition.values)
        return (loads(body) for (body,) in rows)

    def rows(self, kind: Kind, query: Query) -> Iterator[tuple[Json, str | Json]]:
        """Return the executions or tasks that a query may find, in the order in which they are returned by default.

        Returns:
            For each, the fields that conditions can name, and its text, which is empty without free text. Without an
            index, the document instead of the text.
        """
        condition, text = where(query, kind.columns), self._text_condition(kind, query)
        sql, values = f"{kind.condition} AND {condition.sql}", condition.values
        document = "''" if not query.free_text else "body"
        if query.free_text and text is not None:
            sql, values = f"{sql} AND {text[0]}", (*values, *text[1])
            document = f"(SELECT text FROM {kind.table}_text WHERE {kind.table}_text.id = {kind.table}.id)"
        names = list(kind.columns)
        columns = ", ".join(kind.columns[name] for name in names)
        statement = f"SELECT {columns}, {document} FROM {kind.table} WHERE {sql} ORDER BY {kind.order}"
        for row in self._rows(statement, values):
            yield dict(zip(names, row, strict=False)), loads(row[-1]) if isinstance(row[-1], bytes) else row[-1]


def _end(start: int, size: int, total: int) -> int:
    """Return the index after a page; as in SQLite, a negative start is 0, and a negative size means all."""
    return total if size < 0 else min(max(start, 0) + size, total)


#: The number of documents found, and the ids of a page of them.
Page = tuple[int, list[str]]
#: A WHERE clause, an ORDER BY clause, the values of the question marks, and a pattern for the text that many documents
#: contain; None if the clause includes the text, or there is none.
_Condition = tuple[str, str, tuple[str | int, ...], str | None]
