"""Reads an answer of a poll or an update from its connection.

``http.client`` has the head of every answer parsed by ``email.parser``, which takes more time than all else that a task
costs. An answer's head is a status and a few names with values; this reads that and no more, by the same deadline.
"""

from __future__ import annotations

from http.client import BadStatusLine, IncompleteRead, LineTooLong, RemoteDisconnected
from typing import BinaryIO

__all__ = ["Headers", "read_answer"]

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
