"""The event loop of async workers, and what programs do to it: no server, no handler."""

import asyncio
import contextvars
import sys
import threading
import time

import pytest

from conductor.models import TaskResult, TaskResultStatus
from conductor.testing.executions import example_task
from conductor.worker import coroutines
from conductor.worker.coroutines import EventLoop
from conductor.worker.execution import Running


@pytest.fixture
def loop():
    made = EventLoop()
    made.start()
    yield made
    made.close(time.monotonic() + 20)
    assert not made.is_alive


async def answer():
    await asyncio.sleep(0)
    return 42


def result_of(loop, function):
    """Run a coroutine function as the pool does; return its value and its exception."""
    ended = threading.Event()
    outcome = []

    def done(value, error):
        outcome.append((value, error))
        ended.set()

    loop.spawn(function, contextvars.copy_context(), None, done)
    assert ended.wait(20)
    return outcome[0]


def test_user_code_cannot_end_the_event_loop(loop):
    kept = []

    async def exits():
        sys.exit(3)

    async def with_task():
        kept.append(asyncio.get_running_loop().create_task(exits()))
        return await answer()

    async def with_callback():
        asyncio.get_running_loop().call_soon(sys.exit, 3)
        return await answer()

    async def stops():
        asyncio.get_running_loop().stop()
        return await answer()

    for function in (with_task, with_callback, stops):
        assert result_of(loop, function) == (42, None)
    value, error = result_of(loop, exits)
    assert (value, type(error)) == (None, SystemExit)
    with pytest.raises(SystemExit):
        loop.wait_for(exits())
    assert loop.wait_for(answer()) == 42


def test_a_coroutine_that_cannot_become_a_task_fails(loop):
    async def break_factory():
        asyncio.get_running_loop().set_task_factory(lambda *_, **__: 1 / 0)

    async def waits_for_nothing():
        return 42

    loop.wait_for(break_factory())
    made = []
    value, error = result_of(loop, lambda: made.append(waits_for_nothing()) or made[0])
    assert (value, type(error)) == (None, ZeroDivisionError)
    made[0].close()
    loop._loop.set_task_factory(None)


@pytest.mark.parametrize("kind", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit, asyncio.CancelledError])
def test_hooks_may_raise_anything_and_nothing_hangs(kind):
    async def raise_it():
        raise kind

    loop = EventLoop(on_start=raise_it, on_stop=raise_it)
    with pytest.raises(BaseException) as caught:
        loop.start()
    assert kind.__name__ in repr(caught.value)
    loop.close(time.monotonic() + 20)
    assert not loop.is_alive


@pytest.mark.parametrize("is_blocking", [False, True])
def test_a_stop_does_not_wait_for_a_hook_that_hangs(is_blocking):
    release = threading.Event()

    async def hang():
        if is_blocking:
            release.wait(20)
        await asyncio.sleep(3600)

    loop = EventLoop(on_start=hang, is_stop_requested=lambda: True)
    assert not loop.start()
    release.set()
    loop.close(time.monotonic() + 20)
    assert not loop.is_alive


def test_a_stop_hook_has_until_the_deadline():
    async def hang():
        await asyncio.sleep(3600)

    loop = EventLoop(on_stop=hang)
    loop.start()
    before = time.monotonic()
    loop.close(before)
    assert not loop.is_alive
    assert time.monotonic() - before < 20


def test_a_blocked_loop_is_reported_with_its_line_and_then_not_live(loop, caplog, monkeypatch):
    monkeypatch.setattr(coroutines, "_BLOCKED_AFTER_S", 0.0)
    release, is_blocking = threading.Event(), threading.Event()

    async def block():
        is_blocking.set()
        release.wait(60)

    thread = threading.Thread(target=loop.wait_for, args=(block(),))
    thread.start()
    assert is_blocking.wait(20)
    loop.look_after()
    assert "release.wait(60)" in caplog.text
    assert not loop.is_stuck
    monkeypatch.setattr(coroutines, "_STUCK_AFTER_S", 0.0)
    assert loop.is_stuck
    release.set()
    thread.join(20)


def test_a_cancelled_coroutine_that_returns_a_value_has_a_result():
    running = Running(example_task("work"), is_cancelled=True)
    for status, is_void in ((TaskResultStatus.COMPLETED, False), (TaskResultStatus.FAILED, True)):
        assert running.is_void(TaskResult(workflow_instance_id="w", task_id="t", status=status)) is is_void
