"""The embedded server: a Conductor server inside this process."""

from __future__ import annotations

import logging
import os
import socket
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

from typing_extensions import Self

from conductor._internal.platforms import may_reuse_address
from conductor.errors import ConfigurationError, ServerStartError
from conductor.server.address import ServerAddress
from conductor.server.engine.context import DOCUMENTED, STRICT
from conductor.server.http.app import VERSION, App
from conductor.server.http.connection import HttpServer, ListeningSocket
from conductor.server.http.edition import Edition
from conductor.server.http.middleware import Faults, Keys
from conductor.server.origin_check import OriginCheck, is_loopback
from conductor.server.runtime.clock import Clock
from conductor.server.runtime.kernel import Kernel
from conductor.server.runtime.threads import ThreadPool
from conductor.server.runtime.timers import TimerThread
from conductor.server.scripting.pool import POOL
from conductor.server.services.all import Services
from conductor.server.store.sqlite import Store

logger = logging.getLogger(__name__)

#: Seconds to wait for the server's thread to start and to stop; both take milliseconds on an idle machine.
_READY_SECONDS, _STOP_SECONDS = 10.0, 10.0
#: Threads for timers and for executions that take long; a thread blocks while a script of its execution runs.
_BACKGROUND_THREADS = 16
#: The editions whose API the server can have.
OSS, ORKES = "oss", "orkes"
EDITIONS = (OSS, ORKES)
#: Prefixes of the environment variables with secrets and with the environment of workflows.
_SECRET, _VARIABLE = "CONDUCTOR_SECRET_", "CONDUCTOR_ENV_"


class EmbeddedServer(ServerAddress):
    """A running embedded server, which ``conductor.server.start`` returns. Stops at the end of a ``with`` block.

    Attributes:
        host: The address on which the server listens.
        port: The port on which it listens.
        clock: The server's clock: ``server.clock.advance(timedelta(days=3))``.
        faults: Faults to inject into the server: ``server.faults.add(Fault(status=429, times=2))``.
        keys: The access keys and tokens, if the server was started with keys.
        edition: The edition whose API the server has: ``oss`` or ``orkes``.
        services: The operations behind the API. Not a stable interface.
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
        edition: str = OSS,
        enforce_permissions: bool = True,
    ) -> None:
        if edition not in EDITIONS:
            raise ConfigurationError(
                f"edition is {edition!r}; it must be one of {', '.join(map(repr, EDITIONS))}.",
                variable="edition",
                value=str(edition),
                allowed=", ".join(EDITIONS),
            )
        if not is_loopback(host) and not keys:
            raise ConfigurationError(
                f"Refusing to listen on {host!r} without authentication. Pass keys, or listen on 127.0.0.1.",
                variable="keys",
                allowed="key ids and secrets",
            )
        for name, given in (("keys", keys), ("secrets", secrets), ("environment", environment)):
            if given is not None and not isinstance(given, Mapping):
                raise ConfigurationError(
                    f"{name} is of type {type(given).__name__}; it must be a dict of names and values.",
                    variable=name,
                    allowed="a dict",
                )
        self._database, self._is_strict = database, strict
        self.edition: str = edition
        self._socket = _listen(host, port)
        self.host: str = host
        self.port: int = int(self._socket.getsockname()[1])
        try:
            self._store = Store(database)
        except BaseException:  # also on Ctrl-C: the port is free again
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
        self._kernel.timed_work.skips_time = skip_time
        self.services: Services = Services(self._kernel)
        self.keys: Keys
        try:
            served = self._edition(keys or {}, enforce_permissions=enforce_permissions)
        except BaseException:  # also on Ctrl-C: port and database are free again
            self._socket.close()
            self._store.close()
            raise
        self._kernel.timed_work.load_open()
        self._timer = TimerThread(self._kernel, self._is_idle if skip_time else lambda: False)
        self.faults: Faults = Faults()
        origins = OriginCheck((host,) if is_loopback(host) else None)
        app = App(self.services, origins, self.faults, served, self.clock)
        self._http = HttpServer(self._socket, app.serve, app.quick)
        self._background = ThreadPool("conductor-background", _BACKGROUND_THREADS)
        self._kernel.timed_work.spawn = self._background.submit
        self._stopped = threading.Event()

    def _edition(self, keys: Mapping[str, str], *, enforce_permissions: bool) -> Edition:
        """Add the services of the edition, and return its API."""
        if self.edition == OSS:
            self.keys = Keys(keys)
            return Edition(VERSION, self.keys.check)
        key_file = None if self._database is None else Path(f"{os.fspath(self._database)}.key")
        from conductor.server.orkes.edition import OrkesServices, orkes_edition  # slow to import, and rarely needed

        orkes = OrkesServices(self._kernel, self.services, keys, key_file, enforce_permissions)
        self.keys = orkes.tokens
        return orkes_edition(orkes)

    def _is_idle(self) -> bool:
        """Return whether only timers are left: no worker executes or can poll a task, and no HTTP call is running."""
        kernel = self._kernel
        with kernel.lock:
            is_busy = any(kernel.in_progress.values()) or self.services.http_calls.under_way or kernel.is_working
            return not is_busy and not kernel.queues.has_any_ready(kernel.clock.now_ms())

    def start(self) -> Self:
        """Start the server, and return it when it accepts connections.

        Raises:
            ServerStartError: The server did not start within 10 seconds.
        """
        self._timer.start()
        try:
            self._http.start(_READY_SECONDS)
        except ServerStartError:
            self.stop()
            raise
        return self

    @property
    def summary(self) -> str:
        """A description of the server: where it stores its state, and whether it is strict."""
        storage = "in memory" if self._database is None else f"database {self._database}"
        edition = "" if self.edition == OSS else ", Orkes edition API"
        return f"embedded{edition}, {storage}{', strict' if self._is_strict else ''}"

    @property
    def failure_hint(self) -> str:
        """Where to find the reason if the server stopped unexpectedly."""
        return "see the log above"

    @property
    def is_running(self) -> bool:
        """Whether the server accepts requests."""
        return self._http.is_running and not self._stopped.is_set()

    def wait(self) -> int:
        """Wait until the server has stopped; returns 0."""
        self._http.join()
        return 0

    def stop(self) -> None:
        """Stop the server, close its database, and wait until the port is free. A second call has no effect."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self._kernel.scripts.stop()
        self._http.stop(_STOP_SECONDS)
        self._timer.stop()
        self._background.stop()
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


def _listen(host: str, port: int) -> ListeningSocket:
    if not isinstance(port, int):
        raise ServerStartError(f"port is {port!r}; it must be an integer from 0 to 65535, 0 for any free port")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio disables Nagle's algorithm only if the protocol is given; otherwise two writes would take 40 ms.
    made = ListeningSocket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if may_reuse_address():
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(512)
        made.setblocking(False)
    except OverflowError:
        made.close()
        raise ServerStartError(f"port is {port}; it must be from 0 to 65535, 0 for any free port") from None
    except OSError as error:
        made.close()
        reason = error.strerror or error
        if isinstance(error, socket.gaierror):
            raise ServerStartError(f"Cannot listen on {host!r}: {reason}. Use an address of this machine.") from None
        raise ServerStartError(
            f"Port {port} of {host} cannot be used: {reason}. Stop what uses it, or choose another port."
        ) from None
    return made


def _from_env(prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): value for name, value in os.environ.items() if name.startswith(prefix)}
