"""Decorated workers on the real server: conversion, failures, retries, callbacks, shutdown."""

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum

import pytest

from conductor import (
    NonRetryableError,
    Task,
    TaskHandler,
    TaskInProgress,
    TaskResult,
    WorkerRegistry,
    WorkflowFailedError,
    get_task_context,
    worker_task,
)

TIMEOUT = 30


class Size(Enum):
    SMALL = "S"
    LARGE = "L"


@dataclass
class Line:
    sku: str
    price: Decimal
    size: Size = Size.SMALL


@pytest.fixture
def work(client, names):
    """Run ``function`` as the decorated worker of a workflow with one task, to the end of that workflow."""

    def run(function, input=None, *, worker=None, task_to_domain=None, **task_def):
        name = names.task("work", **task_def)
        flow = names.workflow(
            [
                {
                    "name": name,
                    "taskReferenceName": "work",
                    "type": "SIMPLE",
                    "inputParameters": {key: f"${{workflow.input.{key}}}" for key in input or {}},
                }
            ],
            outputParameters={"all": "${work.output}"},
        )
        registry = WorkerRegistry()
        worker_task(name, registry=registry, **worker or {})(function)
        domains = {name: task_to_domain} if task_to_domain else None
        with TaskHandler(client, registry=registry):
            return client.workflows.wait(
                client.workflows.start(flow["name"], input, task_to_domain=domains), timeout=TIMEOUT
            )

    return run


def logs_of(client, task):
    return [entry.log for entry in client.tasks.list_logs(task.task_id)]


def test_input_is_converted_by_the_signature_and_output_becomes_json(work):
    seen = {}

    def place(lines: list[Line], due: datetime, note: str | None, copies: int = 1) -> Line:
        seen.update(lines=lines, due=due, note=note, copies=copies)
        return lines[0]

    workflow = work(
        place,
        {"lines": [{"sku": "CUP", "price": "6.50", "size": "L"}], "due": "2030-01-31T12:00:00+01:00", "note": None},
    )
    assert seen == {
        "lines": [Line("CUP", Decimal("6.50"), Size.LARGE)],
        "due": datetime(2030, 1, 31, 12, tzinfo=timezone(timedelta(hours=1))),
        "note": None,
        "copies": 1,
    }
    output = workflow.output["all"]
    assert (output["sku"], Decimal(str(output["price"])), output["size"]) == ("CUP", Decimal("6.5"), "L")


def test_a_function_with_one_task_argument_gets_the_whole_task(work):
    def look(task: Task) -> str:
        return f"{task.reference_task_name} {task.input_data['x']}"

    assert work(look, {"x": 7}).output["all"] == {"result": "work 7"}


@pytest.mark.parametrize(
    ("input", "words"),
    [({}, ["'count'", "missing"]), ({"count": "many"}, ["count", "many"])],
    ids=["missing", "of the wrong type"],
)
def test_invalid_input_fails_permanently_and_names_the_parameter(work, input, words):
    def double(count: int) -> int:
        return count * 2

    workflow = work(double, input, retryCount=3)
    assert workflow.status == "FAILED"
    assert len(workflow.tasks) == 1
    assert workflow.tasks[0].status == "FAILED_WITH_TERMINAL_ERROR"
    reason = workflow.tasks[0].reason_for_incompletion
    assert reason.startswith("TaskInputError: ")
    assert all(word in reason for word in words)


def test_output_without_a_json_form_fails_permanently_with_its_path(work):
    workflow = work(lambda: {"items": [1, object()]}, retryCount=3)
    assert [str(task.status) for task in workflow.tasks] == ["FAILED_WITH_TERMINAL_ERROR"]
    assert "$.items[1]" in workflow.tasks[0].reason_for_incompletion


