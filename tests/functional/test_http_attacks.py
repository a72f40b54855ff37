"""Servers and proxies that misbehave, on real sockets, for the session and for the task channel."""

import contextlib
import gzip
import socket
import ssl
import threading
import time

import pytest
import requests
import trustme

from conductor import ConductorClient, RetryPolicy
from conductor.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    ConductorError,
    UnexpectedResponseError,
)
from conductor.models.codec import DamagedTask
from conductor.settings import Settings
from conductor.transport.client import Transport
from conductor.transport.operation import Operation
from conductor.transport.task_channel import TaskChannel

ECHO = Operation("GET", "/echo/{id}", dict)


def reply(body=b"", *fields, status="200 OK"):
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}", *fields, "", ""]
    return "\r\n".join(lines).encode() + body


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        block = connection.recv(65536)
        if not block:
            raise OSError("closed")
        data += block
    head, _, rest = data.partition(b"\r\n\r\n")
    length = next((int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line), 0)
    while len(rest) < length:
        rest += connection.recv(65536)
    return head.decode(), rest


class Peer:
    """Answers request number n (from 0) on a connection with ``script(connection, n, target)``."""

    def __init__(self, script, context=None):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections, self.requests, self.script, self.context = [], [], script, context
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError):
            if self.context is not None:
                connection = self.context.wrap_socket(connection, server_side=True)
                self.connections.append(connection)
            for number in range(1000):
                head, _ = read_request(connection)
                self.requests.append(head)
                if self.script(connection, number, head.split()[1]) == "close":
                    connection.close()
                    return

    @property
    def url(self):
        return f"{'http' if self.context is None else 'https'}://127.0.0.1:{self.port}"

    def close(self):
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)  # ends accept(), too
        self.listener.close()
        for connection in self.connections:
            connection.close()


@pytest.fixture
def peer():
    made = []

    def start(script, context=None):
        made.append(Peer(script, context))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.fixture
def transport():
    made = []

    def make(url, **options):
        auth = options.pop("auth", None)
        session = options.pop("session", None)
        retry = options.pop("retry", RetryPolicy.none())
        made.append(Transport(Settings(server_url=url, **options), auth=auth, session=session, retry=retry))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    bundle = tmp_path_factory.mktemp("tls") / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    return context, str(bundle)


def ways(transport):
    """One call per path: it returns the body that it got, which the peer makes of the request's target."""
    channel = TaskChannel(transport)
    return {
        "session": lambda number: transport.request(ECHO, {"id": number})["target"].rpartition("/")[2],
        "channel": lambda number: (
            channel.poll(f"t{number}", count=1, timeout_ms=0, worker_id="w")[0]["target"]
            .partition("?")[0]
            .rpartition("/t")[2]
        ),
    }


def own(target):
    """The right body for a request."""
    body = f'{{"target": "{target}"}}'
    return f"[{body}]".encode() if "/poll/" in target else body.encode()


def late(connection, data, delay):
    # On the connection's own thread: one TLS connection in two threads is corrupted before Python 3.13.
    time.sleep(delay)
    _send(connection, data)


def _send(connection, data):
    with contextlib.suppress(OSError):
        connection.sendall(data)


