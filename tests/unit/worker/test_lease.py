"""Leases: extended while a task runs, and never after its end."""

import json
import threading
import time

import pytest

from conductor.errors import APIConnectionError
from conductor.models import Task
from conductor.worker.lease import LeaseKeeper


def task(name="t", response_timeout=100):
    return Task(task_id=name, workflow_instance_id="w", response_timeout_seconds=response_timeout)


class Setting:
    """A keeper on a clock that stands still, and a server that takes extensions."""

    def __init__(self):
        self.now = 1000.0
        self.sent, self.extended = [], []
        self.error = None
        self.keeper = LeaseKeeper(self.update, lambda one: self.extended.append(one.task_id), lambda: self.now)

    def update(self, task_id, body, limit):
        self.sent.append((self.now, task_id, json.loads(body), limit))
        if self.error is not None:
            raise self.error

    def advance(self, seconds):
        """Move the clock, and let the keeper see it."""
        self.now += seconds
        bystander = task("bystander", 10**9)
        self.keeper.add(bystander, "me", None)
        self.keeper.remove(bystander)

    def sent_at(self):
        return [round(at - 1000, 3) for at, *_ in self.sent]


@pytest.fixture
def setting():
    setting = Setting()
    setting.keeper.start()
    yield setting
    setting.keeper.close(time.monotonic() + 10)
    assert not setting.keeper.is_alive


def test_a_lease_is_extended_each_time_80_percent_of_it_have_passed(setting, wait_until):
    lease = setting.keeper.add(task(), "me", None)
    setting.advance(79.9)
    assert setting.sent == []
    for count in (1, 2, 3):
        setting.advance(80)
        wait_until(lambda count=count: len(setting.extended) == count)

    assert setting.sent_at() == [159.9, 239.9, 319.9]
    assert setting.sent[0][2] == {
        "taskId": "t",
        "workflowInstanceId": "w",
        "workerId": "me",
        "status": "IN_PROGRESS",
        "extendLease": True,
    }
    assert (lease.extensions, lease.extended_at, lease.is_kept) == (3, 1319.9, True)


def test_the_lease_that_is_due_first_is_extended_first(setting, wait_until):
    setting.keeper.add(task("slow", 1000), "me", None)
    setting.keeper.add(task("fast", 10), "me", None)
    setting.advance(8)
    wait_until(lambda: setting.extended == ["fast"])
    setting.advance(792)
    wait_until(lambda: "slow" in setting.extended)


def test_a_removed_lease_is_not_extended(setting, wait_until):
    one, other = task("one"), task("other")
    lease = setting.keeper.add(one, "me", None)
    setting.keeper.add(other, "me", None)
    setting.keeper.remove(one)
    setting.advance(80)
    wait_until(lambda: setting.extended)
    assert setting.extended == ["other"]
    assert not lease.is_kept
    setting.keeper.remove(one)  # again


def test_the_longest_time_ends_a_lease(setting, wait_until, caplog):
    lease = setting.keeper.add(task(), "me", 100)
    setting.advance(80)
    wait_until(lambda: setting.extended == ["t"])
    setting.advance(80)
    wait_until(lambda: not lease.is_kept)
    assert setting.extended == ["t"]
    assert "has run for max_lease_seconds" in caplog.text


def test_a_lease_that_is_given_up_is_not_extended(setting, wait_until):
    lease = setting.keeper.add(task("one"), "me", None)
    setting.keeper.add(task("other"), "me", None)
    lease.give_up()
    setting.advance(80)
    wait_until(lambda: setting.extended == ["other"])
    assert not lease.is_kept


def test_a_task_without_an_id_or_with_a_short_timeout_has_no_lease(setting):
    assert setting.keeper.add(task("", 100), "me", None) is None
    assert setting.keeper.add(task("t", 0), "me", None) is None
    setting.keeper.remove(task(""))


@pytest.mark.parametrize("error", [APIConnectionError("gone"), SystemExit(3)])
def test_a_failed_extension_is_sent_again_after_an_eighth_of_the_period(setting, wait_until, caplog, error):
    setting.error = error
    lease = setting.keeper.add(task(), "me", None)
    setting.advance(80)
    wait_until(lambda: caplog.records)
    setting.error = None
    setting.advance(10.5)
    wait_until(lambda: setting.extended == ["t"])
    assert setting.sent_at() == [80, 90.5]
    assert lease.extensions == 1
    assert "task t could not be extended" in caplog.text


