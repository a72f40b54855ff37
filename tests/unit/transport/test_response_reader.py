"""The response reader: what it accepts, what it refuses, and that nothing is carried over to the next call."""

import gzip
import io
import itertools
import time
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conductor.transport.response_reader import (
    IncompleteResponseError,
    MalformedResponseError,
    ResponseTooLargeError,
    read_head,
    read_response,
)

LIMIT = 100_000


def read(data, method="GET", limit=LIMIT, size=65_536):
    file = io.BytesIO(data)
    return read_response(lambda: file.read(size), method=method, max_body_bytes=limit)


def head(*lines, status="200 OK", version="HTTP/1.1"):
    return "\r\n".join([f"{version} {status}", *lines, "", ""]).encode("latin-1")


CHUNKED = head("Transfer-Encoding: chunked")
PACKED = gzip.compress(b"abc")

# response, body, whether the connection can be reused
VALID = [
    (head("Content-Length: 2") + b"{}", b"{}", True),
    (head("Content-Length:\t2 ") + b"{}", b"{}", True),
    (head("content-length: 0"), b"", True),
    (CHUNKED + b"3\r\nabc\r\n2;x=1\r\nde\r\n0\r\nTrailer: 1\r\n\r\n", b"abcde", True),
    (CHUNKED + b"00A ;ext\r\n0123456789\r\n000\r\n\r\n", b"0123456789", True),
    (head("transfer-encoding: Chunked", "Connection: close") + b"0\r\n\r\n", b"", False),
    (head() + b"to the end", b"to the end", False),
    (head("Content-Length: 1", "connection: x, Close") + b"x", b"x", False),
    (head("Content-Length: 1", "Connection: disclosed") + b"x", b"x", True),
    (head("Content-Length: 1", version="HTTP/1.0") + b"x", b"x", False),
    (head("Content-Length: 1", "Connection: keep-alive", version="HTTP/1.0") + b"x", b"x", True),
    (head(status="204 No Content"), b"", True),
    (head(status="204"), b"", True),
    (head("Content-Length: 0", status="204 "), b"", True),
    (head("Content-Length: 3", status="204") + b"abc", b"", False),
    (head("Content-Length: 3", status="204"), b"", False),
    (head(status="204") + b"abc", b"", False),
    (head("Transfer-Encoding: chunked", status="204") + b"0\r\n\r\n", b"", False),
    (head("Content-Length: 3", status="304"), b"", False),
    (head(status="304") + b"abc", b"", False),
    (head(status="100 Continue") + head("Content-Length: 1") + b"x", b"x", True),
    (head("Link: a", status="103 Early Hints") * 3 + head("Content-Length: 1") + b"x", b"x", True),
    (head(status="102") + head(status="101 Switching Protocols") + head("Content-Length: 1") + b"x", b"x", True),
    (head("Content-Length: 1") + b"xy", b"x", False),
    (head("Content-Length: 1") + b"x" + head("Content-Length: 1") + b"y", b"x", False),
    (CHUNKED + b"1\r\nx\r\n0\r\n\r\n" + head(), b"x", False),
    (head(f"Content-Length: {len(PACKED)}", "Content-Encoding: gzip") + PACKED, b"abc", True),
    (head(f"Content-Length: {2 * len(PACKED)}", "Content-Encoding: x-gzip") + 2 * PACKED, b"abcabc", True),
    (head("Content-Length: 11", "Content-Encoding: deflate") + zlib.compress(b"abc"), b"abc", True),
    (head("Content-Length: 5", "Content-Encoding: deflate") + zlib.compress(b"abc")[2:-4], b"abc", True),
    (head("Content-Length: 1", "Content-Encoding: identity", "X: \xe9") + b"x", b"x", True),
]


def test_valid_responses_are_read_alike_in_pieces_of_any_size():
    for data, body, is_reusable in VALID:
        for size in (65_536, 1, 7):
            response = read(data, size=size)
            assert response.body == body, data
            if size == 65_536:
                assert response.is_reusable == is_reusable, data
            assert not response.is_reusable or is_reusable or size < 65_536, data


