"""The folder of a server's database and log: one that the user names, which is kept, or a temporary one."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO

from attrs import frozen

from conductor.errors import ConfigurationError

__all__ = ["ServerFolder", "locked"]


fcntl: Any
msvcrt: Any
try:
    fcntl = import_module("fcntl")
except ImportError:  # Windows
    fcntl = None
try:
    msvcrt = import_module("msvcrt")
except ImportError:  # POSIX
    msvcrt = None

#: Seconds between two attempts to lock a file on Windows, where a lock cannot be waited for.
_LOCK_INTERVAL_S = 0.2


@contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold a file lock for the block.

    On a file system without locks, as some network file systems, the block runs without the lock.

    Args:
        path: The file to lock, which is created if it does not exist.
        on_wait: Called once if another process holds the lock.
    """
    with path.open("ab") as file, _posix_lock(file, on_wait) if fcntl else _windows_lock(file, on_wait):
        yield


@contextmanager
def _posix_lock(file: BinaryIO, on_wait: Callable[[], None]) -> Iterator[None]:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        on_wait()
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError:
        pass
    yield  # closing the file releases the lock


@contextmanager
def _windows_lock(file: BinaryIO, on_wait: Callable[[], None]) -> Iterator[None]:
    is_locked, waits = False, False
    while not is_locked:
        try:
            _lock_first_byte(file, msvcrt.LK_NBLCK)
            is_locked = True
        except PermissionError:  # another process holds the lock
            if not waits:
                waits = True
                on_wait()
            time.sleep(_LOCK_INTERVAL_S)
        except OSError:
            break
    try:
        yield
    finally:
        if is_locked:
            _lock_first_byte(file, msvcrt.LK_UNLCK)


def _lock_first_byte(file: BinaryIO, mode: int) -> None:
    file.seek(0)  # the lock begins at the position of the file
    msvcrt.locking(file.fileno(), mode, 1)


#: Bytes at the end of the log to search; Spring reports a failed start at the end.
_TAIL_BYTES = 1024 * 1024
#: Characters of a log line to show.
_MAX_LINE = 300


@frozen
class ServerFolder:
    """The folder of a server's database and log.

    Attributes:
        path: The folder.
        is_temporary: Whether the folder is removed when the server stops.
        log_start: The size of the log before this run, in bytes; all runs in a folder append to one log.
    """

    path: Path
    is_temporary: bool
    log_start: int = 0

    @classmethod
    def make(cls, directory: str | os.PathLike[str] | None) -> ServerFolder:
        """Return the folder ``directory``, which is created if it does not exist; for None, a temporary folder.

        Raises:
            ConfigurationError: The folder cannot be created or is not writable.
        """
        if directory is None:
            return cls(Path(tempfile.mkdtemp(prefix="conductor-server-")), is_temporary=True)
        path = Path(directory).expanduser().absolute()
        try:
            path.mkdir(parents=True, exist_ok=True)
            with (path / "server.log").open("ab") as log:
                return cls(path, is_temporary=False, log_start=log.tell())
        except OSError as error:
            raise ConfigurationError(
                f"The directory {path} cannot be used: {error.strerror}; it must be a writable folder.",
                variable="directory",
                value=str(path),
                allowed="a writable folder",
            ) from None

    @property
    def log_path(self) -> Path:
        """The path of the server's log."""
        return self.path / "server.log"

    def last_lines(self, count: int) -> list[str]:
        """Return the last lines that this run has written to the log, shortened to 300 characters."""
        lines = self._written().decode(errors="replace").splitlines()
        return [line[:_MAX_LINE] for line in lines[-count:]]

    def has_logged(self, pattern: re.Pattern[bytes]) -> bool:
        """Return whether the pattern occurs in this run's log."""
        return pattern.search(self._written()) is not None

    def _written(self) -> bytes:
        try:
            with self.log_path.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self.log_start, end - _TAIL_BYTES))
                return log.read()
        except OSError:
            return b""

    def keep_log(self) -> Path:
        """Return the path of the log after the server has stopped; the log of a temporary folder is copied."""
        if not self.is_temporary:
            return self.log_path
        number, name = tempfile.mkstemp(prefix="conductor-server-", suffix=".log")
        os.close(number)
        return Path(shutil.copyfile(self.log_path, name))

    def discard(self) -> None:
        """Remove the folder, if it is temporary."""
        if self.is_temporary:
            shutil.rmtree(self.path, ignore_errors=True)
