"""HTTP/1.0 and HTTP/1.1 on sockets: one event loop reads and writes, a pool of threads runs the handlers.

The server ignores requests to upgrade the connection (``h2c``, ``websocket``), as RFC 9110 allows, and serves them as
HTTP/1.1. It refuses requests that RFC 9112 calls ambiguous, and closes the connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import unquote, urlsplit

from conductor.errors import ServerStartError
from conductor.server.http.messages import BROKEN, Outcome, Request, Response, Wait, error_answer
from conductor.server.runtime.threads import ThreadPool

#: Maximum number of bytes of the request line and the headers.
MAX_HEAD = 64 * 1024
#: Maximum number of headers of a request, as on the OSS server.
_MAX_HEADERS = 100
#: Number of chunks of a body to read before other connections are served; a chunk may have a single byte.
_CHUNKS_AT_ONCE = 500
#: Maximum number of bytes of a body; the OSS server accepts inputs of up to 10 MB.
MAX_BODY = 32 * 1024 * 1024
#: Maximum number of threads for handlers. A thread blocks only while a script of its request runs, or while it waits
#: for the lock.
MAX_THREADS = 200
#: Seconds after which an idle connection is closed; longer than the keep-alive of common clients and proxies.
_IDLE_SECONDS = 75.0
#: Seconds between searches for idle connections.
_SWEEP_SECONDS = 5.0
#: Seconds to let requests finish when the server stops.
_GRACE_SECONDS = 2.0
#: Seconds before accepting again after a connection could not be accepted, such as with too many open files.
_ACCEPT_RETRY_SECONDS = 0.1
#: Maximum number of bytes of further requests to buffer while one is being served.
_READ_AHEAD = 256 * 1024

_HEAD_END = re.compile(rb"\r?\n\r?\n")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VERSION = re.compile(r"HTTP/1\.[0-9]")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?")
_REASONS = {status.value: status.phrase for status in HTTPStatus}
_NO_BODY = frozenset({204, 304})

#: Serves a request on a thread; never raises.
Serve = Callable[[Request], Outcome]
#: Serves a request on the event loop; returns None for a request that needs a thread.
Quick = Callable[[Request], Response | None]


class _ProtocolError(Exception):
    """The request is not valid HTTP; the connection closes after the response."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class ListeningSocket(socket.socket):
    """A listening socket that accepts no connection once it is closing."""

    is_closing: bool = False

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection; the event loop calls this.

        Raises:
            BlockingIOError: The socket is closing, or nothing has connected.
        """
        if self.is_closing:
            raise BlockingIOError
        return super().accept()


class HttpServer:
    """Serves a listening socket on a thread.

    Args:
        listening: The socket; ``stop`` closes it.
        serve: Serves a request; called on a thread of the pool.
        quick: Serves a request on the event loop, or returns None.
    """

    def __init__(self, listening: ListeningSocket, serve: Serve, quick: Quick = lambda _: None) -> None:
        self.serve: Serve = serve
        self.quick: Quick = quick
        self.threads: ThreadPool = ThreadPool("conductor-request", MAX_THREADS)
        self.connections: set[_Connection] = set()
        self.loop: asyncio.AbstractEventLoop = asyncio.new_event_loop()
        self._listening = listening
        self._thread = threading.Thread(target=self._run, name="conductor-http", daemon=True)
        self._started, self._stopping = threading.Event(), asyncio.Event()
        self.emptied: asyncio.Event = asyncio.Event()
        self.is_stopping: bool = False

    def start(self, timeout: float) -> None:
        """Start the server; returns when it accepts connections.

        Args:
            timeout: Seconds to wait for the start.

        Raises:
            ServerStartError: The server did not start in time.
        """
        self._thread.start()
        if not self._started.wait(timeout):
            raise ServerStartError(f"The embedded server did not start within {timeout:g} s; see its log")

    @property
    def is_running(self) -> bool:
        """Whether the server accepts requests."""
        return self._thread.is_alive()

    def join(self, timeout: float | None = None) -> None:
        """Wait until the server has stopped, for at most ``timeout`` seconds."""
        self._thread.join(timeout)

    def stop(self, timeout: float) -> None:
        """Stop the server. Long polls are answered immediately; other requests have two seconds to finish.

        Args:
            timeout: Seconds to wait for the server's thread.
        """
        self.is_stopping = True
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the loop has already ended
                self.loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join(timeout)
        self._listening.close()
        self.threads.stop()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._serve())
        finally:
            self.loop.close()

    async def _serve(self) -> None:
        sweep = asyncio.ensure_future(self._sweep())
        stopping = asyncio.ensure_future(self._stopping.wait())
        self._started.set()
        accepting = asyncio.ensure_future(self._accept())
        while not stopping.done():
            await asyncio.wait({accepting, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if accepting.done():
                await self._connect(accepting.result())
                accepting = asyncio.ensure_future(self._accept())
        sweep.cancel()
        # Cancelling a task after its socket was accepted would lose the socket. Therefore, stop accepting, let the task
        # process an accepted socket, and cancel the task only if it is still waiting.
        self._listening.is_closing = True
        await asyncio.wait({accepting}, timeout=0)
        accepting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            if (accepted := await accepting) is not None:
                accepted.close()
        for connection in tuple(self.connections):
            connection.stop_soon()
        await self._all_closed(_GRACE_SECONDS)
        for connection in tuple(self.connections):
            connection.abort()
        await self._all_closed(_GRACE_SECONDS)

    async def _accept(self) -> socket.socket | None:
        try:
            return (await self.loop.sock_accept(self._listening))[0]
        except OSError:  # the client has disconnected, or this process has too many open files
            await asyncio.sleep(_ACCEPT_RETRY_SECONDS)
            return None

    async def _connect(self, accepted: socket.socket | None) -> None:
        if accepted is not None:
            with contextlib.suppress(OSError):  # the client has disconnected
                await self.loop.connect_accepted_socket(lambda: _Connection(self), accepted)

    async def _all_closed(self, timeout: float) -> None:
        if self.connections:
            self.emptied.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.emptied.wait(), timeout)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            silent_since = time.monotonic() - _IDLE_SECONDS
            for connection in tuple(self.connections):
                if connection.is_silent_since(silent_since):
                    connection.abort()


class _Connection(asyncio.Protocol):
    """One connection: reads a request, lets the server handle it, writes the response, and repeats."""

    def __init__(self, server: HttpServer) -> None:
        self._server = server
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._buffer = bytearray()
        self._searched = 0
        self._request: Request | None = None
        self._body: _Body | None = None
        self._waiting: _Waiting | None = None
        self._is_paused = False  # whether reading is
        self._is_congested = False  # whether the client does not read what was written
        self._is_written = False  # whether a response was written that the client has not read yet
        self._unread = 0
        self._keeps_alive = True
        self.is_busy = False
        self.active_at = time.monotonic()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._server.connections.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._server.connections.discard(self)
        if self._server.is_stopping and not self._server.connections:
            self._server.emptied.set()
        if self._waiting is not None:
            self._waiting.end()
            self._waiting = None

    def data_received(self, data: bytes) -> None:
        self.active_at = time.monotonic()
        self._buffer += data
        if not self.is_busy:
            self._read()
        elif len(self._buffer) > _READ_AHEAD:
            self._pause_reading()

    def pause_writing(self) -> None:
        self._is_congested = True

    def resume_writing(self) -> None:
        self._is_congested = False
        if self._is_written:
            self._is_written = False
            self._prepare_for_next()

    def is_silent_since(self, moment: float) -> bool:
        """Return whether the client has neither sent nor read anything since a monotonic time."""
        if self._is_written and (unread := self._transport.get_write_buffer_size()) != self._unread:
            self._unread, self.active_at = unread, time.monotonic()
        return self.active_at < moment and (not self.is_busy or self._is_written)

    def stop_soon(self) -> None:
        """Close the connection after the response of the current request, if there is one."""
        self._keeps_alive = False
        if self._waiting is not None:
            self._waiting.expire()
        elif not self.is_busy:
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    # -- reading

    def _read(self) -> None:
        try:
            request = self._next_request()
        except _ProtocolError as error:
            self._keeps_alive = False
            self.is_busy = True
            self._write(error_answer(error.status, str(error)), "GET")
            return
        if request is None:
            if self._body is not None and self._body.is_interrupted:
                self._pause_reading()
                self._server.loop.call_soon(self._read_next)
            else:
                self._resume_reading()
            return
        self.is_busy = True
        # Switching to a thread costs more than a simple response; only requests that cannot block are served here.
        if (response := self._server.quick(request)) is not None:
            self._write(response, request.method)
        else:
            self._server.threads.submit(lambda: self._serve(request))

    def _pause_reading(self) -> None:
        if not self._is_paused:
            self._is_paused = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()

    def _next_request(self) -> Request | None:
        if self._request is None:
            head = self._next_head()
            if head is None:
                return None
            self._request, self._body = self._parse_head(head)
        body = cast("_Body", self._body)
        if not body.take(self._buffer):
            return None
        request, self._request, self._body = self._request, None, None
        request.body = bytes(body.content)
        return request

    def _next_head(self) -> str | None:
        if self._buffer.startswith((b"\r", b"\n")):  # RFC 9112: empty lines before a request are ignored
            del self._buffer[: len(self._buffer) - len(self._buffer.lstrip(b"\r\n"))]
        found = _HEAD_END.search(self._buffer, self._searched)
        if (len(self._buffer) if found is None else found.start()) > MAX_HEAD:
            raise _ProtocolError(431, f"The headers have more than {MAX_HEAD} bytes")
        if found is None:
            # The end of the head may be split between two reads; at most three of its bytes have arrived.
            self._searched = max(len(self._buffer) - 3, 0)
            return None
        head = self._buffer[: found.start()].decode("latin-1")
        del self._buffer[: found.end()]
        self._searched = 0
        return head

    def _parse_head(self, head: str) -> tuple[Request, _Body]:
        first, *lines = head.split("\n")
        words = first.rstrip("\r").split(" ")
        if len(words) != 3 or not _TOKEN.fullmatch(words[0]):  # method, target, version
            raise _ProtocolError(400, "Invalid request line")
        method, target, version = words
        if not _VERSION.fullmatch(version):
            raise _ProtocolError(505, f"{version[:20]} is not supported; use HTTP/1.1")
        headers = _parse_headers(lines)
        if version != "HTTP/1.0" and "host" not in headers:
            raise _ProtocolError(400, "The Host header is missing")
        headers.setdefault("host", "localhost")  # RFC 9112, 3.3: HTTP/1.0 does not require it
        body = _Body(headers)
        options = {word.strip().lower() for word in headers.get("connection", "").split(",")}
        self._keeps_alive = "close" not in options and (version != "HTTP/1.0" or "keep-alive" in options)
        # Some clients, such as curl with a large body, send the body only after this, or after a timeout.
        if headers.get("expect", "").lower() == "100-continue" and not self._buffer and not body.is_empty:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        # RFC 9112, 3.2.2: a server has to accept the absolute form, which clients use with proxies.
        if not target.startswith("/"):
            target = urlsplit(target)._replace(scheme="", netloc="").geturl() or "/"
        path, _, query = target.partition("#")[0].partition("?")
        return Request(method, unquote(path, "utf-8", "replace"), query, headers), body

    # -- serving

    def _serve(self, request: Request) -> None:
        """Serve a request; called on a thread of the pool."""
        self._on_loop(self._finish, self._server.serve(request), request.method)

    def _on_loop(self, function: Callable[..., None], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the server has stopped
            self._server.loop.call_soon_threadsafe(function, *arguments)

    def _finish(self, outcome: Outcome, method: str) -> None:
        if isinstance(outcome, Wait):
            if self._transport.is_closing():
                return
            self._waiting = _Waiting(self, self._server, outcome, method)
            self._waiting.begin()
        else:
            self._write(outcome, method)

    def finish_wait(self, outcome: Outcome, method: str) -> None:
        self._waiting = None
        self._finish(outcome, method)

    # -- writing

    def _write(self, response: Response, method: str) -> None:
        if self._transport.is_closing():
            return
        # Fault injection: the client has to see a connection that ends without a response.
        if response is BROKEN:
            self._transport.abort()
            return
        keeps_alive = self._keeps_alive and not self._server.is_stopping
        self._transport.write(_head_of(response, keeps_alive=keeps_alive))
        if response.content and method != "HEAD" and response.status not in _NO_BODY:
            self._transport.write(response.content)
        self.active_at = time.monotonic()
        if not keeps_alive:
            self._transport.close()
        elif self._is_congested:  # a client that reads no responses cannot make the server store many of them
            self._is_written, self._unread = True, self._transport.get_write_buffer_size()
        else:
            self._prepare_for_next()

    def _prepare_for_next(self) -> None:
        self.is_busy = False
        self._resume_reading()
        if self._buffer:
            # Not a direct call: a client that pipelines many requests would nest one call per request.
            self._server.loop.call_soon(self._read_next)

    def _read_next(self) -> None:
        if not self.is_busy and not self._transport.is_closing():
            self._read()


class _Waiting:
    """A long poll. All methods run on the event loop, except ``wake`` and those that call the ``Wait``."""

    def __init__(self, connection: _Connection, server: HttpServer, wait: Wait, method: str) -> None:
        self._connection, self._server, self._wait, self._method = connection, server, wait, method
        self._is_looking = self._is_woken = self._is_over = self._is_expired = False
        self._unsubscribe: Callable[[], None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        # No thread waits: 1,000 idle pollers need 1,000 timers and no thread.
        self._timer = self._server.loop.call_later(max(self._wait.seconds, 0), self.expire)
        self._is_looking = True
        self._server.threads.submit(self._subscribe_and_look)
        if self._server.is_stopping:
            self.expire()

    def wake(self) -> None:
        """Check the condition again; may be called from any thread."""
        with contextlib.suppress(RuntimeError):  # the server has stopped
            self._server.loop.call_soon_threadsafe(self._look_again)

    def expire(self) -> None:
        """End the wait with the response for a timeout."""
        self._is_expired = True
        if not self._is_looking and not self._is_over:
            self._is_looking = True
            self._server.threads.submit(self._last_look)

    def end(self) -> None:
        """End the wait without a response, because the client has disconnected."""
        self._is_over = True
        if self._timer is not None:
            self._timer.cancel()
        # A check that is running unsubscribes at its end, because _is_over is set.
        if self._unsubscribe is not None and not self._is_looking:
            self._server.threads.submit(self._unsubscribe)

    def _look_again(self) -> None:
        if self._is_over:
            return
        if self._is_looking:
            self._is_woken = True
        else:
            self._is_looking = True
            self._server.threads.submit(self._look)

    def _subscribe_and_look(self) -> None:
        # Subscribe before the first check, so that no change in between is missed.
        self._unsubscribe = self._wait.subscribe(self.wake)
        self._look()

    def _look(self) -> None:
        self._looked(self._wait.look())

    def _last_look(self) -> None:
        self._looked(self._wait.look() or self._wait.expired())

    def _looked(self, outcome: Outcome | None) -> None:
        if (outcome is not None or self._is_over) and self._unsubscribe is not None:
            self._unsubscribe()
        with contextlib.suppress(RuntimeError):  # the server has stopped
            self._server.loop.call_soon_threadsafe(self._after_look, outcome)

    def _after_look(self, outcome: Outcome | None) -> None:
        self._is_looking = False
        if self._is_over:
            return
        if outcome is not None:
            self._is_over = True
            if self._timer is not None:
                self._timer.cancel()
            self._connection.finish_wait(outcome, self._method)
        # The time passed while the condition was checked.
        elif self._is_expired:
            self.expire()
        elif self._is_woken:
            self._is_woken = False
            self._look_again()


class _Body:
    """Reads a request's body from the bytes received: of a known length, chunked, or empty."""

    def __init__(self, headers: dict[str, str]) -> None:
        self.content = bytearray()
        self._is_chunked = "transfer-encoding" in headers
        self._missing = 0
        self._is_last = False
        self._trailer = 0
        self.is_interrupted = False  # whether more of the received bytes can be read immediately
        if self._is_chunked:
            # It is ambiguous which of the two applies, and a proxy may have used the other (request smuggling).
            if "content-length" in headers:
                raise _ProtocolError(400, "Both Content-Length and Transfer-Encoding are given")
            if headers["transfer-encoding"].lower() != "chunked":
                raise _ProtocolError(501, "This Transfer-Encoding is not supported; use chunked")
        elif (length := headers.get("content-length")) is not None:
            if not (length.isascii() and length.isdigit()):
                raise _ProtocolError(400, "Invalid Content-Length")
            self._missing = int(length) if len(length) < 20 else MAX_BODY + 1  # digits of 64 bits
            self._check_size()

    @property
    def is_empty(self) -> bool:
        return not self._is_chunked and not self._missing

    def _check_size(self) -> None:
        if len(self.content) + self._missing > MAX_BODY:
            raise _ProtocolError(413, f"The body has more than {MAX_BODY} bytes")

    def take(self, received: bytearray) -> bool:
        """Move the bytes of the body out of ``received``; returns whether the body is complete."""
        self.is_interrupted = False
        if not self._is_chunked:
            self._take_content(received)
            return not self._missing
        for _ in range(_CHUNKS_AT_ONCE):
            if self._is_last:
                return self._take_trailer(received)
            if self._missing and not self._take_chunk(received):
                return False
            line = _take_line(received)
            if line is None:
                return False
            size = _CHUNK_SIZE.fullmatch(line)
            if size is None:
                raise _ProtocolError(400, "Invalid chunk size")
            self._missing = int(size[1], 16)
            self._check_size()
            self._is_last = not self._missing
            self._missing += 2 if self._missing else 0  # the line break after the chunk
        self.is_interrupted = True
        return False

    def _take_content(self, received: bytearray) -> None:
        taken = received[: self._missing]
        del received[: len(taken)]
        self.content += taken
        self._missing -= len(taken)

    def _take_chunk(self, received: bytearray) -> bool:
        self._take_content(received)
        if self._missing:
            return False
        if not self.content.endswith(b"\r\n"):
            raise _ProtocolError(400, "A chunk is longer than its size")
        del self.content[-2:]
        return True

    def _take_trailer(self, received: bytearray) -> bool:
        while (line := _take_line(received)) is not None:
            if not line:
                return True
            self._trailer += len(line)
            if self._trailer > MAX_HEAD:
                raise _ProtocolError(431, f"The trailers have more than {MAX_HEAD} bytes")
        return False


