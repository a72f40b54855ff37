"""`mock_worker`, the reasons of a timeout, and what a failing test shows."""

import os
import subprocess
import sys
import textwrap
import time
from datetime import timedelta

import pytest

from conductor import ConfigurationError, NonRetryableError, worker_task
from conductor.models import Task, TaskResult
from conductor.testing import MockWorker, assert_workflow
from conductor.worker.worker import WorkerRegistry

REGISTRY = WorkerRegistry()
CALLS = []


@worker_task("ship", registry=REGISTRY)
def ship(id: str) -> dict:
    CALLS.append(id)
    return {"parcel": f"p-{id}"}


def simple(name, reference_name=None, **inputs):
    return {
        "name": name,
        "taskReferenceName": reference_name or name,
        "type": "SIMPLE",
        "inputParameters": {"amount": "${workflow.input.amount}", **inputs},
    }


def flow(*tasks, **fields):
    return {"name": "order", "version": 1, "ownerEmail": "a@example.com", "tasks": list(tasks), **fields}


def test_a_mock_worker_answers_and_records_tasks(mock_worker, run_workflow):
    charge = mock_worker("charge", returns={"id": "ch_5"})

    run = run_workflow(flow(simple("charge"), simple("charge", "again")), {"amount": 5})

    assert_workflow(run).completed().task("charge").has_output(id="ch_5")
    assert charge.inputs == [{"amount": 5}, {"amount": 5}]
    assert charge.call_count == 2
    assert [call.task.reference_task_name for call in charge.calls] == ["charge", "again"]
    assert repr(charge) == "MockWorker('charge', 2 calls)"


def test_a_mock_worker_fails_first_and_returns_then(mock_worker, run_workflow):
    charge = mock_worker("charge", raises=[OSError("busy"), TimeoutError], returns={"id": "ch_5"})

    run = run_workflow(flow(simple("charge")), {"amount": 5})

    assert_workflow(run).completed().task("charge").retried(2).has_output(id="ch_5")
    assert [call.task.retry_count for call in charge.calls] == [0, 1, 2]
    reasons = [task.reason_for_incompletion for task in run.tasks]
    assert reasons[:2] == ["OSError: busy", "TimeoutError"]


def test_a_mock_worker_raises_for_every_task(mock_worker, run_workflow):
    mock_worker("charge", raises=NonRetryableError("card refused"))

    run = run_workflow(flow(simple("charge")), {"amount": 5})

    assert_workflow(run).failed("card refused").task("charge").retried(0)
    with pytest.raises(AssertionError) as caught:
        assert_workflow(run).completed()
    assert isinstance(caught.value.__cause__, NonRetryableError)


def test_the_side_effect_is_called_as_a_worker_function(mock_worker, run_workflow):
    mock_worker("charge", side_effect=lambda amount: {"double": 2 * amount})
    mock_worker("whole", side_effect=whole_task)

    run = run_workflow(flow(simple("charge"), simple("whole")), {"amount": 5})

    assert_workflow(run).completed().task("charge").has_output(double=10).task("whole").has_output(ref="whole")


def test_the_side_effect_may_be_an_async_function(mock_worker, run_workflow):
    async def charge(amount: int) -> dict:
        return {"id": f"ch_{amount}"}

    mock_worker("charge", side_effect=charge)

    assert_workflow(run_workflow(flow(simple("charge")), {"amount": 5})).completed().has_output(id="ch_5")


def whole_task(task: Task) -> TaskResult:
    return TaskResult(
        task.workflow_instance_id, task.task_id, "COMPLETED", output_data={"ref": task.reference_task_name}
    )


def test_a_list_of_side_effects_answers_one_task_each(mock_worker, run_workflow):
    mock_worker("charge", side_effect=[{"n": 1}, OSError("busy"), {"n": 2}])

    run = run_workflow(flow(simple("charge", "a"), simple("charge", "b"), simple("charge", "c")))

    assert_workflow(run).task("a").has_output(n=1).task("b").retried(1).has_output(n=2)
    assert_workflow(run).failed("more tasks than its side_effect has answers (3)")


def test_mock_worker_takes_over_the_name_of_a_decorated_function(mock_worker, run_workflow):
    CALLS.clear()
    parcel = mock_worker(ship, returns={"parcel": "p-1"})

    assert_workflow(run_workflow(flow(simple("ship", id="x")))).completed().has_output(parcel="p-1")
    assert (parcel.call_count, CALLS) == (1, [])


def test_real_workers_run_next_to_mocks(mock_worker, conductor_workers, run_workflow):
    CALLS.clear()
    charge = mock_worker("charge", returns={"id": "ch_5"})
    handler = conductor_workers(registry=REGISTRY)

    run = run_workflow(flow(simple("charge"), simple("ship", id="${charge.output.id}")))

    assert_workflow(run).completed().has_output(parcel="p-ch_5")
    assert (charge.call_count, CALLS) == (1, ["ch_5"])
    assert [worker.name for worker in handler.workers] == ["ship"]


def test_all_registered_workers_start_without_those_that_are_mocked(mock_worker, conductor_workers):
    registry = WorkerRegistry()
    for name in ("charge", "ship"):
        worker_task(name, registry=registry)(lambda: None)
    mock_worker("charge")

    assert [worker.name for worker in conductor_workers(registry=registry).workers] == ["ship"]


