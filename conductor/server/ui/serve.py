"""Serve the web page for a server without one: requests under ``/api`` are forwarded to that server."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import socket
import ssl
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from attrs import define, field, frozen
from typing_extensions import Self

from conductor._internal.platforms import may_reuse_address
from conductor._internal.token_cache import NoTokenEndpoint, TokenCache
from conductor.errors import AuthenticationError, ConductorError, ConfigurationError
from conductor.server.address import local_address, port_number
from conductor.server.origin_check import OriginCheck, is_loopback
from conductor.server.oss.process import port_error
from conductor.server.ui.files import DIAGRAM_PATH, HEADERS, page_file, svg_of
from conductor.settings import Settings

#: Headers of the browser's request to forward.
_FORWARDED = ("accept", "content-type", "x-authorization")
#: Seconds to connect, and to wait for data.
_TIMEOUT = 60.0
#: Seconds for which a token is used: the default of clients.
_TOKEN_LIFE_S = 2700.0
#: Status after which the token is requested again once: servers lose tokens when they restart.
_UNAUTHORIZED = 401
#: Status of ``POST /token`` on a server without authentication.
_NOT_FOUND = 404


@frozen
class Answer:
    """A response of the server.

    Attributes:
        status: The HTTP status.
        content_type: The Content-Type; "" if there is none.
        body: The body.
    """

    status: int
    content_type: str
    body: bytes


class UpstreamError(ConductorError):
    """The server cannot be reached; the message names the server and the reason."""


@define
class Upstream:
    """A Conductor server.

    Attributes:
        url: The address of its API.
        auth_key: The key id, if the server requires authentication.
        auth_secret: The secret of the key.
        tls: The TLS context; None for the defaults.
        token_life_s: Seconds for which a token is used.
    """

    url: str
    auth_key: str | None = None
    auth_secret: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    token_life_s: float = _TOKEN_LIFE_S
    _tokens: TokenCache | None = field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if self.auth_key is not None:
            self._tokens = TokenCache(self._fetch_token, self.token_life_s)

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Forward a request, with a token if there is a key.

        Args:
            method: The HTTP method.
            target: Path and query below the API, such as ``/workflow/search?size=1``.
            headers: The request's headers, by lower-case name; only Accept, Content-Type and X-Authorization are
                forwarded.
            body: The request's body.

        Raises:
            UpstreamError: The server cannot be reached, or returns no token.
        """
        passed = {name: headers[name] for name in _FORWARDED if name in headers}
        try:
            token = None if self._tokens is None else self._tokens.get()
            answer = self._exchange(method, target, passed, body, token)
            if answer.status == _UNAUTHORIZED and self._tokens is not None:
                renewed = self._tokens.renew(token)
                if renewed is not None:
                    answer = self._exchange(method, target, passed, body, renewed)
        except ConductorError as error:  # of the token, which may be an earlier failure
            raise UpstreamError(error.message) from None
        return answer

    def _fetch_token(self, _: float | None) -> str:
        pair = json.dumps({"keyId": self.auth_key, "keySecret": self.auth_secret}).encode()
        answer = self._exchange("POST", "/token", {"content-type": "application/json"}, pair, None)
        if answer.status == _NOT_FOUND:
            raise NoTokenEndpoint
        try:
            return str(json.loads(answer.body)["token"])
        except (ValueError, LookupError, TypeError):
            raise AuthenticationError(f"{self.url} returned no token: status {answer.status}") from None

    def _exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, token: str | None
    ) -> Answer:
        parts = urlsplit(self.url)
        sent = {**headers, **({"x-authorization": token} if token else {})}
        connection = self._connection(parts.scheme, parts.netloc)
        try:
            connection.request(method, parts.path.rstrip("/") + target, body=body, headers=sent)
            response = connection.getresponse()
            return Answer(response.status, response.headers.get("Content-Type", ""), response.read())
        except (OSError, http.client.HTTPException) as error:
            raise UpstreamError(f"Cannot connect to {self.url}: {error}") from error
        finally:
            connection.close()

    def _connection(self, scheme: str, netloc: str) -> http.client.HTTPConnection:
        if scheme == "https":
            tls = self.tls or ssl.create_default_context()
            return http.client.HTTPSConnection(netloc, timeout=_TIMEOUT, context=tls)
        return http.client.HTTPConnection(netloc, timeout=_TIMEOUT)


def upstream_of(settings: Settings) -> Upstream:
    """Return the server of the settings, with their key and certificates. A proxy is not used.

    Raises:
        ConfigurationError: A certificate cannot be read.
    """
    try:
        tls = ssl.create_default_context(cafile=settings.ca_bundle)
        if settings.client_cert:
            tls.load_cert_chain(settings.client_cert, settings.client_key)
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"The certificates in the settings cannot be used: {error}") from error
    if not settings.verify:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    life = settings.refresh_token_interval / 1000
    return Upstream(settings.server_url, settings.auth_key, settings.auth_secret, tls, life)


#: Bytes of a request's body, as on the embedded server.
_MAX_BODY = 32 * 1024 * 1024
_API = "/api/"
#: Seconds between checks whether the server must stop.
_POLL_INTERVAL_S = 0.1


