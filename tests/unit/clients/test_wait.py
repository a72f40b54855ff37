"""Waiting and running: pauses, deadlines, and what an unlucky end says. Time is a fake clock."""

import time

import pytest
import requests

from conductor.errors import (
    APIConnectionError,
    ConfigurationError,
    NotFoundError,
    PermissionDeniedError,
    WorkflowFailedError,
    WorkflowTimeoutError,
)
from conductor.models import Task, Workflow, WorkflowExecution

MISSING = {"status": 404, "message": "No such workflow found by id: w"}


class Clock:
    def __init__(self):
        self.now = 100.0
        self.pauses = []

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        if seconds:
            self.pauses.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(client):
    clock = Clock()
    client.workflows.clock, client.workflows.sleep = clock, clock.sleep
    return clock


def state(status, **more):
    return {"workflowId": "w", "workflowName": "order", "status": status, **more}


def test_wait_backs_off_and_returns_the_ended_execution(client, wire, clock):
    for _ in range(15):
        wire.answer(state("RUNNING"))
    wire.answer(state("FAILED")).answer(state("FAILED", tasks=[{"taskId": "t"}]))

    workflow = client.workflows.wait("w")

    assert workflow.tasks[0].task_id == "t"
    assert clock.pauses[0] == 0.05
    assert clock.pauses == sorted(clock.pauses)
    assert clock.pauses[-1] == 2.0


def test_a_wait_timeout_describes_the_open_tasks(client, wire, clock):
    wire.answer(state("RUNNING", tasks=[{"referenceTaskName": "approve", "status": "IN_PROGRESS"}]))

    with pytest.raises(WorkflowTimeoutError, match=r"within 3 s; it is RUNNING at approve \(IN_PROGRESS\)") as caught:
        client.workflows.wait("w", timeout=3)

    assert clock.now == pytest.approx(103)
    assert caught.value.workflow_id == "w"
    assert caught.value.workflow.workflow_name == "order"


def test_wait_explains_retries_and_missing_workers(client, wire, clock):
    now = int(time.time() * 1000)
    failed = {"referenceTaskName": "charge", "taskType": "charge", "status": "FAILED", "retried": True}
    failed["reasonForIncompletion"] = "OSError: no card (tasks.py:12)"
    again = {**failed, "status": "SCHEDULED", "retryCount": 1, "reasonForIncompletion": None}
    again.update(scheduledTime=now, callbackAfterSeconds=600, workflowTask={"name": "charge", "retryCount": 3})
    again["workflowTask"]["taskReferenceName"] = "charge"
    wire.answer(state("RUNNING", tasks=[failed, again]))

    with pytest.raises(WorkflowTimeoutError) as caught:
        client.workflows.wait("w", timeout=0)
    assert "charge: attempt 2 of 4, due at " in str(caught.value)
    assert "attempt 1 ended as FAILED: OSError: no card (tasks.py:12)." in str(caught.value)

    scheduled = {"referenceTaskName": "charge", "taskType": "charge", "status": "SCHEDULED", "scheduledTime": now}
    wire.answers.clear()
    wire.answer(state("RUNNING")).answer(state("RUNNING", tasks=[scheduled])).answer([])
    with pytest.raises(
        WorkflowTimeoutError, match=r"charge: no worker has polled 'charge': start a worker for this task type\."
    ):
        client.workflows.wait("w", timeout=0)


def test_wait_says_what_a_wait_task_waits_for(client, wire, clock):
    now = int(time.time() * 1000)
    task = {"referenceTaskName": "pause", "taskType": "WAIT", "scheduledTime": now, "callbackAfterSeconds": 259200}
    for status in ("IN_PROGRESS", "SCHEDULED"):
        for given, said in (
            ({"duration": "3 days"}, "pause: waits (3 days)"),
            ({"until": "2030-01-01 00:00 GMT"}, "pause: waits (2030-01-01 00:00 GMT)"),
            ({}, "pause: waits for a signal"),
        ):
            wire.answers.clear()
            wire.answer(state("RUNNING", tasks=[{**task, "status": status, "inputData": given}]))
            with pytest.raises(WorkflowTimeoutError) as caught:
                client.workflows.wait("w", timeout=0)
            assert said in str(caught.value)
            assert "due." not in str(caught.value)


def test_wait_survives_an_outage_of_the_server(client, wire, clock):
    for _ in range(5):
        wire.answer("<html>restarting</html>", status=503)
    wire.answer(requests.exceptions.ConnectionError("refused")).answer(state("COMPLETED"))

    assert client.workflows.wait("w", timeout=60).is_successful


