"""The pool of threads that run a worker's tasks."""

import threading
import time

import pytest

from conductor.worker.lifecycle import StopDeadline
from conductor.worker.pool import WorkerPool


class Work:
    """What a pool runs: each task waits until ``release`` has been called for it."""

    def __init__(self):
        self.started, self.threads, self.released = [], {}, threading.Event()
        self.following = {}
        self.errors = {}

    def __call__(self, task):
        self.started.append(task)
        self.threads[task] = threading.current_thread().name
        if isinstance(task, str) and task.startswith("wait"):
            assert self.released.wait(10)
        if task in self.errors:
            raise self.errors[task]
        return self.following.get(task)


def soon(seconds=10.0):
    return time.monotonic() + seconds


def thread_count():
    return sum(thread.name.startswith("run:charge") for thread in threading.enumerate())


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def freed():
    return []


@pytest.fixture
def make(work, freed, wait_until):
    made = []

    def make(size, start=True):
        pool = WorkerPool("charge", size, work, freed.append)
        made.append(pool)
        if start:
            pool.start()
        return pool

    yield make
    work.released.set()
    for pool in made:
        pool.close()
        assert pool.join(soon())
    wait_until(lambda: thread_count() == 0, what="the end of the threads")


def test_tasks_run_on_named_threads_as_many_as_the_size(make, work, freed, wait_until):
    pool = make(2)
    assert pool.wait_for_slot(0) == 2
    for task in ("wait-1", "wait-2", "third"):
        pool.submit(task)
    wait_until(lambda: len(work.started) == 2)

    assert set(work.threads.values()) == {"run:charge-1", "run:charge-2"}
    assert (pool.busy, pool.wait_for_slot(0)) == (3, 0)

    work.released.set()
    assert pool.drain(StopDeadline(10))
    wait_until(lambda: sum(freed) == 3)
    assert work.started[-1] == "third"
    assert (pool.busy, pool.wait_for_slot(0)) == (0, 2)


def test_the_next_task_runs_on_the_same_thread_and_keeps_its_slot(make, work, freed, wait_until):
    work.following = {"t1": "t2", "t2": "t3"}
    pool = make(3)
    pool.submit("t1")
    wait_until(lambda: freed)

    assert work.started == ["t1", "t2", "t3"]
    assert len(set(work.threads.values())) == 1
    assert freed == [1]


def test_a_slot_is_waited_for(make, work, wait_until):
    pool = make(1)
    pool.submit("wait")
    wait_until(lambda: work.started)
    found = []
    waiting = threading.Thread(target=lambda: found.append(pool.wait_for_slot(10)))
    waiting.start()
    assert found == []

    work.released.set()
    waiting.join(10)
    assert found == [1]


def test_a_wait_for_a_slot_ends_when_it_is_woken(make, work, wait_until):
    pool = make(1)
    pool.submit("wait")
    wait_until(lambda: work.started)
    began = time.monotonic()
    found = []
    waiting = threading.Thread(target=lambda: found.append(pool.wait_for_slot(60)))
    waiting.start()
    while waiting.is_alive() and time.monotonic() < began + 10:
        pool.wake()
        waiting.join(0.01)
    assert found == [0]


@pytest.mark.parametrize("error", [ValueError("a bug"), SystemExit(3)])
def test_a_task_that_raises_costs_no_thread(make, work, freed, error, caplog, wait_until):
    work.errors = {"bad": error}
    pool = make(1)
    pool.submit("bad")
    pool.submit("good")
    wait_until(lambda: len(freed) == 2)

    assert work.started == ["bad", "good"]
    assert work.threads["bad"] == work.threads["good"]
    assert "charge" in caplog.text


def test_a_larger_size_applies_at_once(make, work, wait_until):
    pool = make(1)
    for task in ("wait-1", "wait-2", "wait-3"):
        pool.submit(task)
    wait_until(lambda: work.started)
    assert len(work.started) == 1

    pool.resize(3)
    wait_until(lambda: len(work.started) == 3)
    assert not pool.is_over_size


def test_a_smaller_size_leaves_running_tasks_alone(make, work, wait_until):
    pool = make(3)
    for task in ("wait-1", "wait-2"):
        pool.submit(task)
    wait_until(lambda: len(work.started) == 2)

    pool.resize(1)
    assert (pool.size, pool.is_over_size, pool.wait_for_slot(0)) == (1, True, 0)
    pool.submit("third")
    work.released.set()
    assert pool.drain(StopDeadline(10))
    assert work.started[-1] == "third"
    assert not pool.is_over_size
    wait_until(lambda: thread_count() == 1)
    assert pool.wait_for_slot(0) == 1


def test_unstarted_tasks_are_taken_back(make, work, freed, wait_until):
    pool = make(1)
    for task in ("wait", "t2", "t3"):
        pool.submit(task)
    wait_until(lambda: work.started)

    assert pool.take_unstarted() == ["t2", "t3"]
    assert freed == [2]
    assert pool.take_unstarted() == []
    work.released.set()
    assert pool.drain(StopDeadline(10))
    assert work.started == ["wait"]


def test_draining_and_joining_end_at_their_deadline(make, work, wait_until):
    pool = make(1)
    pool.submit("wait")
    wait_until(lambda: work.started)

    assert not pool.drain(StopDeadline(0.02))
    pool.close()
    assert not pool.join(soon(0.02))
    work.released.set()
    assert pool.drain(StopDeadline(10))
    assert pool.join(soon())


def test_a_closed_pool_runs_what_it_has_first(make, work):
    pool = make(1)
    for task in ("wait", "t2", "t3"):
        pool.submit(task)
    pool.close()
    work.released.set()

    assert pool.join(soon())
    assert work.started == ["wait", "t2", "t3"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_died_is_replaced(work, wait_until, caplog):
    def free(count):
        freed.append(count)
        if len(freed) == 1:
            raise SystemError("the thread dies")

    freed = []
    pool = WorkerPool("charge", 1, work, free)
    pool.start()
    try:
        pool.submit("t1")
        wait_until(lambda: freed)
        pool.submit("t2")
        wait_until(lambda: pool.wait_for_slot(0) == 0)
        wait_until(lambda: pool.revive() or len(freed) == 2)
        assert work.started == ["t1", "t2"]
        assert "were missing" in caplog.text
    finally:
        pool.close()
        assert pool.join(soon())


def test_without_enough_threads_the_pool_has_fewer_slots(make, work, monkeypatch, caplog, wait_until):
    start = threading.Thread.start

    def refuse(thread):
        if thread.name == "run:charge-2":
            raise RuntimeError("can't start new thread")
        start(thread)

    pool = make(2, start=False)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        pool.start()
    assert pool.wait_for_slot(0) == 1
    assert "can't start new thread" in caplog.text

    pool.revive()
    assert pool.wait_for_slot(0) == 2