def test_a_worker_and_a_mock_for_the_same_tasks_are_refused(mock_worker, conductor_workers):
    conductor_workers(ship)
    with pytest.raises(ConfigurationError, match="already started a worker for 'ship'.*call mock_worker first"):
        mock_worker("ship")
    mock_worker("charge")
    with pytest.raises(ConfigurationError, match="'charge' has a mock worker in this test already"):
        mock_worker("charge")
    charge = worker_task("charge", registry=WorkerRegistry())(lambda: None)
    with pytest.raises(ConfigurationError, match="mock_worker answers 'charge' in this test"):
        conductor_workers(charge)


def test_arguments_that_exclude_one_another_are_refused(mock_worker):
    mistakes = {
        "either side_effect, or returns and raises": {"side_effect": [1], "returns": 1},
        "raises must be an exception or a list of exceptions; it has 'busy'": {"raises": "busy"},
        "raises must be a list of the exceptions that come first": {"raises": OSError, "returns": 1},
    }
    for message, arguments in mistakes.items():
        with pytest.raises(TypeError, match=message):
            mock_worker("charge", **arguments)
    with pytest.raises(TypeError, match="needs a task type such as 'charge', or a function decorated"):
        mock_worker(len)


def test_a_mock_worker_is_a_context_manager_without_the_fixture(conductor_client, run_workflow):
    with MockWorker("charge", client=conductor_client, returns={"id": "ch_1"}) as charge:
        assert_workflow(run_workflow(flow(simple("charge")))).completed()
        assert charge.is_running
    assert not charge.is_running
    assert charge.call_count == 1


def test_a_stopped_mock_worker_can_be_replaced(mock_worker, run_workflow):
    mock_worker("charge", returns={"id": 1}).stop()
    mock_worker("charge", returns={"id": 2})

    assert_workflow(run_workflow(flow(simple("charge")))).has_output(id=2)


def test_a_mock_worker_takes_tasks_of_its_domain(mock_worker, run_workflow):
    mock_worker("charge", domain="test", returns={"id": 3})

    run = run_workflow(flow(simple("charge")), task_to_domain={"charge": "test"})

    assert_workflow(run).completed().has_output(id=3)


def test_the_clock_lets_mock_workers_finish_first(mock_worker, conductor_client, conductor_server):
    mock_worker("charge", side_effect=slowly)
    nap = {"name": "w", "taskReferenceName": "nap", "type": "WAIT", "inputParameters": {"duration": "2 days"}}
    run = conductor_client.workflows.start(flow(simple("charge"), nap, simple("charge", "again")))

    conductor_server.clock.advance(timedelta(days=4))

    assert_workflow(conductor_client.workflows.get(run)).completed().ran("charge", "nap", "again")


def slowly():
    time.sleep(0.1)
    return {}


TIMEOUTS = [  # the tasks, the workers that are there, and what the message says
    ([simple("charge")], [], "charge: no worker polls 'charge'; start one with conductor_workers(...) or mock_worker("),
    ([simple("charge")], ["ship"], "no worker polls 'charge' (workers poll: ship); start one"),
    ([simple("charge")], ["chrage"], "no worker polls 'charge', but one polls 'chrage': correct the name"),
    ([{"name": "h", "taskReferenceName": "ok", "type": "HUMAN"}], [], "ok: HUMAN waits for the test: run_workflow("),
]


def test_a_timeout_names_the_worker_that_is_missing(mock_worker, run_workflow, wait_until, conductor_client):
    for tasks, workers, message in TIMEOUTS:
        mocks = [mock_worker(name) for name in workers]
        for name in workers:
            wait_until(lambda name=name: conductor_client.tasks.list_poll_data(name))
        with pytest.raises(AssertionError) as caught:
            run_workflow(flow(*tasks), timeout=0.1)
        assert message in str(caught.value)
        for mock in mocks:
            mock.stop()


def test_a_timeout_names_the_domain_that_is_polled(mock_worker, run_workflow, wait_until, conductor_client):
    mock_worker("charge", domain="eu")
    wait_until(lambda: conductor_client.tasks.list_poll_data("charge"))

    with pytest.raises(AssertionError, match="no worker polls 'charge'; workers poll it in 'eu'"):
        run_workflow(flow(simple("charge")), timeout=0.1)


def test_a_timeout_names_a_worker_that_does_not_return(mock_worker, run_workflow, wait_until):
    mock_worker("charge", side_effect=lambda: time.sleep(1))

    with pytest.raises(AssertionError, match="worker .* has the task, and its function has not returned"):
        run_workflow(flow(simple("charge")), timeout=0.5)


def test_a_failing_test_shows_no_code_of_the_plugin(tmp_path):
    source = """
        from conductor.testing import assert_workflow

        def test_check(mock_worker, run_workflow):
            mock_worker("charge", raises=[OSError("busy")] * 9)
            run = run_workflow({"name": "w", "version": 1, "tasks": [
                {"name": "charge", "taskReferenceName": "charge", "type": "SIMPLE"}]})
            assert_workflow(run).completed()

        def test_timeout(run_workflow):
            run_workflow({"name": "w", "version": 1, "tasks": [
                {"name": "charge", "taskReferenceName": "charge", "type": "SIMPLE"}]}, timeout=0.1)
        """
    (tmp_path / "test_it.py").write_text(textwrap.dedent(source))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "conductor.testing.plugin"]
    done = subprocess.run(
        [*command, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=tmp_path,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
    )

    assert done.returncode == 1, done.stdout + done.stderr
    shown = done.stdout.partition("Captured")[0] + done.stdout.partition("test_timeout")[2]
    assert "conductor/testing/assertions.py" not in done.stdout
    assert "conductor/testing/runs.py" not in done.stdout
    assert ">       assert_workflow(run).completed()" in done.stdout
    assert "is FAILED, not COMPLETED" in shown
    assert "no worker polls 'charge'" in done.stdout