REFUSED = [
    # status line
    b"SSH-2.0-OpenSSH_9.2\r\n",
    b"\x15\x03\x03\x00\x02\x02\x46",
    b"HTTP/1.1 abc\r\n\r\n",
    b"HTTP/2 200\r\n\r\n",
    b"HTTP/1.2 200 OK\r\n\r\n",
    b"http/1.1 200 OK\r\n\r\n",
    b"HTTP/1.1  200 OK\r\n\r\n",
    b"HTTP/1.1 +20 OK\r\n\r\n",
    b"HTTP/1.1 2000 OK\r\n\r\n",
    b"HTTP/1.1 099 No\r\n\r\n",
    b"HTTP/1.1 600 No\r\n\r\n",
    b"HTTP/1.1 200 O\x00K\r\n\r\n",
    b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    b" HTTP/1.1 200 OK\r\n\r\n",
    # line ends
    b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\n\r\nx",
    b"HTTP/1.1 200 OK\r\nX: a\nContent-Length: 1\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\nX: a\rContent-Length: 1\r\n\r\nx",
    # header fields
    head("X: one", "  folded", "Content-Length: 0"),
    head(" X: 1", "Content-Length: 0"),
    head("Content-Length : 0"),
    head("X\xe9: 1", "Content-Length: 0"),
    head("X: \x01", "Content-Length: 0"),
    head("no colon", "Content-Length: 0"),
    head(": nothing", "Content-Length: 0"),
    b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n",
    head(*(f"X-{number}: 1" for number in range(101))),
    # framing
    *(
        head(f"Content-Length: {value}") + b"x"
        for value in ("many", "-1", "+1", "0x1", "1_0", "1.0", "1,1", "1, 1", "\xb2", "1 1", "", "9" * 19)
    ),
    head("Content-Length: 1", "Content-Length: 2") + b"xx",
    head("Content-Length: 1", "Content-Length: 1") + b"x",
    head("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    *(
        head(f"Transfer-Encoding: {value}") + b"0\r\n\r\n"
        for value in ("xchunked", "chunkedx", "gzip, chunked", "chunked, chunked", "identity", "chunked;q=1", "")
    ),
    head("Transfer-Encoding: chunked", "Transfer-Encoding: identity") + b"0\r\n\r\n",
    head("Transfer-Encoding: chunked", version="HTTP/1.0") + b"0\r\n\r\n",
    head("Content-Length: 1", status="103 Early Hints") + b"x",
    head("Transfer-Encoding: chunked", status="100 Continue") + b"0\r\n\r\n",
    head(status="100 Continue") * 30 + head("Content-Length: 0"),
    # chunks
    *(
        CHUNKED + line + b"\r\nab\r\n0\r\n\r\n"
        for line in (b"0x2", b"0_2", b"-1", b"+2", b" 2", b"2 2", b"", b"g", b"2\x00", b"2;\x01", b"0" * 17, b"2\n")
    ),
    CHUNKED + b"2\r\nabc\r\n0\r\n\r\n",
    CHUNKED + b"2\r\nab\n\n0\r\n\r\n",
    CHUNKED + b"2;" + b"x" * 5000 + b"\r\nab\r\n0\r\n\r\n",
    CHUNKED + b"0\r\nbad trailer\r\n\r\n",
    CHUNKED + b"0\r\n" + b"T: 1\r\n" * 200 + b"\r\n",
    # coding
    head("Content-Length: 1", "Content-Encoding: br") + b"x",
    head("Content-Length: 1", "Content-Encoding: gzip, gzip") + b"x",
    head("Content-Length: 3", "Content-Encoding: gzip") + b"abc",
    head(f"Content-Length: {len(PACKED) - 4}", "Content-Encoding: gzip") + PACKED[:-4],
    head(f"Content-Length: {len(PACKED) + 1}", "Content-Encoding: gzip") + PACKED + b"x",
    head("Content-Length: 12", "Content-Encoding: deflate") + zlib.compress(b"abc") + b"x",
]


def test_malformed_and_ambiguous_responses_are_refused():
    for data in REFUSED:
        for size in (65_536, 1 if len(data) < 10_000 else 500):
            with pytest.raises(MalformedResponseError):
                pytest.fail(f"accepted: {data[:100]!r} as {read(data, size=size).body!r}")


