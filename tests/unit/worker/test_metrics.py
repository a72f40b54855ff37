import threading

import pytest

from conductor import ConfigurationError, TaskHandler, Worker
from conductor.models import Task, TaskResult, TaskResultStatus
from conductor.transport.events import Forked, PayloadUsed, WorkflowStartFailed, WorkflowStarting
from conductor.worker.events import (
    DeliveryDelayed,
    EventDispatcher,
    LeaseExtended,
    PollCompleted,
    PollFailure,
    PollSkipped,
    PollStarted,
    TaskExecutionCompleted,
    TaskExecutionFailure,
    TaskExecutionStarted,
    TaskUpdateCompleted,
    TaskUpdateFailure,
)
from conductor.worker.metrics import FAMILIES, MetricsCollector, as_text

TASK = Task(task_id="t", workflow_instance_id="w")
DONE = TaskResult("w", "t", status=TaskResultStatus.COMPLETED, output_data={"a": 1})


@pytest.fixture
def collector():
    return MetricsCollector()


@pytest.fixture
def events(collector):
    dispatcher = EventDispatcher()
    dispatcher.add_listener(collector)
    return dispatcher


def value(collector, name, **labels):
    (found,) = [s for s in collector.snapshot()[name]["samples"] if s["labels"] == labels]
    return found.get("value", found.get("count"))


def test_each_event_is_counted_under_the_names_that_the_sdks_share(collector, events):
    events.emit(PollStarted, "a", 1)
    events.emit(PollCompleted, "a", 1, 0.2)
    events.emit(PollFailure, "a", OSError(), 0.1)
    events.emit(TaskExecutionStarted, "a", TASK)
    events.emit(TaskExecutionCompleted, "a", TASK, DONE, 0.01)
    events.emit(TaskExecutionFailure, "a", TASK, DONE, ValueError(), 0.01)
    events.emit(TaskUpdateCompleted, "a", "t", 0.01)
    events.emit(TaskUpdateFailure, "a", "t", b"", KeyError(), 0.01)
    events.emit(DeliveryDelayed, "a", "t", OSError(), 1, 0.01)
    events.emit(LeaseExtended, "a", "t")
    events.emit(PollSkipped, "a")
    events.emit(PollSkipped, "a")
    collector.on_request("GET", "/tasks/{taskId}", 200, 0.01)
    collector.on_uncaught("OSError")
    collector.on_client_event(WorkflowStarting("order", None, 17))
    collector.on_client_event(WorkflowStarting("order", 2, 17))
    collector.on_client_event(WorkflowStartFailed("order", KeyError()))
    collector.on_client_event(PayloadUsed("a", "READ", "TASK_INPUT"))

    assert value(collector, "task_poll_total", taskType="a") == 1
    assert value(collector, "task_poll_time_seconds", taskType="a", status="SUCCESS") == 1
    assert value(collector, "task_poll_time_seconds", taskType="a", status="FAILURE") == 1
    assert value(collector, "task_poll_error_total", taskType="a", exception="OSError") == 1
    assert value(collector, "task_execution_started_total", taskType="a") == 1
    assert value(collector, "task_execute_time_seconds", taskType="a", status="SUCCESS") == 1
    assert value(collector, "task_execute_error_total", taskType="a", exception="ValueError") == 1
    assert value(collector, "task_result_size_bytes", taskType="a") == 1
    assert value(collector, "task_update_time_seconds", taskType="a", status="FAILURE") == 2
    assert value(collector, "task_update_error_total", taskType="a", exception="KeyError") == 1
    assert value(collector, "task_update_error_total", taskType="a", exception="OSError") == 1
    assert value(collector, "task_paused_total", taskType="a") == 2
    assert value(collector, "thread_uncaught_exceptions_total", exception="OSError") == 1
    assert value(collector, "workflow_input_size_bytes", workflowType="order", version="") == 1
    assert value(collector, "workflow_input_size_bytes", workflowType="order", version="2") == 1
    assert value(collector, "workflow_start_error_total", workflowType="order", exception="KeyError") == 1
    used = {"entityName": "a", "operation": "READ", "payloadType": "TASK_INPUT"}
    assert value(collector, "external_payload_used_total", **used) == 1
    assert value(collector, "http_api_client_request_seconds", method="GET", uri="/tasks/{taskId}", status="200") == 1
    assert set(collector.snapshot()) == set(FAMILIES) - {"worker_restart_total"}


