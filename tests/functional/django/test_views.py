"""The health view and webhooks."""

import json
import time
from datetime import timedelta

import pytest

from conductor.server.http.middleware import Fault
from conductor.webhook import sign_webhook

SECRET = "a secret of tests"
BODY = b'{"ref": "main"}'


@pytest.fixture
def browser(shop):
    from django.test import Client

    return Client(enforce_csrf_checks=True)


@pytest.fixture
def push(browser, define):
    define("on_push", "shop_ship")

    def send(body=BODY, *, headers=None, **more):
        signed = sign_webhook(body, SECRET, scheme="github") if headers is None else headers
        return browser.post(
            "/hooks/github/", body, "application/json", headers={**signed, "X-GitHub-Event": "push", **more}
        )

    return send


def runs(client):
    return [client.workflows.get(one) for one in client.workflows.list_running_ids("on_push")]


def test_the_health_view_says_that_all_is_well(browser):
    answer = browser.get("/conductor/health/")

    assert answer.status_code == 200
    assert answer.json() == {
        "healthy": True,
        "server": {"up": True},
        "outbox": {"waiting": 0, "refused": 0, "stuck": 0},
    }
    assert "no-cache" in answer["Cache-Control"]


def test_the_health_view_says_what_is_wrong_and_no_address(browser, monkeypatch):
    from django.utils import timezone

    from conductor.contrib.django.configuration import forget_client
    from conductor.contrib.django.models import WorkflowStart

    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "http://127.0.0.1:9/api")
    forget_client()
    WorkflowStart.objects.create(workflow="pay", request={}, created_at=timezone.now() - timedelta(hours=1))

    answer = browser.get("/conductor/health/")

    assert answer.status_code == 503
    assert answer.json() == {
        "healthy": False,
        "server": {"up": False, "error": "APIConnectionError"},
        "outbox": {"waiting": 1, "refused": 0, "stuck": 1},
    }


def test_the_health_view_names_the_error_of_a_database_that_is_down(browser, monkeypatch):
    from django.db import OperationalError
    from django.db.models import QuerySet

    def fail(_: QuerySet) -> int:
        raise OperationalError("could not connect as user 'shop'")

    monkeypatch.setattr(QuerySet, "count", fail)

    answer = browser.get("/conductor/health/")

    assert answer.status_code == 503
    assert answer.json() == {"healthy": False, "server": {"up": True}, "outbox": {"error": "OperationalError"}}


def test_the_health_view_does_not_wait_for_a_slow_server(browser, server):
    server.faults.add(Fault(status=None, delay=8, path="/version", times=None))
    before = time.monotonic()

    answer = browser.get("/conductor/health/")

    assert time.monotonic() - before < 6
    assert answer.json()["server"] == {"up": False, "error": "APITimeoutError"}


def test_a_genuine_webhook_starts_the_workflow_with_payload_and_headers(push, client):
    answer = push()

    (run,) = runs(client)
    assert answer.status_code == 202
    assert answer.json() == {"correlation_id": run.correlation_id}
    assert run.input == {"payload": {"ref": "main"}, "headers": {"X-GitHub-Event": "push"}}


def test_a_delivery_that_comes_twice_starts_one_workflow(push, client):
    answers = [push(**{"X-GitHub-Delivery": "d-17"}) for _ in range(2)]

    assert [answer.json() for answer in answers] == [{"correlation_id": "d-17"}] * 2
    assert len(runs(client)) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        sign_webhook(BODY, "another secret", scheme="github"),
        sign_webhook(BODY + b" ", SECRET, scheme="github"),
    ],
)
def test_a_webhook_with_a_wrong_signature_gets_401_and_starts_nothing(push, client, headers):
    answer = push(headers=headers)

    assert (answer.status_code, answer.content) == (401, b"")
    assert runs(client) == []


def test_a_signed_body_that_is_not_json_gets_400(push, client):
    deep = b"[" * 300 + b"]" * 300
    for body in (b"ref=main", b"", b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": "\xff"}', deep, deep * 400, b"1" * 5000):
        assert push(body).status_code == 400, body[:20]
    assert push(**{"X-GitHub-Delivery": "d" * 5000}).json() == {"correlation_id": "d" * 255}
    (run,) = runs(client)
    assert run.correlation_id == "d" * 255


def test_a_view_may_do_something_else_with_a_webhook(browser):
    body = json.dumps({"a": 1}).encode()
    fresh, old = sign_webhook(body, SECRET), sign_webhook(body, SECRET, clock=lambda: 1_000_000.0)

    answer = browser.post("/hooks/echo/said/", body, "application/json", headers=fresh)

    assert answer.json() == {"said": {"a": 1}}
    assert browser.post("/hooks/echo/said/", body, "application/json", headers=old).status_code == 401
    assert browser.get("/hooks/echo/said/").status_code == 405