class PageServer:
    """Serves the web page on a thread. Stops at the end of a ``with`` block.

    Args:
        upstream: The Conductor server that the page shows.
        port: The port to listen on; 0 for any free port.
        host: The address to listen on.
        key: The password that browsers need; required for an address that other machines can reach.
        names: Host names, in addition to those of this machine, that browsers may use on a loopback address.

    Attributes:
        upstream: The Conductor server that the page shows.
        origins: The hosts and origins that may use the page.
        url: The address of the page.

    Raises:
        ConfigurationError: Other machines can reach the address, and ``key`` is missing.
        ServerStartError: The port cannot be used.
    """

    def __init__(
        self,
        upstream: Upstream,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        key: str | None = None,
        names: tuple[str, ...] = (),
    ) -> None:
        if not is_loopback(host) and not key:
            raise ConfigurationError(
                f"Refusing to serve the page on {host!r} without a key: it would give every visitor control of "
                f"{upstream.url}. Set a key, or listen on 127.0.0.1.",
                variable="key",
                allowed="any string",
            )
        self.upstream = upstream
        self.origins: OriginCheck = OriginCheck((*names, host) if is_loopback(host) else None, key)
        self._server = _listen(host, port, self)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_INTERVAL_S,), name="page", daemon=True
        )
        self._thread.start()
        name = local_address(host)
        self.url: str = f"http://{f'[{name}]' if ':' in name else name}:{self._server.server_address[1]}/"

    def stop(self) -> None:
        """Stop the server; returns when the port is free."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = may_reuse_address()
    page: PageServer


class _ServerV6(_Server):
    address_family = socket.AF_INET6


def _listen(host: str, port: int, page: PageServer) -> _Server:
    try:
        server = (_ServerV6 if ":" in host else _Server)((host, port), _Handler)
    except OSError as error:
        raise port_error(port, error.strerror or str(error)) from None
    server.page = page
    return server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "conductor-page"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 75.0
    server: _Server

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:  # the browser has disconnected
            self.close_connection = True

    def _handle(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._body(headers)
        if body is None:
            return
        refused = self.server.page.origins.refusal(self.command, self.path, headers)
        if refused:
            self._error(*refused, asks_for_key=True)
        elif self.path.startswith(_API):
            self._forward(headers, body)
        elif self.path == DIAGRAM_PATH and self.command == "POST":
            self._diagram(body)
        elif self.command == "GET":
            self._file()
        else:
            self._error(405, "Only GET is allowed for this path.")

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _handle  # noqa: N815  the names that http.server calls

    def _body(self, headers: dict[str, str]) -> bytes | None:
        """Return the request's body; None after the request has been refused."""
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit():
            self.close_connection = True
            self._error(411, "The Content-Length header is required.")
            return None
        if int(length) > _MAX_BODY:
            self.close_connection = True
            self._error(413, f"The body has more than {_MAX_BODY} bytes.")
            return None
        return self.rfile.read(int(length))

    def _forward(self, headers: dict[str, str], body: bytes) -> None:
        target = self.path[len(_API) - 1 :]
        try:
            answer = self.server.page.upstream.send(self.command, target, headers, body or None)
        except UpstreamError as error:
            self._error(502, str(error))
            return
        self._send(answer.status, answer.content_type, answer.body)

    def _diagram(self, body: bytes) -> None:
        try:
            self._send(200, "image/svg+xml; charset=utf-8", svg_of(body))
        except ValueError as error:
            self._error(400, str(error))

    def _file(self) -> None:
        found = page_file(self.path.partition("?")[0])
        if found is None:
            self._error(404, "File not found.")
            return
        self._send(200, found.media_type, found.content)

    def _error(self, status: int, message: str, *, asks_for_key: bool = False) -> None:
        content = json.dumps({"status": status, "message": message}).encode()
        self._send(status, "application/json", content, asks_for_key=asks_for_key)

    def _send(self, status: int, content_type: str, content: bytes, *, asks_for_key: bool = False) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if status == _UNAUTHORIZED and asks_for_key:  # for a 401 of the upstream, the page itself asks for the key
            self.send_header("WWW-Authenticate", 'Basic realm="conductor"')
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing; errors are in the response."""


#: Exit statuses: stopped, wrong usage or setting, the page cannot be served.
_STOPPED, _USAGE_ERROR, _FAILED = 0, 2, 3
#: Maximum delay in seconds of a signal, on systems where signals do not interrupt a sleep.
_SIGNAL_INTERVAL_S = 1.0
_KEY_VARIABLE = "CONDUCTOR_UI_KEY"


def main(argv: Sequence[str], *, command: str = "python -m conductor.server ui") -> int:
    """Serve the page until Ctrl-C, and return the exit status.

    Args:
        argv: The arguments of the command line.
        command: The name of the command in its help and in usage errors.
    """
    arguments = _parser(command).parse_args(argv)
    try:
        settings = Settings.from_env(**({"server_url": arguments.server} if arguments.server else {}))
        upstream = upstream_of(settings)
        key = os.environ.get(_KEY_VARIABLE) or None
        names = tuple(arguments.name)
        with PageServer(upstream, port=arguments.port, host=arguments.host, key=key, names=names) as page:
            print(f"The page of {upstream.url} is at {page.url}; Ctrl-C stops it", flush=True)
            while True:
                time.sleep(_SIGNAL_INTERVAL_S)
    except KeyboardInterrupt:
        return _STOPPED
    except ConfigurationError as error:
        return _report(str(error), _USAGE_ERROR)
    except ConductorError as error:
        return _report(str(error), _FAILED)


def _report(message: str, status: int) -> int:
    sys.stderr.write(f"{message}\n")
    return status


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command,
        description="Serve a web page for a Conductor server until Ctrl-C.",
        epilog=f"An address that other machines can reach requires a password in {_KEY_VARIABLE}, for which the page "
        "asks. For a server with authentication, set CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET.",
    )
    add = parser.add_argument
    server = "address of the server's API (default: CONDUCTOR_SERVER_URL, or http://localhost:8080/api)"
    add("--server", metavar="URL", help=server)
    add("--port", type=port_number, default=8081, help="port to listen on; 0 for any free port (default: %(default)s)")
    add("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    add("--name", action="append", default=[], help="host name that a proxy uses for the page; may be repeated")
    return parser
