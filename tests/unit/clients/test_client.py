"""ConductorClient: its settings, its parts and its end."""

import copy
import pickle

import pytest
import responses

from conductor.clients.client import ConductorClient
from conductor.errors import ConfigurationError
from conductor.settings import Settings
from conductor.transport.editions import ServerInfo
from conductor.transport.operation import Edition


def test_a_client_reads_its_settings_from_the_environment(monkeypatch):
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "http://conductor.test")

    assert ConductorClient().settings.server_url == "http://conductor.test/api"


def test_arguments_override_the_environment_and_settings(monkeypatch):
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", "http://other.test")

    assert ConductorClient(server_url="http://conductor.test").settings.server_url == "http://conductor.test/api"
    given = Settings(server_url="http://third.test")
    assert ConductorClient(given, request_timeout_ms=5).settings == given.evolve(request_timeout_ms=5)


def test_an_unknown_setting_is_refused():
    with pytest.raises((ConfigurationError, TypeError)):
        ConductorClient(sever_url="http://conductor.test")


def test_clients_are_created_once_and_share_a_transport():
    client = ConductorClient(server_url="http://conductor.test")

    assert client.workflows is client.workflows
    assert client.tasks._transport is client.metadata._transport is client.bulk._transport is client.transport


def test_reprs_hide_the_access_key_secret():
    client = ConductorClient(server_url="http://conductor.test", auth_key="key", auth_secret="hush-hush")

    assert "hush-hush" not in repr(client) + repr(client.settings) + repr(client.transport) + repr(vars(client))


def test_a_token_that_was_given_is_sent(wire, client):
    wire.answer({})
    with ConductorClient(server_url="http://conductor.test", auth="t-1") as with_token:
        with_token.workflows.get("w")

    assert wire.last.headers["X-Authorization"] == "t-1"


@responses.activate
def test_a_start_is_retried_only_with_an_effective_idempotency_key():
    from conductor.transport.operation import RetryPolicy

    starts = responses.post("http://conductor.test/api/workflow", status=503)
    honours = responses.get("http://conductor.test/api/admin/config", json={"idempotencyKeys": "honoured"})
    ignores = responses.get("http://conductor.test/api/admin/config", json={"APPLICATION_NAME": "conductor"})
    starts_before = 0

    for edition, key, sent in (
        (Edition.ORKES, None, 1), (Edition.ORKES, "k", 2), (Edition.OSS, "k", 2), (Edition.OSS, "k", 1)
    ):  # fmt: skip
        client = ConductorClient(server_url="http://conductor.test", retry=RetryPolicy(jitter=0, connection_retries=1))
        client.transport._sleep = lambda _: None
        client.transport._server = ServerInfo(edition, "")
        with pytest.raises(Exception, match="503"):
            client.workflows.start("order", idempotency_key=key)
        assert starts.call_count - starts_before == sent
        starts_before = starts.call_count
    assert (honours.call_count, ignores.call_count) == (1, 1)


def test_a_client_says_why_it_cannot_be_pickled():
    client = ConductorClient(server_url="http://h")
    for transfer in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="ConductorClient cannot be copied or pickled.*make one from"):
            transfer(client)
