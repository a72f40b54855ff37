"""How a handler is watched from outside: which probes were asked for, and their life."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from typing_extensions import Self

from conductor._env import read_int
from conductor.errors import ConfigurationError
from conductor.worker.health import HandlerHealth
from conductor.worker.watchdog import Heartbeat, Watchdog

if TYPE_CHECKING:
    from conductor.worker.probes import ProbeServer

__all__ = ["Observation", "ProbeOptions"]

_HIGHEST_PORT = 65535


@frozen
class ProbeOptions:
    """Which probes a handler offers.

    Attributes:
        port: The port for HTTP; 0 for any free one, None for none.
        host: The address to listen on; this machine only unless another is given.
        heartbeat: The file to touch, or None.
    """

    port: int | None = None
    host: str = "127.0.0.1"
    heartbeat: str | None = None

    @classmethod
    def resolve(
        cls,
        port: int | None,
        host: str | None,
        heartbeat: str | os.PathLike[str] | None,
        environ: Mapping[str, str],
    ) -> Self:
        """What was given, and for the rest CONDUCTOR_HEALTH_PORT, CONDUCTOR_HEALTH_HOST, CONDUCTOR_HEARTBEAT_FILE.

        Raises:
            ConfigurationError: The port is none, or the file cannot be written.
        """
        said = environ.get("CONDUCTOR_HEALTH_PORT", "").strip()
        if port is not None:
            port = read_int("health_port", port, maximum=_HIGHEST_PORT)
        elif said:
            port = read_int("CONDUCTOR_HEALTH_PORT", said, maximum=_HIGHEST_PORT)
        file = environ.get("CONDUCTOR_HEARTBEAT_FILE", "").strip()
        if heartbeat is not None:
            file = _writable("heartbeat_file", os.fspath(heartbeat))
        elif file:
            file = _writable("CONDUCTOR_HEARTBEAT_FILE", file)
        return cls(port, host or environ.get("CONDUCTOR_HEALTH_HOST", "").strip() or cls().host, file or None)


def _writable(name: str, path: str) -> str:
    """A file in a folder that is there: no probe would ever see one that is not."""
    folder = Path(path).parent
    if not folder.is_dir() or Path(path).is_dir() or not os.access(folder, os.W_OK):
        allowed = "a file in a folder that is there and can be written"
        raise ConfigurationError(
            f"{name} is {path!r}; it must be {allowed}.", variable=name, value=path, allowed=allowed
        )
    return path


class Observation:
    """A handler's watchdog, its heartbeat and its HTTP probes.

    Args:
        options: Which probes are offered.
        health: How the handler is.
        metrics: What it counted.
        checks: What the watchdog calls once a second.

    Raises:
        ConfigurationError: The port cannot be listened on.
    """

    def __init__(
        self,
        options: ProbeOptions,
        health: Callable[[], HandlerHealth],
        metrics: Callable[[], dict[str, Any]],
        checks: Sequence[Callable[[], object]],
    ) -> None:
        self._heartbeat = Heartbeat(options.heartbeat, lambda: health().is_live) if options.heartbeat else None
        self._watchdog = Watchdog([*checks, self._heartbeat.beat] if self._heartbeat else checks)
        self._server: ProbeServer | None = None
        if options.port is not None:
            from conductor.worker.probes import ProbeServer  # noqa: PLC0415  a web server only when it is asked for

            self._server = ProbeServer(options.host, options.port, health, metrics)

    def start(self) -> None:
        """Start the threads."""
        self._watchdog.start()
        if self._server is not None:
            self._server.start()

    @property
    def is_alive(self) -> bool:
        """Whether the watchdog runs."""
        return self._watchdog.is_alive

    @property
    def port(self) -> int | None:
        """The port for HTTP, or None."""
        return None if self._server is None else self._server.port

    def close(self, deadline: float) -> None:
        """End the threads, free the port and remove the heartbeat file."""
        self._watchdog.close(deadline)
        if self._heartbeat is not None:
            self._heartbeat.end()
        if self._server is not None:
            self._server.close()

    def forget(self) -> None:
        """In a forked child: leave the parent's port alone."""
        if self._server is not None:
            self._server.forget()