def test_an_exception_fails_the_attempt_with_its_traceback_and_a_retry(client, work):
    def flaky() -> int:
        context = get_task_context()
        context.log("attempt %d", context.retry_count + 1)
        if context.retry_count == 0:
            raise ValueError("the disk is full")
        return context.retry_count

    workflow = work(flaky, retryCount=2, retryDelaySeconds=0)
    assert workflow.status == "COMPLETED"
    first, second = sorted(workflow.tasks, key=lambda task: task.retry_count)
    assert (first.status, second.status) == ("FAILED", "COMPLETED")
    assert first.reason_for_incompletion == "ValueError: the disk is full"
    told = logs_of(client, first)
    assert told[0] == "attempt 1"
    assert "in flaky" in told[1]
    assert 'raise ValueError("the disk is full")' in told[1]
    assert logs_of(client, second) == ["attempt 2"]


def test_a_nonretryable_error_ends_the_workflow_at_the_first_attempt(work):
    def refuse():
        raise NonRetryableError("no such customer")

    workflow = work(refuse, retryCount=3, retryDelaySeconds=0)
    assert workflow.status == "FAILED"
    assert [str(task.status) for task in workflow.tasks] == ["FAILED_WITH_TERMINAL_ERROR"]
    assert workflow.tasks[0].reason_for_incompletion == "NonRetryableError: no such customer"


@pytest.mark.parametrize("raised", [SystemExit(3), KeyboardInterrupt()], ids=["sys.exit", "KeyboardInterrupt"])
def test_what_would_end_a_process_ends_only_the_attempt(work, raised):
    def leave():
        if get_task_context().retry_count == 0:
            raise raised

    workflow = work(leave, retryCount=1, retryDelaySeconds=0)
    assert workflow.status == "COMPLETED"
    assert [str(task.status) for task in workflow.tasks] == ["FAILED", "COMPLETED"]


def test_a_task_in_progress_is_dispatched_again_with_its_output(work):
    calls = []

    def convert(task: Task):
        calls.append((task.task_id, task.poll_count, task.output_data.get("job")))
        return TaskInProgress(1, {"job": "j-1"}) if len(calls) == 1 else {"job": task.output_data["job"], "done": True}

    workflow = work(convert)
    (task,) = workflow.tasks
    assert calls == [(task.task_id, 1, None), (task.task_id, 2, "j-1")]
    assert workflow.output["all"] == {"job": "j-1", "done": True}


def test_a_worker_with_a_domain_gets_the_tasks_of_that_domain(work):
    workflow = work(lambda: "here", worker={"domain": "blue"}, task_to_domain="blue")
    assert workflow.tasks[0].domain == "blue"
    assert workflow.output["all"] == {"result": "here"}


def test_run_raises_with_the_failing_task_its_reason_and_its_logs(client, names):
    name, registry = names.task("charge"), WorkerRegistry()
    flow = names.workflow([{"name": name, "taskReferenceName": "charge", "type": "SIMPLE"}])

    @worker_task(name, registry=registry)
    def charge():
        get_task_context().log("asking the bank")
        raise NonRetryableError("card refused")

    with TaskHandler(client, registry=registry), pytest.raises(WorkflowFailedError) as caught:
        client.workflows.run(flow["name"], timeout=TIMEOUT)
    assert caught.value.failed_task.reference_task_name == "charge"
    assert "card refused" in caught.value.reason
    assert caught.value.logs[0].log == "asking the bank"


PROCESS = r"""
import logging, os, time
from conductor import TaskHandler, worker_task

logging.basicConfig(level=logging.INFO)

@worker_task(os.environ["TASK"], thread_count=int(os.environ["COUNT"]))
def slow(n: int):
    os.write(1, b"in flight\n")  # whole lines, from all threads at once
    time.sleep(2)
    return n

if __name__ == "__main__":
    TaskHandler().run()
"""
COUNT = 5