SHARED = {  # "Canonical Metrics" of METRICS.md of the JavaScript SDK, which all SDKs share
    "task_poll_total": ("counter", "taskType"),
    "task_execution_started_total": ("counter", "taskType"),
    "task_poll_error_total": ("counter", "taskType", "exception"),
    "task_execute_error_total": ("counter", "taskType", "exception"),
    "task_update_error_total": ("counter", "taskType", "exception"),
    "task_ack_error_total": ("counter", "taskType", "exception"),
    "task_ack_failed_total": ("counter", "taskType"),
    "task_execution_queue_full_total": ("counter", "taskType"),
    "task_paused_total": ("counter", "taskType"),
    "thread_uncaught_exceptions_total": ("counter", "exception"),
    "external_payload_used_total": ("counter", "entityName", "operation", "payloadType"),
    "workflow_start_error_total": ("counter", "workflowType", "exception"),
    "task_poll_time_seconds": ("histogram", "taskType", "status"),
    "task_execute_time_seconds": ("histogram", "taskType", "status"),
    "task_update_time_seconds": ("histogram", "taskType", "status"),
    "http_api_client_request_seconds": ("histogram", "method", "uri", "status"),
    "task_result_size_bytes": ("histogram", "taskType"),
    "workflow_input_size_bytes": ("histogram", "workflowType", "version"),
    "active_workers": ("gauge", "taskType"),
}
NEVER_HAPPENS = {"task_ack_error_total", "task_ack_failed_total", "task_execution_queue_full_total"}
OURS = {"task_lease_extended_total", "worker_restart_total"}
BUCKETS = {
    "seconds": (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    "bytes": (100, 1000, 10000, 100000, 1000000, 10000000),
}


def test_names_kinds_labels_and_buckets_are_those_that_the_sdks_share():
    ours = {name: (family.kind, *family.labels) for name, family in FAMILIES.items() if name not in OURS}
    assert ours == {name: row for name, row in SHARED.items() if name not in NEVER_HAPPENS}
    for name, family in FAMILIES.items():
        assert family.buckets == (BUCKETS[name.rpartition("_")[2]] if family.kind == "histogram" else ()), name


def test_in_a_forked_child_metrics_start_at_zero(collector, events):
    events.emit(PollStarted, "a", 1)
    collector._lock.acquire()  # as by a thread that the child does not have
    collector.on_client_event(Forked())
    assert collector.snapshot() == {}


def test_the_gauge_of_active_workers_rises_and_falls(collector, events):
    events.emit(TaskExecutionStarted, "a", TASK)
    events.emit(TaskExecutionStarted, "a", TASK)
    assert value(collector, "active_workers", taskType="a") == 2
    events.emit(TaskExecutionCompleted, "a", TASK, DONE, 0.0)
    events.emit(TaskExecutionFailure, "a", TASK, DONE, None, 0.0)
    assert value(collector, "active_workers", taskType="a") == 0
    assert value(collector, "task_execute_error_total", taskType="a", exception="COMPLETED") == 1


def test_a_histogram_counts_up_to_and_including_each_bound(collector, events):
    for seconds in (0.0005, 0.001, 0.3, 99.0):
        events.emit(PollCompleted, "a", 0, seconds)
    (sample,) = collector.snapshot()["task_poll_time_seconds"]["samples"]
    assert (sample["count"], sample["sum"]) == (4, pytest.approx(99.3015))
    assert [sample["buckets"][b] for b in ("0.001", "0.25", "0.5", "10", "+Inf")] == [2, 2, 3, 3, 4]


def test_no_count_is_lost_between_threads(collector):
    threads = [
        threading.Thread(target=lambda: [collector.on_poll_started(PollStarted("a", 1)) for _ in range(2000)])
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert value(collector, "task_poll_total", taskType="a") == 16_000


def test_the_text_format_says_help_type_and_samples(collector):
    collector.on_poll_started(PollStarted('a "quoted"\\\n', 1))
    collector.on_poll_completed(PollCompleted("b", 0, 0.02))
    text = as_text(collector.snapshot())
    assert "# TYPE task_poll_total counter\n" in text
    assert 'task_poll_total{taskType="a \\"quoted\\"\\\\\\n"} 1\n' in text
    assert 'task_poll_time_seconds_bucket{taskType="b",status="SUCCESS",le="0.01"} 0\n' in text
    assert 'task_poll_time_seconds_bucket{taskType="b",status="SUCCESS",le="+Inf"} 1\n' in text
    assert 'task_poll_time_seconds_sum{taskType="b",status="SUCCESS"} 0.02\n' in text
    assert 'task_poll_time_seconds_count{taskType="b",status="SUCCESS"} 1\n' in text


def test_a_handler_without_metrics_says_how_to_have_them():
    with pytest.raises(ConfigurationError, match="metrics=True"):
        TaskHandler(workers=[Worker(lambda: None, "x")]).metrics()
