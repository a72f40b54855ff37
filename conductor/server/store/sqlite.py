"""Everything in one SQLite database: a file in WAL mode, or memory.

Used under the kernel's lock only. What is committed survives the end of the process, however it ends.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from conductor.errors import ConfigurationError
from conductor.models.codec import dumps, loads
from conductor.server.engine.state import Doc, Execution
from conductor.server.engine.tree import DefinitionTree
from conductor.server.store.schema import SCHEMA, VERSION

Json = dict[str, Any]

_CLOCK = "clock"
_MEMORY = ":memory:"
_TREES_IN_MEMORY = 500
_AS_DEFINED = "_asDefined"  # in place of the part of the definition, which the snapshot has


def _unusable(path: object, error: sqlite3.Error) -> ConfigurationError:
    return ConfigurationError(
        f"database is {str(path)!r}, which cannot be used: {error}.", variable="database", value=str(path)
    )


class Store:
    """The database of one server."""

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

    def _prepare(self, *, is_file: bool) -> None:
        self._db.execute("PRAGMA busy_timeout = 2000")
        if is_file:
            self._db.execute("PRAGMA locking_mode = EXCLUSIVE")  # two servers on one file would not know of each other
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA cache_size = -32000")
            self._db.execute("PRAGMA mmap_size = 1073741824")
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if version not in {0, VERSION}:
            raise sqlite3.DatabaseError(f"it was written by another version of this server ({version})")
        self._db.executescript(SCHEMA)
        self._db.execute(f"PRAGMA user_version = {VERSION}")

    def close(self) -> None:
        """Close the database."""
        self._db.close()

    def begin(self) -> None:
        """Begin a transaction with the next write."""
        self._is_changing = True

    def commit(self) -> None:
        """Store what was written since ``begin``."""
        self._is_changing = False
        if self._db.in_transaction:
            self._db.execute("COMMIT")

    def rollback(self) -> None:
        """Drop what was written since ``begin``."""
        self._is_changing = False
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Store all that is written inside, or nothing."""
        self.begin()
        try:
            yield
        except BaseException:
            self.rollback()
            raise
        self.commit()

    def rows(self, query: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._db.execute(query, parameters).fetchall()

    def run(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Carry out a statement; returns how many rows it changed."""
        return self._write(statement, parameters).rowcount

    def _write(self, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        self._begin_now()
        return self._db.execute(statement, parameters)

    def _write_many(self, statement: str, rows: Sequence[Sequence[Any]]) -> None:
        self._begin_now()
        self._db.executemany(statement, rows)

    def _begin_now(self) -> None:
        if self._is_changing and not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")

    def save(self, execution: Execution) -> None:
        """Write what changed of an execution."""
        if execution.tree.snapshot is None:
            self._save_tree(execution.tree)
        if execution.workflow.changed:
            self._save_workflow(execution)
        changed = [task for task in execution.live if task.changed]
        if changed:
            self._write_many(
                "REPLACE INTO task VALUES (?, ?, ?, ?, ?, ?)",
                [self._task_row(execution, task) for task in changed],
            )
        if execution.removed:
            self._write_many("DELETE FROM task WHERE id = ?", [(one,) for one in execution.removed])

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

    @staticmethod
    def _task_row(execution: Execution, task: Doc) -> tuple[Any, ...]:
        body: Json = dict(task)
        reference = execution.tree.reference_of(task.get("workflowTask"))
        if reference is not None:
            body["workflowTask"] = {_AS_DEFINED: reference}
        return task["taskId"], execution.id, task["seq"], task["taskType"], task["status"], dumps(body)

    def _save_tree(self, tree: DefinitionTree) -> None:
        cursor = self._write("INSERT INTO snapshot (body) VALUES (?)", (dumps(tree.definition),))
        tree.snapshot = cursor.lastrowid
        if tree.snapshot is not None:
            self._keep(tree.snapshot, tree)

    def load(self, workflow_id: str) -> Execution | None:
        """Read an execution."""
        rows = self.rows("SELECT snapshot, body FROM execution WHERE id = ?", (workflow_id,))
        if not rows:
            return None
        tree = self._tree(rows[0][0])
        query = "SELECT body FROM task WHERE execution_id = ? ORDER BY seq, id"
        tasks = [self._read_task(tree, body) for (body,) in self.rows(query, (workflow_id,))]
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
            ((body,),) = self.rows("SELECT body FROM snapshot WHERE id = ?", (snapshot,))
            self._keep(snapshot, DefinitionTree(loads(body), snapshot))
        return self._trees[snapshot]

    def _keep(self, snapshot: int, tree: DefinitionTree) -> None:
        while len(self._trees) >= _TREES_IN_MEMORY:
            self._trees.pop(next(iter(self._trees)))
        self._trees[snapshot] = tree

    def parent_of(self, workflow_id: str) -> str | None:
        """Return the execution that started an execution as its child."""
        rows = self.rows("SELECT parent_id FROM execution WHERE id = ?", (workflow_id,))
        return rows[0][0] if rows else None

    def home_of(self, task_id: str) -> str | None:
        """The execution that a task belongs to."""
        rows = self.rows("SELECT execution_id FROM task WHERE id = ?", (task_id,))
        return str(rows[0][0]) if rows else None

    def remove(self, workflow_id: str) -> None:
        """Delete an execution."""
        self.run("DELETE FROM task_log WHERE task_id IN (SELECT id FROM task WHERE execution_id = ?)", (workflow_id,))
        self.run("DELETE FROM task WHERE execution_id = ?", (workflow_id,))
        self.run("DELETE FROM search_text WHERE id = ?", (workflow_id,))
        self.run("DELETE FROM idempotency_key WHERE execution_id = ?", (workflow_id,))
        self.run("DELETE FROM execution WHERE id = ?", (workflow_id,))

    def open_ids(self) -> list[str]:
        """The executions that have not ended."""
        found = self.rows("SELECT id FROM execution WHERE status IN ('RUNNING', 'PAUSED') ORDER BY created")
        return [str(row[0]) for row in found]

    def put(self, kind: str, name: str, body: Json, version: int = 0) -> None:
        """Write a document: a definition, an event handler, a schedule."""
        self.run("REPLACE INTO document VALUES (?, ?, ?, ?)", (kind, name, version, dumps(body)))

    def drop(self, kind: str, name: str, version: int = 0) -> None:
        """Delete a document."""
        self.run("DELETE FROM document WHERE kind = ? AND name = ? AND version = ?", (kind, name, version))

    def documents(self, kind: str) -> list[tuple[str, int, Json]]:
        """All documents of a kind: name, version, body."""
        query = "SELECT name, version, body FROM document WHERE kind = ? ORDER BY name, version"
        return [(name, version, loads(body)) for name, version, body in self.rows(query, (kind,))]

    def clock_offset(self) -> int:
        """How far the clock was ahead of real time, ms."""
        return int(next((body["ms"] for _, _, body in self.documents(_CLOCK)), 0))

    def save_clock_offset(self, milliseconds: int) -> None:
        """Write it."""
        self.put(_CLOCK, "offset", {"ms": milliseconds})

    def add_log(self, task_id: str, created: int, text: str) -> None:
        """Write a line of a task's log."""
        self.run("INSERT INTO task_log VALUES (?, ?, ?)", (task_id, created, text))

    def logs(self, task_id: str) -> list[Json]:
        """A task's log."""
        query = "SELECT text, created FROM task_log WHERE task_id = ? ORDER BY created, rowid"
        return [{"log": text, "taskId": task_id, "createdTime": at} for text, at in self.rows(query, (task_id,))]
