"""The pooled session: its size, TLS, proxies, deadlines and idle connections, and what becomes of it in a fork."""

from __future__ import annotations

import http.client
import io
import os
import socket
import time
from http.client import BadStatusLine, IncompleteRead, LineTooLong, RemoteDisconnected
from typing import Any, BinaryIO

import requests
from requests.adapters import HTTPAdapter
from urllib3 import PoolManager, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from conductor._version import __version__
from conductor.settings import Settings

__all__ = [
    "DEFAULT_CONNECTIONS",
    "DeadlineResponse",
    "Headers",
    "PooledAdapter",
    "exchange",
    "new_session",
    "read_answer",
    "tls_options",
]


_LONGEST_LINE = 65_536
_MOST_HEADERS = 100
_FIRST_FINAL = 200
_WITHOUT_BODY = frozenset({204, 304})
_ENDS = frozenset({b"\r\n", b"\n"})


class Headers(dict[str, str]):
    """Names in small letters; ``get`` takes them in any case."""

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """The value of a header, or ``default``."""
        return super().get(name.lower(), default)


def read_answer(file: BinaryIO) -> tuple[int, Headers, bytes, bool]:
    """Status, headers, body, and whether the server closes the connection after it.

    Raises:
        HTTPException: It is none, or ends before its end.
        OSError: The connection failed, or the deadline is over.
    """
    status, closes = _status(file)
    headers = _headers(file)
    while status < _FIRST_FINAL:  # 100 Continue and its like
        status, closes = _status(file)
        headers = _headers(file)
    connection = (headers.get("connection") or "").lower()
    closes = "keep-alive" not in connection if closes else "close" in connection
    if status in _WITHOUT_BODY:
        return status, headers, b"", closes
    if "chunked" in (headers.get("transfer-encoding") or "").lower():
        return status, headers, _chunks(file), closes
    length = headers.get("content-length")
    if length is None:
        return status, headers, file.read(), True
    if not length.isdecimal():
        raise BadStatusLine(f"Content-Length: {length}")
    return status, headers, _exactly(file, int(length)), closes


def _line(file: BinaryIO, what: str) -> bytes:
    line = file.readline(_LONGEST_LINE + 1)
    if len(line) > _LONGEST_LINE:
        raise LineTooLong(what)
    return line


def _status(file: BinaryIO) -> tuple[int, bool]:
    """The status, and whether the connection is of a version that closes it unless it says otherwise."""
    line = _line(file, "status line")
    if not line:
        raise RemoteDisconnected("Remote end closed connection without response")
    version, _, rest = line.partition(b" ")
    digits = rest[:3]
    if not version.startswith(b"HTTP/1.") or not digits.isdigit():
        raise BadStatusLine(line[:100].decode("latin-1"))
    return int(digits), version == b"HTTP/1.0"


def _headers(file: BinaryIO) -> Headers:
    headers, last = Headers(), ""
    while (line := _line(file, "header line")) not in _ENDS:
        if not line:
            raise IncompleteRead(b"")
        if line[:1] in b" \t" and last:  # a value that goes on
            headers[last] += " " + line.strip().decode("latin-1")
            continue
        if len(headers) >= _MOST_HEADERS:
            raise LineTooLong("headers")
        name, _, value = line.partition(b":")
        last = name.strip().lower().decode("latin-1")
        headers[last] = value.strip().decode("latin-1")
    return headers


def _exactly(file: BinaryIO, length: int) -> bytes:
    content = file.read(length)
    if len(content) < length:
        raise IncompleteRead(content, length - len(content))
    return content


def _chunks(file: BinaryIO) -> bytes:
    chunks: list[bytes] = []
    while True:
        line = _line(file, "chunk size")
        try:
            length = int(line.partition(b";")[0], 16)
        except ValueError:
            raise IncompleteRead(b"".join(chunks)) from None
        if not length:
            break
        chunks.append(_exactly(file, length))
        _line(file, "end of a chunk")
    while (line := _line(file, "trailer")) and line not in _ENDS:
        continue
    return b"".join(chunks)


