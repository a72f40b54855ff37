"""Read one HTTP/1.1 response, and refuse every response whose end is ambiguous (RFC 9112, sections 4 to 7).

A connection serves one call after another. If the reader and the sender disagreed about the end of a response, the next
call would get the rest of it. Therefore, a response is either read to its exact end or refused, and
``Response.is_reusable`` is true only if the connection can be used for another call.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable

__all__ = [
    "Headers",
    "IncompleteResponseError",
    "MalformedResponseError",
    "Response",
    "ResponseTooLargeError",
    "read_head",
    "read_response",
]

#: Bytes of one head (status line and header fields) or of the trailer fields; Tomcat's default is 8 KiB, nginx' 32 KiB.
MAX_HEAD_BYTES = 65_536
#: Header fields of one head.
MAX_HEADER_FIELDS = 100
#: Interim (1xx) responses before the final one.
MAX_INTERIM_RESPONSES = 20
#: Members of one gzip body; servers send one, and each costs a copy of the rest.
_MAX_GZIP_MEMBERS = 100
#: Bytes of one chunk-size line, with its extensions.
_MAX_CHUNK_LINE_BYTES = 4096

_STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: ([\t\x20-\x7e\x80-\xff]*))?")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)")
_CHUNK_LINE = re.compile(rb"([0-9A-Fa-f]{1,16})(?:[ \t]*;[\t\x20-\x7e\x80-\xff]*)?")
_CONTENT_LENGTH = re.compile(r"[0-9]{1,18}", re.ASCII)
_START = b"HTTP/1."
#: Maximum number of bytes in an error about a response that is not HTTP.
_SHOWN_BYTES = 20
_BARE_LINE_FEEDS = (b"\n\n", b"\n\r\n")


class MalformedResponseError(Exception):
    """The bytes are not one complete, unambiguous response; the message explains why."""


class ResponseTooLargeError(Exception):
    """The body, as sent or decompressed, exceeds the maximum size."""


class IncompleteResponseError(Exception):
    """The connection ended before the end of the response.

    Attributes:
        is_empty: Not a single byte arrived.
    """

    def __init__(self, message: str, *, is_empty: bool = False) -> None:
        super().__init__(message)
        self.is_empty = is_empty


class Headers(dict[str, str]):
    """Header fields by lowercase name; ``get`` accepts a name in any case, and values of repeated fields are joined."""

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """Return the value of a field, or ``default``."""
        return super().get(name.lower(), default)


class Response:
    """One complete response.

    Its repr shows no header and no body: either may hold a secret, and tools that report errors show local variables.

    Attributes:
        status: The status, from 200 to 599.
        headers: The header fields.
        body: The body, decompressed.
        is_reusable: The response ended exactly where its framing says, no byte followed, and both sides keep the
            connection open.
        fields: The header fields in the order of arrival, repeated ones included.
        reason: The reason phrase.
    """

    __slots__ = ("body", "fields", "headers", "is_reusable", "reason", "status")

    def __init__(
        self,
        status: int,
        headers: Headers,
        body: bytes = b"",
        *,
        is_reusable: bool = False,
        fields: Iterable[tuple[str, str]] = (),
        reason: str = "",
    ) -> None:
        self.status: int = status
        self.headers: Headers = headers
        self.body: bytes = body
        self.is_reusable: bool = is_reusable
        self.fields: Iterable[tuple[str, str]] = fields
        self.reason: str = reason

    def __repr__(self) -> str:
        return f"<Response {self.status}>"


class _Input:
    """The bytes that arrived and are not consumed yet; reading takes time linear in them, however small the pieces."""

    __slots__ = ("_data", "_has_begun", "_receive", "_start")

    def __init__(self, receive: Callable[[], bytes]) -> None:
        self._receive = receive
        self._data = bytearray()
        self._start = 0
        self._has_begun = False

    @property
    def is_empty(self) -> bool:
        return self._start == len(self._data)

    def _more(self) -> None:
        block = self._receive()
        if not block:
            raise IncompleteResponseError("the connection ended before the response did", is_empty=not self._has_begun)
        self._has_begun = True
        if self._start:
            del self._data[: self._start]
            self._start = 0
        self._data += block

    def head(self) -> bytes:
        """Return a status line and its fields, without the empty line that ends them."""
        # Searching from the start after each block would take quadratic time: a server that sends byte by byte could
        # keep a thread busy. Three bytes of the separator may have come with earlier blocks.
        scanned = 0  # bytes that were searched before
        while (end := self._data.find(b"\r\n\r\n", self._start + max(scanned - 3, 0))) < 0:
            self._refuse_early(scanned)
            scanned = len(self._data) - self._start
            self._more()
        if end - self._start > MAX_HEAD_BYTES:
            raise MalformedResponseError(f"its header fields exceed {MAX_HEAD_BYTES} bytes")
        return self._take(end, 4)

    def _take(self, end: int, separator: int) -> bytes:
        taken = bytes(memoryview(self._data)[self._start : end])
        self._start = end + separator
        return taken

    def _refuse_early(self, scanned: int) -> None:
        """Refuse bytes that cannot be a response head, instead of waiting for its end."""
        # A port that speaks another protocol sends its greeting and waits. Without this check the error would be a
        # timeout.
        first = self._data[self._start : self._start + max(len(_START), _SHOWN_BYTES)]
        if not first.startswith(_START[: len(first)]):
            raise MalformedResponseError(_not_http(bytes(first)))
        begin = self._start + max(scanned - 2, 0)
        if any(self._data.find(feeds, begin) >= 0 for feeds in _BARE_LINE_FEEDS):
            raise MalformedResponseError("a line ends without a carriage return")
        if len(self._data) - self._start > MAX_HEAD_BYTES:
            raise MalformedResponseError(f"its header fields exceed {MAX_HEAD_BYTES} bytes")

    def line(self, limit: int) -> bytes:
        """Return a line without its CRLF."""
        scanned = 0
        while (end := self._data.find(b"\r\n", self._start + max(scanned - 1, 0))) < 0:
            scanned = len(self._data) - self._start
            if scanned > limit:
                raise MalformedResponseError(f"a line exceeds {limit} bytes")
            self._more()
        if end - self._start > limit:
            raise MalformedResponseError(f"a line exceeds {limit} bytes")
        return self._take(end, 2)

    def exactly(self, count: int) -> bytes:
        """Return the next ``count`` bytes, waiting for them if necessary."""
        end = self._start + count
        if end <= len(self._data):
            return self._take(end, 0)
        # Blocks are joined once at the end; appending each of them to the buffer would copy a large body twice.
        parts, missing = [self._take(len(self._data), 0)], end - len(self._data)
        while missing > 0:
            block = self._receive()
            if not block:
                raise IncompleteResponseError(f"the connection ended {missing} bytes before the response did")
            parts.append(block)
            missing -= len(block)
        if missing < 0:
            self._data, self._start = bytearray(parts[-1][missing:]), 0
            parts[-1] = parts[-1][:missing]
        return b"".join(parts)

    def rest(self, limit: int) -> bytes:
        """Return everything up to the end of the connection."""
        parts = [self._take(len(self._data), 0)]
        size = len(parts[0])
        while block := self._receive():
            size += len(block)
            _check_size(size, limit)
            parts.append(block)
        _check_size(size, limit)
        return b"".join(parts)


def _not_http(data: bytes) -> str:
    if data[:1] in {b"\x15", b"\x16"} and data[1:2] == b"\x03":
        return "it is a TLS record: the port expects https"
    return f"it does not begin with an HTTP/1.1 status line but with {data[:_SHOWN_BYTES]!r}"


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise ResponseTooLargeError(f"its body exceeds {limit:,} bytes")


def read_response(receive: Callable[[], bytes], *, method: str = "GET", max_body_bytes: int) -> Response:
    """Read the final response to one request; interim (1xx) responses are skipped.

    Args:
        receive: Returns the next bytes from the connection, at least one, or ``b""`` at its end.
        method: The request's method; the response to HEAD has no body.
        max_body_bytes: The maximum size of the body, as sent and decompressed.

    Raises:
        MalformedResponseError: The response is malformed or its framing is ambiguous.
        ResponseTooLargeError: The body exceeds ``max_body_bytes``.
        IncompleteResponseError: The connection ended before the end of the response.
        OSError: The connection failed, or the deadline passed, in ``receive``.
    """
    source = _Input(receive)
    # 100 Continue and 103 Early Hints precede the response. A limit keeps a faulty proxy from holding the thread until
    # the deadline.
    for _ in range(MAX_INTERIM_RESPONSES + 1):
        version, status, reason, fields = _parse_head(source.head())
        headers = _joined(fields)
        if status >= 200:
            break
        if "content-length" in headers or "transfer-encoding" in headers:
            raise MalformedResponseError(f"the interim response {status} declares a body")
    else:
        raise MalformedResponseError(f"more than {MAX_INTERIM_RESPONSES} interim responses")
    body, is_delimited = _read_body(source, method, version, status, headers, max_body_bytes)
    encoding = headers.get("content-encoding")
    if encoding and body:
        body = _decompressed(body, encoding.strip().lower(), max_body_bytes)
    is_reusable = is_delimited and source.is_empty and _keeps_open(version, headers)
    return Response(status, headers, body, is_reusable=is_reusable, fields=fields, reason=reason)


def read_head(receive: Callable[[], bytes]) -> Response:
    """Read a response that has no body: that of a proxy to CONNECT.

    Raises:
        MalformedResponseError: The response is malformed, or bytes follow a response that opens the tunnel.
        IncompleteResponseError: The connection ended before the end of the response.
    """
    source = _Input(receive)
    _, status, reason, fields = _parse_head(source.head())
    # The bytes would be read as the beginning of the TLS handshake, although the handshake has not begun.
    if status < 300 and not source.is_empty:
        raise MalformedResponseError("bytes follow the response to CONNECT")
    return Response(status, _joined(fields), fields=fields, reason=reason)


def _parse_head(head: bytes) -> tuple[bytes, int, str, list[tuple[str, str]]]:
    first, *lines = head.split(b"\r\n")
    found = _STATUS_LINE.fullmatch(first)
    if found is None:
        raise MalformedResponseError(f"invalid status line: {first[:60]!r}")
    if len(lines) > MAX_HEADER_FIELDS:
        raise MalformedResponseError(f"more than {MAX_HEADER_FIELDS} header fields")
    return found[1], int(found[2]), (found[3] or b"").decode("latin-1"), _parse_fields(lines)


def _parse_fields(lines: list[bytes]) -> list[tuple[str, str]]:
    fields = []
    for line in lines:
        found = _FIELD.fullmatch(line)
        if found is None:  # the line itself may hold a secret
            raise MalformedResponseError("invalid header field (a folded line, or a character that is not allowed)")
        fields.append((found[1].decode("ascii").lower(), found[2].strip(b" \t").decode("latin-1")))
    return fields


def _joined(fields: list[tuple[str, str]]) -> Headers:
    headers = Headers(fields)
    if len(headers) < len(fields):
        headers.clear()
        for name, value in fields:
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _read_body(
    source: _Input, method: str, version: bytes, status: int, headers: Headers, limit: int
) -> tuple[bytes, bool]:
    """Return the body, and whether its end is certain, so that the next byte belongs to another response."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    # RFC 9112, 6.3: the two disagree about where the response ends, which is how response smuggling works. Proxies in
    # front of a server may have chosen the other one.
    if coding is not None and length is not None:
        raise MalformedResponseError("it has both Transfer-Encoding and Content-Length")
    if coding is not None and (coding.lower() != "chunked" or version != b"1"):
        raise MalformedResponseError("its Transfer-Encoding is not exactly chunked, in HTTP/1.1")
    if length is not None and not _CONTENT_LENGTH.fullmatch(length):
        raise MalformedResponseError(f"invalid or repeated Content-Length: {length[:40]!r}")
    if method == "HEAD":
        return b"", True
    if status in {204, 304}:  # no body follows, even if the fields announce one; some servers send one anyway
        return b"", coding is None and int(length or 0) == 0 and status == 204
    if coding is not None:
        return _read_chunks(source, limit), True
    # The body ends with the connection, so a lost connection looks like the end; the connection cannot be reused.
    if length is None:
        return source.rest(limit), False
    _check_size(int(length), limit)
    return source.exactly(int(length)), True


