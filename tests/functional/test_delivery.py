"""Delivery of results on real sockets where the server refuses some of them."""

import asyncio
import time
from collections import Counter

import pytest

from conductor import ConductorClient, Settings, TaskHandler, Worker


@pytest.fixture
def start(stub):
    handlers = []

    def begin(*workers, **options):
        handlers.append(TaskHandler(Settings(server_url=stub.url), workers=workers, **options))
        return handlers[-1].start()

    yield begin
    stub.end_polls()
    for handler in handlers:
        handler.stop(grace_seconds=1)


@pytest.mark.parametrize("fault", ["cut", "redirect", "html", "malformed", 403, 500])
def test_a_result_that_is_never_accepted_does_not_delay_others(stub, start, wait_until, fault):
    failing = {f"work-{number}" for number in range(20)}
    stub.update_fault = lambda update: fault if update["taskId"] in failing else None
    stub.add("work", *failing)
    handler = start(Worker(lambda: None, "work", thread_count=10))
    wait_until(lambda: handler.health().waiting_results == 20)
    failing.intersection_update({"work-7"})
    wait_until(lambda: handler.health().waiting_results == 1, timeout=5)
    assert len(stub.done()) == 19


def test_fifty_results_that_fail_five_times_each_are_delivered_soon(stub, start, wait_until):
    attempts = Counter()

    def fault(update):
        attempts[update["taskId"]] += 1
        return 500 if attempts[update["taskId"]] <= 5 else None

    stub.update_fault = fault
    stub.add("work", *(f"work-{number}" for number in range(50)))
    began = time.monotonic()
    start(Worker(lambda: None, "work", thread_count=10))
    wait_until(lambda: len(stub.done()) == 50, timeout=30)
    assert time.monotonic() - began < 15


@pytest.mark.parametrize("fault", ["redirect", 403])
def test_a_permanently_refused_result_fails_its_task(stub, start, wait_until, fault, monkeypatch):
    monkeypatch.setattr("conductor.worker.undelivered._RETRY_DELAYS_S", (0.1, 0.2))  # the number of attempts decides

    def refuse(update):
        return fault if update["taskId"] == "work-bad" and update["status"] == "COMPLETED" else None

    stub.update_fault = refuse
    stub.add("work", "work-bad")
    handler = start(Worker(lambda: None, "work", thread_count=2))
    wait_until(lambda: handler.health().waiting_results == 1)
    number = 0
    while "work-bad" not in stub.done():
        number += 1
        assert number < 300
        stub.add("work", f"work-{number}")
        wait_until(lambda number=number: f"work-{number}" in stub.done())
        time.sleep(0.1)  # a steady flow of tasks
    (update,) = stub.results["work-bad"]
    assert update["status"] == "FAILED_WITH_TERMINAL_ERROR"
    assert "refused the COMPLETED result" in update["reasonForIncompletion"]
    wait_until(lambda: handler.health().waiting_results == 0)


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_an_auth_callable_may_raise_anything_and_the_result_is_kept(stub, wait_until, error):
    is_well = [True]

    def token():
        if not is_well[0]:
            raise error
        return "t"

    def work():
        is_well[0] = False

    stub.add("work", "work-1")
    with (
        ConductorClient(server_url=stub.url, auth=token) as client,
        TaskHandler(client, workers=[Worker(work, "work")]) as handler,
    ):
        wait_until(lambda: handler.health().waiting_results == 1)
        assert not handler.health().is_ready
        is_well[0] = True
        wait_until(lambda: stub.done() == {"work-1"})
        wait_until(lambda: handler.health().is_ready)
