"""Workers whose inputs and outputs are too large for the server, with an external storage."""

import json
import time

from conductor import ConductorClient, TaskHandler, WorkerRegistry, worker_task

LARGE = "x" * (4 * 1024 * 1024)


def worked(stub, *task_ids):
    registry = WorkerRegistry()

    @worker_task("grow", registry=registry)
    def grow(text: str = "") -> dict:
        return {"text": text + LARGE}

    with (
        ConductorClient(server_url=stub.url, auth="t0ken") as client,
        TaskHandler(client, registry=registry),
    ):
        deadline = time.monotonic() + 20
        while stub.done() != set(task_ids):
            assert time.monotonic() < deadline, stub.statuses()
            time.sleep(0.01)
    return {task_id: updates[-1] for task_id, updates in stub.results.items()}


def test_a_large_input_and_output_travel_through_the_storage(stub):
    stub.storage = {"in": json.dumps({"text": "begun: "}).encode()}
    stub.add("grow", "grow-1", inputData={}, externalInputPayloadStoragePath="in")

    update = worked(stub, "grow-1")["grow-1"]

    assert (update["status"], update["outputData"]) == ("COMPLETED", {})
    assert json.loads(stub.storage[update["externalOutputPayloadStoragePath"]]) == {"text": "begun: " + LARGE}
    assert stub.storage_tokens == [None, None]


def test_without_a_storage_the_task_fails_at_once_and_permanently(stub):
    stub.add("grow", "grow-1")

    update = worked(stub, "grow-1")["grow-1"]

    assert update["status"] == "FAILED_WITH_TERMINAL_ERROR"
    assert "has no storage for larger ones" in update["reasonForIncompletion"]
