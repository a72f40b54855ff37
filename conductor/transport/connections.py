"""Connections to the server: one exchange at a time on each, with one deadline, and pooled only if they are clean.

Every request of the SDK's session and of the task channel is an ``exchange`` on a pool of this module. It takes a clean
connection, connects if the connection is closed, sends the request, and reads one response. The connection returns to
the pool only if the response ended exactly as its framing specifies. ``docs/design/http.md`` explains the reasons, with
figures.
"""

from __future__ import annotations

import contextlib
import errno
import io
import math
import os
import re
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Mapping
from http.client import HTTPMessage
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager, Timeout
from urllib3._collections import HTTPHeaderDict
from urllib3.connection import HTTPConnection
from urllib3.exceptions import ConnectTimeoutError, EmptyPoolError
from urllib3.util import wait_for_read
from urllib3.util.connection import allowed_gai_family
from urllib3.util.proxy import connection_requires_http_tunnel

from conductor._version import __version__
from conductor.errors import ConfigurationError
from conductor.settings import Settings
from conductor.transport.response_reader import (
    IncompleteResponseError,
    MalformedResponseError,
    Response,
    ResponseTooLargeError,
    read_head,
    read_response,
)

__all__ = [
    "DEFAULT_CONNECTIONS",
    "USER_AGENT",
    "Deadline",
    "DeadlineTimeout",
    "ExchangeError",
    "PooledAdapter",
    "encode_request",
    "new_session",
    "receiver",
    "tls_options",
]

#: Default number of connections of a pool.
DEFAULT_CONNECTIONS = 100
USER_AGENT = f"conductor-sdk-python/{__version__}"
#: Seconds after which an idle connection is not used again. Tomcat closes idle connections after 20 s or more, load
#: balancers after 60 s; a request that is sent at the same time would be lost.
_MAX_IDLE_S = 10.0
#: Seconds after the deadline during which bytes that have already arrived are still read. With many threads, a thread
#: may run only after the deadline, and the response to a poll contains tasks.
_LATE_READ_S = 1.0
#: Seconds of the shortest wait; 0 would make a socket non-blocking.
_MIN_WAIT_S = 0.001
#: Seconds by which a socket's timeout may exceed the deadline, to save a system call.
_TIMEOUT_SLACK_S = 0.01
#: Bytes to read from a socket at a time.
_RECEIVE_BYTES = 65_536
#: The same for the first part of a response. The memory is reserved while the response is awaited: with 64 KiB, 1,000
#: idle task types took 10 MB more.
_FIRST_RECEIVE_BYTES = 2048
#: Bytes to pass to TLS at a time: one record, so that the deadline is checked between records.
_TLS_RECORD_BYTES = 16_384
#: Errors of a send after which a response may exist: a server that refuses a large body responds and closes.
_PEER_STOPPED_READING = frozenset({errno.EPIPE, errno.ECONNRESET, errno.ESHUTDOWN})
_TARGET = re.compile(rb"[\x21-\x7e\x80-\xff]+")
_HEADER = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+: [\t\x20-\x7e\x80-\xff]*")
#: Status that only a proxy sends, so that errors do not name the server.
_PROXY_AUTHENTICATION_REQUIRED = 407


class ExchangeError(Exception):
    """A request got no usable response. The message names the failing server or proxy, and contains no secrets.

    Attributes:
        never_sent: Whether no byte of the request was sent.
        timed_out: Whether the deadline or the connect timeout passed.
        is_permanent: Whether a retry cannot help, such as with an untrusted certificate, or a proxy that requires a
            password.
        is_malformed: Whether the received bytes are not an acceptable response.
        is_refused: The server refused the connection.
    """

    def __init__(
        self,
        message: str,
        *,
        never_sent: bool = False,
        timed_out: bool = False,
        is_permanent: bool = False,
        is_malformed: bool = False,
        is_refused: bool = False,
    ) -> None:
        super().__init__(message)
        self.never_sent = never_sent
        self.timed_out = timed_out
        self.is_permanent = is_permanent
        self.is_malformed = is_malformed
        self.is_refused = is_refused