def test_what_is_not_http_is_refused_before_its_end():
    for beginning in (b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x03\x00\x02\x02\x46", b"HTTP/1.1 200 OK\nX: 1\n\n"):
        with pytest.raises(MalformedResponseError):
            read_response(iter([beginning]).__next__, max_body_bytes=LIMIT)  # StopIteration if it waits for more


CUT = [
    b"",
    b"HTTP/1.1 200 OK\r\nContent-Le",
    head(status="103 Early Hints"),
    head("Content-Length: 5") + b"abc",
    CHUNKED,
    CHUNKED + b"5\r\nabc",
    CHUNKED + b"3\r\nabc\r\n",
    CHUNKED + b"3\r\nabc\r\n0\r\n",
    CHUNKED + b"no end",
]


def test_a_response_that_ends_early_is_incomplete():
    for data in CUT:
        with pytest.raises(IncompleteResponseError) as caught:
            read(data)
        assert caught.value.is_empty == (data == b"")


def test_bodies_over_the_maximum_size_are_refused_also_decompressed():
    bomb = gzip.compress(b"0" * 10 * LIMIT)
    for data in (
        head("Content-Length: 1000000000000"),
        head() + b"x" * (LIMIT + 1),
        CHUNKED + b"FFFFFFFFFFFF\r\n",
        CHUNKED + b"1\r\nx\r\n" * LIMIT + b"1\r\nx\r\n0\r\n\r\n",
        head(f"Content-Length: {len(bomb)}", "Content-Encoding: gzip") + bomb,
    ):
        with pytest.raises(ResponseTooLargeError):
            read(data)
    assert len(read(head(f"Content-Length: {LIMIT}") + b"x" * LIMIT).body) == LIMIT


def test_a_slow_response_is_read_in_time_linear_in_its_bytes():
    long = "x" * 60_000
    trickles = (
        head(f"A: {long}", "Content-Length: 0"),
        head(f"A: {long}", status="103 Early Hints") * 3 + head("Content-Length: 0"),
        CHUNKED + f"0\r\nTrailer: {long}\r\n\r\n".encode(),
        CHUNKED + f"1;{long[:4000]}\r\na\r\n".encode() * 40 + b"0\r\n\r\n",
    )
    began = time.process_time()
    for data in trickles:
        assert read(data, size=1).is_reusable
    assert time.process_time() - began < 4  # 0.3 s; with one scan of the whole buffer for each byte, 16 s


def test_small_chunks_take_no_more_memory_than_their_bytes():
    count = 40_000
    data = CHUNKED + b"2\r\nab\r\n" * count + b"0\r\n\r\n"
    tracemalloc.start()
    try:
        assert read(data).body == b"ab" * count
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1_000_000  # the data once, and the body; one object for each chunk takes 5 MB


def test_head_has_no_body_and_repeated_fields_are_joined():
    response = read(head("Content-Length: 5", "Set-Cookie: a=1", "set-cookie: b=2", "X:"), method="HEAD")
    assert (response.body, response.is_reusable) == (b"", True)
    assert response.headers.get("Set-Cookie") == "a=1, b=2"
    assert response.headers.get("x") == ""
    assert response.headers.get("y", "none") == "none"
    assert [value for name, value in response.fields if name == "set-cookie"] == ["a=1", "b=2"]
    assert "a=1" not in repr(response)


def test_a_tunnel_opens_only_when_nothing_follows_its_head():
    assert read_head(iter([head(status="407 Denied") + b"page"]).__next__).status == 407
    assert read_head(iter([head()]).__next__).status == 200
    with pytest.raises(MalformedResponseError):
        read_head(iter([head() + b"x"]).__next__)


bodies = st.binary(max_size=300)


@st.composite
def valid_responses(draw):
    body = draw(bodies)
    interim = draw(
        st.sampled_from(
            [
                b"",
                head(
                    status="103 Early Hints",
                ),
                head("X: 1", status="100 Continue"),
            ]
        )
    )
    fields = draw(st.lists(st.sampled_from(["X-A: 1", "Content-Type: application/json", "Vary: a"]), max_size=3))
    if draw(st.booleans()):
        return interim + head(*fields, f"Content-Length: {len(body)}") + body, body
    cuts = sorted(draw(st.lists(st.integers(0, len(body)), max_size=4)))
    parts = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part)
    return interim + head(*fields, "Transfer-Encoding: chunked") + chunks + b"0\r\n\r\n", body


class Pieces:
    """A connection that delivers its bytes in pieces, and then ends."""

    def __init__(self, data, cuts):
        places = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
        self.left = [data[a:b] for a, b in itertools.pairwise(places) if b > a]

    def __call__(self):
        return self.left.pop(0) if self.left else b""


cut_places = st.lists(st.integers(0, 700), max_size=12)


@given(valid_responses(), cut_places)
def test_valid_responses_split_anywhere_are_read_alike(response, cuts):
    data, body = response
    connection = Pieces(data, cuts)
    read_one = read_response(connection, max_body_bytes=LIMIT)
    assert (read_one.status, read_one.body, read_one.is_reusable) == (200, body, True)
    assert connection.left == []


@given(valid_responses(), cut_places, st.data())
def test_a_mutated_byte_is_never_carried_over_to_the_next_call(response, cuts, data):
    original, _ = response
    place = data.draw(st.integers(0, len(original) - 1))
    mutated = original[:place] + bytes([data.draw(st.integers(0, 255))]) + original[place + 1 :]
    connection = Pieces(mutated, cuts)
    try:
        read_one = read_response(connection, max_body_bytes=LIMIT)
    except (MalformedResponseError, ResponseTooLargeError, IncompleteResponseError):
        return  # refused: the connection is closed
    # what has not arrived yet makes the socket readable, which is checked when the connection is used again
    assert not read_one.is_reusable or mutated == original or _ends_at_the_end(mutated, connection)


def _ends_at_the_end(data, connection):
    if connection.left:
        return True
    whole = read_response(Pieces(data, []), max_body_bytes=LIMIT)
    return whole.is_reusable