def _read_chunks(source: _Input, limit: int) -> bytes:
    body, size = bytearray(), 0  # one buffer: a list of small chunks takes many times their bytes
    while True:
        # int() would also accept signs, underscores and spaces; a proxy that reads the size differently sees another
        # response.
        found = _CHUNK_LINE.fullmatch(source.line(_MAX_CHUNK_LINE_BYTES))
        if found is None:
            raise MalformedResponseError("invalid chunk size")
        length = int(found[1], 16)
        if not length:
            break
        size += length
        _check_size(size, limit)
        body += source.exactly(length)
        if source.exactly(2) != b"\r\n":
            raise MalformedResponseError("a chunk does not end after its declared size")
    trailers, left = [], MAX_HEAD_BYTES
    while line := source.line(left):
        trailers.append(line)
        left -= len(line)
        if len(trailers) > MAX_HEADER_FIELDS or left < 0:
            raise MalformedResponseError("too many trailer fields")
    _parse_fields(trailers)
    return bytes(body)


def _keeps_open(version: bytes, headers: Headers) -> bool:
    connection = headers.get("connection")
    if connection is None:
        return version == b"1"
    options = {option.strip() for option in connection.lower().split(",")}
    return "close" not in options and (version == b"1" or "keep-alive" in options)


def _decompressed(body: bytes, encoding: str, limit: int) -> bytes:
    if encoding == "identity":
        return body
    if encoding in {"gzip", "x-gzip"}:
        window = 16 + zlib.MAX_WBITS
    elif encoding == "deflate":  # in zlib's format, whose first byte ends in 8; some servers send the raw one
        window = zlib.MAX_WBITS if body[0] & 0x0F == zlib.DEFLATED else -zlib.MAX_WBITS
    else:
        raise MalformedResponseError(f"unknown Content-Encoding: {encoding[:40]!r}")
    parts, size, rest = [], 0, body
    while rest:
        # At most `limit` bytes are decompressed, plus one that shows there are more: 1 KB can expand to 1 MB.
        decoder = zlib.decompressobj(window)
        try:
            part = decoder.decompress(rest, limit - size + 1)
        except zlib.error:
            part = None
        if part is None or (not decoder.eof and not decoder.unconsumed_tail and len(part) + size <= limit):
            raise MalformedResponseError(f"its body is not valid {encoding}")
        size += len(part)
        _check_size(size, limit)
        if not decoder.eof:
            raise ResponseTooLargeError(f"its body exceeds {limit:,} bytes")
        parts.append(part)
        rest = decoder.unused_data
        if rest and (encoding == "deflate" or len(parts) == _MAX_GZIP_MEMBERS):
            raise MalformedResponseError("bytes follow its compressed body")
    return b"".join(parts)
