"""The task channel on a fake connection pool: requests, responses, deadlines, tokens and errors."""

import json
import time
from io import BytesIO

import pytest
from cases import each
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from conductor.errors import (
    APIConnectionError,
    APITimeoutError,
    AuthenticationError,
    NotFoundError,
    RateLimitError,
    ServerError,
    UnexpectedResponseError,
)
from conductor.models.codec import DamagedTask
from conductor.settings import Settings
from conductor.transport.auth import ConductorAuth
from conductor.transport.client import Transport
from conductor.transport.connections import ExchangeError
from conductor.transport.response_reader import Headers, Response
from conductor.transport.task_channel import TaskChannel

API = "http://server:8080/api"
JSON = "application/json"


def answer(body=b"", status=200, kind=JSON):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Response(status, Headers({"content-type": kind} if content else {}), content)


class Request:
    """A request as it was sent, and the seconds that the exchange may take."""

    def __init__(self, message, deadline, method):
        head, self.body = message.split(b"\r\n\r\n", 1)
        self.line, *fields = head.decode("latin-1").split("\r\n")
        self.headers = dict(field.split(": ", 1) for field in fields)
        self.seconds = deadline.at - time.monotonic()
        self.method = method


class FakePool:
    """Answers each request with the next of ``answers``; an exception is raised."""

    def __init__(self, transport, *answers):
        self.transport = transport
        self.answers = list(answers)
        self.requests = []

    def exchange(self, message, deadline, *, method):
        self.requests.append(Request(message, deadline, method))
        found = self.answers.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def connect():
    """Make a channel whose session has a fake pool; returns both."""
    made = []

    def connect(*answers, auth=None, **settings):
        transport = Transport(Settings(server_url=API, **settings), auth=auth)
        made.append(transport)
        pool = FakePool(transport, *answers)
        adapter = transport.session.get_adapter(API)
        adapter.get_connection_with_tls_context = lambda *_, **__: pool
        return TaskChannel(transport), pool

    yield connect
    for transport in made:
        transport.close()


def poll(channel, **changes):
    return channel.poll("charge", **{"count": 3, "timeout_ms": 200, "worker_id": "me", **changes})


# -- requests


def test_a_poll_sends_its_query_and_returns_the_tasks(connect):
    tasks = [{"taskId": "t1"}, {"taskId": "t2"}]
    channel, pool = connect(answer(tasks))

    assert poll(channel, domain="eu") == tasks

    (sent,) = pool.requests
    assert sent.line == "GET /api/tasks/poll/batch/charge?count=3&timeout=200&workerid=me&domain=eu HTTP/1.1"
    assert (sent.method, sent.headers["Host"], sent.body) == ("GET", "server:8080", b"")
    assert "X-Authorization" not in sent.headers


def test_names_are_quoted_in_the_path_and_the_query(connect):
    channel, pool = connect(answer([]))

    channel.poll("ä b?c", count=1, timeout_ms=0, worker_id="x&y=\r\n", domain=None)

    assert pool.requests[0].line == (
        "GET /api/tasks/poll/batch/%C3%A4%20b%3Fc?count=1&timeout=0&workerid=x%26y%3D%0D%0A HTTP/1.1"
    )


def test_an_update_is_sent_with_its_length(connect):
    channel, pool = connect(answer(b"t1", kind="text/plain"))

    channel.update("t1", b'{"taskId":"t1"}')

    (sent,) = pool.requests
    assert sent.line == "POST /api/tasks HTTP/1.1"
    assert (sent.headers["Content-Type"], sent.headers["Content-Length"]) == (JSON, "15")
    assert sent.body == b'{"taskId":"t1"}'


@each(
    ("call", "settings", "seconds"),
    [
        (lambda channel: poll(channel, timeout_ms=2500), {}, 7.5),
        (lambda channel: poll(channel, timeout_ms=0), {}, 5),
        (lambda channel: channel.update("t", b"{}"), {}, 10),
        (lambda channel: channel.update("t", b"{}", 3.0), {}, 3),
        (lambda channel: channel.update("t", b"{}", 60.0), {}, 10),
        (lambda channel: channel.update("t", b"{}"), {"request_timeout_ms": 4000}, 4),
        (lambda channel: channel.update_v2("t", b"{}", 2.0), {"request_timeout_ms": 4000}, 2),
    ],
)
def test_each_call_has_a_deadline(connect, call, settings, seconds):
    channel, pool = connect(ExchangeError("gone"), **settings)

    with pytest.raises(APIConnectionError):
        call(channel)

    assert pool.requests[0].seconds == pytest.approx(seconds, abs=0.5)


# -- responses


@each("reply", [answer([]), answer(status=204), answer()])
def test_a_poll_without_tasks_returns_an_empty_list(connect, reply):
    channel, _ = connect(reply)

    assert poll(channel) == []


def test_a_task_with_damaged_json_leaves_the_others_intact(connect):
    channel, _ = connect(answer(b'[{"taskId":"t1"},{"taskId":"t2","inputData":{"a":"\xff\xfe"}}]'))

    first, second = poll(channel)

    assert first == {"taskId": "t1"}
    assert isinstance(second, DamagedTask)
    assert second["taskId"] == "t2"


@each(
    "reply",
    [
        answer({"taskId": "t1"}),
        answer(b"<html>", kind="text/html"),
        answer(b"[{", kind=JSON),
        answer("text"),
    ],
)
def test_a_poll_refuses_a_response_that_is_not_a_list(connect, reply):
    channel, _ = connect(reply)

    with pytest.raises(UnexpectedResponseError) as caught:
        poll(channel)

    assert caught.value.operation == "GET /tasks/poll/batch/{tasktype}"


