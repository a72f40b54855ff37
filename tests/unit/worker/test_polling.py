"""Shared polling: a few threads for the pollers of all workers, with a fake server, a fake pool and a fake clock."""

import contextlib
import threading
import time
from collections import defaultdict

import pytest

from conductor.errors import APIConnectionError
from conductor.worker.events import EventDispatcher
from conductor.worker.lifecycle import StopDeadline
from conductor.worker.options import WorkerOptions
from conductor.worker.poller import Gate, Poller
from conductor.worker.polling import SHARED_THREADS, SharedPolling, TurnSchedule
from conductor.worker.pool import ConcurrencyLimit

OPTIONS = WorkerOptions()


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Pool:
    def __init__(self, slots=5):
        self.slots = slots
        self.tasks = []

    def free_slots(self):
        return self.slots - len(self.tasks)

    def submit(self, task):
        self.tasks.append(task)
        return True


class Server:
    """Answers each poll with ``tasks`` of its type, or as ``answer`` says."""

    def __init__(self, clock):
        self.clock = clock
        self.tasks = defaultdict(list)
        self.polls = []  # (when, type)
        self.answer = lambda task_type: None

    def poll(self, task_type, *, count, timeout_ms, worker_id, domain, limit):
        self.polls.append((self.clock(), task_type))
        if (special := self.answer(task_type)) is not None:
            return special
        if not self.tasks[task_type]:
            if isinstance(self.clock, Clock):
                self.clock.now += timeout_ms / 1000
            else:
                time.sleep(0.001)
        found, self.tasks[task_type] = self.tasks[task_type][:count], self.tasks[task_type][count:]
        return found


class Handler:
    """As many pollers as ``types``, with what they share."""

    def __init__(self, types, clock=time.monotonic, may_poll=lambda name: True, long_polls=None, limit=None):
        self.stop, self.server, self.returned = threading.Event(), Server(clock), []
        shared = {
            "is_full": lambda: False,
            "slots": ConcurrencyLimit(limit),
            "long_polls": threading.BoundedSemaphore(long_polls or SHARED_THREADS // 2),
            "late_polls": threading.BoundedSemaphore(100),
            "workers": types,
        }
        self.pools = [Pool() for _ in range(types)]
        self.pollers = [
            Poller(
                f"type{number}",
                channel=self.server,
                pool=self.pools[number],
                options=lambda: OPTIONS,
                worker_id="me",
                gate=Gate(may_poll=lambda name=f"type{number}": may_poll(name), **shared),
                events=EventDispatcher(),
                hand_back=self.returned.append,
                recovered=lambda: None,
                stop=self.stop,
                clock=clock,
            )
            for number in range(types)
        ]

    def simulate(self, clock, seconds):
        """Have one thread take all turns for so long, in the time of the clock; a turn takes a millisecond."""
        end = clock.now + seconds
        schedule = TurnSchedule()
        for poller in self.pollers:
            schedule.add(poller, clock.now, 0.0)
        while (delay := schedule.delay(clock.now)) is not None and clock.now + max(delay, 0.0) < end:
            clock.now += max(delay, 0.0) + 0.001
            poller = schedule.take(clock.now)
            schedule.add(poller, clock.now, poller.turn())
        clock.now = end


@pytest.fixture
def run():
    """Start shared polling of a handler; it is stopped at the end."""
    started = []

    def run(handler, **options):
        polling = SharedPolling(handler.pollers, handler.stop, **options)
        started.append((handler, polling))
        polling.start()
        return polling

    yield run
    for handler, polling in started:
        handler.stop.set()
        polling.wake()
        polling.join(StopDeadline(20))
        assert not polling.is_polling


def names():
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("poll:shared")]


# -- the polling rule


def test_a_thousand_idle_types_are_polled_every_five_seconds_each():
    clock = Clock()
    handler = Handler(1000, clock, long_polls=1)
    handler.pollers[0]._gate.long_polls.acquire()  # no poll waits: one thread takes all turns here
    handler.simulate(clock, 30)
    began = clock.now
    handler.server.polls.clear()
    handler.simulate(clock, 30)

    assert len(handler.server.polls) / 30 < 300
    times = defaultdict(list)
    for at, task_type in handler.server.polls:
        times[task_type].append(at)
    gaps = [b - a for seen in times.values() for a, b in zip([began, *seen], [*seen, clock.now], strict=True)]
    assert len(times) == 1000
    assert max(gaps) < 5.5  # what a task of an idle type waits at most