class Deadline:
    """The deadline of an exchange, which includes waiting for a connection, connecting, sending and receiving.

    Args:
        limit: Seconds from now; None for no limit.
        connect: Maximum number of seconds for resolving and connecting; None for no separate limit.
    """

    __slots__ = ("at", "connect_limit")

    def __init__(self, limit: float | None, connect: float | None = None) -> None:
        self.at: float = math.inf if limit is None else time.monotonic() + limit
        self.connect_limit: float | None = connect


class DeadlineTimeout(Timeout):
    """A deadline as a ``urllib3.Timeout``, so that requests passes it to every adapter."""

    def __init__(self, deadline: Deadline) -> None:
        self.deadline: Deadline = deadline
        left = _left(deadline.at)
        limits = [limit for limit in (deadline.connect_limit, left) if limit is not None]
        super().__init__(connect=min(limits, default=None), total=left)

    def clone(self) -> DeadlineTimeout:
        """Return a copy; urllib3 makes one after each wait for a connection."""
        return DeadlineTimeout(self.deadline)


def _left(deadline: float) -> float | None:
    """Return the seconds until a time, for ``settimeout``: never 0; None for no limit."""
    return None if deadline == math.inf else max(deadline - time.monotonic(), _MIN_WAIT_S)


def receiver(sock: socket.socket, deadline: float) -> Callable[[], bytes]:
    """Return a function that reads the next bytes of ``sock`` until ``deadline``, even if they arrive slowly.

    For one second after the deadline, the function still reads bytes that have already arrived, without waiting.
    """
    size = _FIRST_RECEIVE_BYTES

    def next_size() -> int:
        nonlocal size
        this, size = size, _RECEIVE_BYTES
        return this

    if deadline == math.inf:
        sock.settimeout(None)
        return lambda: sock.recv(next_size())

    late_until: float | None = None

    def receive() -> bytes:
        nonlocal late_until
        now = time.monotonic()
        left = deadline - now
        if left <= 0:
            if late_until is None:
                late_until = now + _LATE_READ_S
            elif now > late_until:
                raise TimeoutError("timed out")
            left = _MIN_WAIT_S
        current = sock.gettimeout()
        if current is None or not left <= current <= left + _TIMEOUT_SLACK_S:
            sock.settimeout(left)
        return sock.recv(next_size())

    return receive


def _send(sock: socket.socket, message: bytes, deadline: float) -> None:
    if not isinstance(sock, ssl.SSLSocket):
        sock.settimeout(_left(deadline))
        sock.sendall(message)  # its timeout is one for the whole message
        return
    view = memoryview(message)
    while view:
        sock.settimeout(_left(deadline))
        view = view[sock.send(view[:_TLS_RECORD_BYTES]) :]


def encode_request(method: str, target: str, headers: Mapping[str, str | bytes], body: bytes | None) -> bytes:
    """Return a complete request, so that it is sent in one piece.

    Raises:
        ExchangeError: The target or a header has a character that HTTP does not allow; the message shows no value.
    """
    lines = []
    for name, value in headers.items():
        try:
            line = b"%s: %s" % (name.encode("ascii"), value if isinstance(value, bytes) else value.encode("latin-1"))
        except UnicodeError:
            line = b""
        if not _HEADER.fullmatch(line):
            lines = [b""]
            break
        lines.append(line)
    if lines == [b""]:
        raise ExchangeError(
            f"the header {name!r} has a line break or a character that HTTP does not allow",
            never_sent=True,
            is_permanent=True,
        )
    path = target.encode("utf-8", "surrogateescape")
    if not _TARGET.fullmatch(path):
        raise ExchangeError(
            "the URL has a space or a control character in its path", never_sent=True, is_permanent=True
        )
    return b"%s %s HTTP/1.1\r\n%s\r\n\r\n%s" % (method.encode("ascii"), path, b"\r\n".join(lines), body or b"")


