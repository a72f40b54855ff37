"""What can be seen of workers while they work: metrics, health, logs."""

import sys
import threading

import pytest

from conductor import ConductorError, Settings, TaskHandler, Worker
from conductor.worker.events import PollStarted


def fail_if_asked(fail: bool = False):
    if fail:
        raise ValueError("asked to")
    return {"text": "x" * 200}


@pytest.fixture
def handler(stub):
    one = TaskHandler(Settings(server_url=stub.url), workers=[Worker(fail_if_asked, "work")], metrics=True)
    yield one
    stub.end_polls()
    one.stop(grace_seconds=5)


def counted(handler, name, **labels):
    family = handler.metrics().get(name, {"samples": []})
    return sum(
        sample.get("value", sample.get("count"))
        for sample in family["samples"]
        if labels.items() <= sample["labels"].items()
    )


def test_a_handler_counts_what_its_workers_did(stub, handler, wait_until):
    stub.add("work", "work-1", "work-2")
    stub.add("work", "work-3", inputData={"fail": True})
    handler.start()
    wait_until(lambda: len(stub.done()) == 3)
    wait_until(lambda: counted(handler, "task_update_time_seconds", status="SUCCESS") == 3)
    assert counted(handler, "task_execution_started_total", taskType="work") == 3
    assert counted(handler, "task_execute_time_seconds", status="SUCCESS") == 2
    assert counted(handler, "task_execute_error_total", exception="ValueError") == 1
    assert counted(handler, "active_workers") == 0
    assert counted(handler, "task_result_size_bytes") == 2
    assert counted(handler, "task_poll_total") >= 1
    assert counted(handler, "http_api_client_request_seconds", uri="/tasks/update-v2", status="200") >= 2
    transport = handler.client.transport
    handler.stop()
    assert transport.observers == transport.listeners == ()


def test_a_paused_worker_counts_each_poll_that_it_leaves_out(handler, wait_until):
    handler.start().pause()
    wait_until(lambda: counted(handler, "task_paused_total", taskType="work") >= 3)


def test_payloads_outside_the_database_and_starts_are_counted(stub, wait_until):
    def work(text: str):
        try:
            handler.client.workflows.start("next", {"a": 1}, timeout=5)
        except ConductorError:
            return {"text": text, "more": "x" * 4_000_000}

    handler = TaskHandler(Settings(server_url=stub.url), workers=[Worker(work, "work")], metrics=True)
    stub.storage = {"given": b'{"text": "from outside"}'}
    stub.add("work", "work-1", externalInputPayloadStoragePath="given")
    stub.fault = lambda kind: 404 if kind is None else None
    with handler:
        wait_until(lambda: stub.done() == {"work-1"})
        assert counted(handler, "external_payload_used_total", entityName="work", operation="READ") == 1
        assert counted(handler, "external_payload_used_total", operation="WRITE", payloadType="TASK_OUTPUT") == 1
        assert counted(handler, "workflow_input_size_bytes", workflowType="next") == 1
        assert counted(handler, "workflow_start_error_total", workflowType="next", exception="NotFoundError") == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_exceptions_that_end_a_thread_are_counted_and_reported_as_before(handler):
    def fail():
        raise KeyError("nothing catches this")

    before, heard = threading.excepthook, []
    threading.excepthook = heard.append
    try:
        handler.start()
        for end in (fail, sys.exit):
            thread = threading.Thread(target=end)
            thread.start()
            thread.join(5)
        assert counted(handler, "thread_uncaught_exceptions_total", exception="KeyError") == 1
        assert counted(handler, "thread_uncaught_exceptions_total") == 1
        assert [thrown.exc_type for thrown in heard] == [KeyError, SystemExit]
        handler.stop()
        assert threading.excepthook == heard.append
    finally:
        threading.excepthook = before


def test_requests_without_an_answer_are_counted_with_status_0(stub, handler, wait_until):
    stub.fault = lambda kind: "cut" if kind == "poll" else None
    handler.start()
    wait_until(lambda: counted(handler, "http_api_client_request_seconds", status="0") >= 2)
    assert counted(handler, "task_poll_error_total", exception="APIConnectionError") >= 1


def test_without_metrics_no_event_is_made_for_them(stub, wait_until):
    with TaskHandler(Settings(server_url=stub.url), workers=[Worker(fail_if_asked, "work")]) as handler:
        wait_until(lambda: stub.requests["poll"])
        assert handler.client.transport.observers == ()
        assert not handler._events._by_kind.get(PollStarted)
