"""The watchdog thread, which restarts and reports threads that died, and the heartbeat file for probes."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attrs import frozen
from typing_extensions import Self

from conductor._internal.logs import isolated_logger
from conductor._internal.validation import read_int
from conductor.errors import ConfigurationError
from conductor.worker.health import HandlerHealth
from conductor.worker.threads import HandlerThread

if TYPE_CHECKING:
    from conductor.worker.probes import ProbeServer

__all__ = ["PERIOD", "Heartbeat", "Observation", "ProbeOptions", "Watchdog"]


logger = isolated_logger(__name__)
#: Seconds between two checks of the threads, and between two touches of the heartbeat file.
PERIOD = 1.0


class Heartbeat:
    """A file whose modification time is fresh while the handler is live, for probes that run a command.

    It is touched once a second while all required threads run, even while the server is away, and removed by an orderly
    stop. A probe checks that it exists and is less than, say, 15 seconds old.

    Args:
        path: The file; its folder has to be there.
        is_live: Whether the handler is live.
    """

    def __init__(self, path: str | os.PathLike[str], is_live: Callable[[], bool]) -> None:
        self._path = Path(path)
        self._is_live = is_live

    def beat(self) -> None:
        """Touch the file if the handler is live."""
        if self._is_live():
            self._path.write_text(f"{os.getpid()}\n", encoding="ascii")

    def end(self) -> None:
        """Remove the heartbeat file, so that a probe fails as soon as the handler has stopped."""
        self._path.unlink(missing_ok=True)


class Watchdog:
    """Calls each of ``checks`` once a second. A check that fails is logged once and called again.

    Args:
        checks: What to call.
        period: How often, in seconds.
    """

    def __init__(self, checks: Sequence[Callable[[], object]], period: float = PERIOD) -> None:
        self._checks = checks
        self._period = period
        self._failing: set[int] = set()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread, which checks at once and then each time the period is over."""
        thread = HandlerThread(self._main, "watchdog")
        thread.start()  # if it raises, no thread was started
        self._thread = thread

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread is not None and self._thread.is_alive()

    def close(self, deadline: float) -> None:
        """End the thread, waiting for it up to ``deadline`` (monotonic)."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def _main(self) -> None:
        self._check_all()
        while not self._stop.wait(self._period):
            self._check_all()

    def _check_all(self) -> None:
        for number, check in enumerate(self._checks):
            try:
                check()
            except BaseException:  # one check must not keep others from running
                if number not in self._failing:
                    self._failing.add(number)
                    logger.exception("A check of the watchdog failed; the watchdog continues")
            else:
                self._failing.discard(number)


#: The highest TCP port.
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
    """Check that the file can be written; otherwise no probe would ever see it."""
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
            from conductor.worker.probes import ProbeServer  # a web server only when it is asked for

            self._server = ProbeServer(options.host, options.port, health, metrics)

    def start(self) -> None:
        """Start the watchdog, and the server of the probes if there is one."""
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
