"""Start the open-source server, and wait until it is healthy."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import re
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from attrs import field, frozen

from conductor._internal.durations import to_seconds
from conductor.errors import ConfigurationError, ServerStartError
from conductor.server.oss.backend import Backend, BackendSettings, backend_of, backend_settings
from conductor.server.oss.download import VERSION, find_java, get_jar
from conductor.server.oss.folder import ServerFolder
from conductor.server.oss.process import (
    GuardedProcess,
    OssServer,
    check_port_free,
    free_port,
    healthy_server,
    port_error,
)

__all__ = ["LocalDatabase", "OssServer", "start_database", "start_oss_server"]

_HOST = "127.0.0.1"
#: Seconds to wait until a database accepts connections, and for a command that prepares it.
_READY_TIMEOUT_S, _COMMAND_TIMEOUT_S = 30.0, 120.0
#: Seconds that a database has to write its data at the end.
_STOP_TIMEOUT_S = 20.0
#: Seconds between two attempts to reach a database that starts; nothing signals that it is ready.
_READY_INTERVAL_S = 0.05
#: Where packages put PostgreSQL, whose newest version is used. Its programs are usually not in PATH.
_POSTGRES_FOLDERS = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/postgresql@*/bin")
_POSTGRES_READY = re.compile(rb"database system is ready to accept connections")
_NAMES = {"redis": "Redis", "postgres": "PostgreSQL"}
_PACKAGES = {"redis": "redis-server", "postgres": "postgresql"}
#: The name of the user and the database in PostgreSQL, and the system's user that runs it instead of root.
_NAME, _SYSTEM_USER = "conductor", "postgres"
#: Lines of the log that an error shows.
_LAST_LINES = 15


class LocalDatabase(GuardedProcess):
    """A Redis or PostgreSQL on this machine.

    Attributes:
        url: Its URL.
        is_ready: Returns whether it accepts connections.
        pid: The id of its process.
        directory: The folder of its data.
        log_path: The path of its log.
    """

    def __init__(self, url: str, command: Sequence[str], folder: ServerFolder, is_ready: Callable[[], bool]) -> None:
        self.url = url
        self.is_ready = is_ready
        super().__init__(command, folder, _STOP_TIMEOUT_S)


def start_database(backend: Backend, directory: str | os.PathLike[str] | None, port: int = 0) -> LocalDatabase:
    """Start the database of a backend on 127.0.0.1; returns when it accepts connections.

    Args:
        backend: ``redis`` or ``postgres``.
        directory: The server's folder; the data is kept in a folder of the backend's name below it. None for a
            temporary folder, which is removed when the database stops.
        port: The port to listen on; 0 for any free port.

    Raises:
        ServerStartError: The database is not installed or does not start; the message ends with its last log lines.
    """
    folder = ServerFolder.make(None if directory is None else Path(directory).expanduser().absolute() / backend)
    start = _start_redis if backend == "redis" else _start_postgres
    try:
        database = start(folder, port or free_port(_HOST))
    except BaseException:  # also on Ctrl-C: no folder is left behind
        folder.discard()
        raise
    try:
        _wait_until_ready(database, folder)
    except BaseException:  # also on Ctrl-C: no process is left behind
        database.stop()
        raise
    return database


def _start_redis(folder: ServerFolder, port: int) -> LocalDatabase:
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise _not_installed("redis", "redis-server was not found in PATH")
    options = ["--bind", _HOST, "--port", str(port), "--dir", str(folder.path), "--appendonly", "yes", "--save", ""]
    return LocalDatabase(f"redis://{_HOST}:{port}", [program, *options], folder, partial(_answers_ping, port))


def _answers_ping(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((_HOST, port), 1.0) as connection:
        connection.settimeout(1.0)
        connection.sendall(b"PING\r\n")
        return connection.recv(16).startswith(b"+PONG")  # -LOADING while it reads its file
    return False


def _start_postgres(folder: ServerFolder, port: int) -> LocalDatabase:
    programs = _postgres_programs()
    prefix = _as_other_user(folder)
    data, postgres = folder.path / "data", str(programs / "postgres")
    if not (data / "PG_VERSION").exists():
        initdb = [str(programs / "initdb"), "-D", str(data), "-U", _NAME, "--auth=trust", "-E", "UTF8", "--no-sync"]
        _run([*prefix, *initdb], folder)
        _run([*prefix, postgres, "--single", "-D", str(data), "template1"], folder, f"CREATE DATABASE {_NAME}\n")
    settings = {"listen_addresses": _HOST, "unix_socket_directories": "", "lc_messages": "C", "max_connections": "200"}
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    command = [*prefix, postgres, "-D", str(data), "-p", str(port), *options]
    is_ready = partial(folder.has_logged, _POSTGRES_READY)
    return LocalDatabase(f"postgresql://{_NAME}@{_HOST}:{port}/{_NAME}", command, folder, is_ready)


def _postgres_programs() -> Path:
    """Return the folder of PostgreSQL's programs."""
    if found := shutil.which("initdb"):
        folder = Path(found).resolve().parent
        if (folder / "postgres").exists():
            return folder
    folders = [folder for pattern in _POSTGRES_FOLDERS for folder in Path("/").glob(pattern)]
    usable = [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]
    if not usable:
        raise _not_installed("postgres", "initdb and postgres were not found in PATH and the usual folders")
    return max(usable, key=lambda folder: [int(number) for number in re.findall(r"\d+", folder.parent.name)])