def test_with_a_hundred_types_tasks_are_picked_up_within_a_second():
    clock = Clock()
    handler = Handler(100, clock, long_polls=1)
    handler.pollers[0]._gate.long_polls.acquire()
    handler.simulate(clock, 10)
    handler.server.polls.clear()
    handler.simulate(clock, 10)

    last = {}
    for at, task_type in handler.server.polls:
        assert at - last.get(task_type, at) < 1.2
        last[task_type] = at


def test_after_an_outage_each_poller_sends_at_most_three_requests():
    clock = Clock()
    handler = Handler(200, clock, long_polls=1)
    handler.pollers[0]._gate.long_polls.acquire()

    def refuse(task_type):
        raise APIConnectionError("connection refused", never_sent=True)

    handler.server.answer = refuse
    handler.simulate(clock, 60)
    handler.server.answer = lambda task_type: None
    handler.server.polls.clear()
    handler.simulate(clock, 2)
    counts = defaultdict(int)
    for _, task_type in handler.server.polls:
        counts[task_type] += 1
    assert 1 <= min(counts.values()) <= max(counts.values()) <= 3


# -- the schedule


def test_turns_come_in_the_order_in_which_they_are_due():
    schedule, (a, b, c) = TurnSchedule(), Handler(3).pollers
    assert schedule.delay(0.0) is None
    for poller, pause in ((a, 3.0), (b, 1.0), (c, 2.0)):
        schedule.add(poller, 10.0, pause)

    assert schedule.delay(10.0) == 1.0
    assert schedule.delay(13.0) < 0
    assert [schedule.take(13.0) for _ in range(3)] == [b, c, a]


def test_a_poller_that_is_woken_is_next_and_only_once():
    schedule, (a, b) = TurnSchedule(), Handler(2).pollers
    schedule.add(a, 10.0, 1.0)
    schedule.add(b, 10.0, 5.0)
    schedule.wake(b, 10.5)
    schedule.wake(b, 10.5)

    assert schedule.delay(10.5) == 0.0
    assert schedule.take(10.5) is b
    assert schedule.delay(10.5) == 0.5
    assert schedule.take(11.0) is a
    assert schedule.delay(20.0) is None


def test_a_poller_that_is_woken_in_its_turn_has_another_one_at_once():
    schedule, (a,) = TurnSchedule(), Handler(1).pollers
    schedule.wake(a, 10.0)
    schedule.add(a, 10.0, 5.0)
    assert schedule.delay(10.0) == 0.0
    assert schedule.take(10.0) is a
    schedule.add(a, 10.0, 5.0)
    assert schedule.delay(10.0) == 5.0


def test_turns_can_be_spaced():
    schedule, (a, b) = TurnSchedule(), Handler(2).pollers
    schedule.add(a, 10.0, 0.0)
    schedule.add(b, 10.0, 0.0)
    schedule.spacing = 1.5
    assert schedule.take(10.0) is a
    assert schedule.delay(10.5) == 1.0


# -- threads


def test_tasks_of_all_types_are_picked_up_by_a_few_threads(run, wait_until):
    handler = Handler(300)
    for number in range(300):
        handler.server.tasks[f"type{number}"] = [f"{number}-1", f"{number}-2", f"{number}-3"]
    polling = run(handler)
    wait_until(lambda: all(len(pool.tasks) == 3 for pool in handler.pools), timeout=30)
    assert len(names()) == SHARED_THREADS
    assert polling.is_alive
    assert {poller.state for poller in handler.pollers} == {"polling"}

    handler.stop.set()
    polling.wake()
    polling.join(StopDeadline(20))
    assert names() == []
    wait_until(lambda: {poller.state for poller in handler.pollers} == {"stopped"})


def test_fewer_types_than_threads_need_a_thread_each(run):
    run(Handler(3))
    assert len(names()) == 3


def test_a_worker_without_a_free_slot_is_woken_when_there_is_one(run, wait_until):
    handler = Handler(1)
    handler.server.tasks["type0"] = [f"t{number}" for number in range(6)]
    run(handler)
    (pool,), (poller,) = handler.pools, handler.pollers
    wait_until(lambda: len(pool.tasks) == 5)
    began = time.monotonic()
    while "t5" not in pool.tasks:
        assert time.monotonic() < began + 30
        if len(pool.tasks) == 5:
            pool.tasks.pop(0)
            poller.slot_freed()
    assert len(handler.server.polls) <= 10  # it does not poll in vain


