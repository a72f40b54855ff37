"""Failures of tasks, as a transport of Sentry's SDK gets them."""

import contextvars
import json
import socket
import threading

import pytest
import sentry_sdk
from sentry_sdk.transport import Transport

from conductor import ConductorClient, RetryPolicy, Settings, Worker, get_task_context
from conductor.contrib.sentry import around_execution, report_workers
from conductor.models import Task
from conductor.worker.execution import TaskRunner


class Kept(Transport):
    """Keeps what would be sent."""

    def __init__(self):
        super().__init__()
        self.events = []

    def capture_envelope(self, envelope):
        self.events += [item.payload.json for item in envelope.items if item.type == "event"]


@pytest.fixture
def kept():
    transport = Kept()
    scope = sentry_sdk.Scope.get_global_scope()
    options = {"default_integrations": False, "auto_enabling_integrations": False}  # they would patch this process
    scope.set_client(sentry_sdk.Client(dsn="https://key@sentry.invalid/1", transport=transport, **options))
    yield transport
    scope.set_client(None)


def run(function, number=1, **fields):
    task = Task(
        task_id=f"t{number}",
        workflow_instance_id=f"w{number}",
        task_def_name="charge",
        reference_task_name="pay",
        **fields,
    )
    runner = TaskRunner(Worker(function, "charge"), "me", [around_execution])
    in_a_new_thread = contextvars.Context()  # which has no scope of this one's
    return in_a_new_thread.run(runner.run, task, threading.Event())


def fail(error):
    raise error


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3)])
def test_what_a_function_raises_is_captured_with_the_task_as_tags(kept, error):
    result = run(lambda: fail(error), retry_count=2)
    assert result.status == "FAILED"
    (event,) = kept.events
    assert event["exception"]["values"][-1]["type"] == type(error).__name__
    assert event["transaction"] == "execute charge"
    assert {name: str(value) for name, value in event["tags"].items()} == {
        "conductor.task.type": "charge",
        "conductor.task.id": "t1",
        "conductor.task.reference_name": "pay",
        "conductor.task.attempt": "3",
        "conductor.workflow.id": "w1",
    }


def test_only_what_a_successful_task_reports_itself_is_sent_with_tags(kept):
    assert run(lambda: sentry_sdk.capture_message("look") and None).status == "COMPLETED"
    (event,) = kept.events
    assert (event["message"], event["tags"]["conductor.task.id"]) == ("look", "t1")


def test_nothing_of_one_task_is_left_for_the_next(kept):
    def mark():
        if get_task_context().task_id == "t1":
            sentry_sdk.set_tag("customer", "17")
        raise ValueError

    run(mark, 1)
    run(mark, 2)
    sentry_sdk.capture_message("outside")
    first, second, outside = kept.events
    assert first["tags"]["customer"] == "17"
    assert "customer" not in second["tags"]
    assert not outside.get("tags")


@pytest.mark.parametrize("broken", ["isolation_scope", "capture_exception"])
def test_sentry_that_fails_changes_nothing_for_the_task(kept, monkeypatch, caplog, broken):
    monkeypatch.setattr(sentry_sdk, broken, lambda *_: fail(RuntimeError("sentry is broken")))
    assert run(lambda: {"done": True}).output_data == {"done": True}
    failed = run(lambda: fail(ValueError("no")))
    assert failed.reason_for_incompletion == "ValueError: no"
    assert "Sentry could not be notified" in caplog.text


def test_without_an_init_nothing_is_reported_and_tasks_run():
    assert run(lambda: {"done": True}).output_data == {"done": True}
    assert run(lambda: fail(ValueError("no"))).reason_for_incompletion == "ValueError: no"


def test_a_wrong_call_order_is_reported_once():
    class Handler:
        used = []

        def use(self, middleware):
            self.used.append(middleware)

    report_workers(Handler())
    assert Handler.used == [around_execution]


def secret():
    return f"s3cret{0xBEEF}"  # an event holds source lines, too


def test_an_event_about_a_failed_call_holds_no_token(kept):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/api"

    def charge():
        settings = Settings(server_url=url, auth_key="key", auth_secret=secret())
        with ConductorClient(settings, retry=RetryPolicy.none()) as client:
            client.workflows.get("w1")

    assert run(charge).status == "FAILED"
    text = json.dumps(kept.events)
    assert "APIConnectionError" in text
    assert "vars" in text
    assert secret() not in text
