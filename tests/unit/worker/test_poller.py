"""The poller with a fake server and a fake pool: what it polls for, and what it does with the tasks."""

import asyncio
import threading
import time

import pytest
from attrs import evolve

from conductor.errors import APIConnectionError
from conductor.worker.events import (
    EventDispatcher,
    PollCompleted,
    PollFailure,
    PollSkipped,
    PollStarted,
    WorkerStateChanged,
)
from conductor.worker.lifecycle import StopDeadline
from conductor.worker.options import WorkerOptions
from conductor.worker.poller import Gate, Poller
from conductor.worker.polling import DedicatedPolling
from conductor.worker.pool import ConcurrencyLimit

EVENTS = (PollStarted, PollCompleted, PollFailure, PollSkipped, WorkerStateChanged)
OPTIONS = WorkerOptions(poll_interval_ms=0, poll_timeout_ms=100)


class Setting:
    """A poller between a server and a pool that are lists; polling ends when the server has no more answers."""

    def __init__(self, *answers, slots=1, limit=None, long_polls=10, may_poll=lambda: True, is_full=lambda: False):
        self.answers = list(answers)
        self.slots = slots
        self.options = OPTIONS
        self.polls, self.submitted, self.returned, self.events = [], [], [], []
        self.refused, self.ran_here = set(), []
        self.recoveries = 0
        self.stop = threading.Event()
        self.shared_slots = ConcurrencyLimit(limit)
        self.long_polls = threading.BoundedSemaphore(long_polls)
        dispatcher = EventDispatcher()
        for kind in EVENTS:
            dispatcher.add(kind, self.events.append)
        self.poller = Poller(
            "charge",
            channel=self,
            pool=self,
            options=lambda: self.options,
            worker_id="me",
            gate=Gate(may_poll, is_full, self.shared_slots, self.long_polls, threading.BoundedSemaphore(5)),
            events=dispatcher,
            hand_back=self.returned.append,
            recovered=self.recover,
            stop=self.stop,
        )
        self.polling = DedicatedPolling([self.poller], self.stop)

    def run(self):
        self.polling.start()
        try:
            self.polling.join(StopDeadline(10))
            assert not self.polling.is_polling, "the poller did not reach the end of the answers"
        finally:
            self.end()
        return self

    def end(self):
        self.stop.set()
        self.polling.wake()
        self.polling.join(StopDeadline(10))
        assert not self.polling.is_polling, "the poller did not stop"

    def look_after(self):
        for check in self.polling.checks:
            check()

    def recover(self):
        self.recoveries += 1

    # the server

    def poll(self, task_type, *, count, timeout_ms, worker_id, domain, limit):
        self.polls.append((count, timeout_ms))
        self.asked_as = (task_type, worker_id, domain)
        found = self.answers.pop(0)
        if not self.answers:
            self.stop.set()
        self.polling.wake()  # no pause after this poll
        found = found() if callable(found) else found
        if isinstance(found, BaseException):
            raise found
        return found

    # the pool

    def free_slots(self):
        return self.slots

    def submit(self, task):
        if task in self.refused:
            return False
        self.submitted.append(task)
        return True

    def run_here(self, task):
        self.ran_here.append((task, self.long_polls._value))

    # what listeners saw

    def kinds(self):
        return [type(event).__name__ for event in self.events if not isinstance(event, WorkerStateChanged)]

    def states(self):
        return [event.state for event in self.events if isinstance(event, WorkerStateChanged)]


# -- what is polled for


def test_a_task_is_followed_by_a_poll_for_the_other_free_slots():
    setting = Setting(["t1"], ["t2", "t3"], ["t4"], [], slots=5).run()

    assert setting.polls[:3] == [(1, 100), (4, 0), (1, 100)]
    assert setting.submitted == ["t1", "t2", "t3", "t4"]
    assert setting.asked_as == ("charge", "me", None)


def test_the_last_free_slot_needs_one_poll():
    assert Setting(["t1"], ["t2"], ["t3"], slots=1).run().polls == [(1, 100)] * 3


def test_empty_polls_wait_longer_on_the_server_until_a_task_comes():
    waits = [wait for _, wait in Setting([], [], [], ["t"], []).run().polls]

    assert waits[:2] == [100, 200]
    assert waits[2] < waits[3]
    assert waits[4] == 100


def test_polls_do_not_wait_while_all_long_polls_are_taken():
    setting = Setting([], [], long_polls=1)
    setting.long_polls.acquire()

    assert setting.run().polls == [(1, 0), (1, 0)]


def test_changed_options_apply_to_the_next_poll():
    def change():
        setting.options = evolve(OPTIONS, domain="eu", poll_timeout_ms=700)
        return []

    setting = Setting(change, [])
    original = setting.poll

    def poll(*arguments, **named):
        found = original(*arguments, **named)
        setting.poller.apply_options()
        return found

    setting.poll = poll
    setting.run()

    assert setting.polls[0] == (1, 100)
    assert setting.asked_as == ("charge", "me", "eu")


# -- reasons not to poll


def test_without_a_free_slot_nothing_is_polled(wait_until):
    setting, asked = Setting(slots=0), []
    setting.free_slots = lambda: asked.append(1) or 0
    setting.polling.start()
    try:
        wait_until(lambda: setting.poller.slot_freed() or len(asked) > 2)
    finally:
        setting.end()
    assert setting.polls == []