def _as_other_user(folder: ServerFolder) -> list[str]:
    """Return the prefix that runs a command as the user postgres if this process runs as root."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    try:
        shutil.chown(folder.path, _SYSTEM_USER, _SYSTEM_USER)
    except LookupError:
        setpriv = None
    if setpriv is None:
        raise ServerStartError(
            f"PostgreSQL does not run as root, and the user {_SYSTEM_USER!r} or the command setpriv is missing. Run "
            "the command as another user, or pass the URL of a PostgreSQL that runs."
        )
    return [setpriv, f"--reuid={_SYSTEM_USER}", f"--regid={_SYSTEM_USER}", "--clear-groups", "--"]


def _run(command: Sequence[str], folder: ServerFolder, text: str = "") -> None:
    """Run a command that prepares the data; its output goes to the log."""
    with folder.log_path.open("ab") as log:
        try:
            done = subprocess.run(
                command,
                input=text.encode(),
                stdout=log,
                stderr=log,
                cwd=folder.path,
                timeout=_COMMAND_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise _database_error(folder, f"A command did not end within {_COMMAND_TIMEOUT_S:g} s") from None
    if done.returncode:
        raise _database_error(folder, f"A command failed with exit status {done.returncode}")


def _wait_until_ready(database: LocalDatabase, folder: ServerFolder) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while True:
        if not database.is_running:
            raise _database_error(folder, f"The database stopped during start-up with exit status {database.wait()}")
        if database.is_ready():
            return
        if time.monotonic() > deadline:
            raise _database_error(folder, f"The database was not ready within {_READY_TIMEOUT_S:g} s")
        time.sleep(_READY_INTERVAL_S)


def _not_installed(backend: Backend, why: str) -> ServerStartError:
    return ServerStartError(
        f"Cannot start {_NAMES[backend]}: {why}. Install it (the package {_PACKAGES[backend]} on Debian and Ubuntu), "
        "or pass the URL of a running one."
    )


def _database_error(folder: ServerFolder, message: str) -> ServerStartError:
    lines = "\n".join(f"  {line}" for line in folder.last_lines(_LAST_LINES)) or "  (nothing)"
    log = folder.keep_log()
    return ServerStartError(f"{message}. Its log is {log} and ends with:\n{lines}", log_path=str(log))


logger = logging.getLogger(__name__)

#: Seconds between checks of a server that is starting.
_POLL_INTERVAL_S = 0.1
#: Seconds to let a server that failed to start write the reason to its log.
_LOG_DELAY_S = 0.3
#: Attempts to start on a free port, because another process may take the port before the server does.
_ATTEMPTS = 3
#: The highest TCP port.
_MAX_PORT = 65535
#: Properties that the launcher sets, and what to use instead.
_OWN_PROPERTIES = {
    "server.port": "the argument port instead",
    "server.address": "the argument host instead",
    "server.server-header": "no value; the launcher identifies its server by this header",
}
#: Properties that the caller can override. Each waiting poll occupies one of the server's threads, of which Tomcat has
#: 200 by default: with 400 idle pollers a plain GET took 2.6 s, and 6 ms with 1,000 threads.
_DEFAULT_PROPERTIES: dict[str, str | int | bool] = {"server.tomcat.threads.max": 1000}
_PORT_TAKEN = re.compile(rb"Port \d+ was already in use|BindException|Address already in use")
#: Spring's report of a failed start, after which the process may continue to run.
_FAILED_TO_START = re.compile(rb"APPLICATION FAILED TO START|Application run failed")


class _PortTakenError(Exception):
    """Another process took the port while the server started."""


def start_oss_server(
    port: int = 0,
    directory: str | os.PathLike[str] | None = None,
    *,
    host: str = "127.0.0.1",
    version: str = VERSION,
    ready_timeout: float | timedelta | None = 120.0,
    stop_timeout: float | timedelta = 10.0,
    java: str | os.PathLike[str] | None = None,
    jar: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    properties: Mapping[str, str | int | bool] | None = None,
    heap: str = "2g",
    backend: Backend | None = None,
    url: str | None = None,
) -> OssServer:
    """Start the open-source server; returns when it is healthy (``GET /health``).

    Args:
        port: The port to listen on; 0 for any free port.
        directory: The folder of its database (``c123.db``, ``redis`` or ``postgres``) and log (``server.log``), which
            is kept; by default a temporary folder, which is removed when the server stops.
        host: The address to listen on; ``0.0.0.0`` for all addresses of this machine.
        version: The version of the server.
        ready_timeout: Seconds, or a ``timedelta``, to wait until the server is healthy, without the time of the
            download; None for no limit.
        stop_timeout: Seconds, or a ``timedelta``, to wait for the server to stop before it is killed.
        java: The Java executable; by default ``CONDUCTOR_JAVA``, or the first one of version 21 or later.
        jar: Your own jar, which is not verified, instead of the published one.
        cache_dir: The folder of the published jar; by default ``CONDUCTOR_CACHE_DIR`` or the user's cache folder.
        properties: Spring properties, such as ``{"conductor.queue.type": "redis_standalone"}``. The launcher sets
            ``server.tomcat.threads.max`` to 1,000, because each waiting poll occupies a thread of the server.
        heap: The maximum size of the Java heap: ``512m``, ``2g``.
        backend: ``sqlite``, ``redis`` or ``postgres``, with the settings that it needs; by default that of ``url``, or
            ``sqlite``. Several servers can share a Redis or PostgreSQL. Searches find nothing with Redis.
        url: The database: ``redis://[USER:PASSWORD@]HOST[:PORT][/NUMBER]`` (``rediss`` for TLS) or
            ``postgresql://USER:PASSWORD@HOST[:PORT]/DATABASE``. By default ``CONDUCTOR_BACKEND_URL``; without either, a
            Redis or PostgreSQL that is installed on this machine is started, and stops with the server.

    Returns:
        The running server, which stops at the end of a ``with`` block.

    Raises:
        ConfigurationError: An argument is invalid.
        ServerStartError: The port is in use, Java, the jar or the database is not available, or the server did not
            become healthy. The message ends with the last lines of its log.
    """
    ready_s = math.inf if ready_timeout is None else to_seconds(ready_timeout, "ready_timeout")
    stop_s = to_seconds(stop_timeout, "stop_timeout")
    _check(port, heap, {"ready_timeout": ready_s, "stop_timeout": stop_s}, properties or {})
    if port:
        check_port_free(host, port)  # before a long download
    database, settings = _open_backend(backend, url, directory)
    try:
        options = [find_java(java), f"-Xmx{heap}", "-jar", str(_jar(jar, version, cache_dir))]
        given = {**_DEFAULT_PROPERTIES, **settings.properties, **(properties or {})}
        options += [f"--{name}={_property_value(value)}" for name, value in given.items()]
        return _launch_on(_LaunchPlan(options, host, directory, ready_s, stop_s, settings.environment, database), port)
    except BaseException:  # also on Ctrl-C: no database is left behind
        if database is not None:
            database.stop()
        raise


def _open_backend(
    backend: Backend | None, url: str | None, directory: str | os.PathLike[str] | None
) -> tuple[LocalDatabase | None, BackendSettings]:
    """Return the database that was started, if any, and the settings with which the server uses it."""
    if url is None and backend != "sqlite":
        url = os.environ.get("CONDUCTOR_BACKEND_URL") or None
    chosen = backend_of(backend, url)
    if chosen == "sqlite":
        return None, BackendSettings({})
    if url is not None:
        return None, backend_settings(chosen, url)
    database = start_database(chosen, directory)
    return database, backend_settings(chosen, database.url)


def _launch_on(plan: _LaunchPlan, port: int) -> OssServer:
    """Start the server on the port, or on a free one for 0."""
    for attempt in range(1, _ATTEMPTS + 1):
        chosen = port or free_port(plan.host)
        if port:
            check_port_free(plan.host, port)  # another process may have taken it during the download
        try:
            return _launch(plan, chosen)
        except _PortTakenError:
            if port or attempt == _ATTEMPTS:
                raise port_error(chosen, "another process took it while the server started") from None
    raise AssertionError  # the last attempt returns or raises


@frozen
class _LaunchPlan:
    """The options that all attempts to start share."""

    options: list[str]
    host: str
    directory: str | os.PathLike[str] | None
    ready_timeout: float
    stop_timeout: float
    environment: Mapping[str, str] = field(repr=False)
    database: LocalDatabase | None


def _launch(plan: _LaunchPlan, port: int) -> OssServer:
    folder = ServerFolder.make(plan.directory)
    name = f"conductor-{secrets.token_hex(8)}"
    command = [
        *plan.options,
        f"--server.port={port}",
        f"--server.address={plan.host}",
        f"--server.server-header={name}",
    ]
    logger.info("event=server.starting port=%d log=%s", port, folder.log_path)
    try:
        server = OssServer(command, plan.host, port, folder, plan.stop_timeout, plan.environment)
    except BaseException:  # also on Ctrl-C: no folder is left behind
        folder.discard()
        raise
    try:
        _wait_until_healthy(server, name, folder, plan.ready_timeout)
    except BaseException:  # also on Ctrl-C: no process is left behind
        server.stop()
        raise
    server.database = plan.database
    return server


def _wait_until_healthy(server: OssServer, name: str, folder: ServerFolder, timeout: float) -> None:
    """Return when the server with this name is healthy. A server with another name has taken the port."""
    deadline = time.monotonic() + timeout
    while True:
        remaining = deadline - time.monotonic()
        found = healthy_server(server.address, timeout=max(0.1, min(5.0, remaining)))
        _raise_if_ended(server, folder)
        if found == name:
            return
        if found is not None:
            raise _PortTakenError
        if remaining <= 0:
            raise _start_error(folder, f"The server was not healthy within {timeout:g} s, and was stopped")
        time.sleep(_POLL_INTERVAL_S)


def _raise_if_ended(server: OssServer, folder: ServerFolder) -> None:
    has_ended = not server.is_running
    if not has_ended and not folder.has_logged(_FAILED_TO_START):
        return
    if not has_ended:
        time.sleep(_LOG_DELAY_S)
    if folder.has_logged(_PORT_TAKEN):
        raise _PortTakenError
    outcome = f"stopped during start-up with exit status {server.wait()}" if has_ended else "failed to start"
    raise _start_error(folder, f"The server {outcome}")


def _start_error(folder: ServerFolder, message: str) -> ServerStartError:
    lines = "\n".join(f"  {line}" for line in folder.last_lines(_LAST_LINES)) or "  (nothing)"
    log = folder.keep_log()
    return ServerStartError(f"{message}. Its log is {log} and ends with:\n{lines}", log_path=str(log))


def _jar(jar: str | os.PathLike[str] | None, version: str, cache_dir: str | os.PathLike[str] | None) -> Path:
    if jar is None:
        return get_jar(version, cache_dir)
    path = Path(jar).expanduser().absolute()
    if not path.is_file():
        raise _invalid("jar", str(path), "the path of a file")
    return path


def _check(port: int, heap: str, timeouts: Mapping[str, float], properties: Mapping[str, object]) -> None:
    if not 0 <= port <= _MAX_PORT:
        raise _invalid("port", port, f"0 to {_MAX_PORT}")
    if not re.fullmatch(r"\d+[kKmMgG]?", heap):
        raise _invalid("heap", heap, "a size in Java's notation, such as 512m or 2g")
    for name, seconds in timeouts.items():
        if not seconds > 0:
            raise _invalid(name, seconds, "a number of seconds above 0")
    for name in properties.keys() & _OWN_PROPERTIES.keys():
        raise _invalid("properties", name, _OWN_PROPERTIES[name])


def _invalid(variable: str, value: object, allowed: str) -> ConfigurationError:
    return ConfigurationError(
        f"{variable} is {value!r}; allowed: {allowed}.", variable=variable, value=value, allowed=allowed
    )


def _property_value(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