def test_errors_of_a_wait_carry_the_workflow_id(client, wire, clock):
    wire.answer({"message": "who are you?"}, status=403)
    with pytest.raises(PermissionDeniedError, match="execution-17") as caught:
        client.workflows.wait("execution-17", timeout=60)
    assert caught.value.workflow_id == "execution-17"

    wire.answers.clear()
    wire.answer(requests.exceptions.ConnectionError("refused"))
    with pytest.raises(WorkflowTimeoutError, match="execution-17 has not ended within 5 s.*does not respond") as late:
        client.workflows.wait("execution-17", timeout=5)
    assert (late.value.workflow_id, clock.now) == ("execution-17", pytest.approx(105))


def test_wait_refuses_timeouts_that_are_not_durations(client, wire, clock):
    for timeout in (float("nan"), float("inf"), -1, "5", True):
        with pytest.raises(ConfigurationError, match="timeout is"):
            client.workflows.wait("w", timeout=timeout)
        with pytest.raises(ConfigurationError, match="timeout is"):
            client.workflows.run("order", timeout=timeout)
    assert not wire.requests


def test_wait_with_timeout_zero_sends_one_request(client, wire, clock):
    wire.answer(state("COMPLETED"))

    assert client.workflows.wait("w", timeout=0).is_successful
    assert not clock.pauses


def test_wait_can_end_at_another_status(client, wire, clock):
    wire.answer(state("RUNNING")).answer(state("PAUSED"))

    assert client.workflows.wait("w", until=["PAUSED"]).status == "PAUSED"


def test_waiting_for_an_unknown_workflow_fails_at_once(client, wire, clock):
    wire.answer(MISSING, status=404)

    with pytest.raises(NotFoundError):
        client.workflows.wait("w")
    assert not clock.pauses


def test_run_returns_the_completed_workflow(client, wire, clock):
    wire.answer("w").answer(state("RUNNING")).answer(state("COMPLETED")).answer(state("COMPLETED", output={"total": 3}))

    assert client.workflows.run("order", {"id": 17}, correlation_id="x").output == {"total": 3}
    assert b'"correlationId":"x"' in wire.requests[0].body.replace(b" ", b"")


def test_run_tolerates_an_execution_that_is_not_visible_yet(client, wire, clock):
    wire.answer("w").answer(MISSING, status=404).answer(MISSING, status=404).answer(state("COMPLETED"))

    assert client.workflows.run("order").is_successful


def test_run_fails_for_an_execution_that_never_becomes_visible(client, wire, clock):
    wire.answer("w").answer(MISSING, status=404)

    with pytest.raises(NotFoundError):
        client.workflows.run("order")


FAILED = state(
    "FAILED",
    reasonForIncompletion="card declined",
    tasks=[
        {"taskId": "t1", "referenceTaskName": "charge", "status": "FAILED", "retried": True, "seq": 1, "endTime": 5},
        {
            "taskId": "t2",
            "referenceTaskName": "charge",
            "status": "FAILED",
            "retryCount": 1,
            "seq": 2,
            "endTime": 9,
            "reasonForIncompletion": "card declined",
        },
        {"taskId": "t3", "referenceTaskName": "mail", "status": "CANCELED", "seq": 3, "endTime": 9},
    ],
)


def test_run_reports_task_reason_and_logs_of_a_failure(client, wire, clock):
    wire.answer("w").answer(FAILED).answer(FAILED).answer("", status=204).answer([{"log": "no money"}])

    with pytest.raises(WorkflowFailedError, match=r"ended as FAILED at task 'charge'.*card declined") as caught:
        client.workflows.run("order")

    assert caught.value.failed_task.task_id == "t2"
    assert caught.value.reason == "card declined"
    assert [line.log for line in caught.value.logs] == ["no money"]
    assert caught.value.workflow.workflow_id == "w"


def test_unavailable_logs_do_not_hide_the_failure(client, wire, clock):
    wire.answer("w").answer(FAILED).answer(FAILED).answer({"message": "boom"}, status=500)

    with pytest.raises(WorkflowFailedError) as caught:
        client.workflows.run("order")
    assert caught.value.logs == []


def test_a_terminated_execution_has_no_failed_task(client, wire, clock):
    wire.answer("w").answer(state("TERMINATED", reasonForIncompletion="by hand"))

    with pytest.raises(WorkflowFailedError, match="TERMINATED: by hand") as caught:
        client.workflows.run("order")
    assert caught.value.failed_task is None


