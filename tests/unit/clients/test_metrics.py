"""What a client counts: requests, starts of workflows, payloads outside the database."""

import pytest

from conductor.clients.client import ConductorClient
from conductor.errors import ConfigurationError, ServerError
from conductor.transport.operation import RetryPolicy
from conductor.worker.metrics import MetricsCollector

LARGE = {"a": "x" * 6_000_000}
PLACE = {"uri": "http://conductor.test/store/1?signature=1", "path": "input/1.json"}


@pytest.fixture
def metrics():
    return MetricsCollector()


@pytest.fixture
def client(metrics):
    with ConductorClient(server_url="http://conductor.test/api", retry=RetryPolicy.none(), metrics=metrics) as client:
        yield client


def found(metrics, name):
    """Each sample's labels, in their order, and its value or sum."""
    samples = metrics.snapshot().get(name, {"samples": []})["samples"]
    return {tuple(one["labels"].values()): one.get("value", one.get("sum")) for one in samples}


STARTS = {
    "start": lambda c: c.workflows.start("order", {"a": 1}, version=2),
    "start_by_name": lambda c: c.workflows.start_by_name("order", {"a": 1}, version=2),
    "execute": lambda c: c.workflows.execute("order", {"a": 1}, version=2),
    "execute_as_api": lambda c: c.workflows.execute_as_api("order", {"a": 1}, version=2),
    "start_many": lambda c: c.workflows.start_many([{"name": "order", "version": 2, "input": {"a": 1}}]),
}


@pytest.mark.parametrize("start", STARTS)
def test_starts_record_input_size_and_failures(client, metrics, wire, start):
    wire.answer({"status": 500, "message": "the database is away"}, status=500)
    outcome = None
    try:
        outcome = STARTS[start](client)
    except ServerError as error:
        outcome = [error]
    assert isinstance(outcome[0], ServerError)
    assert found(metrics, "workflow_input_size_bytes") == {("order", "2"): len(b'{"a":1}')}
    assert found(metrics, "workflow_start_error_total") == {("order", "ServerError"): 1}
    assert metrics.snapshot()["http_api_client_request_seconds"]["samples"]


def test_a_successful_start_has_no_error_and_no_version_unless_given(client, metrics, wire):
    wire.answer("id-1")
    client.workflows.start("order")
    assert found(metrics, "workflow_input_size_bytes") == {("order", ""): 2}
    assert found(metrics, "workflow_start_error_total") == {}


def test_reads_and_writes_of_stored_payloads_are_counted(client, metrics, wire):
    wire.answer(PLACE).answer("").answer("id-1")
    client.workflows.start("order", LARGE)
    assert found(metrics, "external_payload_used_total") == {("order", "WRITE", "WORKFLOW_INPUT"): 1}
    assert found(metrics, "workflow_input_size_bytes")["order", ""] > 6_000_000
    wire.answers = []
    wire.answer({"taskId": "t", "taskDefName": "pay", "externalOutputPayloadStoragePath": "1"}).answer(PLACE)
    wire.answer({"b": 2})
    assert client.tasks.get("t").output_data == {"b": 2}
    assert found(metrics, "external_payload_used_total")["pay", "READ", "TASK_OUTPUT"] == 1


def test_a_payload_that_cannot_be_stored_fails_the_start(client, metrics, wire):
    wire.answer({"path": "input/1.json"})
    with pytest.raises(ConfigurationError):
        client.workflows.start("order", LARGE)
    assert found(metrics, "workflow_start_error_total") == {("order", "ConfigurationError"): 1}
    assert found(metrics, "external_payload_used_total") == {}


def test_a_failing_listener_does_not_fail_a_start(client, wire, caplog):
    def fail(_notice):
        raise RuntimeError

    client.transport.listeners += (fail,)
    wire.answer("id-1")
    assert client.workflows.start("order") == "id-1"
    assert "A listener raised an exception on WorkflowStarting" in caplog.text
