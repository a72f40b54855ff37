"""A running server: its process under its guard, and how it is stopped."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from conductor.server.address import Listening
from conductor.server.oss.folder import ServerFolder

__all__ = ["OssServer"]

_MORE = 5.0  # seconds that the guard has beyond those that the server has
_GLANCE = 0.02
_GUARD = str(Path(__file__).with_name("guard.py"))


class OssServer(Listening):
    """A running server; made by ``start_oss_server``, stopped by ``stop`` or at the end of a ``with`` block.

    It also stops when this process exits, however that happens. A forked child does not own it and cannot stop it.

    Attributes:
        host: The address it listens on.
        port: Its port.
        pid: The Java process.
        directory: Where its database lies.
        log_path: Its log.
    """

    def __init__(self, command: Sequence[str], host: str, port: int, folder: ServerFolder, stop_timeout: float) -> None:
        self.host = host
        self.port = port
        self.directory: Path = folder.path
        self.log_path: Path = folder.log_path
        self._folder = folder
        self._stop_timeout = stop_timeout
        self._owner = os.getpid()
        self._stopping = threading.Lock()
        self._guard = _start_guard(command, folder, stop_timeout)
        atexit.register(self.stop)
        self.pid: int = self._read_pid()

    @property
    def summary(self) -> str:
        """What else to know of it: its own page, and its log."""
        return f"Swagger UI {self.address}/swagger-ui.html, log {self.log_path}"

    @property
    def last_words(self) -> str:
        """Where to look when it ended by itself."""
        return f"see {self.log_path}"

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._guard.poll() is None

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process ends; its exit status, 128 and more for a signal.

        Raises:
            subprocess.TimeoutExpired: It runs on after ``timeout`` seconds.
        """
        return self._guard.wait(timeout)

    def stop(self) -> None:
        """Stop the server; returns when its process has ended and its port is free. May be called again."""
        if os.getpid() != self._owner:
            return
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        with self._stopping:
            self._await_guard()
            if self._guard.stdout is not None:
                self._guard.stdout.close()
            self._folder.discard()
            atexit.unregister(self.stop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"OssServer({self.url!r}, pid={self.pid})"

    def _read_pid(self) -> int:
        line = self._guard.stdout.readline() if self._guard.stdout is not None else b""
        return int(line) if line.strip().isdigit() else self._guard.pid

    def _await_guard(self) -> None:
        try:
            status = self._guard.wait(self._stop_timeout + _MORE)
        except subprocess.TimeoutExpired:
            _kill_group(self._guard.pid)
            self._guard.wait()
        else:
            if status < 0:  # somebody killed the guard, and the server lives on in its process group
                _kill_group(self._guard.pid)


def _start_guard(command: Sequence[str], folder: ServerFolder, stop_timeout: float) -> subprocess.Popen[bytes]:
    removed = str(folder.path) if folder.is_temporary else ""
    with folder.log_path.open("ab") as log:
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", _GUARD, removed, str(stop_timeout), *command],
            cwd=folder.path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C on the terminal is ours to act on
        )


def _kill_group(leader: int) -> None:
    """Kill the guard's process group, and wait until it is gone: its processes are no children of ours."""
    if sys.platform == "win32":
        return
    deadline = time.monotonic() + _MORE
    while time.monotonic() < deadline:
        try:
            os.killpg(leader, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(_GLANCE)
