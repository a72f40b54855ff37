"""Idempotency keys, as Conductor's documentation has them; a strict server ignores them, as the open-source one."""

import logging

import pytest
import requests

import conductor.server
from conductor import ConductorClient, ConflictError
from conductor.errors import APIError
from conductor.server.http.middleware import Fault

WAIT = {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {}}


@pytest.fixture(autouse=True)
def flows(define):
    define("pay", WAIT)
    define("refund", WAIT)


def test_the_same_key_fails_and_names_the_execution_that_has_it(client):
    first = client.workflows.start("pay", idempotency_key="k")
    with pytest.raises(ConflictError, match=first):
        client.workflows.start("pay", idempotency_key="k")
    client.workflows.terminate(first)
    with pytest.raises(ConflictError, match="TERMINATED"):
        client.workflows.start("pay", idempotency_key="k", idempotency_strategy="FAIL")


def test_the_existing_execution_is_returned(client):
    first = client.workflows.start("pay", idempotency_key="k", idempotency_strategy="RETURN_EXISTING")
    client.workflows.terminate(first)
    assert client.workflows.start("pay", idempotency_key="k", idempotency_strategy="RETURN_EXISTING") == first
    assert client.workflows.get(first).idempotency_key == "k"


def test_only_an_open_execution_prevents_a_start(client):
    first = client.workflows.start("pay", idempotency_key="k", idempotency_strategy="FAIL_ON_RUNNING")
    client.workflows.pause(first)
    with pytest.raises(ConflictError, match="PAUSED"):
        client.workflows.start("pay", idempotency_key="k", idempotency_strategy="FAIL_ON_RUNNING")
    client.workflows.terminate(first)
    second = client.workflows.start("pay", idempotency_key="k", idempotency_strategy="FAIL_ON_RUNNING")
    assert second != first
    assert client.workflows.start("pay", idempotency_key="k", idempotency_strategy="RETURN_EXISTING") == second


def test_a_key_belongs_to_a_workflow_and_is_removed_with_its_execution(client):
    first = client.workflows.start("pay", idempotency_key="k")
    assert client.workflows.start("refund", idempotency_key="k") != first
    client.workflows.terminate(first)
    client.workflows.delete(first, archive=False)
    assert client.workflows.start("pay", idempotency_key="k") != first


def test_a_start_by_name_has_its_key_in_headers(server, client):
    first = client.workflows.start("pay", idempotency_key="k")
    headers = {"X-Idempotency-key": "k", "X-on-conflict": "RETURN_EXISTING"}
    answer = requests.post(f"{server.url}/workflow/pay", json={}, headers=headers, timeout=5)
    assert (answer.status_code, answer.text) == (200, first)


def test_a_refused_start_leaves_its_key_free(client, define):
    with pytest.raises(APIError):
        client.workflows.start("later", idempotency_key="k")
    define("later", WAIT)
    assert client.workflows.start("later", idempotency_key="k")


def test_keys_survive_a_restart(tmp_path):
    def started():
        with (
            conductor.server.start(database=tmp_path / "db") as server,
            ConductorClient(server_url=server.url) as client,
        ):
            client.metadata.update_workflows([{"name": "pay", "tasks": [WAIT], "ownerEmail": "a@b.c"}])
            return client.workflows.start("pay", idempotency_key="k", idempotency_strategy="RETURN_EXISTING")

    assert started() == started()


def test_a_start_with_a_lost_response_is_retried(server, client, caplog):
    server.faults.add(Fault(status=503, after=True, method="POST"))
    with caplog.at_level(logging.WARNING):
        workflow_id = client.workflows.start("pay", idempotency_key="k", idempotency_strategy="RETURN_EXISTING")
    assert client.workflows.search(query="workflowType=pay").total_hits == 1
    assert not client.workflows.get(workflow_id).is_terminal
    assert "ignores the idempotency key" not in caplog.text


def test_a_strict_server_ignores_keys_and_the_client_warns(caplog):
    with conductor.server.start(strict=True) as server, ConductorClient(server_url=server.url) as client:
        client.metadata.update_workflows([{"name": "pay", "tasks": [WAIT], "ownerEmail": "a@b.c"}])
        with caplog.at_level(logging.WARNING):
            assert len({client.workflows.start("pay", idempotency_key="k") for _ in range(2)}) == 2
        assert "ignores the idempotency key" in caplog.text


def test_an_unknown_strategy_is_refused(server):
    body = {"name": "pay", "idempotencyKey": "k", "idempotencyStrategy": "GUESS"}
    answer = requests.post(f"{server.url}/workflow", json=body, timeout=5)
    assert (answer.status_code, "idempotencyStrategy" in answer.json()["message"]) == (500, True)
