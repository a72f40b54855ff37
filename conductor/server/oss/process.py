"""A running server: its process under its guard, and how it is stopped."""

from __future__ import annotations

import atexit
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from conductor.errors import ServerStartError
from conductor.server.address import Listening, local_address
from conductor.server.oss.folder import ServerFolder

__all__ = ["OssServer", "free_port", "healthy_server", "refuse_used", "taken"]


def free_port(host: str) -> int:
    """A port that nothing uses at this moment."""
    with closing(_socket(host)) as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            raise ServerStartError(f"The address {host!r} cannot be used: {error.strerror or error}.") from None
        return int(probe.getsockname()[1])


def refuse_used(host: str, port: int) -> None:
    """Raise when something listens on the port, or it may not be used.

    Raises:
        ServerStartError: What the operating system says, and what to do.
    """
    with closing(_socket(host)) as probe:
        probe.settimeout(1.0)
        if probe.connect_ex((local_address(host), port)) == 0:  # binding alone misses some listeners on some systems
            raise taken(port, "something listens there")
    with closing(_socket(host)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what has just been closed is no obstacle
        try:
            probe.bind((host, port))
        except OSError as error:
            raise taken(port, error.strerror or str(error)) from None


def taken(port: int, why: str) -> ServerStartError:
    """The error about a port that cannot be had."""
    return ServerStartError(
        f"Port {port} cannot be used: {why}. Stop what uses it, choose another port, or 0 for any that is free."
    )


def _socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)


_DIRECT = urllib.request.ProxyHandler({})  # a proxy of the environment must not come between


def healthy_server(address: str, timeout: float = 5.0) -> str | None:
    """Who answers ``GET /health`` with ``"healthy": true``: its ``Server`` header, or "". None when nobody does.

    Args:
        address: The server's address, without ``/api``.
        timeout: How long to wait for the answer, in seconds.
    """
    opener = urllib.request.build_opener(_DIRECT)
    try:
        with opener.open(f"{address}/health", timeout=timeout) as answer:
            said = json.load(answer)
            name = answer.headers.get("Server", "")
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return name if isinstance(said, dict) and said.get("healthy") is True else None


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
        """Wait until the process ends, and return its exit status: 128 or more for a signal.

        Args:
            timeout: Seconds to wait; None for no limit.

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
