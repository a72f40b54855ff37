"""The clock of the embedded server lets the workers that poll it finish before it moves."""

import threading
import time
from datetime import timedelta

import pytest

from conductor import TaskHandler, worker_task
from conductor.worker.worker import WorkerRegistry

REGISTRY = WorkerRegistry()
FOUR_DAYS = timedelta(days=4)
TASK_DEF = {"ownerEmail": "a@b.c", "timeoutSeconds": 0, "responseTimeoutSeconds": 600, "timeoutPolicy": "TIME_OUT_WF"}
ATTEMPTS = []
RELEASE = threading.Event()


@worker_task("slow", registry=REGISTRY)
def slow() -> dict:
    time.sleep(0.2)
    return {"done": True}


@worker_task("unreliable", registry=REGISTRY)
def unreliable() -> dict:
    ATTEMPTS.append(1)
    if len(ATTEMPTS) < 3:
        raise OSError("no connection")
    return {"attempts": len(ATTEMPTS)}


@worker_task("hangs", registry=REGISTRY)
def hangs() -> dict:
    RELEASE.wait(30)
    return {}


def simple(name, reference_name=None):
    return {"name": name, "taskReferenceName": reference_name or name, "type": "SIMPLE"}


def wait(days):
    return {
        "name": "w",
        "taskReferenceName": f"w{days}",
        "type": "WAIT",
        "inputParameters": {"duration": f"{days} days"},
    }


@pytest.fixture
def workers(client):
    with TaskHandler(client, registry=REGISTRY, poll_interval_ms=10) as handler:
        yield handler
        RELEASE.set()


def test_workers_finish_due_tasks_before_the_clock_moves(server, client, define, workers):
    flow = define("f", simple("slow"), wait(1), simple("slow", "again"), task_defs=[{"name": "slow", **TASK_DEF}])
    run = client.workflows.start(flow)

    server.clock.advance(FOUR_DAYS)

    done = client.workflows.get(run)
    assert [(task.reference_task_name, str(task.status)) for task in done.tasks] == [
        ("slow", "COMPLETED"), ("w1", "COMPLETED"), ("again", "COMPLETED")
    ]  # fmt: skip
    assert done.status == "COMPLETED"
    assert timedelta(milliseconds=done.end_time - done.start_time) < timedelta(days=1, minutes=1)


def test_retries_on_the_way_are_made_at_their_times(server, client, define, workers):
    ATTEMPTS.clear()
    retries = {"name": "unreliable", **TASK_DEF, "retryCount": 3, "retryDelaySeconds": 3600}
    run = client.workflows.start(define("f", simple("unreliable"), task_defs=[retries]))

    server.clock.advance(FOUR_DAYS)

    done = client.workflows.get(run)
    assert (done.status, done.output) == ("COMPLETED", {"attempts": 3})
    assert 2 <= (done.end_time - done.start_time) / 3_600_000 < 2.1


def test_a_worker_that_hangs_holds_the_clock_for_the_timeout(server, client, define, workers, wait_until, caplog):
    RELEASE.clear()
    never = {"name": "hangs", **TASK_DEF, "retryCount": 0}
    run = client.workflows.start(define("f", simple("hangs"), task_defs=[never]))
    wait_until(lambda: client.workflows.get(run).tasks[0].status == "IN_PROGRESS")

    began = time.monotonic()
    server.clock.advance(timedelta(hours=1), worker_timeout=0.3)

    assert time.monotonic() - began >= 0.3
    assert client.workflows.get(run).tasks[0].status == "TIMED_OUT"
    assert "workers have not finished within the timeout: hangs" in caplog.text


def test_the_clock_moves_at_once_without_a_timeout_for_workers(server, client, define, workers, wait_until, caplog):
    RELEASE.clear()
    run = client.workflows.start(define("f", simple("hangs"), task_defs=[{"name": "hangs", **TASK_DEF}]))
    wait_until(lambda: client.workflows.get(run).tasks[0].status == "IN_PROGRESS")

    server.clock.advance(timedelta(minutes=11), worker_timeout=0)

    assert client.workflows.get(run).tasks[0].status == "TIMED_OUT"
    assert "have not finished" not in caplog.text


def test_tasks_without_a_worker_do_not_hold_the_clock(server, client, define, caplog):
    flow = define("f", simple("slow"), task_defs=[{"name": "slow", **TASK_DEF}])
    client.workflows.start(flow)
    client.workflows.start(flow)
    taken = client.tasks.poll("slow")

    server.clock.advance(timedelta(minutes=11))

    assert client.tasks.get(taken.task_id).status == "TIMED_OUT"
    assert "have not finished" not in caplog.text
