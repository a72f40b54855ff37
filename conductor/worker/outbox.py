"""Results that the server has not taken yet: kept in memory, and in a file if one is configured.

The file is a SQLite database in WAL mode. Every result is a row from before its first attempt until the server has
taken it: what ``keep`` has written survives a crash of the process at any moment. It is not forced to the disk then,
which would cost each task some milliseconds. A result that could not be delivered is (``harden``), and survives a crash
of the machine from then on.

A row that cannot be read is moved to the table ``broken``, and a damaged file is renamed; neither affects other rows.
The file is private to its owner (mode 0600), symbolic links are refused, and one handler at a time can use it.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from conductor._internal.logs import isolated_logger
from conductor.errors import ConfigurationError
from conductor.models.codec import loads
from conductor.worker.undelivered import Undelivered

__all__ = ["DiskOutbox", "adopt_strays"]

logger = isolated_logger(__name__)

_MAGIC = b"SQLite format 3\0"
_FORCED, _UNFORCED = "PRAGMA synchronous=FULL", "PRAGMA synchronous=NORMAL"
#: Milliseconds to wait for a lock that another connection holds, such as one that inspects the file.
_BUSY_TIMEOUT_MS = 2000
#: Read and write for the owner, nothing for others: results hold business data.
_PRIVATE = 0o600
_SIDE_FILES = ("-wal", "-shm")
_IN_USE = "another process or handler is using it"
#: Process id and path of each open outbox of this process.
_open_here: set[tuple[int, str]] = set()

# AUTOINCREMENT: an id is never used twice, so forgetting a result can never delete a later one.
_RESULTS = "(id INTEGER PRIMARY KEY AUTOINCREMENT, task_type TEXT, task_id TEXT, body BLOB)"
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS results {_RESULTS};
CREATE TABLE IF NOT EXISTS broken_results
    (id INTEGER PRIMARY KEY AUTOINCREMENT, row INTEGER, task_type TEXT, task_id TEXT, body BLOB, reason TEXT);
"""
# For files that were created without AUTOINCREMENT.
_MIGRATE = (
    "BEGIN IMMEDIATE",
    "ALTER TABLE results RENAME TO old_results",
    f"CREATE TABLE results {_RESULTS}",
    "INSERT INTO results SELECT id, task_type, task_id, body FROM old_results ORDER BY id",
    "DROP TABLE old_results",
    "COMMIT",
)


