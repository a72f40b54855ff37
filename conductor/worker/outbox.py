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
from collections.abc import Collection, Iterator
from pathlib import Path

from attrs import define

from conductor.errors import ConfigurationError

__all__ = ["DiskOutbox", "Undelivered", "adopt_strays"]

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
        refusals: How often the server answered it with an error while it took others.
        taken_before: How many others the server had taken when it was last tried.
    """

    task_type: str
    task_id: str
    body: bytes
    row: int | None = None
    refusals: int = 0
    taken_before: int = -1


class DiskOutbox:
    """Undelivered results in one SQLite file.

    Args:
        path: The file; made when it is not there. One process at a time may use it.

    Raises:
        ConfigurationError: The file cannot be made or is no outbox.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: str = os.fspath(path)
        self._lock = threading.Lock()
        self._is_failing = False
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
        """Write ``result`` to the disk; when that begins to fail it is logged, and results stay in memory only."""
        try:
            with self._lock:
                cursor = self._db.execute(
                    "INSERT INTO results (task_type, task_id, body) VALUES (?, ?, ?)",
                    (result.task_type, result.task_id, result.body),
                )
                result.row = cursor.lastrowid
        except sqlite3.Error as error:
            if not self._is_failing:
                self._is_failing = True
                logger.error(  # noqa: TRY400  the traceback would say nothing that the path does not
                    "The outbox %s cannot be written: %s. Results are kept in memory only", self.path, error
                )
        else:
            if self._is_failing:
                self._is_failing = False
                logger.info("The outbox %s can be written again", self.path)

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

    def adopt(self, path: str) -> None:
        """Take over what is in another outbox, and remove it; one that cannot be read is left where it is."""
        try:
            other = DiskOutbox(path)
        except ConfigurationError as error:
            logger.warning("What is in %s is left there: %s", path, error)
            return
        for result in other.load():
            copy = Undelivered(result.task_type, result.task_id, result.body)
            self.keep(copy)
            if copy.row is not None:
                other.forget(result)
        if is_empty := not other.load() and not other.has_broken():
            logger.info("The outbox %s takes over from %s", self.path, path)
        other.close()
        if is_empty:
            Path(path).unlink(missing_ok=True)

    def has_broken(self) -> bool:
        """Whether entries were set aside."""
        with self._lock:
            return bool(self._db.execute("SELECT count(*) FROM broken").fetchone()[0])

    def close(self) -> None:
        """Close the file."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._db.close()


def adopt_strays(path: str, files: Collection[str]) -> None:
    """Move what other numbers of processes left beside ``path`` into the first of ``files``, which are in use now.

    A handler with one process uses ``PATH``, one with several ``PATH.1``, ``PATH.2``, ...: what the fourth could not
    deliver has to be sent also when there are three the next time.
    """
    strays = [path, *(f"{path}.{suffix}" for suffix in _numbers_beside(path))]
    strays = [stray for stray in strays if stray not in files and os.path.isfile(stray)]  # noqa: PTH113
    if strays:
        first = DiskOutbox(min(files))
        for stray in strays:
            first.adopt(stray)
        first.close()


def _numbers_beside(path: str) -> list[str]:
    folder, name = os.path.split(path)
    if not os.path.isdir(folder or "."):  # noqa: PTH112  opening the outbox will say so
        return []
    found = (entry.name.rpartition(".") for entry in Path(folder or ".").iterdir())
    return sorted(suffix for stem, _, suffix in found if stem == name and suffix.isdecimal())
