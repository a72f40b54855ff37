"""Start a Redis or PostgreSQL of this machine for a server; it stops with the process that started it."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from conductor.errors import ServerStartError
from conductor.server.oss.backend import Backend
from conductor.server.oss.folder import ServerFolder
from conductor.server.oss.process import GuardedProcess, free_port

__all__ = ["LocalDatabase", "start_database"]

_HOST = "127.0.0.1"
#: Seconds to wait until a database accepts connections, and for a command that prepares it.
_READY_TIMEOUT_S, _COMMAND_TIMEOUT_S = 30.0, 120.0
#: Seconds that a database has to write its data at the end.
_STOP_TIMEOUT_S = 20.0
#: Seconds between two attempts to reach a database that starts; nothing signals that it is ready.
_POLL_INTERVAL_S = 0.05
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
    """Return what runs a command as the user postgres if this process is root's, which PostgreSQL refuses."""
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
            raise _start_error(folder, f"A command did not end within {_COMMAND_TIMEOUT_S:g} s") from None
    if done.returncode:
        raise _start_error(folder, f"A command failed with exit status {done.returncode}")


def _wait_until_ready(database: LocalDatabase, folder: ServerFolder) -> None:
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while True:
        if not database.is_running:
            raise _start_error(folder, f"The database stopped during start-up with exit status {database.wait()}")
        if database.is_ready():
            return
        if time.monotonic() > deadline:
            raise _start_error(folder, f"The database was not ready within {_READY_TIMEOUT_S:g} s")
        time.sleep(_POLL_INTERVAL_S)


def _not_installed(backend: Backend, why: str) -> ServerStartError:
    return ServerStartError(
        f"No {_NAMES[backend]} can be started: {why}. Install it (the package {_PACKAGES[backend]} on Debian and "
        "Ubuntu), or pass the URL of one that runs."
    )


def _start_error(folder: ServerFolder, message: str) -> ServerStartError:
    lines = "\n".join(f"  {line}" for line in folder.last_lines(_LAST_LINES)) or "  (nothing)"
    log = folder.keep_log()
    return ServerStartError(f"{message}. Its log is {log} and ends with:\n{lines}", log_path=str(log))
