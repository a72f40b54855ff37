"""Checked by mypy, never run: the fixtures of the pytest plugin, annotated."""

from typing_extensions import assert_type

from conductor import TaskHandler, worker_task
from conductor.models import Workflow
from conductor.testing import (
    MockCall,
    MockWorker,
    MockWorkers,
    RunWorkflow,
    StartWorkers,
    assert_workflow,
    execute_workflow,
    execution_tree,
    replay_execution,
)


@worker_task("charge")
def charge(amount: int) -> dict[str, int]:
    return {"amount": amount}


def test_fixtures(conductor_workers: StartWorkers, mock_worker: MockWorkers, run_workflow: RunWorkflow) -> None:
    mock = mock_worker("ship", returns={"parcel": "p-1"}, thread_count=2)
    assert_type(mock, MockWorker)
    assert_type(mock.calls, list[MockCall])
    mock_worker(charge, raises=[OSError("busy"), OSError], returns={})
    mock_worker("pack", side_effect=lambda amount: {"n": amount})
    mock_worker("pack", thread_cuont=2)  # type: ignore[call-arg]
    assert_type(conductor_workers(charge), TaskHandler)
    run = run_workflow("order", {"amount": 5}, timeout=3)
    assert_type(run, Workflow)
    assert_workflow(run).completed().task("charge").retried(0)
    assert_type(execution_tree(run, ignore=["at"]), str)
    replay_execution("order.json", charge, ignore=["at"])


def test_in_process() -> None:
    run = execute_workflow({"name": "order"}, {"amount": 5}, workers=[charge, MockWorker("ship")], outputs={"get": {}})
    assert_type(run, Workflow)
    execute_workflow("order")  # type: ignore[arg-type]