@pytest.fixture
def process(server_url, names, tmp_path):
    script = tmp_path / "process.py"
    script.write_text(textwrap.dedent(PROCESS))
    environ = {
        **os.environ,
        "CONDUCTOR_SERVER_URL": server_url,
        "TASK": names.task("slow", responseTimeoutSeconds=60, timeoutSeconds=120),
        "COUNT": str(COUNT),
    }
    with subprocess.Popen(
        [sys.executable, str(script)], env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as running:
        yield running
        if running.poll() is None:
            running.kill()


def read_until(process, text, times):
    deadline = threading.Timer(TIMEOUT, process.kill)  # a kill ends the output, and so the reading
    deadline.start()
    said = ""
    try:
        for line in process.stdout:
            said += line
            times -= line.count(text)
            if times <= 0:
                return
    finally:
        deadline.cancel()
    raise AssertionError(f"{text!r} was said {times} times too few within {TIMEOUT} s:\n{said}")


def test_sigterm_lets_tasks_in_flight_end_delivers_them_and_exits_with_0(client, names, process):
    flow = names.workflow(
        [
            {
                "name": names.tasks[0],
                "taskReferenceName": "slow",
                "type": "SIMPLE",
                "inputParameters": {"n": "${workflow.input.n}"},
            }
        ]
    )
    started = [client.workflows.start(flow["name"], {"n": n}) for n in range(COUNT)]
    read_until(process, "in flight", COUNT)
    process.send_signal(signal.SIGTERM)
    told, _ = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0, told
    assert not re.search(r"^(ERROR|CRITICAL)", told, re.MULTILINE), told
    finished = [client.workflows.wait(workflow_id, timeout=TIMEOUT) for workflow_id in started]
    assert [one.output for one in finished] == [{"result": n} for n in range(COUNT)]
    assert {(str(task.status), task.poll_count) for one in finished for task in one.tasks} == {("COMPLETED", 1)}


def test_a_result_the_server_cannot_parse_fails_its_task_with_a_reason(work):
    def odd():
        return TaskResult("", "", status="NO_SUCH_STATUS")

    flow = work(odd)
    (task,) = flow.tasks
    assert task.status == "FAILED_WITH_TERMINAL_ERROR"
    assert "JSON parse error" in task.reason_for_incompletion


def one_task(names, name):
    return names.workflow([{"name": name, "taskReferenceName": "long", "type": "SIMPLE"}])["name"]


def test_an_unfinished_repeatable_task_is_released_and_polled_at_once(client, names):
    name, registry = names.task("long", responseTimeoutSeconds=120, timeoutSeconds=300), WorkerRegistry()
    begun, release = threading.Event(), threading.Event()

    @worker_task(name, registry=registry, hand_back=True)
    def work():
        if begun.is_set():
            return "again"
        begun.set()
        release.wait(TIMEOUT)
        return "first"

    handler = TaskHandler(client, registry=registry).start()
    workflow_id = client.workflows.start(one_task(names, name))
    assert begun.wait(TIMEOUT)
    assert len(handler.stop(grace_seconds=0.5).unfinished) == 1
    with TaskHandler(client, registry=registry):
        workflow = client.workflows.wait(workflow_id, timeout=TIMEOUT)  # much less than the response timeout
    release.set()
    (task,) = workflow.tasks
    assert (str(task.status), task.poll_count, task.output_data) == ("COMPLETED", 2, {"result": "again"})


@pytest.mark.parametrize("extended", [True, False])
def test_an_extended_lease_outlives_the_response_timeout(client, names, extended):
    name = names.task("long", responseTimeoutSeconds=2, timeoutSeconds=120, retryCount=0)
    registry, told, release = WorkerRegistry(), [], threading.Event()

    @worker_task(name, registry=registry, lease_extension=extended)
    def work():
        context = get_task_context()
        release.wait(8)
        told.append(context.lease_extensions)

    with TaskHandler(client, registry=registry):
        workflow = client.workflows.wait(client.workflows.start(one_task(names, name)), timeout=TIMEOUT)
        release.set()
    statuses = [str(task.status) for task in workflow.tasks]
    if extended:
        assert (statuses, told[0] >= 3) == (["COMPLETED"], True)
    else:
        assert statuses == ["TIMED_OUT"]
