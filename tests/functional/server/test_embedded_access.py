"""Who can reach the embedded server."""

import pytest

from conductor import AuthenticationError, ConfigurationError, server
from conductor.clients.client import ConductorClient


def test_a_public_address_requires_keys():
    with pytest.raises(ConfigurationError, match="without authentication. Pass keys, or listen on 127"):
        server.start(host="0.0.0.0")


def test_a_server_with_keys_requires_a_token():
    with server.start(host="0.0.0.0", keys={"id": "secret"}) as embedded:
        with ConductorClient(server_url=embedded.url, auth_key="id", auth_secret="secret") as client:
            assert client.metadata.list_workflow_names() == []
        wrong = ConductorClient(server_url=embedded.url, auth_key="id", auth_secret="other")
        with wrong, pytest.raises(AuthenticationError):
            wrong.metadata.list_workflow_names()


def test_the_command_requires_keys_for_a_public_address(spawn):
    process = spawn("-m", "conductor.server", "--engine", "embedded", "--port", "0", "--host", "0.0.0.0")
    _, err = process.communicate(timeout=20)

    assert process.returncode == 2
    assert "Pass keys" in err


def test_the_command_reads_keys_from_the_environment(spawn, monkeypatch):
    monkeypatch.setenv("CONDUCTOR_SERVER_KEYS", "id:secret, other:too")
    process = spawn("-m", "conductor.server", "--engine", "embedded", "--port", "0", "--host", "0.0.0.0")
    url = process.stdout.readline().split()[4]

    with ConductorClient(server_url=url, auth_key="other", auth_secret="too") as client:
        assert client.metadata.list_workflow_names() == []


@pytest.mark.parametrize("keys", ["id", ":secret", "id:", "id:secret,x"])
def test_invalid_keys_exit_with_status_2(spawn, monkeypatch, keys):
    monkeypatch.setenv("CONDUCTOR_SERVER_KEYS", keys)
    process = spawn("-m", "conductor.server", "--engine", "embedded", "--port", "0")
    _, err = process.communicate(timeout=20)

    assert process.returncode == 2
    assert "CONDUCTOR_SERVER_KEYS is invalid; it must be ID:SECRET" in err
    assert "secret," not in err