# What the peer sends instead of a plain response to its first request; every one may be refused or accepted, but the
# calls that follow must get their own responses.
FOREIGN = b'{"target": "FOREIGN"}'
FIRST = {
    "103, and the final response later": lambda c, t: (
        _send(c, b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"),
        late(c, reply(own(t)), 0.1),
    ),
    "102 and 101, and the final response later": lambda c, t: (
        _send(c, b"HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 101 Switching Protocols\r\n\r\n"),
        late(c, reply(own(t)), 0.1),
    ),
    "two responses": lambda c, t: _send(c, reply(own(t)) + reply(FOREIGN)),
    "a second response soon after": lambda c, t: (_send(c, reply(own(t))), time.sleep(0.05), _send(c, reply(FOREIGN))),
    "204 with a body": lambda c, t: _send(c, b"HTTP/1.1 204 No Content\r\n\r\n" + reply(FOREIGN)),
    "204 with a length": lambda c, t: _send(
        c, b"HTTP/1.1 204 No Content\r\nContent-Length: 60\r\n\r\n" + reply(FOREIGN)
    ),
    "304 with a body": lambda c, t: _send(c, b"HTTP/1.1 304 Not Modified\r\n\r\n" + reply(FOREIGN)),
    "one byte too many": lambda c, t: _send(c, reply(own(t)) + b"H"),
    "two lengths": lambda c, t: _send(
        c, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]" + reply(FOREIGN)
    ),
    "chunk size 0x2": lambda c, t: _send(
        c, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\n[]\r\n0\r\n\r\n"
    ),
    "xchunked": lambda c, t: _send(c, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: xchunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"),
    "chunked and more": lambda c, t: _send(
        c, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n" + reply(FOREIGN)
    ),
    "a head with bare line feeds": lambda c, t: _send(c, b"HTTP/1.1 200 OK\nContent-Length: 2\n\n[]" + reply(FOREIGN)),
    "a folded length": lambda c, t: _send(c, b"HTTP/1.1 200 OK\r\nContent-Length:\r\n 2\r\n\r\n[]" + reply(FOREIGN)),
}


@pytest.mark.parametrize("secure", [False, True])
def test_a_call_never_gets_the_response_of_another(peer, transport, authority, secure):
    context, bundle = authority if secure else (None, None)
    for name, first in FIRST.items():
        answered = []

        def script(connection, _, target, first=first, answered=answered):
            answered.append(target)
            if len(answered) == 1:
                first(connection, target)
            else:
                _send(connection, reply(own(target)))

        for way in ("session", "channel"):
            answered.clear()
            server = peer(script, context)
            call = ways(transport(server.url, ca_bundle=bundle, request_timeout_ms=3000))[way]
            for number in range(3):
                # only the first may be refused, or be an empty response
                refusals = (UnexpectedResponseError, IndexError, KeyError) if number == 0 else ()
                with contextlib.suppress(*refusals):
                    assert call(number) == str(number), (name, way)
                if "soon after" in name and number == 0:
                    time.sleep(0.1)
            assert call(9) == "9", (name, way)


def test_interim_responses_are_skipped(peer, transport):
    def script(connection, _, target):
        _send(connection, b"HTTP/1.1 103 Early Hints\r\n\r\n")
        late(connection, reply(own(target)), 0.05)

    server = peer(script)
    for call in ways(transport(server.url)).values():
        assert [call(number) for number in range(3)] == ["0", "1", "2"]
    assert len(server.connections) == 1  # the responses ended where they should, so it was used again


def test_a_custom_session_refuses_an_interim_status_and_reconnects(peer, transport):
    def script(connection, number, target):
        if number == 0 and len(server.connections) == 1:
            _send(connection, b"HTTP/1.1 103 Early Hints\r\n\r\n")
            late(connection, reply(FOREIGN), 0.05)
        else:
            _send(connection, reply(own(target)))

    server = peer(script)
    with requests.Session() as session:
        call = ways(transport(server.url, session=session))["session"]
        with contextlib.suppress(UnexpectedResponseError):
            assert call(0) == "0"
        assert [call(number) for number in (1, 2)] == ["1", "2"]


def _endless(connection, _, __):
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        connection.sendall(b" " * 65536)


def _endless_chunks(connection, _, __):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1000\r\n" + b" " * 4096 + b"\r\n")


BOMB = gzip.compress(b" " * 50_000_000)
LARGE = {
    "a length of 10^12": lambda c, *_: _send(c, b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n "),
    "an endless body": _endless,
    "endless chunks": _endless_chunks,
    "a gzip bomb": lambda c, *_: _send(c, reply(BOMB, "Content-Encoding: gzip")),
    "an endless head": lambda c, *_: _send(c, b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000),
    "endless interim responses": lambda c, *_: [c.sendall(b"HTTP/1.1 100 Continue\r\n\r\n") for _ in range(10_000)],
}


def test_responses_without_measure_are_refused(peer, transport):
    for name, script in LARGE.items():
        server = peer(script)
        for with_session in (False, True):
            session = requests.Session() if with_session else None
            if with_session and name.startswith("endless interim"):
                continue  # a session of the user's skips them in http.client until the timeout
            made = transport(server.url, max_response_kb=1024, request_timeout_ms=2000, session=session)
            for way, call in ways(made).items():
                with pytest.raises(ConductorError) as caught:
                    call(1)
                assert caught.value.operation, (name, way)
                assert "in time" not in str(caught.value), (name, way)
            if session is not None:
                session.close()


DEEP = {
    "lists": b"[" * 5000 + b"]" * 5000,
    "objects": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "below Python's own limit": b"[" * 600 + b"]" * 600,
    "a long number": b"1" * 5000,
    "cut": b'{"a": [1, 2',
}


def test_json_beyond_the_limits_is_an_unexpected_response(peer, transport):
    for name, value in DEEP.items():
        body = b'{"target": ' + value + b"}"
        server = peer(lambda c, *_, body=body: _send(c, reply(body)))
        made = transport(server.url)
        channel = TaskChannel(made)
        calls = (
            lambda made=made: made.request(ECHO, {"id": 1}),
            lambda channel=channel: channel.poll("t", count=1, timeout_ms=0, worker_id="w"),
            lambda channel=channel: channel.update_v2("t", b"{}"),
        )
        for call in calls:
            with pytest.raises(UnexpectedResponseError) as caught:
                call()
            assert caught.value.operation, name


def test_an_error_response_over_the_limits_still_raises_its_error(peer, transport):
    for value in DEEP.values():
        server = peer(lambda c, *_, value=value: _send(c, reply(value, status="500 Broken")))
        for call in ways(transport(server.url)).values():
            with pytest.raises(ConductorError, match="failed with 500"):
                call(1)


def test_one_task_that_cannot_be_parsed_does_not_lose_the_others(peer, transport):
    for bad in (*list(DEEP.values())[:4], b'"\xff"', b"nul", b'"\\ud800\\x"'):
        tasks = b'[{"taskId": "a"}, {"taskId": "b", "inputData": %s, "workflowInstanceId": "w"}, {"taskId": "c"}]' % bad
        server = peer(lambda c, *_, tasks=tasks: _send(c, reply(tasks)))
        found = TaskChannel(transport(server.url)).poll("t", count=3, timeout_ms=0, worker_id="w")
        assert [task["taskId"] for task in found] == ["a", "b", "c"]
        assert [isinstance(task, DamagedTask) for task in found] == [False, True, False]
        assert found[1] == {"taskId": "b", "workflowInstanceId": "w"}


def _never_reads(connection, *_):
    time.sleep(3)


def test_one_deadline_covers_connect_handshake_send_and_receive(authority):
    """A peer that delays each phase by less than the timeout, and together exceeds it."""
    context, bundle = authority
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=slow, args=(connection,), daemon=True).start()

    def slow(connection):
        with contextlib.suppress(OSError, ssl.SSLError), connection:
            stop.wait(0.7)  # before the handshake
            with context.wrap_socket(connection, server_side=True):
                stop.wait(5)  # reads nothing

    threading.Thread(target=serve, daemon=True).start()
    settings = Settings(
        server_url=f"https://127.0.0.1:{listener.getsockname()[1]}", ca_bundle=bundle, request_timeout_ms=1000
    )
    body = b"x" * 30_000_000
    send = Operation("POST", "/x", str, sends="bytes")
    with Transport(settings, retry=RetryPolicy.none()) as made:
        channel = TaskChannel(made)
        for call in (lambda: made.request(send, body=body), lambda: channel.update("t", body)):
            began = time.monotonic()
            with pytest.raises(APITimeoutError):
                call()
            assert time.monotonic() - began < 1.6
    stop.set()
    listener.close()


def test_a_handshake_and_a_name_lookup_end_at_the_deadline(peer, monkeypatch):
    server = peer(_never_reads)  # never answers a handshake
    with Transport(Settings(server_url=f"https://127.0.0.1:{server.port}", request_timeout_ms=500)) as made:
        began = time.monotonic()
        with pytest.raises(APITimeoutError, match="handshake"):
            made.request(ECHO, {"id": 1})
        assert time.monotonic() - began < 1.5
    lookup, release = socket.getaddrinfo, threading.Event()

    def slow(host, *arguments):
        if host == "slow.invalid" and socket.AI_NUMERICHOST not in arguments:
            release.wait(5)
        return lookup(host, *arguments)

    monkeypatch.setattr("socket.getaddrinfo", slow)
    with Transport(Settings(server_url="http://slow.invalid", request_timeout_ms=500)) as made:
        for call in ways(made).values():
            began = time.monotonic()
            with pytest.raises(APITimeoutError, match="resolve"):
                made.request(ECHO, {"id": 1}, timeout=0.5)
            assert time.monotonic() - began < 1.5
            assert call
    release.set()


def test_a_hundred_threads_ride_out_an_outage_with_four_requests_each(peer, transport):
    began = time.monotonic()
    per_target, lock = {}, threading.Lock()

    def script(connection, _, target):
        with lock:
            per_target[target] = per_target.get(target, 0) + 1
        is_down = time.monotonic() - began < 2
        _send(connection, reply(b"{}", status="503 Down") if is_down else reply(own(target)))

    made = transport(peer(script).url, retry=RetryPolicy())
    failed = []

    def call(number):
        try:
            made.request(ECHO, {"id": number})
        except ConductorError as error:
            failed.append(error)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(100)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == []
    # Only its own requests: a client of another test may still ask the port's previous owner for something.
    counts = [count for target, count in per_target.items() if target.startswith("/api/echo/")]
    assert len(counts) == 100
    assert max(counts) <= 4


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def test_a_first_refusal_fails_at_once_where_the_policy_says_so():
    policy = RetryPolicy(first_refusal_retries=0)
    with ConductorClient(server_url=f"http://127.0.0.1:{closed_port()}", retry=policy) as client:
        began = time.monotonic()
        with pytest.raises(APIConnectionError, match="refused.*conductor server start") as caught:
            client.workflows.get("w")
        assert time.monotonic() - began < 1
        assert (caught.value.attempts, caught.value.never_sent, caught.value.is_refused) == (1, True, True)


def test_a_refusal_after_the_server_has_answered_is_retried(peer):
    server = peer(lambda c, n, target: _send(c, reply(own(target))) or "close")
    policy = RetryPolicy(first_refusal_retries=0)
    with Transport(Settings(server_url=server.url), retry=policy, sleep=lambda _: None) as made:
        made.request(ECHO, {"id": 1})
        server.close()
        with pytest.raises(APIConnectionError) as caught:
            made.request(ECHO, {"id": 1})
    assert caught.value.attempts == 4


def _denies(connection, _, target):
    page = b"<html><title>Denied</title></html>"
    _send(
        connection,
        reply(page, "Proxy-Authenticate: Basic", "Connection: close", status="407 Proxy Authentication Required"),
    )
    return "close"


def test_errors_name_the_proxy(peer, transport, monkeypatch):
    for variable in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    refused, denying = closed_port(), peer(_denies).port
    for port, words in ((refused, "refused"), (denying, "407")):
        for scheme in ("http", "https"):
            for source in ("setting", "environment", "session"):
                proxy, options = f"http://user:pa55word@127.0.0.1:{port}", {}
                if source == "setting":
                    options["proxy"] = proxy
                else:
                    monkeypatch.setenv(f"{scheme}_proxy", proxy)
                if source == "session":
                    options["session"] = requests.Session()
                made = transport(f"{scheme}://conductor.test", **options)
                for way, call in ways(made).items():
                    with pytest.raises(APIConnectionError, match=f"proxy.*127.0.0.1:{port}.*{words}") as caught:
                        call(1)
                    assert "pa55word" not in str(caught.value), way
                    assert "HTTPConnectionPool" not in str(caught.value), way
                monkeypatch.delenv(f"{scheme}_proxy", raising=False)


def test_the_wrong_scheme_is_named_both_ways(peer, transport, authority):
    context, bundle = authority
    secure = peer(lambda c, *_: _send(c, reply(b"{}")), context)
    plain = socket.create_server(("127.0.0.1", 0))
    accepted = []

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = plain.accept()
                accepted.append(connection)
                connection.recv(10_000)
                connection.sendall(reply(b"", status="400 Bad Request"))
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    for call in ways(transport(f"https://127.0.0.1:{plain.getsockname()[1]}", ca_bundle=bundle)).values():
        with pytest.raises(APIConnectionError, match="expects http, not https") as caught:
            call(1)
        assert caught.value.is_permanent
    plain.close()
    for connection in accepted:
        connection.close()
    # OpenSSL answers plain HTTP with an alert or by closing the connection
    for call in ways(transport(f"http://127.0.0.1:{secure.port}")).values():
        with pytest.raises(ConductorError, match="expects https|closed without a response|reset") as caught:
            call(1)
        assert "ConnectionPool" not in str(caught.value)


def test_an_early_refusal_of_a_large_body_is_read(transport):
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.recv(1000)
                connection.sendall(reply(b'{"message": "too large"}', "Connection: close", status="413 Too Large"))
                connection.shutdown(socket.SHUT_WR)
                threading.Timer(2, connection.close).start()

    threading.Thread(target=serve, daemon=True).start()
    made = transport(f"http://127.0.0.1:{listener.getsockname()[1]}", request_timeout_ms=1500)
    with pytest.raises(ConductorError):
        TaskChannel(made).update("t", b"x" * 30_000_000)
    listener.close()


@pytest.mark.parametrize("token", ["t0ken\n", " t0ken\r\n", "t0\nken", "t0\x00ken", "t0kén", "", "t0ken\r\nX-Evil: 1"])
def test_a_token_with_white_space_is_stripped_and_any_other_refused(peer, transport, token):
    server = peer(lambda c, _, target: _send(c, reply(own(target))))
    for auth in (token, lambda: token):
        if auth == "":
            continue
        for call in ways(transport(server.url, auth=auth)).values():
            server.requests.clear()
            if token.strip() == "t0ken":
                assert call(1) == "1"
                assert "X-Authorization: t0ken\r\n" in server.requests[0] + "\r\n"
            else:
                with pytest.raises(AuthenticationError) as caught:
                    call(1)
                assert "t0" not in str(caught.value)
                assert caught.value.operation
                assert server.requests == []


def test_a_proxy_or_bundle_of_the_environment_that_is_unusable_is_named(transport, monkeypatch):
    for variable in (
        "http_proxy",
        "https_proxy",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "no_proxy",
        "NO_PROXY",
        "CURL_CA_BUNDLE",
    ):
        monkeypatch.delenv(variable, raising=False)
    for variable, value, words in (
        ("http_proxy", "garbage://host", "the proxy host is invalid.*http_proxy"),
        ("http_proxy", "http://", "is invalid.*http_proxy"),
        ("http_proxy", "http://user:pa55word@:1", "is invalid.*http_proxy"),
        ("http_proxy", "::", "is invalid.*http_proxy"),
        ("https_proxy", "http://", "is invalid.*https_proxy"),
        ("REQUESTS_CA_BUNDLE", "/not/there.pem", "/not/there.pem.*REQUESTS_CA_BUNDLE"),
    ):
        with monkeypatch.context() as environment:
            environment.setenv(variable, value)
            scheme = "http" if variable == "http_proxy" else "https"
            made = transport(f"{scheme}://conductor.test", retry=RetryPolicy())
            calls = ways(made)
            if variable == "REQUESTS_CA_BUNDLE":
                del calls["channel"]  # which reads the file once it has connected
            for way, call in calls.items():
                with pytest.raises(APIConnectionError, match=words) as caught:
                    call(1)
                assert (caught.value.attempts, caught.value.is_permanent) == (1, True), (way, value)
                assert "pa55word" not in str(caught.value)
