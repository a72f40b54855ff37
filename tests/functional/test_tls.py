"""TLS for real: a certificate authority of the test's own, with and without client certificates."""

import ssl

import pytest
import trustme

from conductor import ConductorClient, RetryPolicy, Settings, TaskHandler, Worker
from conductor.errors import APIConnectionError
from conductor.transport.task_channel import TaskChannel


@pytest.fixture
def authority():
    return trustme.CA()


@pytest.fixture
def secure(stub, authority, tmp_path):
    """Turns the stub into one that speaks TLS; returns what settings need of it."""

    def turn(*, wants_client=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
        if wants_client:
            context.verify_mode = ssl.CERT_REQUIRED
            authority.configure_trust(context)
        stub.server.socket = context.wrap_socket(stub.server.socket, server_side=True)
        bundle, client = tmp_path / "ca.pem", tmp_path / "client.pem"
        authority.cert_pem.write_to_path(str(bundle))
        authority.issue_cert("worker@example.com").private_key_and_cert_chain_pem.write_to_path(str(client))
        return {
            "server_url": f"https://localhost:{stub.port}",
            "ca_bundle": str(bundle),
            "client_cert": str(client) if wants_client else None,
        }

    return turn


@pytest.mark.parametrize("wants_client", [False, True])
def test_clients_and_workers_use_tls_and_client_certificates(stub, secure, wait_until, wants_client):
    settings = Settings(**secure(wants_client=wants_client))
    stub.add("work", "work-1", "work-2")
    with ConductorClient(settings) as client:
        assert client.tasks.update(workflow_id="w", task_id="t", status="COMPLETED") == "t"
    with TaskHandler(settings, workers=[Worker(lambda: None, "work")]):
        wait_until(lambda: {"work-1", "work-2"} <= stub.done())


def test_an_untrusted_certificate_is_an_immediate_error_with_a_remedy(secure, monkeypatch):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    slept = []
    with ConductorClient(server_url=secure()["server_url"], retry=RetryPolicy()) as client:
        client.transport._sleep = slept.append
        for call in (
            lambda: client.workflows.get("w"),
            lambda: TaskChannel(client.transport).poll("work", count=1, timeout_ms=0, worker_id="me"),
        ):
            with pytest.raises(APIConnectionError, match=r"certificate.*ca_bundle"):
                call()
    assert slept == []


def test_a_worker_logs_an_untrusted_certificate_once_with_a_remedy(secure, wait_until, monkeypatch, caplog):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    settings = Settings(server_url=secure()["server_url"], auth_key="k", auth_secret="s")
    with TaskHandler(settings, workers=[Worker(lambda: None, "work")]) as handler:
        wait_until(lambda: handler.health().workers[0].failed_polls >= 3)
        health = handler.health()
    assert not health.is_ready
    assert "certificate" in health.workers[0].last_error
    messages = [r.getMessage() for r in caplog.records if r.levelname in {"WARNING", "ERROR"}]
    assert len(messages) == 2  # one of the token, one of the polls
    assert all("certificate" in message and "ca_bundle" in message for message in messages)


def test_verification_can_be_turned_off(stub, secure):
    stub.add("work", "work-1")
    with ConductorClient(server_url=secure()["server_url"], verify=False) as client, pytest.warns(match="Unverified"):
        assert client.tasks.update(workflow_id="w", task_id="t", status="COMPLETED") == "t"


def test_the_settings_bundle_beats_the_environments(stub, secure, monkeypatch, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    stub.add("work", "work-1")
    with ConductorClient(**{k: v for k, v in secure().items() if v}) as client:
        hot = TaskChannel(client.transport)
        assert hot.poll("work", count=1, timeout_ms=0, worker_id="me")[0]["taskId"] == "work-1"
        assert client.tasks.update(workflow_id="w", task_id="t", status="COMPLETED") == "t"
