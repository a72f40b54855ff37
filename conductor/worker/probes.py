"""A handler's health over HTTP, on a separate port: ``/livez``, ``/readyz``, ``/metrics``."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from conductor._internal.logs import isolated_logger
from conductor._internal.platforms import may_reuse_address
from conductor.errors import ConfigurationError
from conductor.worker.health import HandlerHealth
from conductor.worker.metrics import CONTENT_TYPE, as_text
from conductor.worker.threads import HandlerThread

__all__ = ["ProbeServer"]

logger = isolated_logger(__name__)

#: Seconds that a client has to send its request: a probe that stalls must not hold a thread.
_SLOWEST_REQUEST = 5.0


class ProbeServer:
    """Answers 200 where all is well and 503 where it is not, with the whole health as JSON in both cases.

    Args:
        host: The address to listen on.
        port: The port; 0 for any free one, see ``port``.
        health: How the handler is.
        metrics: What it counted.

    Raises:
        ConfigurationError: The address cannot be listened on.
    """

    def __init__(
        self, host: str, port: int, health: Callable[[], HandlerHealth], metrics: Callable[[], dict[str, Any]]
    ) -> None:
        self.health = health
        self.metrics = metrics
        try:
            self._server = _Server((host, port), self)
        except OSError as error:
            raise ConfigurationError(
                f"Cannot listen on the health port {host}:{port}: {error.strerror or error}.",
                variable="health_port",
                value=port,
                allowed="a free port, 0 for any, or None for none",
            ) from error
        self._thread = HandlerThread(partial(self._server.serve_forever, 0.1), "health")

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Start the thread that serves the probes."""
        self._thread.start()
        logger.info("Health: http://%s:%d/livez, /readyz, /metrics", self._server.server_address[0], self.port)

    def close(self) -> None:
        """End the thread, and free the port."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self.forget()

    def forget(self) -> None:
        """Close the socket only: in a forked child, which has no thread that serves it."""
        self._server.server_close()

    def answer(self, path: str) -> tuple[int, str, str]:
        """Status, content type and body for ``path``."""
        if path == "/metrics":
            return 200, CONTENT_TYPE, as_text(self.metrics())
        if path not in {"/livez", "/readyz"}:
            return 404, "text/plain", "Not found; the paths are /livez, /readyz and /metrics.\n"
        health = self.health()
        is_well = health.is_live if path == "/livez" else health.is_ready
        return 200 if is_well else 503, "application/json", json.dumps(health.to_dict()) + "\n"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = may_reuse_address()

    def __init__(self, address: tuple[str, int], probes: ProbeServer) -> None:
        self.probes = probes
        if ":" in address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(address, _Request)

    def handle_error(self, _request: Any, _client: Any) -> None:
        logger.debug("Cannot answer a health request", exc_info=sys.exc_info())


class _Request(BaseHTTPRequestHandler):
    timeout = _SLOWEST_REQUEST
    server: _Server

    def do_GET(self) -> None:
        status, content_type, text = self.server.probes.answer(self.path.partition("?")[0])
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815  named so by http.server

    def log_message(self, *_: Any) -> None:
        """Say nothing: probes come every few seconds."""