def workflow(status, *tasks):
    return Workflow.from_dict({"status": status, "tasks": [{"seq": n, **task} for n, task in enumerate(tasks, 1)]})


@pytest.mark.parametrize(
    ("status", "terminal", "successful"),
    [
        ("RUNNING", False, False),
        ("PAUSED", False, False),
        ("COMPLETED", True, True),
        ("FAILED", True, False),
        (None, False, False),
    ],
)
def test_an_execution_reports_whether_and_how_it_ended(status, terminal, successful):
    assert (workflow(status).is_terminal, workflow(status).is_successful) == (terminal, successful)


def test_a_task_reports_whether_and_how_it_ended():
    assert Task.from_dict({"status": "COMPLETED_WITH_ERRORS"}).is_successful
    assert Task.from_dict({"status": "TIMED_OUT"}).is_terminal
    assert not Task.from_dict({"status": "SCHEDULED"}).is_terminal


def test_the_failed_task_of_a_loop_is_the_one_inside_it():
    failed = workflow(
        "FAILED",
        {"referenceTaskName": "loop", "status": "FAILED", "endTime": 9},
        {"referenceTaskName": "step__2", "status": "FAILED", "endTime": 8},
    ).failed_task

    assert failed.reference_task_name == "step__2"


def test_a_completed_execution_has_no_failed_task():
    assert workflow("COMPLETED", {"referenceTaskName": "a", "status": "FAILED", "endTime": 1}).failed_task is None


def test_a_task_is_found_by_name_in_its_last_attempt_and_iteration():
    one = workflow(
        "RUNNING",
        {"taskId": "1", "referenceTaskName": "a", "retryCount": 0},
        {"taskId": "2", "referenceTaskName": "a", "retryCount": 1},
        {"taskId": "3", "referenceTaskName": "b__1", "iteration": 1, "retryCount": 2},
        {"taskId": "4", "referenceTaskName": "b__2", "iteration": 2},
    )

    assert [one.task(name).task_id for name in ("a", "b", "b__1")] == ["2", "4", "3"]
    assert one.task("c") is None


GO_BACK = {
    "status": "FAILED",
    "tasks": [
        {"taskId": "1", "referenceTaskName": "a", "taskType": "HTTP", "status": "COMPLETED"},
        {"taskId": "2", "referenceTaskName": "b", "taskType": "SIMPLE", "taskDefName": "charge", "status": "COMPLETED"},
        {"taskId": "3", "referenceTaskName": "a", "taskType": "HTTP", "status": "COMPLETED"},
    ],
}


@pytest.mark.parametrize(
    ("call", "task_id"),
    [
        (lambda w: w.go_back_to_task("w", "a"), "3"),
        (lambda w: w.go_back_to_task("w", lambda task: task.task_type == "SIMPLE"), "2"),
        (lambda w: w.go_back_to_first_task_of_type("w", "HTTP"), "1"),
        (lambda w: w.go_back_to_first_task_of_type("w", "charge"), "2"),
    ],
)
def test_going_back_reruns_from_the_right_task(client, wire, call, task_id):
    wire.answer(GO_BACK).answer("w")

    call(client.workflows)

    assert wire.path == "/workflow/w/rerun"
    assert wire.body["reRunFromTaskId"] == task_id


def test_going_back_to_an_unknown_task_reruns_nothing(client, wire):
    wire.answer(GO_BACK)

    with pytest.raises(Exception, match="nothing was changed"):
        client.workflows.go_back_to_task("w", "nowhere")
    assert len(wire.requests) == 1


def test_run_repeats_a_start_that_was_never_sent_until_its_timeout(client, clock, monkeypatch, caplog):
    refused = APIConnectionError("connection refused", never_sent=True)
    answers = [refused] * 5 + ["w"]

    def start(*_, **__):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(client.workflows, "start", start)
    monkeypatch.setattr(
        client.workflows._waiter().__class__, "wait", lambda *_, **__: WorkflowExecution(status="COMPLETED")
    )
    assert client.workflows.run("order", timeout=30).status == "COMPLETED"
    assert clock.pauses == [0.5, 1.0, 2.0, 2.0, 2.0]
    assert caplog.text.count("retrying for up to 30 s") == 1
    for error, timeout in (
        (refused, None),
        (refused, 3),
        (APIConnectionError("cut"), 30),
        (APIConnectionError("certificate", never_sent=True, is_permanent=True), 30),
    ):
        answers[:] = [error] * 10
        began = clock.now
        with pytest.raises(APIConnectionError):
            client.workflows.run("order", timeout=timeout)
        assert clock.now - began < 3
