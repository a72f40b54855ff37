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
def make(work, freed, wait_until, monkeypatch):
    monkeypatch.setattr("conductor.worker.threads._STARTS_LATE", True)  # whatever Python runs the tests
    made = []

    def make(size, **options):
        pool = WorkerPool("charge", size, work, freed.append, **options)
        made.append(pool)
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
    assert pool.free_slots() == 2
    for task in ("wait-1", "wait-2", "third"):
        pool.submit(task)
    wait_until(lambda: len(work.started) == 2)

    assert set(work.threads.values()) == {"run:charge-1", "run:charge-2"}
    assert (pool.busy, pool.free_slots()) == (3, 0)

    work.released.set()
    assert pool.drain(StopDeadline(10))
    wait_until(lambda: sum(freed) == 3)
    assert work.started[-1] == "third"
    assert (pool.busy, pool.free_slots()) == (0, 2)


def test_the_next_task_runs_on_the_same_thread_and_keeps_its_slot(make, work, freed, wait_until):
    work.following = {"t1": "t2", "t2": "t3"}
    pool = make(3)
    pool.submit("t1")
    wait_until(lambda: freed)

    assert work.started == ["t1", "t2", "t3"]
    assert len(set(work.threads.values())) == 1
    assert freed == [1]


@pytest.mark.parametrize("error", [ValueError("a bug"), SystemExit(3)])
def test_a_task_that_raises_does_not_end_its_thread(make, work, freed, error, caplog, wait_until):
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
    assert (pool.size, pool.is_over_size, pool.free_slots()) == (1, True, 0)
    pool.submit("third")
    work.released.set()
    assert pool.drain(StopDeadline(10))
    assert work.started[-1] == "third"
    assert not pool.is_over_size
    wait_until(lambda: thread_count() == 1)
    assert pool.free_slots() == 1


def test_unstarted_tasks_are_taken_back(make, work, freed, wait_until):
    pool = make(1)
    for task in ("wait", "t2", "t3"):
        pool.submit(task)
    wait_until(lambda: work.started)

    assert pool.unstarted() == ["t2", "t3"]
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
        wait_until(lambda: pool.revive() or len(freed) == 2)
        pool.revive()
        assert work.started == ["t1", "t2"]
        assert "1 thread(s) that run tasks had died" in caplog.text
    finally:
        pool.close()
        assert pool.join(soon())


# -- threads as they are needed


def test_threads_start_with_tasks_and_end_when_idle(make, work, wait_until):
    pool = make(20, idle_seconds=0.05)
    assert thread_count() == 0
    for number in range(3):
        pool.submit(f"wait-{number}")
    wait_until(lambda: len(work.started) == 3)
    assert thread_count() == 3

    work.released.set()
    wait_until(lambda: thread_count() == 0, what="the end of idle threads")
    assert pool.free_slots() == 20
    pool.submit("again")
    wait_until(lambda: work.started[-1] == "again")
    assert work.threads["again"] == "run:charge-1"


def test_a_trickle_of_tasks_keeps_one_thread_of_many(make, work, wait_until):
    pool = make(5, idle_seconds=0.3)
    for number in range(5):
        pool.submit(f"wait-{number}")
    wait_until(lambda: len(work.started) == 5)
    work.released.set()
    wait_until(lambda: pool.busy == 0)
    deadline = soon(30)
    while thread_count() > 1:  # each task keeps the thread that was busy last
        assert time.monotonic() < deadline
        pool.submit("trickle")
        assert pool.drain(StopDeadline(10))
        time.sleep(0.05)


def test_tasks_submitted_at_once_get_a_thread_each(make, work, wait_until):
    for _ in range(20):
        pool = make(4, idle_seconds=0.001)
        pool.submit("first")
        for number in range(3):
            assert pool.submit(f"wait-{number}")
        wait_until(lambda: len(work.started) == 4)
        work.released.set()
        assert pool.drain(StopDeadline(10))
        work.started.clear()
        work.released.clear()
        pool.close()


def test_a_python_that_starts_no_threads_later_starts_all_of_them_first(make, monkeypatch):
    monkeypatch.setattr("conductor.worker.threads._STARTS_LATE", False)
    pool = make(3, idle_seconds=0.001)
    assert thread_count() == 3
    pool.resize(4)
    assert thread_count() == 4


# -- when no thread can be started


@pytest.fixture
def threads(monkeypatch):
    """Let as many threads of pools start as ``left`` says."""

    class Threads:
        left = 0

    real = threading.Thread.start

    def start(thread):
        if thread.name.startswith("run:"):
            if Threads.left == 0:
                raise RuntimeError("can't start new thread")
            Threads.left -= 1
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    return Threads


def test_a_task_that_gets_no_thread_is_refused(make, work, threads, caplog, wait_until):
    threads.left = 1
    pool = make(3)
    assert [pool.submit(task) for task in ("wait-1", "t2", "t3")] == [True, False, False]
    assert pool.busy == 1
    assert pool.free_slots() == 1  # the thread that polls can run one
    assert caplog.text.count("can't start new thread") == 1
    assert "continuing with 1 thread(s)" in caplog.text

    threads.left = 5
    assert pool.submit("t2")
    wait_until(lambda: work.started == ["wait-1", "t2"])


def test_a_refused_task_and_its_followers_run_on_the_calling_thread(make, work, freed, threads):
    pool = make(2)
    work.following = {"t1": "t2", "t2": "t3"}
    assert not pool.submit("t1")
    pool.run_here("t1")

    assert work.started == ["t1", "t2", "t3"]
    assert set(work.threads.values()) == {threading.current_thread().name}
    assert (freed, pool.busy) == ([1], 0)


def test_a_follower_moves_to_a_thread_as_soon_as_one_starts(make, work, freed, threads, wait_until):
    pool = make(2)
    work.following = {"t1": "wait-2"}
    assert not pool.submit("t1")
    threads.left = 1
    pool.run_here("t1")

    wait_until(lambda: work.started == ["t1", "wait-2"])
    assert (pool.busy, freed, work.threads["wait-2"]) == (1, [], "run:charge-1")
    work.released.set()
    wait_until(lambda: freed == [1])


def test_a_closed_pool_refuses_tasks(make):
    pool = make(1)
    pool.close()
    assert not pool.submit("late")
    assert pool.busy == 0
