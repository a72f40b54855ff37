"""The page in front of a server that has none: its files here, everything under `/api` passed on."""

from __future__ import annotations

import argparse
import json
import os
import socket
import sys
import threading
from collections.abc import Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from typing_extensions import Self

from conductor.errors import ConductorError, ConfigurationError
from conductor.server.address import local_address
from conductor.server.origin_check import OriginCheck, is_loopback
from conductor.server.oss.process import taken
from conductor.server.ui.files import HEADERS, page_file
from conductor.server.ui.upstream import Upstream, UpstreamError, upstream_of
from conductor.settings import Settings

_LARGEST_BODY = 32 * 1024 * 1024
_UNAUTHORIZED = 401
_API = "/api/"
_GLANCE = 0.1  # seconds between looks whether it shall stop


class PageServer:
    """Serves the page on its own thread; stops at the end of a `with` block.

    Args:
        upstream: The Conductor server that the page shows.
        port: Where to listen; 0 for any free port.
        host: The address to listen on.
        key: A password to ask for; required when others than this machine can reach the host.
        names: Host names, beside those of this machine, by which browsers may call it on a loopback address.

    Raises:
        ConfigurationError: The host is open to others and there is no key.
        ServerStartError: The port cannot be had.
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
                f"The page on {host!r} would let everyone who reaches it control {upstream.url}. "
                "Give it a key, or leave it on 127.0.0.1.",
                variable="key",
                allowed="any text",
            )
        self.upstream = upstream
        self.origins: OriginCheck = OriginCheck((*names, host) if is_loopback(host) else None, key)
        self._server = _listening(host, port, self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_GLANCE,), name="page", daemon=True)
        self._thread.start()
        name = local_address(host)
        self.url: str = f"http://{f'[{name}]' if ':' in name else name}:{self._server.server_address[1]}/"
        """Where the page is."""

    def stop(self) -> None:
        """Stop serving; returns when the port is free."""
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
    page: PageServer


class _ServerV6(_Server):
    address_family = socket.AF_INET6


def _listening(host: str, port: int, page: PageServer) -> _Server:
    try:
        server = (_ServerV6 if ":" in host else _Server)((host, port), _Handler)
    except OSError as error:
        raise taken(port, error.strerror or str(error)) from None
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
        except ConnectionError:  # the browser has gone
            self.close_connection = True

    def _answer_request(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self._body(headers)
        if body is None:
            return
        refused = self.server.page.origins.refusal(self.command, self.path, headers)
        if refused:
            self._error(*refused, asks_for_key=True)
        elif self.path.startswith(_API):
            self._pass_on(headers, body)
        elif self.command == "GET":
            self._file()
        else:
            self._error(405, "Only GET is allowed here.")

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _answer_request  # noqa: N815 (the names that http.server calls)

    def _body(self, headers: dict[str, str]) -> bytes | None:
        """Return what the request carries; None when it was refused."""
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit():
            self.close_connection = True
            self._error(411, "The length of the body is needed.")
            return None
        if int(length) > _LARGEST_BODY:
            self.close_connection = True
            self._error(413, "The body is too large.")
            return None
        return self.rfile.read(int(length))

    def _pass_on(self, headers: dict[str, str], body: bytes) -> None:
        target = self.path[len(_API) - 1 :]
        try:
            answer = self.server.page.upstream.send(self.command, target, headers, body or None)
        except UpstreamError as error:
            self._error(502, str(error))
            return
        self._send(answer.status, answer.content_type, answer.body)

    def _file(self) -> None:
        found = page_file(self.path.partition("?")[0])
        if found is None:
            self._error(404, "There is no such file.")
            return
        self._send(200, found.media_type, found.content)

    def _error(self, status: int, message: str, *, asks_for_key: bool = False) -> None:
        content = json.dumps({"status": status, "message": message}).encode()
        self._send(status, "application/json", content, asks_for_key=asks_for_key)

    def _send(self, status: int, content_type: str, content: bytes, *, asks_for_key: bool = False) -> None:
        self.send_response(status)
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if status == _UNAUTHORIZED and asks_for_key:  # not for a 401 of the server behind: the page asks for its key
            self.send_header("WWW-Authenticate", 'Basic realm="conductor"')
        if content_type:
            self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Be silent: what goes wrong, the browser is told."""


_DONE, _MISUSED, _FAILED = 0, 2, 3
_KEY_VARIABLE = "CONDUCTOR_UI_KEY"


def main(words: Sequence[str]) -> int:
    """Serve the page until Ctrl-C; returns the exit status."""
    arguments = _parser().parse_args(words)
    try:
        settings = Settings.from_env(**({"server_url": arguments.server} if arguments.server else {}))
        upstream = upstream_of(settings)
        key = os.environ.get(_KEY_VARIABLE) or None
        names = tuple(arguments.name)
        with PageServer(upstream, port=arguments.port, host=arguments.host, key=key, names=names) as page:
            print(f"The page of {upstream.url} is at {page.url}; Ctrl-C stops it", flush=True)  # noqa: T201
            threading.Event().wait()
    except KeyboardInterrupt:
        return _DONE
    except ConfigurationError as error:
        return _tell(str(error), _MISUSED)
    except ConductorError as error:
        return _tell(str(error), _FAILED)
    return _DONE


def _tell(what: str, status: int) -> int:
    sys.stderr.write(f"{what}\n")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m conductor.server ui",
        description="Serve the web page for a Conductor server that has none, until Ctrl-C.",
        epilog=f"On an address that others can reach it asks for a key: the text of {_KEY_VARIABLE}, which it then "
        "needs. CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET are used where the server asks for them.",
    )
    add = parser.add_argument
    add("--server", metavar="URL", help="the server (default: CONDUCTOR_SERVER_URL, or http://localhost:8080/api)")
    add("--port", type=int, default=8081, help="the page's port; 0 for any that is free (default: %(default)s)")
    add("--host", default="127.0.0.1", help="the address it listens on (default: %(default)s)")
    add("--name", action="append", default=[], help="a host name by which a proxy calls it")
    return parser
