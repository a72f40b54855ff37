"""The server's state in one SQLite database: a file in WAL mode, or memory.

Every call needs the kernel's lock. Committed changes survive the end of the process, including a crash.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from conductor.errors import ConfigurationError
from conductor.models.codec import dumps, loads
from conductor.server.engine.state import Doc, Execution
from conductor.server.engine.tree import DefinitionTree
from conductor.server.store.search_index import EXECUTIONS, TASKS, SearchIndex

#: Version of the tables, stored as SQLite's ``user_version``. Older databases are migrated, newer ones are refused.
VERSION = 2

#: Statements that turn the tables of a version into those of the next one; the rest of the schema follows.
MIGRATIONS = {
    1: """
ALTER TABLE task ADD COLUMN workflow TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN definition TEXT NOT NULL DEFAULT '';
ALTER TABLE task ADD COLUMN started INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE task ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
DROP INDEX task_by_execution;
DROP TABLE search_text;
CREATE TABLE unindexed (kind TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
INSERT INTO unindexed SELECT 'execution', id FROM execution;
INSERT INTO unindexed SELECT 'task', id FROM task;
""",
}

SCHEMA = """
CREATE TABLE IF NOT EXISTS execution (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, version INTEGER NOT NULL, status TEXT NOT NULL, correlation_id TEXT,
    parent_id TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL, ended INTEGER NOT NULL,
    snapshot INTEGER NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS execution_by_name ON execution (name, status);
CREATE INDEX IF NOT EXISTS execution_by_creation ON execution (created, updated, ended, parent_id);
CREATE INDEX IF NOT EXISTS execution_by_correlation ON execution (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS execution_open ON execution (status) WHERE status IN ('RUNNING', 'PAUSED');
CREATE TABLE IF NOT EXISTS task (
    id TEXT PRIMARY KEY, execution_id TEXT NOT NULL, seq INTEGER NOT NULL, type TEXT NOT NULL,
    status TEXT NOT NULL, body BLOB NOT NULL, workflow TEXT NOT NULL, definition TEXT NOT NULL,
    started INTEGER NOT NULL, updated INTEGER NOT NULL, ended INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS task_by_execution ON task (
    execution_id, seq, type, status, updated, started, ended, workflow, definition
);
CREATE TABLE IF NOT EXISTS snapshot (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS document (
    kind TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (kind, name, version)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS task_log (task_id TEXT NOT NULL, created INTEGER NOT NULL, text TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS task_log_by_task ON task_log (task_id);
CREATE TABLE IF NOT EXISTS message (queue TEXT NOT NULL, id TEXT NOT NULL, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS message_by_queue ON message (queue);
CREATE TABLE IF NOT EXISTS idempotency_key (
    name TEXT NOT NULL, key TEXT NOT NULL, execution_id TEXT NOT NULL, PRIMARY KEY (name, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS idempotency_key_by_execution ON idempotency_key (execution_id);
CREATE TABLE IF NOT EXISTS unindexed (
    kind TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (kind, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS execution_text (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS task_text (row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS schedule_run (
    id TEXT PRIMARY KEY, schedule TEXT NOT NULL, scheduled INTEGER NOT NULL, state TEXT NOT NULL, body BLOB NOT NULL
) WITHOUT ROWID;
"""


Json = dict[str, Any]

_CLOCK = "clock"
_MEMORY = ":memory:"
#: Maximum number of definitions of executions in memory; executions that were started with the same definition share
#: it.
_CACHED_TREES = 500
#: Key that replaces a task's part of the definition, which is stored only once, in the snapshot.
_AS_DEFINED = "_asDefined"


def _unusable(path: object, error: sqlite3.Error) -> ConfigurationError:
    file = Path(str(path))
    reason = str(error)
    if file.is_dir():
        reason = "it is a folder; name a file in it"
    elif not file.parent.is_dir():
        reason = f"the folder {str(file.parent)!r} does not exist"
    elif "not a database" in reason:
        reason = "the file is not a database; name another file, which is created if it does not exist"
    return ConfigurationError(f"Cannot use the database {str(path)!r}: {reason}.", variable="database", value=str(path))


@frozen
class StoredMessage:
    """A message that waits in a queue.

    Attributes:
        row: Its row number; the order in which messages were sent.
        id: The message's id.
        body: The message.
    """

    row: int
    id: str
    body: Json


class Store:
    """The database of one server.

    Args:
        path: The database file; None for a database in memory.

    Raises:
        ConfigurationError: The file cannot be opened, another server uses it, or it has another format.

    Attributes:
        search: Searches for executions and tasks.
    """

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        self._trees: dict[int, DefinitionTree] = {}
        self._is_changing = False
        try:
            self._db = sqlite3.connect(path or _MEMORY, check_same_thread=False, isolation_level=None)
        except sqlite3.Error as error:
            raise _unusable(path, error) from None
        try:
            self._prepare(is_file=path is not None)
        except sqlite3.DatabaseError as error:
            self._db.close()
            raise _unusable(path, error) from None
        self.search: SearchIndex = SearchIndex(self._rows, self._write)

    def _prepare(self, *, is_file: bool) -> None:
        self._db.execute("PRAGMA busy_timeout = 2000")
        if is_file:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")  # a second server on the file would miss changes
            self._db.execute("PRAGMA journal_mode = WAL")
            # A crash of this process loses nothing; a crash of the machine may lose the last transactions, but cannot
            # damage the file. An fsync for each change would multiply the time of each request.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA cache_size = -32000")
            self._db.execute("PRAGMA mmap_size = 1073741824")
        # 0 means a new file, which gets the current schema without a migration.
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version > VERSION:
            raise sqlite3.DatabaseError(
                f"a newer version of this server wrote it (format {version}; this one reads formats up to {VERSION})"
            )
        self._db.execute("BEGIN IMMEDIATE")
        for older in range(version or VERSION, VERSION):
            self._run_all(MIGRATIONS[older])
        self._run_all(SCHEMA)
        if 0 < version < VERSION:
            self._fill_task_fields()
        self._db.execute(f"PRAGMA user_version = {VERSION}")
        self._db.execute("COMMIT")

    def _run_all(self, statements: str) -> None:
        for statement in statements.split(";"):  # executescript would commit the transaction
            self._db.execute(statement)

    def _fill_task_fields(self) -> None:
        """Fill the columns of tasks that version 2 has added."""
        self._db.create_function("fields_of", 2, lambda body, name: loads(body).get(name) or "")
        self._db.execute("""
            UPDATE task SET workflow = fields_of(body, 'workflowType'), definition = fields_of(body, 'taskDefName'),
            started = fields_of(body, 'startTime') + 0, updated = fields_of(body, 'updateTime') + 0,
            ended = fields_of(body, 'endTime') + 0
        """)

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    # -- transactions

    def begin(self) -> None:
        """Start a transaction, which begins in the database with the next write."""
        self._is_changing = True

    def commit(self) -> None:
        """Commit what was written since ``begin``."""
        self._is_changing = False
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Discard what was written since ``begin``."""
        self._is_changing = False
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")
            self.search.rolled_back()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit everything that the block writes, or nothing if it raises."""
        self.begin()
        try:
            yield
        except BaseException:  # a failed change must be rolled back as a whole
            self.rollback()
            raise
        self.commit()

    def _rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        return self._db.execute(query, parameters).fetchall()

    def _write(self, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        self._begin_now()
        return self._db.execute(statement, parameters)

    def _write_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        self._begin_now()
        self._db.executemany(statement, rows)

    def _begin_now(self) -> None:
        if self._is_changing and not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")

    # -- executions

    def save(self, execution: Execution) -> None:
        """Write the parts of an execution that have changed."""
        if execution.tree.snapshot is None:
            self._save_tree(execution.tree)
        if execution.workflow.changed:
            self._save_workflow(execution)
        changed = [task for task in execution.live if task.changed]
        if changed:
            self._write_many(
                "REPLACE INTO task VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [self._task_row(execution, task) for task in changed],
            )
            self.search.mark(TASKS, [task["taskId"] for task in changed])
        if execution.removed:
            self._write_many("DELETE FROM task WHERE id = ?", [(one,) for one in execution.removed])
            self.search.remove(TASKS, execution.removed)

    def _save_workflow(self, execution: Execution) -> None:
        workflow = execution.workflow
        row = (
            execution.id,
            workflow["workflowName"],
            workflow["workflowVersion"],
            workflow["status"],
            workflow.get("correlationId"),
            workflow.get("parentWorkflowId"),
            workflow["createTime"],
            workflow["updateTime"],
            workflow["endTime"],
            execution.tree.snapshot,
            dumps(workflow),
        )
        self._write("REPLACE INTO execution VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        self.search.mark(EXECUTIONS, [execution.id])

    @staticmethod
    def _task_row(execution: Execution, task: Doc) -> tuple[Any, ...]:
        body: Json = dict(task)
        reference = execution.tree.reference_of(task.get("workflowTask"))
        if reference is not None:
            # The task's definition is in the snapshot; with a copy in each task, a fork with 10,000 branches would be
            # stored many times over.
            body["workflowTask"] = {_AS_DEFINED: reference}
        return (
            task["taskId"],
            execution.id,
            task["seq"],
            task["taskType"],
            task["status"],
            dumps(body),
            task.get("workflowType") or "",
            task.get("taskDefName") or "",
            task["startTime"],
            task["updateTime"],
            task["endTime"],
        )

    def _save_tree(self, tree: DefinitionTree) -> None:
        cursor = self._write("INSERT INTO snapshot (body) VALUES (?)", (dumps(tree.definition),))
        # One row for all executions that were started with the same registered definition: definitions can have
        # megabytes.
        tree.snapshot = cursor.lastrowid
        if tree.snapshot is not None:
            self._cache_tree(tree.snapshot, tree)

    def load(self, workflow_id: str) -> Execution | None:
        """Return an execution; None if it does not exist."""
        rows = self._rows("SELECT snapshot, body FROM execution WHERE id = ?", (workflow_id,))
        if not rows:
            return None
        tree = self._tree(rows[0][0])
        query = "SELECT body FROM task WHERE execution_id = ? ORDER BY seq, id"
        tasks = [self._read_task(tree, body) for (body,) in self._rows(query, (workflow_id,))]
        return Execution(Doc(loads(rows[0][1]), changed=False), tree, tasks)

    @staticmethod
    def _read_task(tree: DefinitionTree, body: bytes) -> Doc:
        task = Doc(loads(body), changed=False)
        definition = task.get("workflowTask")
        if definition and _AS_DEFINED in definition:
            task["workflowTask"] = tree.task(definition[_AS_DEFINED])
            task.changed = False
        return task

    def _tree(self, snapshot: int) -> DefinitionTree:
        if snapshot not in self._trees:
            ((body,),) = self._rows("SELECT body FROM snapshot WHERE id = ?", (snapshot,))
            self._cache_tree(snapshot, DefinitionTree(loads(body), snapshot))
        return self._trees[snapshot]

    def _cache_tree(self, snapshot: int, tree: DefinitionTree) -> None:
        while len(self._trees) >= _CACHED_TREES:
            self._trees.pop(next(iter(self._trees)))
        self._trees[snapshot] = tree

    def remove(self, workflow_id: str) -> None:
        """Delete an execution with its tasks, logs, search text and idempotency keys."""
        tasks = "SELECT id FROM task WHERE execution_id = ?"
        self._write(f"DELETE FROM task_log WHERE task_id IN ({tasks})", (workflow_id,))
        self.search.remove(TASKS, [str(one) for (one,) in self._rows(tasks, (workflow_id,))])
        self._write("DELETE FROM task WHERE execution_id = ?", (workflow_id,))
        self.search.remove(EXECUTIONS, [workflow_id])
        self._write("DELETE FROM idempotency_key WHERE execution_id = ?", (workflow_id,))
        self._write("DELETE FROM execution WHERE id = ?", (workflow_id,))

    def parent_of(self, workflow_id: str) -> str | None:
        """Return the id of the execution that started this one as its child."""
        rows = self._rows("SELECT parent_id FROM execution WHERE id = ?", (workflow_id,))
        return rows[0][0] if rows else None

    def execution_of(self, task_id: str) -> str | None:
        """Return the id of the execution that a task belongs to; None if the task does not exist."""
        rows = self._rows("SELECT execution_id FROM task WHERE id = ?", (task_id,))
        return str(rows[0][0]) if rows else None

    def all_ids(self) -> list[str]:
        """Return the ids of all executions, the oldest first."""
        return [str(row[0]) for row in self._rows("SELECT id FROM execution ORDER BY created")]

    def open_ids(self, name: str | None = None) -> list[str]:
        """Return the ids of the executions that have not ended, of one definition or all, the oldest first."""
        query = "SELECT id FROM execution WHERE status IN ('RUNNING', 'PAUSED')"
        if name is not None:
            query += " AND name = ?"
        rows = self._rows(f"{query} ORDER BY created", () if name is None else (name,))
        return [str(row[0]) for row in rows]

    def correlated_ids(self, name: str, correlation_id: str) -> list[str]:
        """Return the ids of a definition's executions with a correlation id, the oldest first."""
        query = "SELECT id FROM execution WHERE name = ? AND correlation_id = ? ORDER BY created"
        return [str(row[0]) for row in self._rows(query, (name, correlation_id))]

    def tasks_of_type(self, task_type: str, statuses: Sequence[str], start: int, count: int) -> list[tuple[str, str]]:
        """Return the task id and the execution id of tasks of a type with one of these statuses."""
        marks = ", ".join("?" * len(statuses))
        query = f"SELECT id, execution_id FROM task WHERE type = ? AND status IN ({marks}) LIMIT ? OFFSET ?"
        return [(str(one), str(other)) for one, other in self._rows(query, (task_type, *statuses, count, start))]

    # -- documents

    def put(self, kind: str, name: str, body: Json, version: int = 0) -> None:
        """Write a document: a definition, an event handler, a schedule."""
        self._write("REPLACE INTO document VALUES (?, ?, ?, ?)", (kind, name, version, dumps(body)))

    def drop(self, kind: str, name: str, version: int = 0) -> None:
        """Delete a document, if it exists."""
        self._write("DELETE FROM document WHERE kind = ? AND name = ? AND version = ?", (kind, name, version))

    def documents(self, kind: str) -> list[tuple[str, int, Json]]:
        """Return all documents of a kind: name, version, body."""
        query = "SELECT name, version, body FROM document WHERE kind = ? ORDER BY name, version"
        return [(name, version, loads(body)) for name, version, body in self._rows(query, (kind,))]

    def clock_offset(self) -> int:
        """Return the number of milliseconds by which the server's clock was ahead of real time."""
        return int(next((body["ms"] for _, _, body in self.documents(_CLOCK)), 0))

    def save_clock_offset(self, milliseconds: int) -> None:
        """Write the number of milliseconds by which the server's clock is ahead of real time."""
        self.put(_CLOCK, "offset", {"ms": milliseconds})

    # -- task logs

    def add_log(self, task_id: str, created: int, text: str) -> None:
        """Append a line to a task's log."""
        self._write("INSERT INTO task_log VALUES (?, ?, ?)", (task_id, created, text))

    def logs(self, task_id: str) -> list[Json]:
        """Return a task's log, the oldest line first."""
        query = "SELECT text, created FROM task_log WHERE task_id = ? ORDER BY created, rowid"
        return [{"log": text, "taskId": task_id, "createdTime": at} for text, at in self._rows(query, (task_id,))]

    # -- idempotency keys

    def save_idempotency_key(self, name: str, key: str, workflow_id: str) -> None:
        """Record the execution that was started with an idempotency key."""
        self._write("REPLACE INTO idempotency_key VALUES (?, ?, ?)", (name, key, workflow_id))

    def started_with_key(self, name: str | None, key: str) -> str | None:
        """Return the id of the execution that was started with an idempotency key; None for a new key."""
        rows = self._rows("SELECT execution_id FROM idempotency_key WHERE name = ? AND key = ?", (name, key))
        return str(rows[0][0]) if rows else None

    # -- messages

    def add_message(self, queue: str, message_id: str, body: Json) -> None:
        """Append a message to a queue."""
        self._write("INSERT INTO message VALUES (?, ?, ?)", (queue, message_id, dumps(body)))

    def messages(self, queue: str, limit: int = -1) -> list[StoredMessage]:
        """Return the messages that wait in a queue, the oldest first; by default all of them."""
        query = "SELECT rowid, id, body FROM message WHERE queue = ? ORDER BY rowid LIMIT ?"
        rows = self._rows(query, (queue, limit))
        return [StoredMessage(row, message_id, loads(body)) for row, message_id, body in rows]

    def count_messages(self, queue: str) -> int:
        """Return the number of messages in a queue."""
        return int(self._rows("SELECT COUNT(*) FROM message WHERE queue = ?", (queue,))[0][0])

    def remove_message(self, message: StoredMessage) -> bool:
        """Delete a message; returns False if it has been deleted before."""
        return self._write("DELETE FROM message WHERE rowid = ?", (message.row,)).rowcount > 0

    def remove_messages(self, queue: str) -> None:
        """Delete all messages of a queue."""
        self._write("DELETE FROM message WHERE queue = ?", (queue,))

    # -- runs of schedules

    def add_schedule_run(self, record: Json) -> None:
        """Write the record of a schedule's run."""
        row = (
            record["executionId"], record["scheduleName"], record["scheduledTime"], record["state"], dumps(record),
        )  # fmt: skip
        self._write("INSERT INTO schedule_run VALUES (?, ?, ?, ?, ?)", row)

    def schedule_runs(self) -> Iterator[Json]:
        """Return the records of all runs of schedules, the newest first."""
        return (loads(body) for (body,) in self._rows("SELECT body FROM schedule_run ORDER BY scheduled DESC"))
