import base64

import pytest

from conductor.server.origin_check import OriginCheck, is_loopback


def basic(password, user="me"):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def refusal(check, headers, method="GET", path="/"):
    return check.refusal(method, path, headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "127.0.0.1:8081"},
        {"host": "localhost:8081"},
        {"host": "LOCALHOST"},
        {"host": "[::1]:8081"},
        {"host": "conductor.test:8081"},
        {"host": "localhost:8081", "origin": "http://localhost:8081"},
        {"host": "localhost:8081", "sec-fetch-site": "same-origin"},
        {"host": "localhost:8081", "sec-fetch-site": "none"},
        {"host": "localhost:8081", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"},
    ],
)
def test_requests_to_a_known_host_name_pass(headers):
    assert refusal(OriginCheck(("conductor.test",)), headers) is None


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"host": ""},
        {"host": "evil.test:8081"},
        {"host": "localhost.evil.test"},
        {"host": "[bad"},
        {"host": "localhost:8081", "origin": "http://evil.test"},
        {"host": "localhost:8081", "origin": "http://localhost:9999"},
        {"host": "localhost:8081", "origin": "null"},
        {"host": "localhost:8081", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"},
        {"host": "localhost:8081", "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors"},
    ],
)
def test_other_names_and_other_origins_are_refused(headers):
    status, _ = refusal(OriginCheck(("conductor.test",)), headers)

    assert status == 403


NAVIGATION = {"host": "localhost:8081", "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("POST", "/api/workflow/w-1/restart", {"origin": "http://evil.test"}),
        ("POST", "/api/workflow/w-1/restart", {}),
        ("POST", "/", {}),
        ("GET", "/api/scheduler/admin/pause", {}),
        ("GET", "/api/tasks/poll/charge", {}),
        ("GET", "/", {"origin": "http://evil.test"}),
    ],
)
def test_forms_and_links_of_other_pages_cannot_call_the_api(method, path, headers):
    assert refusal(OriginCheck(), {**NAVIGATION, **headers}, method, path)[0] == 403


def test_allowing_any_name_does_not_allow_other_origins():
    check = OriginCheck(None)

    assert refusal(check, {"host": "conductor.internal:8080"}) is None
    assert refusal(check, {"host": "conductor.internal:8080", "origin": "http://evil.test"})[0] == 403


def test_a_key_requires_its_password():
    check = OriginCheck(key="s3cret")

    assert refusal(check, {"host": "localhost", "authorization": basic("s3cret")}) is None
    assert refusal(check, {"host": "localhost", "authorization": basic("s3cret", user="")}) is None
    for wrong in ["", basic("other"), basic(""), "Bearer s3cret", "Basic s3cret", "Basic !!!", "Basic"]:
        assert refusal(check, {"host": "localhost", "authorization": wrong})[0] == 401


def test_the_key_is_not_in_the_repr():
    assert "s3cret" not in repr(OriginCheck(key="s3cret"))


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("example.test", False),
        ("", False),
    ],
)
def test_loopback_is_only_this_machine(host, answer):
    assert is_loopback(host) is answer
