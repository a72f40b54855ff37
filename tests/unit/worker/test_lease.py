"""Leases: extended while a task runs, and never after its end."""

import threading
import time

from conductor.models import Task
from conductor.worker.lease import LeaseKeeper


def task(name="t"):
    return Task(task_id=name, workflow_instance_id="w", response_timeout_seconds=1)


def test_the_end_of_a_lease_waits_for_an_extension_that_is_being_sent():
    sending, answered, order = threading.Event(), threading.Event(), []

    def update(*_):
        sending.set()
        assert answered.wait(5)
        order.append("extended")

    keeper = LeaseKeeper(update, lambda _: None)
    keeper.start()
    one, other = task("one"), task("other")
    try:
        keeper.add(one, "worker", None)
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
    monkeypatch.setattr("conductor.worker.lease._LONGEST_PATIENCE", 0.1)
    sending, released = threading.Event(), threading.Event()

    def update(*_):
        sending.set()
        released.wait(5)

    keeper = LeaseKeeper(update, lambda _: None)
    keeper.start()
    one = task()
    try:
        keeper.add(one, "worker", None)
        assert sending.wait(5)
        began = time.monotonic()
        keeper.remove(one)
        assert time.monotonic() - began < 2
    finally:
        released.set()
        keeper.close(time.monotonic() + 5)


def test_a_failed_extension_releases_its_lease():
    sending = threading.Event()

    def update(*_):
        sending.set()
        raise RuntimeError("broken")

    keeper = LeaseKeeper(update, lambda _: None)
    keeper.start()
    one = task()
    try:
        keeper.add(one, "worker", None)
        assert sending.wait(5)
        keeper.remove(one)
        assert keeper.is_alive
    finally:
        keeper.close(time.monotonic() + 5)
