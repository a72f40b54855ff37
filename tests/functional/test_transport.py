"""The transport on real sockets: pools, deadlines, connections that died, forks."""

import collections
import contextlib
import gc
import os
import socket
import threading
import time
import warnings

import pytest

from conductor import ConductorClient, RetryPolicy
from conductor.errors import APIConnectionError, APIError, APITimeoutError, UnexpectedResponseError
from conductor.settings import Settings
from conductor.transport.client import Transport
from conductor.transport.connections import receiver
from conductor.transport.operation import Operation, Repeat
from conductor.transport.task_channel import TaskChannel

ECHO = Operation("GET", "/echo/{id}", dict)
ONCE = Operation("POST", "/tasks", str, Repeat.NEVER)


class Server:
    """Accepts connections and hands each to ``serve(socket)`` on its own thread."""

    def __init__(self, serve):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.accepted = []
        self.serve = serve
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted.append(connection)
            threading.Thread(target=self._run, args=(connection,), daemon=True).start()

    def _run(self, connection):
        try:
            self.serve(connection)
        except OSError:
            pass

    @property
    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}/api"

    def close(self):
        self.listener.close()
        for connection in self.accepted:
            connection.close()


@pytest.fixture
def serve():
    servers = []

    def start(function):
        servers.append(Server(function))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def read_request(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        block = connection.recv(65536)
        if not block:
            raise OSError("closed")
        data += block
    head, _, rest = data.partition(b"\r\n\r\n")
    length = next((int(l.split(b":")[1]) for l in head.lower().split(b"\r\n") if l.startswith(b"content-length")), 0)
    while len(rest) < length:
        rest += connection.recv(65536)
    return head.decode()


def answer(body, extra=""):
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return (head + body).encode()


def echo(connection):
    while True:
        path = read_request(connection).split()[1]
        connection.sendall(answer(f'{{"path": "{path}"}}'))


def test_a_hundred_threads_share_a_client_with_a_hundred_connections(serve):
    server = serve(echo)
    wrong = []
    with ConductorClient(server_url=server.url, max_connections=20) as client:

        def work(number):
            for turn in range(10):
                said = client.transport.request(ECHO, {"id": f"{number}-{turn}"})
                if said["path"] != f"/api/echo/{number}-{turn}":
                    wrong.append(said)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
    assert wrong == []
    assert 1 <= len(server.accepted) <= 20


def test_a_thousand_clients_made_and_closed_leave_no_file_open(serve):
    server = serve(echo)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(1000):
        with ConductorClient(server_url=server.url) as client:
            if _ % 50 == 0:
                client.transport.request(ECHO, {"id": 1})
    gc.collect()
    for connection in server.accepted:
        connection.close()
    assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_a_client_starts_no_threads(serve):
    before = threading.active_count()
    server = serve(echo)
    with ConductorClient(server_url=server.url) as client:
        client.transport.request(ECHO, {"id": 1})
        ours = [t.name for t in threading.enumerate() if "_run" not in t.name and "_accept" not in t.name]
    assert len(ours) <= before


def _trickle(connection):
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
    for _ in range(100):
        connection.sendall(b" ")
        time.sleep(0.1)


def _trickle_head(connection):
    read_request(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    for _ in range(100):
        connection.sendall(b"X")
        time.sleep(0.1)


def _silence(connection):
    read_request(connection)
    time.sleep(10)


@pytest.mark.parametrize("behaviour", [_trickle, _trickle_head, _silence])
def test_a_call_ends_at_its_timeout_however_the_answer_trickles(serve, behaviour):
    server = serve(behaviour)
    transport = Transport(Settings(server_url=server.url), retry=RetryPolicy.none())
    began = time.monotonic()
    with pytest.raises(APITimeoutError):
        transport.request(ECHO, {"id": 1}, timeout=0.5)
    assert 0.4 < time.monotonic() - began < 1.5
    transport.close()


@pytest.mark.parametrize("behaviour", [_trickle, _silence])
def test_a_poll_or_an_update_on_the_task_channel_ends_in_time_too(serve, behaviour):
    server = serve(behaviour)
    transport = Transport(Settings(server_url=server.url, request_timeout_ms=500))
    began = time.monotonic()
    with pytest.raises(APITimeoutError):
        TaskChannel(transport).update("t", b'{"taskId":"t"}')
    assert time.monotonic() - began < 1.5
    transport.close()


@pytest.fixture
def pair():
    ends = socket.socketpair()
    yield ends
    for end in ends:
        end.close()


def late(reader):
    return receiver(reader, time.monotonic() - 5)


def test_a_response_that_has_arrived_counts_when_its_thread_reads_late(pair):
    reader, writer = pair
    writer.sendall(b"x" * 50_000)
    receive, size = late(reader), 0
    while size < 50_000:
        size += len(receive())
    with pytest.raises(TimeoutError):
        receive()


def test_a_late_reader_waits_for_nothing_and_an_endless_response_ends(pair):
    reader, writer = pair

    def flood():
        with contextlib.suppress(OSError):
            while True:
                writer.sendall(b"x" * 1000)

    flooding = threading.Thread(target=flood)
    flooding.start()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        collections.deque(iter(late(reader), b""), maxlen=0)
    assert time.monotonic() - began < 2
    writer.shutdown(socket.SHUT_RDWR)
    flooding.join(5)


def test_an_idle_connection_closed_by_the_server_fails_no_call(serve):
    def once(connection):
        path = read_request(connection).split()[1]
        connection.sendall(answer(f'{{"path": "{path}"}}'))
        connection.close()

    server = serve(once)
    transport = Transport(Settings(server_url=server.url), retry=RetryPolicy.none())
    channel = TaskChannel(transport)
    for turn in range(5):
        assert transport.request(ECHO, {"id": turn})["path"] == f"/api/echo/{turn}"
        server.accepted[-1].close()
        time.sleep(0.02)  # the close has to arrive, as it has for any connection that idles
    assert channel is not None
    transport.close()


def test_refused_connections_are_errors_that_name_the_server():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    slept = []
    transport = Transport(Settings(server_url=f"http://127.0.0.1:{port}"), sleep=slept.append)
    with pytest.raises(APIConnectionError, match="refused") as caught:
        transport.request(ONCE, body={})
    assert f":{port}" in str(caught.value)
    assert caught.value.attempts == 4  # never sent, so repeating was safe even for this one
    assert len(slept) == 3


def test_a_cut_answer_is_a_connection_error(serve):
    def cut(connection):
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        connection.close()

    server = serve(cut)
    transport = Transport(Settings(server_url=server.url), retry=RetryPolicy.none())
    for call in (lambda: transport.request(ECHO, {"id": 1}), lambda: TaskChannel(transport).update("t", b"{}")):
        with pytest.raises(APIConnectionError):
            call()
    transport.close()


@pytest.mark.parametrize("through_session", [False, True])
def test_the_task_channel_uses_the_pool_or_a_custom_session(stub, through_session):
    import requests

    stub.add("work", "work-1", "work-2")
    session = requests.Session() if through_session else None
    with ConductorClient(server_url=stub.url, session=session) as client:
        channel = TaskChannel(client.transport)
        (task,) = channel.poll("work", count=1, timeout_ms=100, worker_id="me")
        assert task["taskId"] == "work-1"
        following = channel.update_v2("work-1", b'{"taskId":"work-1","status":"COMPLETED"}')
        assert following["taskId"] == "work-2"
        channel.update("work-2", b'{"taskId":"work-2","status":"COMPLETED"}')
        assert channel.update_v2("work-2", b'{"taskId":"work-2","status":"COMPLETED"}') is None
        stub.fault = lambda kind: 500
        with pytest.raises(APIError) as caught:
            channel.poll("work", count=1, timeout_ms=100, worker_id="me")
        assert caught.value.path == "/tasks/poll/batch/work"
    if session is not None:
        session.close()


def test_the_task_channel_does_not_import_netrc_on_a_thread(stub, monkeypatch):
    asked = []
    monkeypatch.setattr("requests.sessions.get_netrc_auth", lambda *args: asked.append(args))
    with ConductorClient(server_url=stub.url) as client:
        TaskChannel(client.transport).poll("work", count=1, timeout_ms=0, worker_id="me")
    assert asked == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_after_a_fork_no_answer_crosses_between_parent_and_child(serve):
    server = serve(echo)
    transport = Transport(Settings(server_url=server.url))
    for n in range(3):
        transport.request(ECHO, {"id": n})
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads of this test's server are there; it forks anyway
        pid = os.fork()
    if pid == 0:  # pragma: no cover  another process
        good = all(transport.request(ECHO, {"id": f"child-{n}"})["path"] == f"/api/echo/child-{n}" for n in range(200))
        os.write(writer, b"good" if good else b"bad")
        os._exit(0)
    crossed = [
        n for n in range(200) if transport.request(ECHO, {"id": f"parent-{n}"})["path"] != f"/api/echo/parent-{n}"
    ]
    os.waitpid(pid, 0)
    assert os.read(reader, 10) == b"good"
    assert crossed == []
    os.close(reader)
    os.close(writer)
    assert transport.request(ECHO, {"id": "after"})["path"] == "/api/echo/after"
    transport.close()


@pytest.mark.parametrize("answer", ["{}", "COMPLETED", "work", "work-11", ""])
def test_only_the_tasks_own_id_proves_that_an_update_was_taken(stub, answer):
    stub.update_answer = lambda task_id: answer
    with ConductorClient(server_url=stub.url) as client, pytest.raises(UnexpectedResponseError):
        TaskChannel(client.transport).update("work-1", b'{"taskId":"work-1","status":"COMPLETED"}')


@pytest.mark.parametrize("content", [b'{"error": "login required"}', b"{}", b"[]", b'"work-1"'])
def test_only_a_task_proves_that_an_update_with_a_next_task_was_taken(serve, content):
    def say(connection):
        read_request(connection)
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        connection.sendall(head.encode() + content)
        connection.close()

    transport = Transport(Settings(server_url=serve(say).url))
    with pytest.raises(UnexpectedResponseError):
        TaskChannel(transport).update_v2("work-1", b'{"taskId":"work-1","status":"COMPLETED"}')
    transport.close()


def test_an_empty_response_to_update_v2_is_confirmed_by_an_update(stub):
    stub.fault = lambda kind: "empty" if kind == "update-v2" else None
    with ConductorClient(server_url=stub.url) as client:
        assert TaskChannel(client.transport).update_v2("work-1", b'{"taskId":"work-1","status":"COMPLETED"}') is None
    assert stub.done() == {"work-1"}


def test_a_call_ends_at_its_timeout_if_the_token_endpoint_is_silent(stub):
    stub.fault = lambda kind: "hang" if kind == "token" else None
    with ConductorClient(server_url=stub.url, auth_key="key", auth_secret="secret") as client:
        began = time.monotonic()
        with pytest.raises(APITimeoutError, match="POST /token"):
            client.transport.request(ECHO, {"id": 1}, timeout=0.5)
        assert time.monotonic() - began < 1.5


@pytest.mark.parametrize(
    "send",
    [
        lambda transport: TaskChannel(transport).update("t", b"{}", 0.5),
        lambda transport: transport.request(ECHO, {"id": 2}, timeout=0.5),
    ],
)
def test_a_call_ends_at_its_timeout_if_all_connections_are_in_use(serve, wait_until, send):
    server = serve(_silence)
    transport = Transport(Settings(server_url=server.url, max_connections=1))

    def keep_one():
        with contextlib.suppress(APITimeoutError):
            transport.request(ECHO, {"id": 1}, timeout=3)

    other = threading.Thread(target=keep_one)
    other.start()
    wait_until(lambda: server.accepted)
    began = time.monotonic()
    with pytest.raises(APITimeoutError, match="max_connections"):
        send(transport)
    assert time.monotonic() - began < 1.5
    other.join(5)
    transport.close()


def test_a_pool_grows_where_more_threads_need_connections(stub):
    transport = Transport(Settings(server_url=stub.url, max_connections=1))
    transport.request(ECHO, {"id": 1})
    transport.allow_connections(5)
    together = threading.Barrier(5)
    stub.fault = lambda kind: (together.wait(5), None)[1]
    channel, failures = TaskChannel(transport), []

    def send(number):
        try:
            channel.update(f"work-{number}", b'{"taskId":"work-%d","status":"COMPLETED"}' % number)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=send, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert failures == []
    assert len(stub.done()) == 5
    transport.close()