class _Connection(HTTPConnection):
    """A connection that connects within a deadline, and is connected only while it is clean.

    ``owner`` and ``idle_since`` are set when it returns to its pool. After a fork in Python, the child starts with new
    connections. By default, uWSGI forks without notifying Python; two processes that share a connection would read each
    other's responses.
    """

    deadline: float = math.inf
    connect_limit: float | None = None
    idle_since: float = 0.0
    owner: int = 0
    phase: str = "connect"

    @property
    def is_connected(self) -> bool:
        """Whether the connection can be used for another request; otherwise, urllib3 closes it."""
        return (
            self.sock is not None
            and self.owner == os.getpid()
            and time.monotonic() - self.idle_since <= _MAX_IDLE_S
            and _is_clean(self.sock)
        )

    @property
    def peer(self) -> str:
        """The peer of the connection for messages: a proxy or the server."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.proxy is not None:
            return f"the proxy {self.proxy.scheme}://{host}:{self.port}"
        return f"{host}:{self.port}"

    def _new_conn(self) -> socket.socket:
        # The connect limit starts now, because the thread may have waited a long time for a free connection.
        until = self.deadline if self.connect_limit is None else time.monotonic() + self.connect_limit
        until = min(until, self.deadline)
        self.phase = "connect"
        host = self._dns_host
        host = host.replace("%25", "%", 1) if ":" in host else host  # the zone of an IPv6 address, quoted in URLs
        addresses = _resolve(host, self.port, until, self.peer)
        problem, refused = "", False
        for number, (family, kind, protocol, _, address) in enumerate(addresses):
            left = _left(until)
            sock = None
            try:
                sock = socket.socket(family, kind, protocol)
                for option in self.socket_options or ():
                    sock.setsockopt(*option)
                # The first address must not use up the time of the others: hosts with IPv6 addresses that are not
                # routed are common, and drop packets silently.
                sock.settimeout(None if left is None else left / (len(addresses) - number))
                sock.connect(address)
            except TimeoutError:
                problem, refused = "", False
            except OSError as error:
                problem, refused = _lowered(error), isinstance(error, ConnectionRefusedError)
            else:
                sock.settimeout(_left(self.deadline))
                sys.audit("http.client.connect", self, self.host, self.port)
                self.phase = "tls"
                return sock
            if sock is not None:
                sock.close()
        raise ExchangeError(
            f"cannot connect to {self.peer}: {problem or 'timed out'}",
            never_sent=True,
            timed_out=not problem,
            is_refused=refused and self.proxy is None,
        )

    def _tunnel(self) -> None:
        self.phase = "tunnel"
        target = f"[{self._tunnel_host}]" if ":" in str(self._tunnel_host) else str(self._tunnel_host)
        authority = f"{target}:{self._tunnel_port}"
        message = encode_request("CONNECT", authority, {"Host": authority, **self._tunnel_headers}, None)  # type: ignore[attr-defined]
        _send(self.sock, message, self.deadline)
        response = read_head(receiver(self.sock, self.deadline))
        if response.status >= 300:
            raise _proxy_refusal(self.peer, response)
        self.sock.settimeout(_left(self.deadline))
        self.phase = "tls"


def _proxy_refusal(proxy: str, response: Response) -> ExchangeError:
    wants_password = response.status == _PROXY_AUTHENTICATION_REQUIRED
    advice = ": it requires a user and password (http://user:password@host:port)" if wants_password else ""
    said = f"{response.status} {response.reason}".strip()
    return ExchangeError(
        f"{proxy} refused the request with {said}{advice}", never_sent=True, is_permanent=wants_password
    )


def _is_clean(sock: socket.socket) -> bool:
    """Return whether nothing is left to read in TLS or the socket; the end of the connection is also readable."""
    pending = getattr(sock, "pending", None)
    try:
        return not (pending is not None and pending()) and not wait_for_read(sock, timeout=0.0)
    except (OSError, ValueError):  # closed by another thread
        return False


def _lowered(error: OSError) -> str:
    text = error.strerror or str(error) or type(error).__name__
    return text[:1].lower() + text[1:]


def _resolve(host: str, port: int, until: float, peer: str) -> list[Any]:
    """Look up a host, if it may exceed the deadline on a separate thread, because it cannot be interrupted."""
    # getaddrinfo() has no timeout, and a system's resolver may retry for 30 s. The thread that runs it is left behind;
    # it is a daemon, so that it does not keep the process alive.
    family = allowed_gai_family()
    with contextlib.suppress(OSError, UnicodeError):
        return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    found: list[Any] = []

    def look_up() -> None:
        try:
            found.append(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:  # UnicodeError: a label is empty or too long
            found.append(_lowered(error) if isinstance(error, OSError) else "invalid host name")

    left = _left(until)
    thread = threading.Thread(target=look_up, name=f"resolve:{host}", daemon=True)
    try:
        if left is None:
            look_up()
        else:
            thread.start()
            thread.join(left)
    except RuntimeError:  # no thread can be started, as while the interpreter exits
        look_up()
    if not found:
        raise ExchangeError(f"cannot resolve the host of {peer}: timed out", never_sent=True, timed_out=True)
    if isinstance(found[0], str):
        raise ExchangeError(f"cannot resolve the host of {peer}: {found[0]}", never_sent=True)
    return list(found[0])


class _Pool:
    """A pool whose requests are exchanges; mixed into the pool classes of urllib3."""

    #: The maximum size of a response body.
    max_body_bytes: int = 0

    def urlopen(
        self,
        method: str,
        url: str,
        body: bytes | None = None,
        headers: Mapping[str, str | bytes] | None = None,
        *,
        timeout: Any = None,
        **_options: Any,
    ) -> urllib3.BaseHTTPResponse:
        """Send a request from requests, and return its complete response."""
        pool: Any = self
        parts = urlsplit(url)
        needs_tunnel = connection_requires_http_tunnel(pool.proxy, pool.proxy_config, parts.scheme or None)
        given = dict(headers or {})
        if not any(name.lower() == "host" for name in given):
            given = {"Host": parts.netloc.rpartition("@")[2] or _authority(pool), **given}
        if pool.proxy is not None and not needs_tunnel:
            given.update(pool.proxy_headers)
        message = encode_request(method, url, given, body)
        is_ours = isinstance(timeout, DeadlineTimeout)
        deadline = timeout.deadline if is_ours else Deadline(getattr(timeout, "total", None))
        response = self.exchange(message, deadline, method=method, needs_tunnel=needs_tunnel)
        return _as_urllib3(response, method)

    def exchange(
        self, message: bytes, deadline: Deadline, *, method: str = "GET", needs_tunnel: bool = False
    ) -> Response:
        """Send ``message``, a whole request, and read its response.

        Raises:
            ExchangeError: No acceptable response arrived before the deadline.
        """
        pool: Any = self
        try:
            connection = pool._get_conn(_left(deadline.at))  # urllib3's pools are made for subclasses
        except EmptyPoolError:
            connection = None
        if connection is None:
            raise ExchangeError(
                "all connections to the server were in use; max_connections allows more of them",
                never_sent=True,
                timed_out=True,
            )
        # The connection is closed unless it is certainly clean. Otherwise, the next request could receive the response
        # to this one, which may belong to another user.
        is_reusable = False
        phase = "connect"
        failure: ExchangeError | None = None
        try:
            if connection.is_closed:
                self._connect(connection, deadline, needs_tunnel=needs_tunnel)
            sock = connection.sock
            phase = "send"
            interrupted = _send_or_note(sock, message, deadline.at)
            phase = "receive"
            # A server that refuses a large body answers before it has read all of it, and then closes. Its response
            # explains the failure, so it is read even if sending failed.
            response = read_response(receiver(sock, deadline.at), method=method, max_body_bytes=self.max_body_bytes)
            is_reusable = response.is_reusable and not interrupted and _is_clean(sock)
        except Exception as error:  # the caller gets one type of error, without secrets
            failure = _exchange_error(connection, phase, error)
        else:
            if response.status == _PROXY_AUTHENTICATION_REQUIRED and connection.proxy is not None:
                failure = _proxy_refusal(connection.peer, response)
        finally:
            if not is_reusable:
                connection.close()
            # The connection is always returned to the pool. A missing connection would make the pool smaller
            # permanently, and finally block all threads.
            connection.idle_since, connection.owner = time.monotonic(), os.getpid()
            pool._put_conn(connection)
        if failure is not None:
            raise failure
        return response

    def _connect(self, connection: Any, deadline: Deadline, *, needs_tunnel: bool) -> None:
        pool: Any = self
        connection.deadline, connection.connect_limit = deadline.at, deadline.connect_limit
        connection.timeout = _left(deadline.at)
        if needs_tunnel:
            pool._prepare_proxy(connection)  # sets the tunnel and connects
        pool._validate_conn(connection)  # connects if needed, and warns if certificates are not verified
        if connection.is_closed:
            connection.connect()


def _send_or_note(sock: socket.socket, message: bytes, deadline: float) -> bool:
    """Send a message; returns whether the server stopped reading, in which case its response may explain why."""
    try:
        _send(sock, message, deadline)
    except OSError as error:
        if isinstance(error, TimeoutError) or error.errno not in _PEER_STOPPED_READING:
            raise
        return True
    return False


def _exchange_error(connection: Any, phase: str, error: Exception) -> ExchangeError:
    """Return the error for a failed exchange, with the failing peer; only the reason of ``error`` is kept."""
    peer = connection.peer
    # Inside of the connection, `phase` tells connecting, the proxy's tunnel and TLS apart.
    if phase == "connect":
        phase = connection.phase
    never_sent = phase in {"connect", "tunnel", "tls"}
    if isinstance(error, ExchangeError):
        return error
    if isinstance(error, ssl.SSLError) and not isinstance(error, TimeoutError):
        return _tls_error(connection, error, never_sent=never_sent)
    if isinstance(error, urllib3.exceptions.SSLError):  # the file has changed since the client was created
        return ExchangeError(
            f"the TLS connection to {peer} could not be made: the file of certificates cannot be read. "
            "Check ca_bundle, REQUESTS_CA_BUNDLE and CURL_CA_BUNDLE",
            never_sent=True,
            is_permanent=True,
        )
    if isinstance(error, TimeoutError | ConnectTimeoutError):
        return ExchangeError(_TIMED_OUT[phase].format(peer=peer), never_sent=never_sent, timed_out=True)
    if isinstance(error, MalformedResponseError | ResponseTooLargeError):
        words = "too large" if isinstance(error, ResponseTooLargeError) else "invalid"
        advice = "; max_response_kb allows more" if isinstance(error, ResponseTooLargeError) else ""
        return ExchangeError(f"the response is {words}: {error}{advice}", is_malformed=True, never_sent=never_sent)
    at_fault = f" ({peer})" if connection.proxy is not None else ""  # the caller adds the server's URL
    return ExchangeError(f"{_words(error)}{at_fault}", never_sent=never_sent)


def _words(error: Exception) -> str:
    if isinstance(error, IncompleteResponseError):
        return "the connection was closed without a response" if error.is_empty else str(error)
    if isinstance(error, OSError):
        return _lowered(error)
    if isinstance(error, urllib3.exceptions.HTTPError):  # of a SOCKS proxy, where urllib3 connects
        text = str(error).rpartition("Failed to establish a new connection: ")[2].rstrip("')\"")
        return f"cannot connect through the SOCKS proxy: {text[:200]}"
    return type(error).__name__


_TIMED_OUT = {
    "connect": "cannot connect to {peer}: timed out",
    "tunnel": "{peer} did not answer in time",
    "tls": "the TLS handshake with {peer} was not finished in time; if the port expects http, not https, "
    "change the scheme of the URL",
    "send": "{peer} did not read the request in time",
    "receive": "{peer} did not answer in time",
}
#: Reasons of OpenSSL for bytes that are not TLS: the port speaks plain HTTP.
_NOT_TLS = frozenset({"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE"})
#: Reasons after which a retry may help: the connection was lost.
_CUT = (ssl.SSLEOFError, ssl.SSLZeroReturnError)


def _tls_error(connection: Any, error: ssl.SSLError, *, never_sent: bool) -> ExchangeError:
    peer = connection.peer
    if isinstance(error, _CUT):
        return ExchangeError(f"the TLS connection to {peer} was interrupted", never_sent=never_sent)
    # OpenSSL has no specific reason for this common mistake; it reports what it failed to parse.
    if error.reason in _NOT_TLS and never_sent:
        advice = "the port expects http, not https: check the scheme of the URL"
        return ExchangeError(f"{peer} does not speak TLS; {advice}", never_sent=True, is_permanent=True)
    reason = getattr(error, "verify_message", "") or (error.reason or "").replace("_", " ").lower() or "it was refused"
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = f"the certificate cannot be verified: {reason}"
    return ExchangeError(
        f"the TLS connection to {peer} could not be made: {reason}. Check ca_bundle, client_cert and client_key, and "
        "the server's certificate",
        never_sent=never_sent,
        is_permanent=True,
    )


def _authority(pool: Any) -> str:
    host = f"[{pool.host}]" if ":" in pool.host and not pool.host.startswith("[") else pool.host
    is_default = pool.port in {None, pool.ConnectionCls.default_port}
    return host if is_default else f"{host}:{pool.port}"


class _Original:
    """The object from which requests reads cookies."""

    def __init__(self, fields: Any) -> None:
        self.msg = HTTPMessage()
        for name, value in fields:
            self.msg[name] = value

    def isclosed(self) -> bool:
        return True

    def close(self) -> None:
        pass


#: Header fields that describe the body as sent, which is decoded already.
_FRAMING_FIELDS = frozenset({"content-encoding", "content-length", "transfer-encoding"})


def _as_urllib3(response: Response, method: str) -> urllib3.HTTPResponse:
    headers = HTTPHeaderDict()
    for name, value in response.fields:
        if name not in _FRAMING_FIELDS:
            headers.add(name, value)
    original: Any = _Original(response.fields) if "set-cookie" in response.headers else None
    return urllib3.HTTPResponse(
        body=io.BytesIO(response.body),
        headers=headers,
        status=response.status,
        version=11,
        reason=response.reason,
        preload_content=False,
        original_response=original,
        request_method=method,
    )


class PooledAdapter(HTTPAdapter):
    """An adapter of requests whose pools use this module's exchanges, with at most ``connections`` each.

    Args:
        connections: The size of each pool; a request waits for a free connection when all are in use.
        max_body_bytes: The maximum size of a response body.
    """

    def __init__(self, connections: int, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        super().__init__(pool_connections=4, pool_maxsize=connections, pool_block=True, max_retries=0)
        self._pool_maxsize: int = connections

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Create the pools, whose sockets use TCP keep-alive; called by requests."""
        # Routers drop idle connections silently. Without a deadline, only keep-alive ends a wait on such a connection.
        options["socket_options"] = [
            *HTTPConnection.default_socket_options,
            (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        ]
        super().init_poolmanager(*args, **options)
        self._use_own_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Return the pools for a proxy."""
        is_new = proxy not in self.proxy_manager
        manager = super().proxy_manager_for(proxy, **options)
        if is_new:
            self._use_own_pools(manager)
        return manager

    def _use_own_pools(self, manager: PoolManager) -> None:
        manager.pool_classes_by_scheme = {
            scheme: _own_pool(pool, self._max_body_bytes) for scheme, pool in manager.pool_classes_by_scheme.items()
        }

    def grow(self, connections: int) -> None:
        """Increase the size of each pool to at least ``connections``."""
        # Pools only grow: several handlers may share a session, and connections in use cannot be taken away.
        more = connections - self._pool_maxsize
        if more <= 0:
            return
        self._pool_maxsize = connections
        self.poolmanager.connection_pool_kw["maxsize"] = connections
        pools = self.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118  the container of pools cannot be iterated
            pool = pools.get(key)
            if pool is not None and pool.pool is not None:
                # urllib3 has no call for this. The queue's size and its free slots have to change together, or a thread
                # blocks on a full queue when it returns its connection.
                with pool.pool.mutex:
                    pool.pool.maxsize += more
                for _ in range(more):
                    pool.pool.put(None, block=False)  # a slot for a connection that is created when it is needed

    def forget_connections(self) -> None:
        """Start with new connections in a forked child, without changing those of the parent."""
        # The old pools are replaced and not closed: another thread of the parent may have held their locks during the
        # fork, and no thread of the child would release them.
        self.proxy_manager: dict[str, Any] = {}
        self.init_poolmanager(self._pool_connections, self._pool_maxsize, block=self._pool_block)  # type: ignore[attr-defined]


def _own_pool(base: Any, max_body_bytes: int) -> Any:
    """Return a subclass of a pool class of urllib3 whose requests are exchanges."""
    bases: tuple[Any, ...] = (_Connection, base.ConnectionCls)
    members: dict[str, Any] = {}
    if base.__name__.startswith("SOCKS"):
        members["_new_conn"] = base.ConnectionCls._new_conn  # only PySocks can connect there
    connection = type("Connection", bases, members)
    return type("Pool", (_Pool, base), {"ConnectionCls": connection, "max_body_bytes": max_body_bytes})


class _Session(requests.Session):
    """A session that ignores redirects: requests would prepare the next request even if it is not sent."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return None: redirects are errors."""
        del resp
        return None


def new_session(settings: Settings, adapter: HTTPAdapter | None = None) -> requests.Session:
    """Return a session with the SDK's adapter, or with the user's."""
    session = _Session()
    mounted = adapter or PooledAdapter(settings.max_connections or DEFAULT_CONNECTIONS, settings.max_response_kb * 1024)
    for scheme in ("http://", "https://"):
        session.mount(scheme, mounted)
    session.headers["User-Agent"] = USER_AGENT
    session.headers["Accept-Encoding"] = "gzip, deflate"  # what the response reader decompresses
    return session


def tls_options(settings: Settings) -> dict[str, Any]:
    """Return the TLS and proxy options of each request, because the environment would override those of the session.

    Raises:
        ConfigurationError: A file of certificates or the key cannot be used.
    """
    _check_certificates(settings)
    options: dict[str, Any] = {"verify": settings.ca_bundle or settings.verify if settings.verify else False}
    if settings.client_cert:
        options["cert"] = (settings.client_cert, settings.client_key) if settings.client_key else settings.client_cert
    if settings.proxy:
        options["proxies"] = {"http": settings.proxy, "https": settings.proxy}
    return options


def _check_certificates(settings: Settings) -> None:
    """Read the certificate files like each connection, to report an invalid file before a request is sent."""
    bundle, cert, key = settings.ca_bundle, settings.client_cert, settings.client_key
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if bundle and not Path(bundle).is_dir():
        _check_file("ca_bundle", bundle, "certificates", lambda: context.load_verify_locations(bundle))
    if cert:
        _check_file(
            "client_key" if key else "client_cert",
            key or cert,
            f"the key of {cert!r}, not encrypted" if key else "a certificate and its key, not encrypted",
            lambda: context.load_cert_chain(cert, key, password=_refuse_password),
        )


def _refuse_password() -> str:
    raise ValueError("the key is encrypted")  # without a function, OpenSSL would prompt for it on the terminal


def _check_file(name: str, path: str, content: str, load: Callable[[], None]) -> None:
    problem = ""
    try:
        load()
    except ssl.SSLError as error:
        problem = (error.reason or "").replace("_", " ").lower() or "it is not a PEM file"
    except OSError as error:
        problem = _lowered(error)
    except ValueError as error:
        problem = str(error)
    if problem:
        raise ConfigurationError(
            f"{name}: {path!r} cannot be used: {problem}. It must be a PEM file with {content}.",
            variable=name,
            value=path,
            allowed=f"a PEM file with {content}",
        )
