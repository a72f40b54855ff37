"""Async functions and time limits, one task at a time: no server, no handler."""

import asyncio
import contextlib
import contextvars
import functools
import threading
import time

import pytest

from conductor import ConfigurationError, TaskContext, Worker, get_task_context, worker_task
from conductor.errors import TaskTimeLimitExceeded
from conductor.testing import run_task
from conductor.testing.executions import example_task
from conductor.worker import time_limit
from conductor.worker.execution import TaskRunner
from conductor.worker.time_limit import TimeLimits
from conductor.worker.worker import WorkerRegistry

REGISTRY = WorkerRegistry()


async def double(n: int, context: TaskContext) -> dict:
    await asyncio.sleep(0)
    context.log("doubling %d", n)
    return {"n": 2 * n, "task": get_task_context().task_id}


class Doubler:
    async def __call__(self, n: int):
        return 2 * n

    async def method(self, n: int):
        return 2 * n


@pytest.mark.parametrize(
    "function", [Doubler(), Doubler().method, functools.partial(Doubler().method, n=4), Worker(Doubler(), "x")]
)
def test_every_kind_of_coroutine_function_is_a_worker(function):
    given = {} if isinstance(function, functools.partial) else {"n": 4}
    assert run_task(function, given).output_data == {"result": 8}


def test_an_async_function_has_its_context_and_its_input_is_converted():
    result = run_task(double, {"n": 21})
    assert result.output_data == {"n": 42, "task": result.task_id}
    assert [line.log for line in result.logs] == ["doubling 21"]
    failed = run_task(double, {"n": "many"})
    assert (failed.status, "'n' must be int" in failed.reason_for_incompletion) == ("FAILED_WITH_TERMINAL_ERROR", True)


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(3), KeyboardInterrupt(), asyncio.CancelledError("x")])
def test_whatever_a_coroutine_raises_its_task_fails(error):
    async def work():
        raise error

    result = run_task(work)
    assert result.status == "FAILED"
    assert type(error).__name__ in result.reason_for_incompletion


def test_a_function_that_returns_a_coroutine_fails_with_advice():
    result = run_task(lambda: double(1, None))
    assert result.status == "FAILED_WITH_TERMINAL_ERROR"
    assert "declare the function with async def" in result.reason_for_incompletion


def test_middleware_of_both_kinds_wraps_a_coroutine():
    seen = []

    def plain(context, call_next):
        seen.append("plain")
        value = call_next()
        seen.append(value)
        return value

    async def with_await(context, call_next):
        seen.append("async")
        return {**await call_next(), "more": context.task_id}

    result = run_task(double, {"n": 1}, middleware=[with_await, plain])
    assert result.output_data == {"n": 2, "task": result.task_id, "more": result.task_id}
    assert seen == ["plain", "async", result.output_data]


def test_the_decorator_returns_an_async_function_itself():
    @worker_task("async_decorated", registry=REGISTRY)
    async def work(n: int) -> int:
        return n

    assert asyncio.run(work(3)) == 3
    assert run_task(work, {"n": 3}).output_data == {"result": 3}


# -- time limits


def limited(function, seconds, **options):
    return TaskRunner(Worker(function, "work"), "me", time_limit=seconds, limits=TimeLimits(), **options)


def run(runner):
    return runner.run(example_task("work"), threading.Event())


def spin():
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        sum(range(100))


async def sleep():
    await asyncio.sleep(20)


@pytest.mark.parametrize("function", [spin, sleep])
def test_a_function_that_runs_too_long_fails_with_the_reason(function):
    began = time.monotonic()
    result = run(limited(function, 0.2))
    assert time.monotonic() - began < 10
    assert (result.status, result.reason_for_incompletion) == (
        "FAILED",
        "TaskTimeLimitExceeded: the function ran for longer than time_limit_seconds=0.2",
    )


def test_except_exception_does_not_catch_the_limit_and_finally_runs():
    cleaned = []

    def stubborn():
        while True:
            try:
                spin()
            except Exception:
                continue
            finally:
                cleaned.append(1)

    assert "TaskTimeLimitExceeded" in run(limited(stubborn, 0.2)).reason_for_incompletion
    assert cleaned == [1]


def test_a_function_may_catch_the_limit_and_return():
    def partly():
        try:
            spin()
        except TaskTimeLimitExceeded:
            return {"partly": True}

    assert run(limited(partly, 0.2)).output_data == {"partly": True}


def test_the_limit_never_reaches_the_next_task_of_the_thread():
    limits = TimeLimits()
    for _ in range(300):  # functions that end just at their limit
        until = time.monotonic() + 0.002

        def close_call(until=until):
            while time.monotonic() < until:
                pass

        try:
            limits.call(0.002, close_call)
        except TaskTimeLimitExceeded:
            continue
    before = time.monotonic()
    while time.monotonic() - before < 0.1:
        sum(range(100))  # a pending exception would be raised here
    limits.close()


def test_a_limit_that_ends_with_its_function_blocks_no_other(monkeypatch):
    """The exception arrives while the function's thread is on its way out: no lock of the SDK may stay locked."""
    limits, is_raising = TimeLimits(), threading.Event()

    def raise_slowly(thread, kind):
        if kind is not None:
            is_raising.set()
            time.sleep(0.05)  # the function has returned by now
        raise_in(thread, kind)

    raise_in = time_limit._raise_in
    monkeypatch.setattr(time_limit, "_raise_in", raise_slowly)
    with contextlib.suppress(TaskTimeLimitExceeded):  # on a busy machine it arrives before the function's end
        limits.call(0.01, lambda: is_raising.wait(20))
    done = []
    thread = threading.Thread(target=lambda: done.append(limits.call(60, lambda: "another")), daemon=True)
    thread.start()
    thread.join(20)
    assert done == ["another"]
    limits.close()


def test_calls_that_have_ended_are_not_kept_until_their_limit():
    limits = TimeLimits()
    for _ in range(1000):
        limits.call(3600, int)
    assert len(limits._entries) < 200
    limits.close()


@pytest.mark.parametrize("value", [0, -1, True, "5", float("nan"), float("inf")])
def test_an_invalid_limit_is_refused_by_the_decorator(value):
    with pytest.raises(ConfigurationError, match="time_limit_seconds"):
        Worker(spin, "work", time_limit_seconds=value)


def test_contextvars_of_one_task_are_not_seen_by_the_next():
    variable = contextvars.ContextVar("variable", default=0)

    async def count():
        variable.set(variable.get() + 1)
        return variable.get()

    assert [run_task(count).output_data for _ in range(2)] == [{"result": 1}] * 2
