"""Results that the server has not taken yet: kept until it does, in memory and, if asked for, on disk too.

The file is a SQLite database in WAL mode with ``synchronous=FULL``: what ``keep`` returned from survives a crash of the
process and of the machine. A row that cannot be read is moved to the table ``broken`` and never stops the rest.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
from collections.abc import Iterator

from attrs import define

from conductor.errors import ConfigurationError

__all__ = ["DiskOutbox", "Undelivered"]

logger = logging.getLogger(__name__)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS results (id INTEGER PRIMARY KEY, task_type TEXT, task_id TEXT, body BLOB);
CREATE TABLE IF NOT EXISTS broken (id INTEGER PRIMARY KEY, task_type TEXT, task_id TEXT, body BLOB, why TEXT);
"""


@define(eq=False)
class Undelivered:
    """A result that waits for the server.

    Attributes:
        task_type: The worker's task type.
        task_id: The task's id.
        body: The update as JSON.
        row: Its row on disk, or None.
        attempts: How often the server answered it with an error.
    """

    task_type: str
    task_id: str
    body: bytes
    row: int | None = None
    attempts: int = 0


class DiskOutbox:
    """Undelivered results in one SQLite file.

    Args:
        path: The file; made when it is not there. One process at a time may use it.

    Raises:
        ConfigurationError: The file cannot be made or is no outbox.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._lock = threading.Lock()
        try:
            self._db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        except sqlite3.Error as error:
            raise self._unusable(error) from error
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.execute("PRAGMA busy_timeout=2000")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self._db.close()
            raise self._unusable(error) from error

    def _unusable(self, error: sqlite3.Error) -> ConfigurationError:
        return ConfigurationError(
            f"The outbox {self.path} cannot be used: {error}.",
            variable="outbox",
            value=self.path,
            allowed="a path to an outbox file, or to a new file in a folder that can be written",
        )

    def keep(self, result: Undelivered) -> None:
        """Write ``result`` to the disk; when that fails it is logged, and the result stays in memory only."""
        try:
            with self._lock:
                cursor = self._db.execute(
                    "INSERT INTO results (task_type, task_id, body) VALUES (?, ?, ?)",
                    (result.task_type, result.task_id, result.body),
                )
                result.row = cursor.lastrowid
        except sqlite3.Error:
            logger.exception("The outbox %s cannot be written; the result is kept in memory only", self.path)

    def forget(self, result: Undelivered) -> None:
        """Remove a result that was delivered."""
        if result.row is None:
            return
        try:
            with self._lock:
                self._db.execute("DELETE FROM results WHERE id = ?", (result.row,))
        except sqlite3.Error:
            logger.exception("The outbox %s cannot be written; task %s may be sent twice", self.path, result.task_id)

    def load(self) -> list[Undelivered]:
        """What an earlier process could not deliver, oldest first."""
        with self._lock:
            try:
                return list(self._read())
            except sqlite3.Error:
                logger.exception("The outbox %s cannot be read; what is in it is left there", self.path)
                return []

    def _read(self) -> Iterator[Undelivered]:
        for row, task_type, task_id, body in self._db.execute("SELECT * FROM results ORDER BY id").fetchall():
            if isinstance(body, bytes) and isinstance(task_id, str) and body.startswith(b"{"):
                yield Undelivered(str(task_type), task_id, body, row)
                continue
            logger.error("The outbox %s holds a broken entry (row %s); it is set aside", self.path, row)
            self._db.execute("INSERT INTO broken SELECT *, 'no JSON object' FROM results WHERE id = ?", (row,))
            self._db.execute("DELETE FROM results WHERE id = ?", (row,))

    def close(self) -> None:
        """Close the file."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._db.close()