def test_workers_that_wait_for_a_shared_slot_are_woken(run, wait_until):
    handler = Handler(20, limit=1)
    run(handler)
    wait_until(lambda: all(poller.last_poll for poller in handler.pollers), timeout=30)


def test_a_poll_without_a_response_does_not_delay_other_types(run, wait_until):
    clock, release = Clock(), threading.Event()
    handler = Handler(2, clock)
    handler.server.answer = lambda kind: (release.wait(20) and ["late"]) if kind == "type0" and first() else []
    calls = []

    def first():
        calls.append(1)
        return len(calls) == 1

    polling = run(handler, clock=clock)
    wait_until(lambda: calls)
    clock.now += 10  # a jump, as after a suspended machine: all pauses are over as well
    for check in polling.checks:
        check()
    wait_until(lambda: len(calls) == 2, what="another poll of the same type")
    assert handler.pollers[0].state in {"failing", "polling"}
    release.set()
    wait_until(lambda: handler.pools[0].tasks == ["late"])
    for check in polling.checks:
        check()
    wait_until(lambda: len(names()) <= 2)


def test_a_silent_server_is_probed_and_polled_again_when_it_answers(run, wait_until):
    clock, release = Clock(), threading.Event()
    handler = Handler(400, clock)

    def hang(task_type):
        release.wait(30)
        return []

    handler.server.answer = hang
    polling = run(handler, clock=clock)
    for _ in range(65):
        clock.now += 1
        for check in polling.checks:
            check()
        polling.wake()
    assert len(handler.server.polls) < 100, "all polls that may be late are"
    before = len(handler.server.polls)
    handler.server.answer = lambda task_type: []
    clock.now += 5
    polling.wake()

    def advance():
        clock.now += 0.1
        polling.wake()
        return len(handler.server.polls) > before + 300

    wait_until(advance, timeout=30, what="polls of all types")
    release.set()


def test_a_blocking_should_poll_does_not_delay_other_types(run, wait_until):
    clock, release = Clock(), threading.Event()
    handler = Handler(60, clock, may_poll=lambda name: int(name[4:]) >= 16 or release.wait(30))
    polling = run(handler, clock=clock)

    def look():
        clock.now += 1
        polling.wake()
        for check in polling.checks:
            check()
        return all(poller.last_poll for poller in handler.pollers[16:])

    wait_until(look, timeout=30)
    release.set()
    wait_until(lambda: look() and all(poller.last_poll for poller in handler.pollers), timeout=30)
    wait_until(lambda: look() and len(names()) == SHARED_THREADS, what="the end of the threads that are too many")


def test_tasks_are_not_polled_again_and_again_if_no_thread_can_start():
    clock = Clock()
    handler = Handler(4, clock)
    for number, pool in enumerate(handler.pools):
        pool.submit = lambda task: False
        handler.server.tasks[f"type{number}"] = ["t"] * 1000
    for poller in handler.pollers:
        poller._lend = lambda: False  # other workers' tasks run on the threads that poll
    handler.simulate(clock, 60)

    assert 4 * 30 < len(handler.returned) < 4 * 50
    assert len(handler.server.polls) == len(handler.returned)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_dies_is_replaced_and_its_worker_continues(run, wait_until, monkeypatch, caplog):
    handler = Handler(1)
    (poller,) = handler.pollers
    turn = poller.turn

    def die():
        monkeypatch.setattr(poller, "turn", turn)
        raise SystemError("the thread dies")

    poller.turn = die
    polling = run(handler)
    wait_until(lambda: not polling.is_polling)
    assert not polling.is_alive
    with contextlib.suppress(AssertionError):
        wait_until(lambda: polling.checks[-1]() or poller.last_poll, timeout=20)
    assert poller.last_poll
    assert poller.restarts == 1
    assert "1 thread(s) that poll had died" in caplog.text


def test_a_start_that_fails_leaves_the_threads_to_the_stop(run, monkeypatch):
    real, started = threading.Thread.start, []

    def start(thread):
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(RuntimeError, match="new thread"):
        run(Handler(5))