def test_an_endless_timeout_does_not_end_the_leases_of_others(wait_until):
    setting, looks = Setting(), []
    setting.keeper = LeaseKeeper(
        setting.update, lambda one: setting.extended.append(one.task_id), lambda: looks.append(1) or setting.now
    )
    setting.keeper.add(task("endless", 10**15), "me", None)
    looks.clear()
    setting.keeper.start()
    try:
        wait_until(lambda: looks)  # it holds its lock until it waits for the endless lease
        setting.keeper.add(task(), "me", None)
        setting.advance(80)
        wait_until(lambda: setting.extended == ["t"])
    finally:
        setting.keeper.close(time.monotonic() + 10)


def test_an_extension_may_take_an_eighth_of_the_shortest_period(setting, wait_until):
    for name, timeout, limit in (("a", 1000, 5.0), ("b", 10, 1.0), ("c", 1, 0.2)):
        setting.keeper.add(task(name, timeout), "me", None)
        setting.advance(timeout * 0.8)
        wait_until(lambda name=name: name in setting.extended)
        assert {sent[1]: sent[3] for sent in setting.sent}[name] == pytest.approx(limit)


def test_a_listener_that_raises_does_not_end_the_thread(wait_until):
    setting = Setting()

    def fail(_):
        raise RuntimeError("a bug in a listener")

    setting.keeper = LeaseKeeper(setting.update, fail, lambda: setting.now)
    setting.keeper.start()
    one = task()
    try:
        setting.keeper.add(one, "me", None)
        for count in (1, 2):
            setting.advance(80)
            wait_until(lambda count=count: len(setting.sent) == count)
        setting.keeper.remove(one)  # it was released
        assert setting.keeper.is_alive
    finally:
        setting.keeper.close(time.monotonic() + 10)


def test_a_thread_that_died_is_started_again_until_the_end(wait_until, caplog):
    setting = Setting()
    setting.keeper.revive()
    try:
        assert setting.keeper.is_alive
        setting.keeper.add(task(), "me", None)
        setting.advance(80)
        wait_until(lambda: setting.extended == ["t"])
    finally:
        setting.keeper.close(time.monotonic() + 10)
    setting.keeper.revive()
    assert not setting.keeper.is_alive


def test_the_end_of_a_lease_waits_for_an_extension_that_is_being_sent():
    sending, answered, order = threading.Event(), threading.Event(), []

    def update(*_):
        sending.set()
        assert answered.wait(5)
        order.append("extended")

    setting = Setting()
    setting.keeper = keeper = LeaseKeeper(update, lambda _: None, lambda: setting.now)
    keeper.start()
    one, other = task("one"), task("other")
    try:
        keeper.add(one, "worker", None)
        setting.advance(80)
        assert sending.wait(5)

        def end():
            keeper.remove(one)
            order.append("ended")

        thread = threading.Thread(target=end)
        thread.start()
        keeper.add(other, "worker", None)
        keeper.remove(other)  # a lease that is not being extended ends at once
        order.append("other ended")
        answered.set()
        thread.join(5)
        assert order == ["other ended", "extended", "ended"]
    finally:
        answered.set()
        keeper.close(time.monotonic() + 5)
    assert not keeper.is_alive


def test_an_extension_without_an_answer_does_not_hold_up_the_end_forever(monkeypatch):
    monkeypatch.setattr("conductor.worker.lease._MAX_ATTEMPT_S", 0.1)
    sending, released = threading.Event(), threading.Event()

    def update(*_):
        sending.set()
        released.wait(5)

    setting = Setting()
    setting.keeper = keeper = LeaseKeeper(update, lambda _: None, lambda: setting.now)
    keeper.start()
    one = task()
    try:
        keeper.add(one, "worker", None)
        setting.advance(80)
        assert sending.wait(5)
        began = time.monotonic()
        keeper.remove(one)
        assert time.monotonic() - began < 2
    finally:
        released.set()
        keeper.close(time.monotonic() + 5)