DEFAULT_CONNECTIONS = 100
USER_AGENT = f"conductor-sdk-python/{__version__}"
# Servers close connections that idle: Tomcat after 20 s and more, load balancers after 60 s. Retiring ours earlier
# means that a request is not lost to a close that crosses it on the way.
_LONGEST_IDLE = 10.0
_LONGEST_LATE = 1.0
_NO_WAIT = 0.001


class _DeadlineFile(io.RawIOBase):
    """Reads a socket until a deadline, however slowly the answer trickles.

    What has arrived when the deadline is over still counts: among very many threads one may get its turn only then, and
    the answer to a poll has tasks in it. It has a second for reading that, and no time to wait for more.
    """

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        # The socket's own file holds it open: when the server says that it will close the connection, as Tomcat does
        # after many an error, http.client closes its socket before the body is read.
        self._file = sock.makefile("rb", buffering=0)
        self._deadline = deadline
        self._late_since: float | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        now = time.monotonic()
        left = self._deadline - now
        if left <= 0:
            self._late_since = self._late_since or now
            if now - self._late_since > _LONGEST_LATE:
                raise TimeoutError("timed out")
        self._sock.settimeout(max(left, _NO_WAIT))
        return self._file.readinto(buffer) or 0

    def close(self) -> None:
        self._file.close()
        super().close()


class _DeadlineSocket:
    """What ``http.client.HTTPResponse`` needs of a socket, with a deadline on the whole answer."""

    def __init__(self, sock: socket.socket, deadline: float) -> None:
        self._sock = sock
        self._deadline = deadline

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_DeadlineFile(self._sock, self._deadline))


class DeadlineResponse(http.client.HTTPResponse):
    """An answer that has to be there, head and body, when the connection's read timeout is over."""

    timeout: float | None = None

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        timeout = sock.gettimeout()
        wrapped = sock if timeout is None else _DeadlineSocket(sock, time.monotonic() + timeout)
        super().__init__(wrapped, *args, **options)  # type: ignore[arg-type]


class _HTTPConnection(HTTPConnection):
    response_class = DeadlineResponse
    idle_since: float | None = None
    owner: int = 0


class _HTTPSConnection(HTTPSConnection):
    response_class = DeadlineResponse
    idle_since: float | None = None
    owner: int = 0


class Until(Timeout):
    """A timeout that ends at one moment, however long the wait for a connection of the pool took.

    urllib3 makes a copy of a request's timeout before it takes a connection from the pool, and another one after.

    Args:
        deadline: When all has to be over, on the monotonic clock.
        connect: The longest for making a connection, in seconds; None for no limit of its own.
    """

    def __init__(self, deadline: float, connect: float | None) -> None:
        left = max(deadline - time.monotonic(), _NO_WAIT)
        super().__init__(connect=left if connect is None else min(connect, left), total=left)
        self.deadline = deadline
        self._longest_connect = connect

    def clone(self) -> Until:
        """A copy for what is left of the time."""
        return Until(self.deadline, self._longest_connect)


class _FreshConnections:
    """A pool that reconnects what has been idle for long or is another process's, and waits only as long as it may.

    After a fork Python tells us to begin with new connections. uWSGI forks without Python's knowing, unless it is told
    to, and on a connection that two processes share each would read the other's answers.
    """

    def urlopen(self, *args: Any, timeout: Any = None, **options: Any) -> Any:
        if isinstance(timeout, Until):
            options["pool_timeout"] = timeout.clone().total
        return super().urlopen(*args, timeout=timeout, **options)  # type: ignore[misc]

    def _get_conn(self, timeout: float | None = None) -> Any:
        connection = super()._get_conn(timeout)  # type: ignore[misc]
        since = connection.idle_since
        if since is not None and (time.monotonic() - since > _LONGEST_IDLE or connection.owner != os.getpid()):
            connection.close()
        return connection

    def _put_conn(self, connection: Any) -> None:
        if connection is not None:
            connection.idle_since, connection.owner = time.monotonic(), os.getpid()
        super()._put_conn(connection)  # type: ignore[misc]


