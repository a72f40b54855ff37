import json
import time

import pytest

from conductor import ConfigurationError, NonRetryableError, worker_task
from conductor.testing import replay_execution
from conductor.testing.generators import example_workflow, example_workflow_run, http_task, simple_task
from conductor.worker.worker import Worker, WorkerRegistry

REGISTRY = WorkerRegistry()


@worker_task("charge", registry=REGISTRY)
def charge(amount: int) -> dict:
    if amount < 0:
        raise NonRetryableError(f"cannot charge {amount}")
    return {"id": f"ch_{amount}", "at": time.time()}


@worker_task("ship", registry=REGISTRY)
def ship(id: str) -> dict:
    return {"parcel": f"p-{id}"}


def recorded(amount=5, **options):
    definition = example_workflow(
        simple_task("charge", input_parameters={"amount": amount}),
        http_task("notify"),
        simple_task("ship", input_parameters={"id": "${charge.output.id}"}),
        name="order",
    )
    outputs = {"charge": {"id": f"ch_{amount}", "at": 1.5}, "ship": {"parcel": f"p-ch_{amount}"}}
    return example_workflow_run(definition, outputs=outputs, retries={"charge": 2}, **options)


def test_functions_that_do_the_same_pass():
    replayed = replay_execution(recorded(), charge, ship, ignore=["at"])

    assert [one.task.reference_task_name for one in replayed] == ["charge", "ship"]
    assert [one.task.retry_count for one in replayed] == [2, 0]
    assert replayed[1].result.output_data == {"parcel": "p-ch_5"}


def test_an_output_that_differs_is_shown():
    changed = Worker(lambda **inputs: {"parcel": inputs["id"]}, "ship")

    with pytest.raises(AssertionError) as caught:
        replay_execution(recorded(), charge, changed, ignore=["at"])

    message = str(caught.value)
    assert message.startswith(
        "1 of 2 replayed tasks of order differ from the recording\n\nTask 'ship' has another output"
    )
    assert '-   "parcel": "p-ch_5"' in message.splitlines()
    assert '+   "parcel": "ch_5"' in message.splitlines()


def test_a_status_that_differs_is_shown_with_its_reason():
    with pytest.raises(
        AssertionError, match="Task 'charge' is FAILED_WITH_TERMINAL_ERROR now, and was COMPLETED: .*-5"
    ):
        replay_execution(recorded(-5), charge)


def test_a_recorded_permanent_failure_must_fail_again():
    run = recorded(-1, status="FAILED", stops_at="charge")
    run.tasks[-1].status = "FAILED_WITH_TERMINAL_ERROR"

    assert [str(one.result.status) for one in replay_execution(run, charge)] == ["FAILED_WITH_TERMINAL_ERROR"]


def test_a_recording_is_a_dict_or_a_file(tmp_path):
    file = tmp_path / "order.json"
    file.write_text(json.dumps(recorded().to_dict()), encoding="utf-8")

    assert len(replay_execution(file, ship)) == len(replay_execution(recorded().to_dict(), ship)) == 1


def test_a_file_without_an_execution_is_refused(tmp_path):
    file = tmp_path / "order.json"
    file.write_text('{"name": "order"}', encoding="utf-8")

    with pytest.raises(ConfigurationError, match="order.json holds no execution with its tasks; record one: conductor"):
        replay_execution(file, ship)


def test_nothing_to_replay_is_an_error():
    with pytest.raises(AssertionError, match="recorded tasks are of the types charge, notify, ship; .* are for refund"):
        replay_execution(recorded(), Worker(lambda: None, "refund"))
