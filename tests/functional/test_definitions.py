"""Task definitions that workers declare: compared with the server's, and written, without delaying the start."""

import socket
import threading
import time
from datetime import timedelta

import pytest

import conductor.server
from conductor import ConductorClient, NotFoundError, Settings, TaskDef, TaskHandler, Worker
from conductor.errors import APIConnectionError, APIStatusError, PermissionDeniedError, ServerError
from conductor.worker.definitions import DefinitionSync, differences
from conductor.worker.options import WorkerOptions


def work(): ...


def warnings(caplog):
    return [record for record in caplog.records if "task definition" in record.getMessage()]


@pytest.fixture
def server():
    with conductor.server.start() as one:
        yield one


def test_each_differing_field_is_reported_with_both_values(server, caplog, wait_until):
    declared = Worker(work, "charge", retry_count=5, timeout_seconds=timedelta(minutes=2), response_timeout_seconds=60)
    same = Worker(work, "ship", retry_count=3, task_def={"retryDelaySeconds": 60})
    missing = Worker(work, "pack", concurrent_exec_limit=2)
    silent = Worker(work, "label")
    with ConductorClient(server_url=server.url) as client:
        client.metadata.register_tasks(
            [
                TaskDef("charge", retry_count=1, timeout_seconds=600, response_timeout_seconds=60, owner_email="a@b.c"),
                TaskDef("ship"),
                TaskDef("label", retry_count=9),
            ]
        )
        with TaskHandler(client, workers=[declared, same, missing, silent]):
            wait_until(lambda: len(warnings(caplog)) == 2)
        charge, pack = warnings(caplog)
        assert charge.getMessage() == (
            "charge: the task definition on the server differs: retryCount is 1, the worker declares 5; "
            "timeoutSeconds is 600, the worker declares 120; register_task_def=True writes the worker's"
        )
        assert charge.differences == {"retryCount": (1, 5), "timeoutSeconds": (600, 120)}
        assert "pack: the task definition that the worker declares is not registered" in pack.getMessage()
        assert client.metadata.get_task("charge").retry_count == 1


def test_a_definition_is_written_where_the_worker_asks_for_it(server, caplog, wait_until):
    written = Worker(work, "charge", retry_count=5, register_task_def=True)
    kept = Worker(work, "ship", retry_count=5, register_task_def=True, overwrite_task_def=False)
    new = Worker(work, "pack", register_task_def=True, overwrite_task_def=False)
    with ConductorClient(server_url=server.url) as client:
        client.metadata.register_tasks([TaskDef("charge", retry_count=1), TaskDef("ship", retry_count=1)])
        with TaskHandler(client, workers=[written, kept, new]):
            wait_until(lambda: warnings(caplog))
            wait_until(lambda: _exists(client, "pack"))
        assert client.metadata.get_task("charge").retry_count == 5
        assert client.metadata.get_task("ship").retry_count == 1
        assert client.metadata.get_task("pack").timeout_seconds == 3600
        (warning,) = warnings(caplog)
        assert "retryCount is 1, the worker declares 5; overwrite_task_def=True writes" in warning.getMessage()


def _exists(client, name):
    try:
        return client.metadata.get_task(name)
    except NotFoundError:
        return None


def test_a_server_that_is_away_does_not_delay_the_start(wait_until):
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    worker = Worker(work, "charge", retry_count=5, register_task_def=True)
    started = time.monotonic()
    with TaskHandler(Settings(server_url=f"http://127.0.0.1:{port}/api"), workers=[worker]) as handler:
        assert time.monotonic() - started < 2
        assert handler.is_polling
        with conductor.server.start(port), ConductorClient(server_url=f"http://127.0.0.1:{port}/api") as client:
            found = wait_until(lambda: _exists(client, "charge"), timeout=30)
            assert found.retry_count == 5
    assert not [thread for thread in threading.enumerate() if thread.name == "definitions"]


def test_stopping_ends_the_comparison_with_a_server_that_is_away(stub):
    stub.stop()
    handler = TaskHandler(Settings(server_url=stub.url), workers=[Worker(work, "charge", retry_count=5)]).start()
    started = time.monotonic()
    handler.stop()
    assert time.monotonic() - started < 5
    assert not [thread for thread in threading.enumerate() if thread.name == "definitions"]


class FailingMetadata:
    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    def get_task(self, name):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return TaskDef(name, retry_count=1)


def status_error(kind: type[APIStatusError], status, **values):
    return kind("failed", status=status, **values)


def test_temporary_failures_are_retried_and_others_are_logged(caplog, monkeypatch, wait_until):
    monkeypatch.setattr("conductor.worker.definitions._FIRST_PAUSE", 0.01)
    cases = [
        ([APIConnectionError("refused"), status_error(ServerError, 503)], 3, "differs: retryCount is 1"),
        ([status_error(NotFoundError, 404)], 2, "differs: retryCount is 1"),
        ([status_error(NotFoundError, 404, from_conductor=True)], 1, "not registered"),
        ([status_error(PermissionDeniedError, 403)], 1, "cannot be compared"),
        ([RuntimeError("a bug")], 1, "cannot be compared"),
    ]
    for errors, calls, message in cases:
        caplog.clear()
        metadata = FailingMetadata(*errors)
        sync = DefinitionSync(
            [(Worker(work, "x", retry_count=2), WorkerOptions())], lambda metadata=metadata: metadata, threading.Event()
        )
        sync.start()
        wait_until(lambda: warnings(caplog), what=message)
        sync.join(10)
        assert metadata.calls == calls
        assert [message in record.getMessage() for record in warnings(caplog)] == [True]


def test_workers_that_declare_nothing_cause_no_request():
    metadata = FailingMetadata()
    sync = DefinitionSync([(Worker(work, "x"), WorkerOptions())], lambda: metadata, threading.Event())
    sync.start()
    sync.join(10)
    assert metadata.calls == 0


def test_only_declared_fields_are_compared():
    registered = TaskDef("x", retry_count=1, owner_email="a@b.c", input_template={"a": 1, "b": 2}, input_keys=["k"])
    cases = [
        ({}, {}),
        ({"retry_count": 1}, {}),
        ({"retry_count": 2}, {"retryCount": (1, 2)}),
        ({"concurrent_exec_limit": 0}, {}),
        ({"concurrent_exec_limit": 3}, {"concurrentExecLimit": (None, 3)}),
        ({"retry_logic": "FIXED"}, {}),
        ({"retry_logic": "LINEAR_BACKOFF"}, {"retryLogic": (None, "LINEAR_BACKOFF")}),
        ({"task_def": {"inputTemplate": {"a": 5, "b": 2}}}, {"inputTemplate.a": (1, 5)}),
        ({"task_def": {"inputKeys": ["k"]}}, {}),
        ({"task_def": TaskDef("x", input_keys=["k", "l"])}, {"inputKeys": (["k"], ["k", "l"])}),
    ]
    for options, expected in cases:
        found = differences(Worker(work, "x", **options), registered)
        assert {change.path: (change.before, change.after) for change in found} == expected, options
