import io
from http.client import HTTPException, IncompleteRead, RemoteDisconnected

import pytest

from conductor.transport.connections import read_answer


def read(text):
    return read_answer(io.BufferedReader(io.BytesIO(text)))


def head(*lines, status="200 OK", version="HTTP/1.1"):
    return "\r\n".join([f"{version} {status}", *lines, "", ""]).encode()


def test_an_answer_with_a_length_leaves_what_comes_after_it():
    file = io.BufferedReader(io.BytesIO(head("Content-Length: 2", "Content-Type: application/json") + b"{}rest"))
    status, headers, content, closes = read_answer(file)
    assert (status, content, closes) == (200, b"{}", False)
    assert headers.get("content-type") == headers.get("Content-Type") == "application/json"
    assert headers.get("Retry-After") is None
    assert file.read() == b"rest"


@pytest.mark.parametrize(
    ("text", "content", "closes"),
    [
        (head("Transfer-Encoding: chunked") + b"3\r\nabc\r\n2;x=1\r\nde\r\n0\r\nTrailer: 1\r\n\r\n", b"abcde", False),
        (head("transfer-encoding: Chunked", "Connection: close") + b"0\r\n\r\n", b"", True),
        (head() + b"to the end", b"to the end", True),
        (head("Content-Length: 0"), b"", False),
        (head("Content-Length: 1", "connection: Close") + b"x", b"x", True),
        (head("Content-Length: 1", version="HTTP/1.0") + b"x", b"x", True),
        (head("Content-Length: 1", "Connection: keep-alive", version="HTTP/1.0") + b"x", b"x", False),
        (head(status="204 No Content"), b"", False),
        (head(status="204"), b"", False),
        (head(status="100 Continue") + head("Content-Length: 1") + b"x", b"x", False),
        (b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx", b"x", False),
    ],
)
def test_bodies_of_every_form(text, content, closes):
    _, _, read_content, read_closes = read(text)
    assert (read_content, read_closes) == (content, closes)


def test_a_value_may_hold_colons_and_go_on_in_the_next_line():
    _, headers, _, _ = read(head("Content-Length: 0", "Location: http://a:1/b", "X-Long: one", "  two"))
    assert (headers["location"], headers["x-long"]) == ("http://a:1/b", "one two")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"", RemoteDisconnected),
        (b"HTTP/1.1 200 OK\r\nContent-Le", IncompleteRead),
        (head("Content-Length: 5") + b"abc", IncompleteRead),
        (head("Transfer-Encoding: chunked") + b"5\r\nabc", IncompleteRead),
        (head("Transfer-Encoding: chunked") + b"no\r\n", IncompleteRead),
        (head("Transfer-Encoding: chunked") + b"", IncompleteRead),
        (head("Content-Length: many"), HTTPException),
        (b"SSH-2.0-OpenSSH_9.2\r\n", HTTPException),
        (b"HTTP/1.1 abc\r\n\r\n", HTTPException),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000, HTTPException),
        (head(*(f"X-{number}: 1" for number in range(200))), HTTPException),
    ],
)
def test_what_is_no_whole_answer_is_an_error(text, error):
    with pytest.raises(error):
        read(text)
