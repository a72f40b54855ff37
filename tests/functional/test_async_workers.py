"""Async workers on real sockets: concurrency without threads, stops, hooks, limits."""

import asyncio
import logging
import threading
import time

import pytest

from conductor import ConfigurationError, Settings, TaskHandler, Worker, get_task_context
from conductor.errors import TaskTimeLimitExceeded


@pytest.fixture
def start(stub):
    handlers = []

    def begin(*workers, **options):
        handlers.append(TaskHandler(Settings(server_url=stub.url), workers=workers, **options))
        return handlers[-1].start()

    yield begin
    for handler in handlers:
        handler.stop(grace_seconds=5)


async def nap(seconds: float = 0.05) -> dict:
    await asyncio.sleep(seconds)
    return {"task": get_task_context().task_id}


def test_hundreds_of_coroutines_wait_at_once_on_few_threads(stub, start, wait_until):
    running, most = 0, 0

    async def work():
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.5)
        running -= 1

    stub.add("work", *(f"work-{number}" for number in range(400)))
    before = threading.active_count()
    start(Worker(work, "work", thread_count=200))
    wait_until(lambda: most == 200, timeout=20)
    mine = [thread for thread in threading.enumerate() if thread.name.startswith("run:work")]
    assert len(mine) == 16
    wait_until(lambda: len(stub.done()) == 400, timeout=20)
    assert most == 200
    assert threading.active_count() > before


def test_each_coroutine_has_its_own_context(stub, start, wait_until):
    stub.add("nap", *(f"nap-{number}" for number in range(50)))
    start(Worker(nap, "nap", thread_count=50))
    wait_until(lambda: len(stub.done()) == 50)
    for number in range(50):
        assert stub.results[f"nap-{number}"][0]["outputData"] == {"task": f"nap-{number}"}


def test_a_stop_lets_coroutines_finish_and_delivers_them(stub, start, wait_until):
    stub.add("nap", *(f"nap-{number}" for number in range(20)), inputData={"seconds": 1})
    handler = start(Worker(nap, "nap", thread_count=20))
    wait_until(lambda: handler.health().workers[0].busy == 20)
    assert handler.stop(10).drained
    assert len(stub.done()) == 20
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith(("run:", "event-loop"))]


@pytest.mark.parametrize("hand_back", [True, False])
def test_what_runs_after_the_grace_period_is_cancelled_and_gets_no_result(stub, start, wait_until, hand_back):
    ended = []

    async def work():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    stub.add("work", "work-1", "work-2")
    handler = start(Worker(work, "work", thread_count=2, hand_back=hand_back))
    wait_until(lambda: handler.health().workers[0].busy == 2)
    began = time.monotonic()
    report = handler.stop(0.3)
    assert time.monotonic() - began < 5
    assert sorted(report.unfinished) == ["work-1", "work-2"]
    assert ended == ["cancelled"] * 2
    statuses = [update["status"] for updates in stub.results.values() for update in updates]
    assert statuses == (["IN_PROGRESS"] * 2 if hand_back else [])


@pytest.mark.parametrize("with_method", [True, False])
def test_loop_hooks_run_before_the_first_and_after_the_last_task(stub, start, wait_until, with_method):
    seen, resource = [], {}

    async def open_it():
        resource["loop"] = asyncio.get_running_loop()
        seen.append("start")

    def close_it():
        seen.append("stop")

    async def work():
        seen.append("task")
        return {"same": resource["loop"] is asyncio.get_running_loop()}

    stub.add("work", "work-1")
    hooks = {"on_loop_start": open_it, "on_loop_stop": close_it}
    handler = TaskHandler(
        Settings(server_url=stub.url), workers=[Worker(work, "work")], **({} if with_method else hooks)
    )
    if with_method:
        handler.on_loop(start=open_it, stop=close_it)
    with handler:
        wait_until(lambda: stub.done() == {"work-1"})
    assert seen == ["start", "task", "stop"]
    assert stub.results["work-1"][0]["outputData"] == {"same": True}


def test_a_start_hook_that_fails_fails_the_start(stub):
    async def fail():
        raise ValueError("no database")

    handler = TaskHandler(Settings(server_url=stub.url), workers=[Worker(nap, "nap")], on_loop_start=fail)
    with pytest.raises(ValueError, match="no database"):
        handler.start()
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith(("poll:", "event-loop"))]


def test_plain_and_async_workers_share_a_handler_and_its_middleware(stub, start, wait_until):
    seen = []

    def middleware(context, call_next):
        value = call_next()
        seen.append((context.task_id, value))
        return value

    stub.add("nap", "nap-1")
    stub.add("plain", "plain-1")
    handler = TaskHandler(
        Settings(server_url=stub.url), workers=[Worker(nap, "nap"), Worker(lambda: {"plain": 1}, "plain")]
    )
    with handler.use(middleware):
        wait_until(lambda: len(stub.done()) == 2)
    assert sorted(seen) == [("nap-1", {"task": "nap-1"}), ("plain-1", {"plain": 1})]


