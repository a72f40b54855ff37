"""The carriers of an async worker: they start with its tasks, end when idle, and are there when a coroutine ends."""

import asyncio
import contextvars
import threading
import time

import pytest

from conductor.models import Task
from conductor.worker.coroutines import CoroutinePool, EventLoop
from conductor.worker.lifecycle import StopDeadline
from conductor.worker.pool import CARRIERS


class Running:
    error = None

    def __init__(self, task):
        self.task = task
        self.context_vars = contextvars.copy_context()

    def is_void(self, result):
        return False


class Execution:
    """What a coroutine pool runs: each coroutine waits until ``release`` is set."""

    time_limit = None

    def __init__(self):
        self.release = threading.Event()
        self.begun, self.delivered = [], []

    def parse(self, raw):
        return Task(task_id=raw)

    def begin(self, task):
        self.begun.append(task.task_id)
        return Running(task)

    async def call_async(self, running):
        for _ in iter(self.release.is_set, True):
            await asyncio.sleep(0.005)

    def conclude(self, running, value, error):
        return running.task.task_id

    def deliver(self, result):
        self.delivered.append((result, threading.current_thread().name))


@pytest.fixture
def execution():
    return Execution()


@pytest.fixture
def make(execution, monkeypatch, wait_until):
    monkeypatch.setattr("conductor.worker.threads._STARTS_LATE", True)  # whatever Python runs the tests
    loop = EventLoop()
    loop.start()
    made = []

    def make(size, **options):
        made.append(CoroutinePool("charge", size, execution, loop, **options))
        made[-1].start()
        return made[-1]

    yield make
    execution.release.set()
    for pool in made:
        assert pool.drain(StopDeadline(20))
        pool.close()
        assert pool.join(time.monotonic() + 20)
    loop.close(time.monotonic() + 20)
    wait_until(lambda: carriers() == 0)


def carriers():
    return sum(thread.name.startswith("run:charge") for thread in threading.enumerate())


def test_carriers_start_with_tasks_and_end_while_coroutines_wait(make, execution, wait_until):
    pool = make(100, idle_seconds=0.02)
    assert carriers() == 0
    for number in range(100):
        assert pool.submit(f"t{number}")
    wait_until(lambda: len(execution.begun) == 100)
    assert carriers() <= CARRIERS
    wait_until(lambda: carriers() == 1, what="the end of idle carriers")

    execution.release.set()
    assert pool.drain(StopDeadline(20))
    assert len(execution.delivered) == 100
    wait_until(lambda: carriers() == 0)


def test_without_any_thread_a_task_runs_on_the_calling_one(make, execution, monkeypatch, wait_until):
    real = threading.Thread.start

    def refuse(thread):
        if thread.name.startswith("run:"):
            raise RuntimeError("can't start new thread")
        real(thread)

    pool = make(10)
    execution.release.set()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert not pool.submit("t1")
        assert pool.busy == 0
        pool.run_here("t1")
    assert execution.delivered == [("t1", threading.current_thread().name)]
    assert pool.busy == 0

    assert pool.submit("t2")
    wait_until(lambda: len(execution.delivered) == 2)


def test_one_carrier_does_all_work_if_no_other_can_start(make, execution, monkeypatch, wait_until):
    pool = make(10, idle_seconds=0.01)
    assert pool.submit("t1")
    wait_until(lambda: execution.begun)

    def refuse(thread):
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        assert pool.submit("t2")  # the carrier that is there takes it
        wait_until(lambda: len(execution.begun) == 2)
        execution.release.set()
        assert pool.drain(StopDeadline(20))
    assert {task for task, _ in execution.delivered} == {"t1", "t2"}


def test_a_closed_pool_refuses_tasks(make):
    pool = make(1)
    pool.close()
    assert not pool.submit("late")
    assert pool.busy == 0
