"""Start the real server, wait until it is healthy, and free its port and its process in every case."""

from __future__ import annotations

import atexit
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from conductor.errors import ServerStartError
from conductor.server.oss.download import VERSION, get_jar
from conductor.server.oss.java import find_java

__all__ = ["OssServer", "start_oss_server"]

logger = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_LAST_LINES = 15
_PATIENCE = 15.0
_GUARD = str(Path(__file__).with_name("guard.py"))


class OssServer:
    """A running server; made by ``start_oss_server``.

    Attributes:
        port: Its port, on the loopback address.
        pid: The Java process.
        directory: Where its database lies.
        log_path: Its log.
    """

    def __init__(
        self, port: int, directory: Path, process: subprocess.Popen[bytes], cleanup: Callable[[], None]
    ) -> None:
        self.port = port
        self.directory = directory
        self.log_path = directory / "server.log"
        self._guard = process
        self._cleanup = cleanup
        self.pid = _first_number(process)
        atexit.register(self.stop)

    @property
    def url(self) -> str:
        """The API's address, for ``CONDUCTOR_SERVER_URL``."""
        return f"http://{_HOST}:{self.port}/api"

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._guard.poll() is None

    def wait(self) -> int:
        """Wait until the process ends; its exit status."""
        return self._guard.wait()

    def stop(self) -> None:
        """Stop the server; returns when its process has ended and its port is free. May be called again."""
        if self._guard.stdin is not None and not self._guard.stdin.closed:
            self._guard.stdin.close()
        try:
            self._guard.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._guard.kill()
            self._guard.wait()
        if self._guard.stdout is not None:
            self._guard.stdout.close()
        atexit.unregister(self.stop)
        self._cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"OssServer({self.url!r}, pid={self.pid})"


def start_oss_server(
    port: int = 0,
    directory: str | os.PathLike[str] | None = None,
    *,
    version: str = VERSION,
    ready_timeout: float = 120.0,
    java: str | None = None,
    jar: str | os.PathLike[str] | None = None,
    properties: Mapping[str, str] | None = None,
    heap: str = "2g",
) -> OssServer:
    """Start the open-source server on the loopback address, and return when it is healthy.

    Args:
        port: Its port; 0 for any that is free.
        directory: Where its database and its log (``server.log``) lie and stay; a temporary folder otherwise.
        version: Which server.
        ready_timeout: How long it may take to become healthy, in seconds.
        java: The Java to use; the first of version 21 or later otherwise.
        jar: The jar to use, in place of the published one.
        properties: Spring properties, as ``{"conductor.queue.type": "redis_standalone"}``.
        heap: The largest heap.

    Raises:
        ServerStartError: The port is in use, there is no Java or no jar, or the server did not become healthy; the
            message ends with the last lines of its log.
    """
    port = port or _free_port()
    _refuse_used(port)
    java = java or find_java()
    jar = Path(jar) if jar is not None else get_jar(version=version)
    home, cleanup = _home(directory)
    command = [java, f"-Xmx{heap}", "-jar", str(jar), f"--server.port={port}", f"--server.address={_HOST}"]
    command += [f"--{name}={value}" for name, value in (properties or {}).items()]
    logger.info("Starting Conductor %s on port %d, its log is %s", version, port, home / "server.log")
    guard = subprocess.Popen(  # noqa: S603
        [sys.executable, _GUARD, str(home / "server.log"), *command],
        cwd=home,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C on the terminal is ours to act on
    )
    server = OssServer(port, home, guard, cleanup)
    try:
        _await_health(server, ready_timeout)
    except BaseException:
        server.stop()
        raise
    return server


def _home(directory: str | os.PathLike[str] | None) -> tuple[Path, Callable[[], None]]:
    if directory is None:
        temporary = tempfile.TemporaryDirectory(prefix="conductor-", ignore_cleanup_errors=True)
        return Path(temporary.name), temporary.cleanup
    home = Path(directory).absolute()
    home.mkdir(parents=True, exist_ok=True)
    return home, lambda: None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _refuse_used(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise ServerStartError(
                f"Port {port} cannot be used: {error.strerror}. Another server may run there; choose another port, or "
                "0 for any that is free."
            ) from None


def _first_number(process: subprocess.Popen[bytes]) -> int:
    line = process.stdout.readline() if process.stdout is not None else b""
    return int(line) if line.strip().isdigit() else process.pid


def _await_health(server: OssServer, timeout: float) -> None:
    deadline = time.monotonic() + timeout
    while not _is_healthy(server.port):
        if not server.is_running:
            raise _failed(server, f"The server ended while starting, with status {server.wait()}")
        if time.monotonic() > deadline:
            raise _failed(server, f"The server was not healthy within {timeout:g} s")
        time.sleep(0.2)


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{_HOST}:{port}/health", timeout=5) as answer:
            return bool(json.load(answer).get("healthy"))
    except (OSError, ValueError, urllib.error.URLError):
        return False


def _failed(server: OssServer, what: str) -> ServerStartError:
    try:
        lines = server.log_path.read_text(errors="replace").splitlines()[-_LAST_LINES:]
    except OSError:
        lines = []
    why = "\n".join(f"  {line[:300]}" for line in lines)
    return ServerStartError(
        f"{what}. The last lines of its log {server.log_path}:\n{why}", log_path=str(server.log_path)
    )
