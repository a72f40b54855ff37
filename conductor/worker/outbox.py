"""Results that the server has not taken yet: kept until it does, in memory and, if asked for, on disk too.

The file is a SQLite database in WAL mode. Every result is a row from before it is first sent until the server has it:
what ``keep`` returned from survives a crash of the process at any moment. It is not forced to the disk then, which
would cost each task some milliseconds; a result that could not be delivered is (``harden``), and survives a crash of
the machine from then on. A row that cannot be read is moved to the table ``broken``, a file that is damaged is set
aside under another name, and neither stops the rest.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from attrs import define

from conductor.errors import ConfigurationError
from conductor.models.codec import loads

__all__ = ["DiskOutbox", "Undelivered", "adopt_strays"]

logger = logging.getLogger(__name__)

_MAGIC = b"SQLite format 3\0"
_FORCED, _UNFORCED = "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"

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
        may_be_taken: Whether it was sent, and no answer said what became of it.
        is_for_disk: Whether it is to survive this process; what gives a task back is not.
    """

    task_type: str
    task_id: str
    body: bytes
    row: int | None = None
    refusals: int = 0
    taken_before: int = -1
    may_be_taken: bool = False
    is_for_disk: bool = True


class DiskOutbox:
    """Undelivered results in one SQLite file.

    Args:
        path: The file; made when it is not there. One process at a time may use it.

    Raises:
        ConfigurationError: The file cannot be made, or is something else than a database.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: str = os.fspath(path)
        self._lock = threading.Lock()
        self._is_failing = False
        try:
            self._db = self._open()
        except sqlite3.OperationalError as error:  # no such folder, no permission, locked: the file is not at fault
            raise self._unusable(error) from error
        except sqlite3.DatabaseError as error:
            if not _is_database(self.path):
                raise self._unusable(error) from error
            self._set_aside(error)
            self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute(_UNFORCED)
            db.execute("PRAGMA busy_timeout=2000")
            db.executescript(_SCHEMA)
            if (said := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(said)  # noqa: TRY301  the connection has to be closed
        except BaseException:
            db.close()
            raise
        return db

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Begin anew where the file is damaged; what is in it stays under another name."""
        aside = f"{self.path}.damaged-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
        for end in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{end}").rename(f"{aside}{end}")
        logger.error(
            "The outbox %s is damaged (%s). It is set aside as %s, and a new one is begun: results in the old one that "
            "were not delivered are sent no more, and their tasks are retried after their response timeout",
            self.path,
            error,
            aside,
        )

    def _unusable(self, error: sqlite3.Error) -> ConfigurationError:
        return ConfigurationError(
            f"The outbox {self.path} cannot be used: {error}.",
            variable="outbox",
            value=self.path,
            allowed="a path to an outbox file, or to a new file in a folder that can be written",
        )

    def keep(self, result: Undelivered) -> None:
        """Write ``result``; when that begins to fail it is logged, and results stay in memory only."""
        with self._writing():
            self._insert(result)

    def harden(self, result: Undelivered) -> None:
        """Force ``result``, which was not delivered, to the disk, so that it survives a crash of the machine."""
        if not result.is_for_disk:
            return
        with self._writing():
            self._db.execute(_FORCED)
            try:
                if result.row is None:
                    self._insert(result)
                else:  # the write that is forced takes those before it along
                    self._db.execute("UPDATE results SET task_id = task_id WHERE id = ?", (result.row,))
            finally:
                self._db.execute(_UNFORCED)

    def _insert(self, result: Undelivered) -> None:
        cursor = self._db.execute(
            "INSERT INTO results (task_type, task_id, body) VALUES (?, ?, ?)",
            (result.task_type, result.task_id, result.body),
        )
        result.row = cursor.lastrowid

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._lock:
                yield
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
            if isinstance(body, bytes) and isinstance(task_id, str) and _is_update(task_id, body):
                yield Undelivered(str(task_type), task_id, body, row, may_be_taken=True)
                continue
            logger.error("The outbox %s holds a broken entry (row %s); it is set aside", self.path, row)
            self._db.execute("INSERT INTO broken SELECT *, 'no update of its task' FROM results WHERE id = ?", (row,))
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


def _is_database(path: str) -> bool:
    """Whether the file begins as a database: another file, which somebody named by mistake, is left alone."""
    with open(path, "rb") as file:  # noqa: PTH123
        return file.read(len(_MAGIC)) == _MAGIC


def _is_update(task_id: str, body: bytes) -> bool:
    try:
        update = loads(body)
    except ValueError:
        return False
    return isinstance(update, dict) and update.get("taskId") == task_id and bool(update.get("workflowInstanceId"))


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
