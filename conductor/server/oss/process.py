"""A running open-source server, and the guarded process on which it and its database are based."""

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
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from conductor._internal.platforms import kill_tree, may_reuse_address, own_process_group
from conductor.errors import ServerStartError
from conductor.server.address import ServerAddress, local_address
from conductor.server.oss.folder import ServerFolder

__all__ = ["GuardedProcess", "OssServer", "check_port_free", "free_port", "healthy_server", "port_error"]

#: Bypasses the proxy of the environment, because the server is on this machine.
_NO_PROXY = urllib.request.ProxyHandler({})
#: Seconds to wait for the guard, in addition to the time that the server has to stop.
_GUARD_TIMEOUT_S = 5.0
#: Seconds between checks whether a killed process group has ended.
_POLL_INTERVAL_S = 0.02
_GUARD = str(Path(__file__).with_name("guard.py"))


def free_port(host: str) -> int:
    """Return a port that is free at this moment.

    Raises:
        ServerStartError: The address cannot be used.
    """
    with closing(_socket(host)) as probe:
        try:
            probe.bind((host, 0))
        except OSError as error:
            raise ServerStartError(f"The address {host!r} cannot be used: {error.strerror or error}.") from None
        return int(probe.getsockname()[1])


def check_port_free(host: str, port: int) -> None:
    """Check that a server can listen on a port.

    Raises:
        ServerStartError: Another process listens on the port, or this process must not use it.
    """
    with closing(_socket(host)) as probe:
        probe.settimeout(1.0)
        if probe.connect_ex((local_address(host), port)) == 0:  # on some systems bind() does not find all listeners
            raise port_error(port, "another process listens on it")
    with closing(_socket(host)) as probe:
        if may_reuse_address():
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # recently closed connections do not matter
        try:
            probe.bind((host, port))
        except OSError as error:
            raise port_error(port, error.strerror or str(error)) from None


def port_error(port: int, reason: str) -> ServerStartError:
    """Return the error for a port that cannot be used."""
    return ServerStartError(
        f"Port {port} cannot be used: {reason}. Stop the other process, or choose another port (0 for any free port)."
    )


def _socket(host: str) -> socket.socket:
    return socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)


def healthy_server(address: str, timeout: float = 5.0) -> str | None:
    """Return the ``Server`` header of a healthy server.

    Args:
        address: The server's address, without ``/api``.
        timeout: Seconds to wait for the response.

    Returns:
        "" if the response has no such header; None if no healthy server responds.
    """
    opener = urllib.request.build_opener(_NO_PROXY)
    try:
        with opener.open(f"{address}/health", timeout=timeout) as response:
            health = json.load(response)
            name = response.headers.get("Server", "")
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return name if isinstance(health, dict) and health.get("healthy") is True else None


class GuardedProcess:
    """A process that stops when the process that started it ends, even if that process is killed.

    A forked child does not own the process and cannot stop it.

    Args:
        command: The command to run.
        folder: The folder in which it runs, and of its log; removed with it if it is temporary.
        stop_timeout: Seconds to wait for its end before it is killed.
        environment: Variables to set in addition to those of this process.

    Attributes:
        pid: The id of the process.
        directory: The folder.
        log_path: The path of its log.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: ServerFolder,
        stop_timeout: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.directory: Path = folder.path
        self.log_path: Path = folder.log_path
        self._folder = folder
        self._stop_timeout = stop_timeout
        self._owner = os.getpid()
        self._stopping = threading.Lock()
        self._guard = _start_guard(command, folder, stop_timeout, environment or {})
        atexit.register(self.stop)
        self.pid: int = self._read_pid()

    @property
    def is_running(self) -> bool:
        """Whether the process is running."""
        return self._guard.poll() is None

    def wait(self, timeout: float | None = None) -> int:
        """Wait until the process ends, and return its exit status; 128 plus the signal's number after a signal.

        Args:
            timeout: Seconds to wait; None for no limit.

        Raises:
            subprocess.TimeoutExpired: The process is still running after ``timeout`` seconds.
        """
        return self._guard.wait(timeout)

    def stop(self) -> None:
        """Stop the process; returns when it has ended. A second call does nothing."""
        if os.getpid() != self._owner:
            return
        if self._guard.stdin is not None:
            self._guard.stdin.close()
        with self._stopping:
            self._wait_for_guard()
            if self._guard.stdout is not None:
                self._guard.stdout.close()
            self._folder.discard()
            atexit.unregister(self.stop)

    def _read_pid(self) -> int:
        line = self._guard.stdout.readline() if self._guard.stdout is not None else b""
        return int(line) if line.strip().isdigit() else self._guard.pid

    def _wait_for_guard(self) -> None:
        try:
            status = self._guard.wait(self._stop_timeout + _GUARD_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            _kill_group(self._guard.pid)
            self._guard.wait()
        else:
            if status < 0:  # the guard was killed, and the process is still running in its process group
                _kill_group(self._guard.pid)


class OssServer(GuardedProcess, ServerAddress):
    """A running open-source server, which ``start_oss_server`` returns. Stops at the end of a ``with`` block.

    The server also stops when this process ends, even if it is killed. A forked child does not own the server and
    cannot stop it.

    Attributes:
        host: The address on which the server listens.
        port: The port on which it listens.
        database: The Redis or PostgreSQL that was started for it, which stops with it; None if there is none.
        pid: The id of the Java process.
        directory: The folder of its log, and of its database with SQLite.
        log_path: The path of its log.
    """

    def __init__(
        self,
        command: Sequence[str],
        host: str,
        port: int,
        folder: ServerFolder,
        stop_timeout: float,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.database: GuardedProcess | None = None
        super().__init__(command, folder, stop_timeout, environment)

    @property
    def summary(self) -> str:
        """A description of the server: the addresses of its Swagger UI and its log."""
        return f"Swagger UI {self.address}/swagger-ui.html, log {self.log_path}"

    @property
    def failure_hint(self) -> str:
        """Where to find the reason if the server stopped unexpectedly."""
        return f"see {self.log_path}"

    def stop(self) -> None:
        """Stop the server; returns when its process has ended and its port is free. A second call does nothing."""
        super().stop()
        if self.database is not None:
            self.database.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"OssServer({self.url!r}, pid={self.pid})"


def _start_guard(
    command: Sequence[str], folder: ServerFolder, stop_timeout: float, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    removed = str(folder.path) if folder.is_temporary else ""
    with folder.log_path.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", _GUARD, removed, str(stop_timeout), *command],
            cwd=folder.path,
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            **own_process_group(),  # Ctrl-C must reach this process only, which then stops the server
        )


def _kill_group(leader: int) -> None:
    """Kill the guard's process group, and wait until its processes have ended, which are not children of this one."""
    deadline = time.monotonic() + _GUARD_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            kill_tree(leader, getattr(signal, "SIGKILL", signal.SIGTERM))
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(_POLL_INTERVAL_S)
