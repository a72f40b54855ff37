"""What the backend does; a program that test_tasks.py runs on each version of the framework."""

import time
from datetime import datetime, timedelta, timezone

import tasks_project as shop

from conductor.contrib.django.handler import make_handler
from conductor.contrib.django.tasks import _priority


def finished(result, timeout=20):
    deadline = time.monotonic() + timeout
    while not result.is_finished:
        assert time.monotonic() < deadline, result
        time.sleep(0.02)
        result.refresh()
    return result


waiting = shop.add.enqueue(2, b=3)
assert waiting.status == "READY", waiting
assert waiting.args == [2], waiting
assert waiting.kwargs == {"b": 3}
assert waiting.enqueued_at is not None
assert shop.seen == ["enqueued"]

with make_handler(poll_interval_ms=20):
    done = finished(waiting)
    assert (done.status, done.return_value, done.attempts) == ("SUCCESSFUL", 5, 1), done
    assert done.enqueued_at <= done.started_at <= done.finished_at
    assert shop.add.get_result(done.id).return_value == 5

    sent = finished(shop.send.enqueue("a@example.com"))
    assert sent.return_value == {"sent": "a@example.com"}
    assert (sent.task.queue_name, sent.task.priority) == ("mail", 10)

    number, identity = finished(shop.attempt.enqueue()).return_value
    assert number == 1
    assert identity
    assert finished(shop.slow.enqueue(4)).return_value == 8

    failed = finished(shop.fail.enqueue())
    assert failed.status == "FAILED", failed
    assert failed.errors[0].exception_class is ValueError
    assert "no beans" in failed.errors[0].traceback
    assert finished(shop.unserializable.enqueue()).errors[0].exception_class is TypeError

    began = time.monotonic()
    later = shop.add.using(run_after=datetime.now(timezone.utc) + timedelta(seconds=1.5)).enqueue(1)
    assert finished(later).return_value == 2
    assert time.monotonic() - began >= 1.4


def refused(call, *arguments):
    """The name of the exception that a call raises."""
    try:
        call(*arguments)
    except Exception as error:
        return type(error).__name__
    raise AssertionError(f"{call} was accepted")


assert refused(shop.send.get_result, done.id) == "TaskResultMismatch"
assert refused(shop.add.get_result, "nope") == "TaskResultDoesNotExist"
for wrong in ({"queue_name": "nope"}, {"priority": 101}, {"run_after": datetime(2030, 1, 1)}):
    assert refused(lambda wrong=wrong: shop.add.using(**wrong).enqueue(1)).startswith("InvalidTask")
assert refused(shop.add.enqueue, object()) == "TypeError"
assert [_priority(n) for n in (-100, 0, 100)] == [0, 50, 99]
assert shop.seen.count("enqueued") == shop.seen.count("started") == shop.seen.count("finished")
print("ok", shop.django.get_version())
