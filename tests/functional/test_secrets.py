"""No secret is reachable from an error of a call, nor in a log at DEBUG, on both paths."""

import logging
import socket
import threading

import pytest
import requests

from conductor import ConductorClient, RetryPolicy
from conductor.errors import ConductorError
from conductor.settings import Settings
from conductor.transport.client import Transport
from conductor.transport.operation import Operation
from conductor.transport.task_channel import TaskChannel

TOKEN, KEY, SIGNATURE, PROXY = SECRETS = ("s3cretTOKEN", "s3cretKEY", "s3cretSIGNATURE", "s3cretPROXY")
COUNT = Operation("POST", "/x", int)


def frames_of(error):
    """Yield the local variables of our frames, as tools that report errors show them."""
    trace = error.__traceback__
    while trace is not None:
        if "/conductor/" in trace.tb_frame.f_code.co_filename:
            for name, value in trace.tb_frame.f_locals.items():
                is_plain = isinstance(value, (str, bytes, dict, list, tuple, BaseException))
                yield f"{trace.tb_frame.f_code.co_name}: {name}", value if is_plain else repr(value)
        trace = trace.tb_next


def parts_of(value):
    if isinstance(value, BaseException):
        yield from frames_of(value)
        yield from ((name, getattr(value, name, None)) for name in ("args", "__cause__", "__context__", "__notes__"))
        yield from vars(value).items()
    elif isinstance(value, dict):
        yield from value.items()
    elif isinstance(value, (list, tuple, set)):
        yield from (("item", one) for one in value)
    elif value is not None and not isinstance(value, (str, bytes)):
        yield "repr", repr(value)


def leaks(error):
    """Return the places from which a secret can be reached."""
    found, seen, waiting = [], set(), [("error", error)]
    while waiting:
        place, value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        if isinstance(text, str):
            found += [place for secret in SECRETS if secret in text]
        waiting += [(f"{place} > {name}", part) for name, part in parts_of(value)]
    return found


def test_the_walker_finds_what_a_plain_exception_would_show():
    try:
        requests.get("http://127.0.0.1:1/x", headers={"X-Authorization": TOKEN}, timeout=1)
    except requests.RequestException as error:
        plain = ConductorError("failed", request=dict(error.request.headers))
    assert leaks(plain)


def response(status, body, *fields, kind="application/json"):
    head = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *fields, "", ""]
    return ("\r\n".join(head) + body).encode()


# What the peer answers to everything; some repeat a secret, as a server that is attacked or debugged does.
ANSWERS = {
    "closed": b"",
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
    "an error": response("500 Broken", "{}"),
    "a rejected token": response("401 Unauthorized", '{"error": "INVALID_TOKEN"}'),
    "forbidden": response("403 Forbidden", "{}"),
    "a proxy's password": response("407 Proxy Authentication Required", ""),
    "a page": response("200 OK", "<html>x</html>", kind="text/html"),
    "a redirect": response("302 Found", "", f"Location: http://other/?sig={SIGNATURE}"),
    "broken JSON": response("200 OK", f'{{"token": "{TOKEN}'),
    "another shape": response("200 OK", f'["{TOKEN}"]'),
    "another name": response("200 OK", f'{{"accessToken": "{TOKEN}"}}'),
    "a malformed field": f"HTTP/1.1 200 OK\r\nX : {TOKEN}\r\n\r\n".encode(),
    "a malformed status": f"XTTP/1.1 {'x' * 70}{TOKEN}\r\n\r\n".encode(),
}


@pytest.fixture
def port_of():
    listeners = []

    def start(answer):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def serve():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        connection.recv(100_000)
                        connection.sendall(answer)
                    except OSError:
                        continue

        threading.Thread(target=serve, daemon=True).start()
        return listener.getsockname()[1]

    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def fail():
    raise ValueError(TOKEN)


AUTH = {
    "a token": {"auth": TOKEN},
    "a token with a line break": {"auth": f"s3cret\n{TOKEN}"},
    "a callable that raises": {"auth": fail},
    "an access key": {},
}


def calls_of(transport, url):
    channel = TaskChannel(transport)
    return (
        lambda: transport.request(COUNT, body={}),
        lambda: channel.poll("t", count=1, timeout_ms=0, worker_id="w"),
        lambda: channel.update("t", b"{}"),
        lambda: channel.update_v2("t", b"{}"),
        lambda: transport.put_payload(COUNT, url, b"{}"),
        lambda: transport.get_payload(COUNT, url),
    )


class UsersAdapter(requests.adapters.HTTPAdapter):
    """An adapter of the application, so that urllib3 reads the responses."""


def users_session():
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, UsersAdapter())
    return session


@pytest.mark.parametrize("make_session", [lambda: None, requests.Session, users_session])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_secret_is_reachable_from_an_error_or_in_a_log(port_of, caplog, scheme, make_session):
    caplog.set_level(logging.DEBUG)
    walked = []
    for kind, port in {"refused": closed_port(), **{kind: port_of(answer) for kind, answer in ANSWERS.items()}}.items():
        for proxy in (None, f"http://user:{PROXY}@127.0.0.1:{port}"):
            for way, options in AUTH.items():
                key = {} if options else {"auth_key": "key", "auth_secret": KEY}
                base = f"{scheme}://127.0.0.1:{port}"
                settings = Settings(server_url=base, proxy=proxy, request_timeout_ms=2000, **key)
                with Transport(settings, retry=RetryPolicy.none(), session=make_session(), **options) as transport:
                    for call in calls_of(transport, f"{base}/bucket?signature={SIGNATURE}"):
                        try:
                            call()
                        except ConductorError as error:
                            walked.append(((kind, proxy is not None, way), leaks(error), error.operation))
    assert len(walked) > 400
    assert [(case, places) for case, places, _ in walked if places] == []
    assert [case for case, _, operation in walked if not operation] == []
    # With a session of the application, urllib3 logs header lines of the server that it cannot parse.
    logged = [record.getMessage() for record in caplog.records if record.name != "urllib3.connection"]
    assert not [message for message in logged if any(secret in message for secret in SECRETS)]


def test_a_secret_that_is_saved_is_in_no_frame_of_ours(port_of):
    for answer in (ANSWERS["closed"], ANSWERS["an error"], ANSWERS["a page"]):
        client = ConductorClient(f"http://127.0.0.1:{port_of(answer)}", retry=RetryPolicy.none())
        for call in (
            lambda value, client=client: client.secrets.save("name", value),
            lambda value, client=client: client.environment.save("name", value),
            lambda value, client=client: client.tokens.create("key", value),
            lambda value, client=client: client.secrets.save("name", value.encode()),
            lambda value, client=client: client.tokens.create("key", key_secret=[value]),
        ):
            try:
                call("".join(KEY))
            except ConductorError as error:
                found = leaks(error)
            assert found == []
        client.close()
