"""`rateLimitPerFrequency`: no more tasks of a name are dispatched in a window of the clock."""

import threading
from datetime import timedelta

import pytest

import conductor.server
from conductor import ConductorClient, ServerError
from conductor.server.http.middleware import Fault


def simple(reference):
    return {"name": "t", "taskReferenceName": reference, "type": "SIMPLE"}


@pytest.fixture
def start(server, client, define):
    """Start executions of one limited task each: 2 in 10 seconds."""
    limit = {"name": "t", "rateLimitPerFrequency": 2, "rateLimitFrequencyInSeconds": 10, "ownerEmail": "a@b.c"}
    define("limited", simple("t"), task_defs=[limit])
    server.clock.freeze()
    return lambda count: [client.workflows.start("limited") for _ in range(count)]


def polled(client, count=9):
    return len(client.tasks.poll_batch("t", count=count, timeout_ms=0))


def test_a_poll_returns_no_more_tasks_than_the_limit(client, start):
    start(5)
    assert polled(client) == 2
    assert polled(client) == 0


def test_the_window_slides_with_the_clock(server, client, start):
    start(5)
    assert polled(client, 1) == 1
    server.clock.advance(timedelta(seconds=4))
    assert polled(client) == 1
    server.clock.advance(timedelta(seconds=5, milliseconds=999))
    assert polled(client) == 0
    server.clock.advance(timedelta(milliseconds=1))
    assert polled(client) == 1
    server.clock.advance(timedelta(seconds=4))
    assert polled(client) == 1


def test_a_long_poll_wakes_when_the_window_has_passed(server, client, start):
    start(3)
    assert polled(client) == 2
    found = []
    waiting = threading.Thread(target=lambda: found.extend(client.tasks.poll_batch("t", count=1, timeout_ms=5000)))
    waiting.start()
    while not server.services.kernel.queues.next_due("t"):  # the poll has seen that it has to wait
        assert waiting.is_alive()
    server.clock.advance(timedelta(seconds=10))
    waiting.join(5)
    assert len(found) == 1


def test_a_dispatch_with_a_lost_response_counts(server, client, start):
    start(3)
    server.faults.add(Fault(status=500, after=True, path="/tasks/poll"))
    with pytest.raises(ServerError):
        client.tasks.poll_batch("t", count=2, timeout_ms=0)
    assert polled(client) == 0


def test_skipping_time_passes_the_windows():
    limit = {"name": "t", "rateLimitPerFrequency": 1, "rateLimitFrequencyInSeconds": 3600, "ownerEmail": "a@b.c"}
    with conductor.server.start(skip_time=True) as server, ConductorClient(server_url=server.url) as client:
        client.metadata.register_tasks([limit])
        client.metadata.update_workflows([{"name": "w", "tasks": [simple("a")], "ownerEmail": "a@b.c"}])
        for _ in range(2):
            client.workflows.start("w")
        first = client.tasks.poll("t")
        assert client.tasks.poll("t") is None
        client.tasks.update_by_reference_name(first.workflow_instance_id, "a", "COMPLETED", {})
        assert client.tasks.poll_batch("t", count=1, timeout_ms=5000)


def test_a_strict_server_does_not_enforce_the_limit():
    limit = {"name": "t", "rateLimitPerFrequency": 1, "rateLimitFrequencyInSeconds": 60, "ownerEmail": "a@b.c"}
    with conductor.server.start(strict=True) as server, ConductorClient(server_url=server.url) as client:
        client.metadata.register_tasks([limit])
        client.metadata.update_workflows([{"name": "w", "tasks": [simple("a")], "ownerEmail": "a@b.c"}])
        for _ in range(2):
            client.workflows.start("w")
        tasks = client.tasks.poll_batch("t", count=2, timeout_ms=100)
        assert [task.rate_limit_per_frequency for task in tasks] == [1, 1]