def _take_line(received: bytearray) -> bytes | None:
    end = received.find(b"\n")
    if end < 0:
        if len(received) > MAX_HEAD:
            raise _ProtocolError(400, "A line of the chunked body is too long")
        return None
    line = bytes(received[:end]).removesuffix(b"\r")
    del received[: end + 1]
    return line


def _parse_headers(lines: list[str]) -> dict[str, str]:
    if len(lines) > _MAX_HEADERS:
        raise _ProtocolError(431, f"More than {_MAX_HEADERS} headers")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.rstrip("\r").partition(":")
        if not colon or not _TOKEN.fullmatch(name) or "\0" in value or "\r" in value:
            raise _ProtocolError(400, "Invalid header")
        name, value = name.lower(), value.strip(" \t")
        if name in headers:
            if name in {"host", "content-length"}:
                if headers[name] != value or name == "host":
                    raise _ProtocolError(400, f"Several {name} headers")
                continue
            value = f"{headers[name]}, {value}"
        headers[name] = value
    return headers


def _head_of(response: Response, *, keeps_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {_REASONS.get(response.status, '')}"]
    if response.media_type is not None and "Content-Type" not in response.headers:
        lines.append(f"Content-Type: {response.media_type}")
    lines += [f"{name}: {value}" for name, value in response.headers.items()]
    if response.status not in _NO_BODY:
        lines.append(f"Content-Length: {len(response.content)}")
    if not keeps_alive:
        lines.append("Connection: close")
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