class _HTTPPool(_FreshConnections, HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(_FreshConnections, HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class PooledAdapter(HTTPAdapter):
    """An adapter whose pool holds ``connections``, makes no more, and keeps deadlines."""

    def __init__(self, connections: int) -> None:
        super().__init__(pool_connections=4, pool_maxsize=connections, pool_block=True, max_retries=0)
        self._pool_maxsize: int = connections

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        """Make the pools."""
        options["socket_options"] = _socket_options()
        super().init_poolmanager(*args, **options)
        _use_our_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """The pools for a proxy."""
        manager = super().proxy_manager_for(proxy, **options)
        if not proxy.lower().startswith("socks"):
            _use_our_pools(manager)
        return manager

    def grow(self, connections: int) -> None:
        """Let each pool have ``connections``, if that is more than it may have."""
        more = connections - self._pool_maxsize
        if more <= 0:
            return
        self._pool_maxsize = connections
        self.poolmanager.connection_pool_kw["maxsize"] = connections
        pools = self.poolmanager.pools
        for key in pools.keys():  # noqa: SIM118  the container of pools cannot be iterated
            pool = pools.get(key)
            if pool is not None and pool.pool is not None:
                with pool.pool.mutex:
                    pool.pool.maxsize += more
                for _ in range(more):
                    pool.pool.put(None, block=False)  # a place for a connection that is made when it is needed

    def forget_connections(self) -> None:
        """In a forked child: begin with new connections, and leave those of the parent alone."""
        self.proxy_manager: dict[str, Any] = {}
        self.init_poolmanager(self._pool_connections, self._pool_maxsize, block=self._pool_block)  # type: ignore[attr-defined]


def exchange(pool: Any, message: bytes, limit: float, connect: float) -> tuple[int, Headers, bytes]:
    """Send a whole request on a connection of ``pool`` and read its answer: status, headers, body.

    This is what urllib3 does for a request, without what a poll or an update never needs of it.

    Args:
        pool: Where the connection comes from, and goes back to.
        message: The request, head and body.
        limit: Seconds that all of it may take, the wait for a connection included.
        connect: Seconds that making a connection may take.
    """
    deadline = time.monotonic() + limit
    connection = pool._get_conn(limit)  # noqa: SLF001  the pool is ours, see _FreshConnections
    try:
        if connection.is_closed:
            connection.timeout = max(min(connect, deadline - time.monotonic()), _NO_WAIT)
            connection.connect()
        connection.sock.settimeout(max(deadline - time.monotonic(), _NO_WAIT))
        connection.sock.sendall(message)
        with io.BufferedReader(_DeadlineFile(connection.sock, deadline)) as file:
            status, headers, content, closes = read_answer(file)
        if closes:
            connection.close()
    except BaseException:
        connection.close()
        raise
    finally:
        pool._put_conn(connection)  # noqa: SLF001
    return status, headers, content


def _use_our_pools(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


def _socket_options() -> list[tuple[int, int, int]]:
    return [
        *HTTPConnection.default_socket_options,
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    ]


def new_session(settings: Settings, adapter: HTTPAdapter | None = None) -> requests.Session:
    """A session with our adapter, or the user's."""
    session = requests.Session()
    mounted = adapter or PooledAdapter(settings.max_connections or DEFAULT_CONNECTIONS)
    for scheme in ("http://", "https://"):
        session.mount(scheme, mounted)
    session.headers["User-Agent"] = USER_AGENT
    return session


def tls_options(settings: Settings) -> dict[str, Any]:
    """What each request is told of TLS and proxies: per request, because the environment beats the session's own."""
    options: dict[str, Any] = {"verify": settings.ca_bundle or settings.verify if settings.verify else False}
    if settings.client_cert:
        options["cert"] = (settings.client_cert, settings.client_key) if settings.client_key else settings.client_cert
    if settings.proxy:
        options["proxies"] = {"http": settings.proxy, "https": settings.proxy}
    return options