@each("reply", [answer(b"another", kind="text/plain"), answer(), answer(b"<html>Log in</html>", kind="text/html")])
def test_an_update_needs_the_id_of_the_task_in_the_response(connect, reply):
    channel, _ = connect(reply)

    with pytest.raises(UnexpectedResponseError) as caught:
        channel.update("t1", b"{}")
    assert caught.value.operation == "POST /tasks"


@each(
    ("reply", "task"),
    [(answer(status=204), None), (answer({"taskId": "t2"}), {"taskId": "t2"}), (answer(b"null"), None)],
)
def test_an_update_v2_returns_the_next_task(connect, reply, task):
    channel, pool = connect(reply)

    assert channel.update_v2("t1", b"{}") == task
    assert [sent.line for sent in pool.requests] == ["POST /api/tasks/update-v2 HTTP/1.1"]


@each("empty", [answer(), answer(b" \n")])
def test_an_empty_response_to_update_v2_is_confirmed_by_an_update(connect, empty):
    channel, pool = connect(empty, answer(b"t1", kind="text/plain"))

    assert channel.update_v2("t1", b'{"a":1}') is None

    assert [(sent.line, sent.body) for sent in pool.requests] == [
        ("POST /api/tasks/update-v2 HTTP/1.1", b'{"a":1}'),
        ("POST /api/tasks HTTP/1.1", b'{"a":1}'),
    ]


@each("reply", [answer([]), answer({"error": "x"}), answer("t1"), answer(b"<html>", kind="text/html")])
def test_an_update_v2_refuses_a_response_that_is_not_a_task(connect, reply):
    channel, _ = connect(reply)

    with pytest.raises(UnexpectedResponseError):
        channel.update_v2("t1", b"{}")


# -- errors


@each(
    ("failure", "kind"),
    [
        (ExchangeError("refused", never_sent=True, is_refused=True), APIConnectionError),
        (ExchangeError("silence", timed_out=True), APITimeoutError),
        (answer({"message": "gone"}, status=404), NotFoundError),
        (answer({"message": "slowly"}, status=429), RateLimitError),
        (answer({"message": "boom"}, status=500), ServerError),
        (answer(b"<html>", status=502, kind="text/html"), ServerError),
        (answer({"message": "who?"}, status=401), AuthenticationError),
        (answer(b"<html>", status=302, kind="text/html"), UnexpectedResponseError),
    ],
)
def test_a_failed_call_is_sent_once_and_raises_its_kind_of_error(connect, failure, kind):
    for call, operation in (
        (poll, "GET /tasks/poll/batch/{tasktype}"),
        (lambda channel: channel.update("t1", b"{}"), "POST /tasks"),
        (lambda channel: channel.update_v2("t1", b"{}"), "POST /tasks/update-v2"),
    ):
        channel, pool = connect(failure)
        with pytest.raises(kind) as caught:
            call(channel)
        assert caught.value.operation == operation
        assert len(pool.requests) == 1


# -- authentication


def test_a_rejected_token_is_replaced_and_the_request_sent_again(connect):
    tokens = iter(["old", "new"])
    expired = answer({"error": "EXPIRED_TOKEN"}, status=401)
    channel, pool = connect(expired, answer([{"taskId": "t1"}]), auth=ConductorAuth(lambda: next(tokens)))

    assert poll(channel) == [{"taskId": "t1"}]
    assert [sent.headers["X-Authorization"] for sent in pool.requests] == ["old", "new"]


def test_a_token_that_is_rejected_twice_is_an_authentication_error(connect):
    expired = answer({"error": "EXPIRED_TOKEN"}, status=401)
    channel, pool = connect(expired, expired, auth=ConductorAuth("fixed"))

    with pytest.raises(AuthenticationError):
        channel.update("t1", b"{}")
    assert len(pool.requests) == 2


def test_a_token_source_that_fails_sends_nothing(connect):
    def source():
        raise RuntimeError("the password is hunter2")

    channel, pool = connect(auth=ConductorAuth(source))

    with pytest.raises(AuthenticationError) as caught:
        poll(channel)
    assert "hunter2" not in str(caught.value)
    assert pool.requests == []


# -- the session


def test_observers_see_the_status_of_each_exchange(connect):
    seen = []
    channel, pool = connect(answer([]), answer(status=500), ExchangeError("gone"))
    pool.transport.observers = (lambda method, path, status, seconds: seen.append((method, path, status)),)

    poll(channel)
    for _ in range(2):
        with pytest.raises((ServerError, APIConnectionError)):
            channel.update("t1", b"{}")

    assert seen == [("GET", "/tasks/poll/batch/{tasktype}", 200), ("POST", "/tasks", 500), ("POST", "/tasks", 0)]


def test_a_session_with_a_custom_adapter_is_used_as_it_is():
    class Adapter(HTTPAdapter):
        def send(self, request, **_):
            sent.append((request.method, request.url, request.body, request.headers["Content-Type"]))
            raw = HTTPResponse(BytesIO(b"t1"), {"Content-Type": "text/plain"}, status=200, preload_content=False)
            return self.build_response(request, raw)

    sent = []
    transport = Transport(Settings(server_url=API), adapter=Adapter())
    try:
        TaskChannel(transport).update("t1", b"{}")
    finally:
        transport.close()
    assert sent == [("POST", f"{API}/tasks", b"{}", JSON)]
