"""TLS for real: a certificate authority of the test's own, with and without client certificates."""

import ssl

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from conductor import ConductorClient, RetryPolicy, Settings, TaskHandler, Worker
from conductor.errors import APIConnectionError, ConfigurationError
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


def test_files_that_cannot_be_used_are_named_before_anything_is_sent(authority, tmp_path):
    issued = authority.issue_cert("worker@example.com")
    key, cert, text, encrypted = (tmp_path / f"{name}.pem" for name in ("key", "cert", "text", "encrypted"))
    issued.private_key_pem.write_to_path(str(key))
    issued.cert_chain_pems[0].write_to_path(str(cert))
    text.write_text("not PEM")
    loaded = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    encrypted.write_bytes(
        loaded.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"s3cret"),
        )
    )
    other = tmp_path / "other.pem"
    authority.issue_cert("other@example.com").private_key_pem.write_to_path(str(other))
    ConductorClient("https://h", client_cert=cert, client_key=key).close()
    for options, words in (
        ({"ca_bundle": text}, "ca_bundle: .*text.pem' cannot be used"),
        ({"client_cert": text}, "client_cert: .*text.pem' cannot be used"),
        ({"client_cert": cert}, "client_cert: .*a certificate and its key"),
        ({"client_cert": cert, "client_key": text}, "client_key: .*text.pem' cannot be used"),
        ({"client_cert": cert, "client_key": encrypted}, "client_key: .*the key is encrypted"),
        ({"client_cert": cert, "client_key": other}, "client_key: .*mismatch"),
        ({"client_cert": tmp_path}, "client_cert: .*is a directory"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            ConductorClient("https://h", **options)


def test_a_bundle_that_breaks_later_is_a_permanent_error_without_retries(secure, tmp_path):
    settings = Settings(**secure())
    with ConductorClient(settings) as client:
        (tmp_path / "ca.pem").write_text("not PEM")
        with pytest.raises(APIConnectionError, match="cannot be read. Check ca_bundle") as caught:
            client.workflows.get("w")
    assert (caught.value.attempts, caught.value.is_permanent) == (1, True)


def test_verification_can_be_turned_off(stub, secure):
    stub.add("work", "work-1")
    with ConductorClient(server_url=secure()["server_url"], verify=False) as client, pytest.warns(match="Unverified"):
        assert client.tasks.update(workflow_id="w", task_id="t", status="COMPLETED") == "t"


def test_the_ca_bundle_of_the_settings_overrides_the_environment(stub, secure, monkeypatch, tmp_path):
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other))
    stub.add("work", "work-1")
    with ConductorClient(**{k: v for k, v in secure().items() if v}) as client:
        hot = TaskChannel(client.transport)
        assert hot.poll("work", count=1, timeout_ms=0, worker_id="me")[0]["taskId"] == "work-1"
        assert client.tasks.update(workflow_id="w", task_id="t", status="COMPLETED") == "t"
