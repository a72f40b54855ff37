"""The folder a server lives in: the user's own, which stays, or a temporary one."""

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
    """Hold the lock for the block; ``on_wait`` is called once when another process has it.

    Where there are no locks (Windows, some network file systems) the block runs without.
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


_TAIL_BYTES = 1024 * 1024
_LONGEST_LINE = 300


@frozen
class ServerFolder:
    """Where a server's database and log lie.

    Attributes:
        path: The folder.
        is_temporary: Whether it goes when the server stops.
        log_start: The log's size before this run; runs in a folder that stays write one log.
    """

    path: Path
    is_temporary: bool
    log_start: int = 0

    @classmethod
    def make(cls, directory: str | os.PathLike[str] | None) -> ServerFolder:
        """The folder ``directory``, made if need be; a temporary one for None.

        Raises:
            ConfigurationError: It cannot be made or written.
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
                f"The directory {path} cannot be used: {error.strerror}; allowed: a folder that can be written.",
                variable="directory",
                value=str(path),
                allowed="a folder that can be written",
            ) from None

    @property
    def log_path(self) -> Path:
        """The server's log."""
        return self.path / "server.log"

    def last_lines(self, count: int) -> list[str]:
        """The last lines that this run has written to the log, each cut to a readable length."""
        lines = self._written().decode(errors="replace").splitlines()
        return [line[:_LONGEST_LINE] for line in lines[-count:]]

    def has_logged(self, pattern: re.Pattern[bytes]) -> bool:
        """Whether this run's log has the pattern."""
        return pattern.search(self._written()) is not None

    def _written(self) -> bytes:
        try:
            with self.log_path.open("rb") as log:
                end = log.seek(0, os.SEEK_END)
                log.seek(max(self.log_start, end - _TAIL_BYTES))
                return log.read()
        except OSError:
            return b""

    def kept_log(self) -> Path:
        """The log, at a place that outlives the folder."""
        if not self.is_temporary:
            return self.log_path
        number, name = tempfile.mkstemp(prefix="conductor-server-", suffix=".log")
        os.close(number)
        return Path(shutil.copyfile(self.log_path, name))

    def discard(self) -> None:
        """Remove the folder if it is temporary."""
        if self.is_temporary:
            shutil.rmtree(self.path, ignore_errors=True)