def test_async_middleware_is_for_coroutine_functions_only(stub, wait_until):
    async def middleware(context, call_next):
        return {**await call_next(), "wrapped": True}

    stub.add("nap", "nap-1")
    with TaskHandler(Settings(server_url=stub.url), workers=[Worker(nap, "nap")]).use(middleware):
        wait_until(lambda: stub.done() == {"nap-1"})
    assert stub.results["nap-1"][0]["outputData"]["wrapped"] is True
    mixed = TaskHandler(Settings(server_url=stub.url), workers=[Worker(lambda: None, "plain")]).use(middleware)
    with pytest.raises(ConfigurationError, match=r"workers plain are plain functions"):
        mixed.start()


def test_a_time_limit_ends_coroutines_and_threads_and_their_tasks_fail(stub, start, wait_until):
    cleaned = []

    async def too_long():
        try:
            await asyncio.sleep(60)
        finally:
            cleaned.append("coroutine")

    def spin():
        try:
            while True:
                sum(range(100))
        except TaskTimeLimitExceeded:
            cleaned.append("thread")
            raise

    stub.add("too_long", "too_long-1")
    stub.add("spin", "spin-1")
    start(Worker(too_long, "too_long", time_limit_seconds=0.3), Worker(spin, "spin", time_limit_seconds=0.3))
    wait_until(lambda: len(stub.done()) == 2)
    for task_id in ("too_long-1", "spin-1"):
        (update,) = stub.results[task_id]
        assert update["status"] == "FAILED"
        assert update["reasonForIncompletion"] == (
            "TaskTimeLimitExceeded: the function ran for longer than time_limit_seconds=0.3"
        )
    assert sorted(cleaned) == ["coroutine", "thread"]


def test_leases_of_coroutines_are_extended(stub, start, wait_until):
    stub.add("nap", "nap-1", responseTimeoutSeconds=1, inputData={"seconds": 2.5})
    start(Worker(nap, "nap", lease_extension=True))
    wait_until(lambda: stub.results["nap-1"] and stub.results["nap-1"][-1]["status"] == "COMPLETED")
    assert {update["status"] for update in stub.results["nap-1"][:-1]} == {"IN_PROGRESS"}
    assert len(stub.results["nap-1"]) >= 3


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError])
def test_no_exception_of_a_coroutine_ends_the_loop(stub, start, wait_until, error):
    async def work(fails: bool):
        if fails:
            raise error

    stub.add("work", "work-1", inputData={"fails": True})
    handler = start(Worker(work, "work"))
    wait_until(lambda: stub.done() == {"work-1"})
    assert stub.results["work-1"][0]["status"] == "FAILED"
    stub.add("work", "work-2", inputData={"fails": False})
    wait_until(lambda: "work-2" in stub.done())
    assert handler.health().is_live


def test_unreadable_tasks_fail_and_the_others_run(stub, start, wait_until):
    stub.add_raw("nap", {"taskId": "nap-bad", "workflowInstanceId": "w", "inputData": 3})
    stub.add("nap", "nap-1")
    start(Worker(nap, "nap", thread_count=2))
    wait_until(lambda: stub.done() >= {"nap-1", "nap-bad"})
    assert stub.results["nap-bad"][0]["status"] == "FAILED_WITH_TERMINAL_ERROR"


def test_a_coroutine_that_blocks_the_loop_is_reported(stub, start, wait_until, caplog, monkeypatch):
    monkeypatch.setattr("conductor.worker.coroutines._BLOCKED_AFTER_S", 0.5)
    caplog.set_level(logging.ERROR, "conductor.worker")

    async def work():
        time.sleep(4)  # noqa: ASYNC251  what is reported

    stub.add("work", "work-1")
    start(Worker(work, "work"))
    wait_until(lambda: "event loop of async workers has been blocked" in caplog.text)
    wait_until(lambda: stub.done() == {"work-1"})
    assert caplog.text.count("has been blocked") == 1


def test_a_lowered_thread_count_is_kept_and_a_raised_one_used(stub, start, wait_until):
    release = threading.Event()

    async def work():
        while not release.is_set():  # noqa: ASYNC110  it is set by another thread
            await asyncio.sleep(0.01)

    handler = start(Worker(work, "work", thread_count=1))
    stub.add("work", *(f"work-{number}" for number in range(5)))
    wait_until(lambda: handler.health().workers[0].busy == 1)
    handler.update_options("work", thread_count=4)
    wait_until(lambda: handler.health().workers[0].busy == 4)
    release.set()
    wait_until(lambda: len(stub.done()) == 5)
