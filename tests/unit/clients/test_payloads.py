"""Large payloads: to the server's storage and back, or a clear error."""

import json

import pytest

from conductor.errors import ConfigurationError, ServerError, UnexpectedResponseError
from conductor.models import TaskResult, TaskResultStatus

MIB = 1024 * 1024
LARGE = {"a": "x" * (6 * MIB)}
PLACE = {"uri": "http://conductor.test/store/1?signature=s3cr3t", "path": "input/1.json"}
RESULT = {"workflowInstanceId": "w", "taskId": "t", "status": "COMPLETED"}


def test_an_input_over_the_limit_is_stored_and_referenced_in_the_start(client, wire):
    wire.answer(PLACE).answer("").answer("id-1")

    assert client.workflows.start("order", LARGE) == "id-1"

    asked, stored, started = wire.requests
    assert asked.url.endswith("/workflow/external-storage-location?path=&operation=WRITE&payloadType=WORKFLOW_INPUT")
    assert (stored.method, stored.url) == ("PUT", PLACE["uri"])
    assert json.loads(stored.body) == LARGE
    sent = json.loads(started.body)
    assert sent["externalInputPayloadStoragePath"] == "input/1.json"
    assert not sent.get("input")


def test_no_token_goes_to_the_storage(wire):
    from conductor.clients.client import ConductorClient

    wire.answer(PLACE).answer("").answer("id-1")
    with ConductorClient(server_url="http://conductor.test/api", auth="t0ken") as client:
        client.workflows.start("order", LARGE)

    assert ["X-Authorization" in request.headers for request in wire.requests] == [True, False, True]


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.workflows.start("order", LARGE),
        lambda c: c.workflows.execute("order", LARGE),
        lambda c: c.tasks.update({**RESULT, "outputData": LARGE}),
        lambda c: c.tasks.update_v2({**RESULT, "outputData": LARGE}),
    ],
)
@pytest.mark.parametrize("missing", [True, False])
def test_without_storage_large_payloads_are_refused(client, wire, call, missing):
    if missing:
        wire.answer({"status": 404, "message": "No static resource api/x."}, status=404)
    else:
        wire.answer({"path": "input/1.json"})

    with pytest.raises(ConfigurationError, match=r"has 6,291,46\d bytes\. The server accepts \d.* has no storage"):
        call(client)

    assert {request.method for request in wire.requests} == {"GET"}


def test_payloads_over_the_storage_limit_are_refused(wire):
    from conductor.clients.client import ConductorClient

    with (
        ConductorClient(server_url="http://conductor.test/api", max_stored_payload_kb=5120) as client,
        pytest.raises(ConfigurationError, match="The limit for stored payloads is 5,242,880"),
    ):
        client.workflows.start("order", LARGE)

    assert wire.requests == []


def test_errors_of_the_storage_do_not_show_its_url(client, wire):
    wire.answer(PLACE).answer("<Error>denied</Error>", status=500, content_type="application/xml")

    with pytest.raises(ServerError) as caught:
        client.workflows.start("order", LARGE)

    assert "s3cr3t" not in f"{caught.value} {caught.value.to_dict()}"
    assert "/workflow/external-storage-location" in str(caught.value)


def test_an_output_over_the_limit_is_stored_without_changing_the_result(client, wire):
    wire.answer({**PLACE, "path": "out/1.json"}).answer("").answer("t")
    result = TaskResult("w", "t", TaskResultStatus.COMPLETED, output_data=dict(LARGE))

    client.tasks.update(result)

    assert wire.body["externalOutputPayloadStoragePath"] == "out/1.json"
    assert not wire.body.get("outputData")
    assert json.loads(wire.requests[1].body) == LARGE
    assert result.output_data == LARGE


def test_payloads_in_storage_are_read_into_the_execution(client, wire):
    task = {"taskId": "t", "externalOutputPayloadStoragePath": "task/out.json", "inputData": {"kept": 1}}
    run = {"workflowId": "w", "externalInputPayloadStoragePath": "in.json", "tasks": [task]}
    wire.answer(run).answer(PLACE).answer({"total": 1}).answer(PLACE).answer({"order": 2})

    found = client.workflows.get("w")

    assert (found.input, found.tasks[0].output_data, found.tasks[0].input_data) == (
        {"order": 2},
        {"total": 1},
        {"kept": 1},
    )
    places = [request.url.partition("?")[2] for request in wire.requests if "external-storage" in request.url]
    assert places == [
        "path=task%2Fout.json&operation=READ&payloadType=TASK_OUTPUT",
        "path=in.json&operation=READ&payloadType=WORKFLOW_INPUT",
    ]


def test_payloads_in_storage_are_left_there_on_request(client, wire):
    wire.answer({"workflowId": "w", "externalInputPayloadStoragePath": "in.json"})

    found = client.workflows.get("w", fetch_payloads=False)

    assert (found.input, found.external_input_payload_storage_path) == ({}, "in.json")
    assert len(wire.requests) == 1


def test_a_stored_payload_with_invalid_json_is_an_error(client, wire):
    wire.answer({"taskId": "t", "externalInputPayloadStoragePath": "in.json"}).answer(PLACE).answer("{broken")

    with pytest.raises(UnexpectedResponseError, match="not JSON"):
        client.tasks.get("t")


def test_a_payload_the_server_dropped_is_reported_next_to_the_rest(client, wire, caplog):
    wire.answer({"workflowId": "w", "status": "RUNNING", "externalInputPayloadStoragePath": "in.json"})
    wire.answer({"path": "in.json"})

    found = client.workflows.get("w")

    assert (found.status, found.input) == ("RUNNING", {})
    assert "payload not available: workflow_id=w" in caplog.text
    assert "dropped the payload" in caplog.text