@pytest.mark.parametrize(
    ("reason", "options", "state"),
    [
        ({"may_poll": lambda: False}, OPTIONS, "paused"),
        ({"is_full": lambda: True}, OPTIONS, "full"),
        ({}, evolve(OPTIONS, paused=True), "paused"),
    ],
)
def test_a_paused_or_full_worker_skips_its_polls(wait_until, reason, options, state):
    setting = Setting(**reason)
    setting.options = options
    setting.polling.start()
    try:
        wait_until(lambda: "PollSkipped" in setting.kinds())
        assert setting.poller.state == state
    finally:
        setting.end()
    assert setting.polls == []
    assert setting.states() == [state, "stopped"]


@pytest.mark.parametrize("error", [ValueError("a bug"), SystemExit("a bug")])
def test_a_should_poll_that_raises_is_a_failure_and_is_asked_again(caplog, error):
    results = iter([error, True])

    def may_poll():
        found = next(results)
        setting.polling.wake()
        if isinstance(found, BaseException):
            raise found
        return found

    setting = Setting(["t"], may_poll=may_poll)
    setting.run()

    assert setting.kinds() == ["PollFailure", "PollStarted", "PollCompleted"]
    assert "a bug" in caplog.text


# -- without threads


def test_without_threads_one_task_runs_and_others_are_returned():
    setting = Setting(["t1"], ["t2", "t3", "t4"], [], slots=4, limit=4)
    setting.refused = {"t2", "t3"}
    setting.run()

    assert setting.submitted == ["t1", "t4"]
    assert setting.ran_here == [("t2", 10)]  # the poll for it no longer holds anything
    assert setting.returned == ["t3"]
    assert setting.shared_slots.take("another", 9) == 1  # three tasks hold theirs


# -- shared slots


def test_shared_slots_are_released_by_empty_and_failed_polls():
    setting = Setting(["t1"], ["t2"], [], APIConnectionError("gone"), [], slots=9, limit=4).run()

    assert setting.polls[:2] == [(1, 100), (3, 0)]  # two of the four are taken now
    assert setting.submitted == ["t1", "t2"]
    assert setting.shared_slots.take("another", 9) == 2


def test_without_a_shared_slot_nothing_is_polled(wait_until):
    setting = Setting(["t"], [], limit=1)
    setting.shared_slots.take("another", 1)
    setting.polling.start()
    try:
        wait_until(lambda: setting.shared_slots.is_wanted("another"))
        assert setting.polls == []
        setting.shared_slots.give_back(1)
        wait_until(lambda: setting.submitted == ["t"])
    finally:
        setting.end()


# -- failures


def test_failed_polls_are_logged_once_and_the_recovery_is_reported(caplog):
    caplog.set_level("INFO", "conductor.worker")
    error = APIConnectionError("connection refused")
    setting = Setting(error, error, error, ["t"], []).run()

    assert setting.kinds().count("PollFailure") == 3
    assert setting.states() == ["failing", "polling", "stopped"]
    assert (setting.recoveries, setting.submitted) == (1, ["t"])
    assert setting.poller.last_error is error
    assert setting.poller.failed_polls == 0
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "charge" in caplog.records[0].message
    assert "connection refused" in caplog.records[0].message


def test_failures_are_counted_until_a_poll_works():
    assert Setting(*[APIConnectionError("gone")] * 3).run().poller.failed_polls == 3


def test_whatever_a_poll_raises_is_a_failed_poll():
    """Also what a callable that makes tokens raises, such as SystemExit: the worker says that it is failing."""
    for kind in (SystemExit, asyncio.CancelledError, KeyboardInterrupt, GeneratorExit, MemoryError):
        error = kind()
        setting = Setting(error, ["t"], []).run()

        assert setting.submitted == ["t"]
        assert setting.states() == ["failing", "polling", "stopped"]
        assert setting.poller.last_error is error


def test_whatever_else_fails_the_poller_continues(caplog):
    failures = iter([SystemExit(3)])

    def is_full():
        for error in failures:
            raise error
        return False

    setting = Setting(["t"], [], is_full=is_full)
    setting.polling.start()
    try:
        setting.polling.join(StopDeadline(10))
        assert not setting.polling.is_polling
    finally:
        setting.end()

    assert setting.submitted == ["t"]
    assert setting.poller.restarts == 1
    assert "the poller failed and is restarted" in caplog.text


# -- events


def test_listeners_see_each_poll_with_its_counts():
    setting = Setting(["t1"], [], [], slots=3).run()

    assert setting.kinds() == ["PollStarted", "PollCompleted"] * 3
    assert [event.count for event in setting.events if isinstance(event, PollStarted)] == [1, 2, 1]
    assert [event.tasks_received for event in setting.events if isinstance(event, PollCompleted)] == [1, 0, 0]
    assert setting.states() == ["polling", "stopped"]


# -- the end


def test_tasks_of_a_poll_that_ends_after_the_stop_are_returned():
    def late():
        setting.stop.set()
        return ["t1", "t2"]

    setting = Setting(late)
    setting.run()

    assert (setting.submitted, setting.returned) == ([], ["t1", "t2"])


def test_a_stop_ends_a_pause_at_once():
    setting = Setting([], [])
    setting.options = evolve(OPTIONS, poll_interval_ms=3_600_000)
    setting.poller.apply_options()
    began = time.monotonic()
    setting.polling.start()
    setting.end()
    assert time.monotonic() - began < 5
    assert setting.poller.state == "stopped"
    assert not setting.polling.is_alive


def test_a_poller_that_was_not_started_or_stopped_is_not_revived():
    setting = Setting([])
    setting.look_after()
    assert not setting.polling.is_alive
    setting.run()
    setting.look_after()
    assert not setting.polling.is_alive
    assert setting.poller.restarts == 0