class DiskOutbox:
    """Undelivered results in one SQLite file.

    Args:
        path: The file; created if it is missing. One handler at a time can use it; ``PATH.lock`` guards that.

    Raises:
        ConfigurationError: The file is in use, is a symbolic link, cannot be created, or belongs to another program.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: str = os.path.abspath(os.fspath(path))  # noqa: PTH100  ":memory:" has a meaning for SQLite
        self._lock = threading.Lock()
        self._is_failing = False
        self._key = (os.getpid(), self.path)
        # POSIX locks belong to the process: closing any descriptor of a file releases all locks of the process on it.
        if self._key in _open_here:  # the checks below open and close files, which would release its locks
            raise self._unusable(_IN_USE)
        self._make_private(self.path)
        self._guard = self._take_lock()
        try:
            self._db = self._open_or_replace()
        except BaseException:  # also on Ctrl-C: the lock is released
            self._guard.close()
            raise
        _open_here.add(self._key)

    def _take_lock(self) -> sqlite3.Connection:
        """Keep a transaction open on a separate database.

        SQLite's locks work on all systems, also between two handlers of one process, end with the process, and are not
        inherited by a forked child.
        """
        path = f"{self.path}.lock"
        self._make_private(path)
        guard = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=0)
        try:
            guard.execute("PRAGMA journal_mode=MEMORY")  # no journal file next to it
            guard.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            guard.close()
            reason = _IN_USE if "locked" in str(error) else str(error)
            raise self._unusable(reason) from error
        return guard

    def _make_private(self, path: str) -> None:
        """Create ``path`` for its owner only, or check an existing file."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
        try:
            for side_file in (path, *(f"{path}{end}" for end in _SIDE_FILES)):
                if Path(side_file).is_symlink():  # Windows has no O_NOFOLLOW
                    raise self._unusable(f"{side_file} is a symbolic link")
            # The mode is set when the file is created. With chmod() afterwards, others could open it in between and
            # read all later results.
            descriptor = os.open(path, flags, _PRIVATE)
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        except ValueError as error:  # a null byte
            raise self._unusable(str(error)) from error
        try:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise self._unusable("it is not a regular file")
            if found.st_size and os.read(descriptor, len(_MAGIC)) != _MAGIC:  # another file, named by mistake
                raise self._unusable("it is not an outbox but another file")
        finally:
            os.close(descriptor)

    def _restrict(self) -> None:
        """Restrict an existing file, such as one of an older release, to its owner.

        The file must not be opened for that: closing it would release the locks that SQLite holds on it.
        """
        if os.name != "nt" and stat.S_IMODE(os.lstat(self.path).st_mode) != _PRIVATE:
            with contextlib.suppress(PermissionError):  # another user's file: its owner decides
                os.chmod(self.path, _PRIVATE)  # noqa: PTH101  as the other calls on the file

    def _open_or_replace(self) -> sqlite3.Connection:
        try:
            return self._open()
        # OperationalError is a DatabaseError as well, so its clause has to come first.
        except sqlite3.OperationalError as error:  # such as a missing permission: the file is not damaged
            raise self._unusable(str(error)) from error
        except sqlite3.DatabaseError as error:
            self._set_aside(error)
            self._make_private(self.path)
            return self._open()

    def _open(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        db.text_factory = _decoded
        try:
            if not _is_outbox(db):
                raise self._unusable("it is a database of another program")  # noqa: TRY301  the connection is closed
            self._restrict()
            # A write appends to the log and does not rewrite pages, and a reader that inspects the file does not block
            # it.
            db.execute("PRAGMA journal_mode=WAL")
            # With WAL, NORMAL survives a crash of the process but not of the machine. Only results that could not be
            # delivered at once are worth an fsync, which takes milliseconds; see harden().
            db.execute(_UNFORCED)
            db.execute("PRAGMA fullfsync=1")  # on macOS fsync alone leaves data in the disk's cache
            db.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}")
            db.executescript(_SCHEMA)
            if (said := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
                raise sqlite3.DatabaseError(said)  # noqa: TRY301  the connection has to be closed
            definition = db.execute("SELECT sql FROM sqlite_master WHERE name = 'results'").fetchone()[0]
            if "AUTOINCREMENT" not in definition:
                for statement in _MIGRATE:
                    db.execute(statement)
        except BaseException:  # also on Ctrl-C: the file is closed
            db.close()
            raise
        return db

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Rename a damaged file, so that a new one can be created; its contents stay for inspection."""
        # A worker must start even if its outbox is damaged. The file is kept, because someone may still be able to read
        # results in it.
        aside = f"{self.path}.damaged-{time.strftime('%Y%m%dT%H%M%S')}-{os.getpid()}"
        for end in ("", *_SIDE_FILES):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{end}").rename(f"{aside}{end}")
        logger.error(
            "The outbox %s is damaged (%s). It was renamed to %s and a new one was created. Undelivered results in the "
            "old file are not sent; their tasks are retried after their response timeout",
            self.path,
            error,
            aside,
        )

    def _unusable(self, reason: str) -> ConfigurationError:
        return ConfigurationError(
            f"Cannot use the outbox {self.path}: {reason}.",
            variable="outbox",
            value=self.path,
            allowed="a path to an outbox file, or to a new file in a writable directory; each handler needs its own",
        )

    def keep(self, result: Undelivered) -> None:
        """Write ``result``. The first failure to write is logged; results are then kept in memory only."""
        with self._writing():
            self._insert(result)

    def harden(self, result: Undelivered) -> None:
        """Force ``result``, which was not delivered, to the disk, so that it survives a crash of the machine."""
        # A task that is released was not run; if the machine crashes, its response timeout releases it as well.
        if result.is_release:
            return
        with self._writing():
            self._db.execute(_FORCED)
            try:
                if result.row is None:
                    self._insert(result)
                else:  # a forced write covers all earlier ones
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
                logger.error(  # the traceback would add nothing to the path
                    "Cannot write the outbox %s: %s. Results are kept in memory only", self.path, error
                )
        else:
            if self._is_failing:
                self._is_failing = False
                logger.info("The outbox %s can be written again", self.path)

    def forget(self, result: Undelivered) -> None:
        """Delete a result that was delivered."""
        if result.row is None:
            return
        try:
            with self._lock:
                self._db.execute("DELETE FROM results WHERE id = ?", (result.row,))
        except sqlite3.Error:
            logger.exception(
                "Cannot write the outbox %s; the result of task %s may be sent twice", self.path, result.task_id
            )

    def load(self) -> Iterator[Undelivered]:
        """Yield what an earlier process could not deliver, oldest first; a broken row is moved aside."""
        with self._lock:
            try:
                # Ids first, then row by row: one damaged row fails only its own query, and a large outbox does not have
                # to fit into memory.
                rows = [row for (row,) in self._db.execute("SELECT id FROM results ORDER BY id")]
            except sqlite3.Error:
                logger.exception("Cannot read the outbox %s; its results remain in the file", self.path)
                return
        for row in rows:
            if (result := self._load_row(row)) is not None:
                yield result

    def _load_row(self, row: int) -> Undelivered | None:
        try:
            with self._lock:
                found = self._db.execute("SELECT task_type, task_id, body FROM results WHERE id = ?", (row,)).fetchone()
                if found is None:
                    return None
                task_type, task_id, body = found
                if isinstance(body, bytes) and isinstance(task_id, str) and _is_update(task_id, body):
                    return Undelivered(str(task_type), task_id, body, row, may_be_taken=True)
                logger.error("Row %s of the outbox %s is corrupt and was moved to broken_results", row, self.path)
                with self._db:
                    self._db.execute("BEGIN IMMEDIATE")
                    self._db.execute(
                        "INSERT INTO broken_results (row, task_type, task_id, body, reason)"
                        " SELECT id, task_type, task_id, body, 'not an update of its task' FROM results WHERE id = ?",
                        (row,),
                    )
                    self._db.execute("DELETE FROM results WHERE id = ?", (row,))
        except (sqlite3.Error, OverflowError, MemoryError):
            logger.exception("Cannot read row %s of the outbox %s; it remains in the file", row, self.path)
        return None

    def adopt(self, path: str) -> None:
        """Take over the results of another outbox and delete its file; one that cannot be used is left as it is."""
        try:
            other = DiskOutbox(path)
        except ConfigurationError as error:
            logger.warning("Results remain in %s: %s", path, error)
            return
        try:
            for result in other.load():
                # First forced to the disk here, then deleted there. A crash in between sends a result twice, which the
                # server ignores; the other order would lose it.
                copy = Undelivered(result.task_type, result.task_id, result.body)
                self.harden(copy)
                if copy.row is not None:
                    other.forget(result)
            if other.is_empty():
                other.delete()
                logger.info("The outbox %s takes over from %s", self.path, path)
        finally:
            other.close()

    def is_empty(self) -> bool:
        """Return whether the file certainly holds no entry, broken ones included."""
        try:
            with self._lock:
                held = self._db.execute("SELECT (SELECT count(*) FROM results) + (SELECT count(*) FROM broken_results)")
                return bool(held.fetchone() == (0,))
        except sqlite3.Error as error:
            logger.warning("Cannot read the outbox %s (%s); it is left as it is", self.path, error)
            return False

    def delete(self) -> None:
        """Close and delete the file, while the lock keeps others from using it.

        ``PATH.lock`` stays: another handler may be about to lock it, and must not lock a deleted file.
        """
        with self._lock:
            self._db.close()
            for end in ("", *_SIDE_FILES):
                Path(f"{self.path}{end}").unlink(missing_ok=True)

    def close(self) -> None:
        """Close the file and let other handlers use it."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._db.close()
        with contextlib.suppress(sqlite3.Error):
            self._guard.close()
        _open_here.discard(self._key)


def _is_outbox(db: sqlite3.Connection) -> bool:
    """Return whether the database is empty, or has the table of an outbox; nothing is written."""
    tables = db.execute("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
    columns = {row[1] for row in db.execute("PRAGMA table_info(results)")}
    return not tables or columns >= {"id", "task_type", "task_id", "body"}


def _decoded(text: bytes) -> str:
    """Return ``text`` although it is damaged: sqlite3 would fail for the whole query."""
    return text.decode(errors="replace")


def _is_update(task_id: str, body: bytes) -> bool:
    try:
        update = loads(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(update, dict) and update.get("taskId") == task_id and bool(update.get("workflowInstanceId"))


def adopt_strays(path: str, files: Collection[str]) -> None:
    """Move what other numbers of processes left next to ``path`` into the first of ``files``, which are in use now.

    A handler with one process uses ``PATH``, one with several ``PATH.1``, ``PATH.2``, ...: what the fourth could not
    deliver has to be sent when there are only three the next time.
    """
    try:
        strays = [path, *(f"{path}.{suffix}" for suffix in _numbers_beside(path))]
        strays = [stray for stray in strays if stray not in files and Path(stray).is_file()]
    except (OSError, ValueError):  # opening the outbox reports it
        return
    if strays:
        first = DiskOutbox(min(files))
        try:
            for stray in strays:
                first.adopt(stray)
        finally:
            first.close()


def _numbers_beside(path: str) -> list[str]:
    folder, name = os.path.split(path)
    if not Path(folder or ".").is_dir():  # opening the outbox reports it
        return []
    found = (entry.name.rpartition(".") for entry in Path(folder or ".").iterdir())
    return sorted(suffix for stem, _, suffix in found if stem == name and suffix.isdecimal())
