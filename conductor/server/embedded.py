"""A Conductor server inside this process."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Mapping
from types import TracebackType

from typing_extensions import Self

from conductor.errors import ConfigurationError, ServerStartError
from conductor.server.address import Listening
from conductor.server.engine.context import DOCUMENTED, STRICT
from conductor.server.http.app import App
from conductor.server.http.connection import HttpServer
from conductor.server.http.middleware import Faults, Keys
from conductor.server.origin_check import OriginCheck, is_loopback
from conductor.server.runtime.clock import Clock
from conductor.server.runtime.kernel import Kernel
from conductor.server.runtime.timers import TimerThread
from conductor.server.scripting.pool import POOL
from conductor.server.services.all import Services
from conductor.server.store.sqlite import Store

logger = logging.getLogger(__name__)

_READY_SECONDS, _STOP_SECONDS = 10.0, 10.0
_SECRET, _VARIABLE = "CONDUCTOR_SECRET_", "CONDUCTOR_ENV_"


class EmbeddedServer(Listening):
    """A running server; stops at the end of a ``with`` block.

    Attributes:
        host: Where it listens.
        port: Where it listens.
        clock: Its clock: ``server.clock.advance(timedelta(days=3))``.
        faults: Faults on demand: ``server.faults.add(Fault(status=429, times=2))``.
        keys: The keys and tokens, when it was started with keys.
    """

    def __init__(
        self,
        port: int,
        database: str | os.PathLike[str] | None,
        host: str,
        secrets: Mapping[str, str] | None,
        environment: Mapping[str, str] | None,
        keys: Mapping[str, str] | None,
        *,
        skip_time: bool = False,
        strict: bool = False,
    ) -> None:
        if not is_loopback(host) and not keys:
            raise ConfigurationError(
                f"The server on {host!r} would obey everyone who reaches it. Give it keys, or leave it on 127.0.0.1.",
                variable="keys",
                allowed="key ids and secrets",
            )
        self._database, self._is_strict = database, strict
        self._socket = _listen(host, port)
        self.host: str = host
        self.port: int = int(self._socket.getsockname()[1])
        try:
            self._store = Store(database)
        except BaseException:
            self._socket.close()
            raise
        self.clock: Clock = Clock(self._store.clock_offset())
        self._kernel = Kernel(
            self.clock,
            self._store,
            secrets=_from_env(_SECRET) if secrets is None else secrets,
            environment=_from_env(_VARIABLE) if environment is None else environment,
            divergences=STRICT if strict else DOCUMENTED,
        )
        self._kernel.skips_time = skip_time
        self.services: Services = Services(self._kernel)
        self._kernel.load_open()
        self._timer = TimerThread(self._kernel, self._is_idle if skip_time else lambda: False)
        self.faults: Faults = Faults()
        self.keys: Keys = Keys(keys or {})
        origins = OriginCheck((host,) if is_loopback(host) else None)
        app = App(self.services, origins, self.faults, self.keys)
        self._http = HttpServer(self._socket, app.serve, app.quick)
        self._kernel.spawn = self._http.threads.submit
        self._stopped = threading.Event()

    def _is_idle(self) -> bool:
        """Whether nothing but timers is left: no worker has a task or could have one, no call is under way."""
        kernel = self._kernel
        with kernel.lock:
            is_worked_on = any(kernel.in_progress.values()) or self.services.http_calls.under_way
            return not is_worked_on and not kernel.is_working and not kernel.queues.has_any_ready(kernel.clock.now_ms())

    def start(self) -> Self:
        """Start to serve; returns when the server accepts connections."""
        self._timer.start()
        try:
            self._http.start(_READY_SECONDS)
        except ServerStartError:
            self.stop()
            raise
        return self

    @property
    def summary(self) -> str:
        """What else to know of it."""
        kept = "in memory" if self._database is None else f"database {self._database}"
        return f"embedded, {kept}{', strict' if self._is_strict else ''}"

    @property
    def last_words(self) -> str:
        """Where to look when it ended by itself."""
        return "see above"

    @property
    def is_running(self) -> bool:
        """Whether it serves."""
        return self._http.is_running and not self._stopped.is_set()

    def wait(self) -> int:
        """Block until it has stopped; 0."""
        self._http.join()
        return 0

    def stop(self) -> None:
        """Stop serving, and close the database; returns when the port is free. A second call does nothing."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._kernel.stop_scripts()
        self._http.stop(_STOP_SECONDS)
        self._timer.stop()
        with self._kernel.lock:
            self._kernel.is_closed = True
            self._store.close()
        POOL.close_idle()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named, asyncio turns Nagle's algorithm off: an answer in two pieces would take 40 ms otherwise.
    made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(512)
        made.setblocking(False)
    except OSError as error:
        made.close()
        raise ServerStartError(f"Port {port} of {host} cannot be used: {error.strerror or error}") from None
    return made


def _from_env(prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): value for name, value in os.environ.items() if name.startswith(prefix)}
