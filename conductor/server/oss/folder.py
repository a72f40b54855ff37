"""The folder of a server's database and log: one that the user names, which is kept, or a temporary one."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

from conductor.errors import ConfigurationError

__all__ = ["ServerFolder", "locked"]


if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(path: Path, on_wait: Callable[[], None]) -> Iterator[None]:
    """Hold a file lock for the block.

    Without support for file locks (Windows, some network file systems) the block runs without the lock.

    Args:
        path: The file to lock, which is created if it does not exist.
        on_wait: Called once if another process holds the lock.
    """
    with path.open("ab") as file:
        if sys.platform != "win32":
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                on_wait()
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError:
                pass
        yield


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
