"""Start the OSS server, and wait until it is healthy."""

from __future__ import annotations

import logging
import math
import os
import re
import secrets
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from attrs import frozen

from conductor._internal.durations import to_seconds
from conductor.errors import ConfigurationError, ServerStartError
from conductor.server.oss.download import VERSION, get_jar
from conductor.server.oss.folder import ServerFolder
from conductor.server.oss.java import find_java
from conductor.server.oss.process import OssServer, free_port, healthy_server, refuse_used, taken

__all__ = ["OssServer", "start_oss_server"]

logger = logging.getLogger(__name__)

_LAST_LINES = 15
_GLANCE = 0.1
_LAST_WORDS = 0.3  # seconds in which a server that gives up says why
_TRIES = 3  # for any free port, which another process may take before the server does
_LARGEST_PORT = 65535
_OWN_PROPERTIES = {
    "server.port": "the argument port in its place",
    "server.address": "the argument host in its place",
    "server.server-header": "none; the launcher recognises its server by it",
}
_PORT_TAKEN = re.compile(rb"Port \d+ was already in use|BindException|Address already in use")
_GAVE_UP = re.compile(rb"APPLICATION FAILED TO START|Application run failed")  # its process lives on nevertheless


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
) -> OssServer:
    """Start the OSS server, and return when it is healthy (``GET /health``).

    Args:
        port: Its port; 0 for any that is free.
        directory: Where its database (``c123.db``) and its log (``server.log``) lie and stay; a temporary folder,
            removed at the end, otherwise.
        host: The address it listens on; ``0.0.0.0`` for all of this machine's.
        version: Which server.
        ready_timeout: Seconds, or a ``timedelta``, that the server may take to become healthy, without the download of
            the jar; None for no limit.
        stop_timeout: Seconds, or a ``timedelta``, that the server may take to end when it is asked to; then it is
            killed.
        java: The Java to use; the first of version 21 or later otherwise.
        jar: The jar to use, unverified, in place of the published one.
        cache_dir: Where the published jar is kept; ``CONDUCTOR_CACHE_DIR`` or the user's cache folder otherwise.
        properties: Spring properties, as ``{"conductor.queue.type": "redis_standalone"}``.
        heap: The largest heap, as Java writes it: ``512m``, ``2g``.

    Raises:
        ConfigurationError: An argument cannot be used.
        ServerStartError: The port is in use, there is no Java or no jar, or the server did not become healthy; the
            message ends with the last lines of its log.
    """
    ready_s = math.inf if ready_timeout is None else to_seconds(ready_timeout, "ready_timeout")
    stop_s = to_seconds(stop_timeout, "stop_timeout")
    _check(port, heap, {"ready_timeout": ready_s, "stop_timeout": stop_s}, properties or {})
    if port:
        refuse_used(host, port)  # before a long fetch
    options = [find_java(java), f"-Xmx{heap}", "-jar", str(_jar(jar, version, cache_dir))]
    options += [f"--{name}={_text(value)}" for name, value in (properties or {}).items()]
    plan = _Plan(options, host, directory, ready_s, stop_s)
    for attempt in range(1, _TRIES + 1):
        chosen = port or free_port(host)
        if port:
            refuse_used(host, port)  # a fetch may have taken long
        try:
            return _launch(plan, chosen)
        except _PortTakenError:
            if port or attempt == _TRIES:
                raise taken(chosen, "another process took it while the server started") from None
    raise AssertionError  # the last attempt returns or raises


@frozen
class _Plan:
    """What stays the same over the attempts to start."""

    options: list[str]
    host: str
    directory: str | os.PathLike[str] | None
    ready_timeout: float
    stop_timeout: float


def _launch(plan: _Plan, port: int) -> OssServer:
    folder = ServerFolder.make(plan.directory)
    name = f"conductor-{secrets.token_hex(8)}"
    command = [
        *plan.options,
        f"--server.port={port}",
        f"--server.address={plan.host}",
        f"--server.server-header={name}",
    ]
    logger.info("Starting Conductor on port %d; its log is %s", port, folder.log_path)
    try:
        server = OssServer(command, plan.host, port, folder, plan.stop_timeout)
    except BaseException:
        folder.discard()
        raise
    try:
        _await_health(server, name, folder, plan.ready_timeout)
    except BaseException:
        server.stop()
        raise
    return server


def _await_health(server: OssServer, name: str, folder: ServerFolder, timeout: float) -> None:
    """Return when the server of this name is healthy; another one may have taken the port meanwhile."""
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
            raise _failed(folder, f"The server was not healthy within {timeout:g} s, and was stopped")
        time.sleep(_GLANCE)


def _raise_if_ended(server: OssServer, folder: ServerFolder) -> None:
    has_ended = not server.is_running
    if not has_ended and not folder.has_logged(_GAVE_UP):
        return
    if not has_ended:
        time.sleep(_LAST_WORDS)
    if folder.has_logged(_PORT_TAKEN):
        raise _PortTakenError
    how = f"ended while starting, with exit status {server.wait()}" if has_ended else "gave up while starting"
    raise _failed(folder, f"The server {how}")


def _failed(folder: ServerFolder, what: str) -> ServerStartError:
    lines = "\n".join(f"  {line}" for line in folder.last_lines(_LAST_LINES)) or "  (nothing)"
    log = folder.kept_log()
    return ServerStartError(f"{what}. Its log is {log} and ends with:\n{lines}", log_path=str(log))


def _jar(jar: str | os.PathLike[str] | None, version: str, cache_dir: str | os.PathLike[str] | None) -> Path:
    if jar is None:
        return get_jar(version, cache_dir)
    path = Path(jar).expanduser().absolute()
    if not path.is_file():
        raise _refused("jar", str(path), "the path of a file")
    return path


def _check(port: int, heap: str, timeouts: Mapping[str, float], properties: Mapping[str, object]) -> None:
    if not 0 <= port <= _LARGEST_PORT:
        raise _refused("port", port, f"0 to {_LARGEST_PORT}")
    if not re.fullmatch(r"\d+[kKmMgG]?", heap):
        raise _refused("heap", heap, "a size as Java writes it, such as 512m or 2g")
    for name, seconds in timeouts.items():
        if not seconds > 0:
            raise _refused(name, seconds, "seconds, more than 0")
    for name in properties.keys() & _OWN_PROPERTIES.keys():
        raise _refused("properties", name, _OWN_PROPERTIES[name])


def _refused(variable: str, value: object, allowed: str) -> ConfigurationError:
    return ConfigurationError(
        f"{variable} is {value!r}; allowed: {allowed}.", variable=variable, value=value, allowed=allowed
    )


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
