"""ResultDelivery with a fake server and a fake clock; no threads but where a test starts them."""

import asyncio
import math
import random
import shutil
import sqlite3
import threading
import time

import pytest

from conductor.errors import (
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    NotFoundError,
    ServerError,
    UnexpectedResponseError,
    UnsupportedByServerError,
)
from conductor.models import TaskResult
from conductor.worker.delivery import ResultDelivery
from conductor.worker.events import DeliveryDelayed, EventDispatcher, TaskUpdateFailure
from conductor.worker.lifecycle import StopDeadline
from conductor.worker.outbox import DiskOutbox
from conductor.worker.undelivered import AttemptRate, Undelivered, attempt_limit, is_final, retry_delay

NEVER_SENT = APIConnectionError("refused", never_sent=True)
LOST = APIConnectionError("connection reset")
BUSY = ServerError("busy", status=503, from_conductor=True)


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Server:
    """Takes every update except those of tasks for which it has an error, or a list of errors to give in turn."""

    def __init__(self):
        self.errors = {}
        self.taken, self.bodies, self.limits, self.attempts, self.by_v2 = [], [], [], [], []

    def update(self, task_id, body, limit=None):
        self.limits.append(limit)
        self.attempts.append(task_id)
        error = self.errors.get(task_id, self.errors.get("*"))
        if isinstance(error, list):
            error = error.pop(0) if error else None
        if error is not None:
            raise error
        self.taken.append(task_id)
        self.bodies.append(body)

    def update_v2(self, task_id, body, limit=None):
        self.by_v2.append(task_id)
        self.update(task_id, body, limit)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def heard():
    return []


@pytest.fixture
def delivery(server, heard, clock):
    events = EventDispatcher()
    events.add(DeliveryDelayed, heard.append)
    events.add(TaskUpdateFailure, heard.append)
    return ResultDelivery(server, events, clock=clock)


def result(task_id):
    return TaskResult("w", task_id, status="COMPLETED")


def deliver(delivery, *task_ids):
    for task_id in task_ids:
        delivery.deliver("work", result(task_id), wants_next=False)


def pass_time(delivery, clock, seconds, step=0.1):
    """Let one sender send what is due, at each step of the clock; return the number of attempts."""
    attempts, end = 0, clock.now + seconds
    while clock.now < end:
        clock.now += step
        while delivery.send_next():
            attempts += 1
    return attempts


@pytest.mark.parametrize(
    "error",
    [
        LOST,
        APITimeoutError("no response"),
        UnexpectedResponseError("a redirect", status=302),
        UnexpectedResponseError("an HTML page", status=200),
        UnexpectedResponseError("a malformed response"),
        ServerError("cannot", status=500),
    ],
)
def test_a_result_that_is_never_accepted_does_not_delay_others(delivery, server, clock, error):
    server.errors = {"bad": error, "*": [BUSY] * 19}
    deliver(delivery, "bad", *(f"t{number}" for number in range(19)))
    assert (delivery.waiting, delivery.delivered) == (20, 0)
    pass_time(delivery, clock, 5)
    assert (delivery.waiting, delivery.delivered) == (1, 19)


def test_each_result_has_its_own_schedule(delivery, server, clock):
    server.errors = {f"t{number}": [ServerError("no", status=500)] * 5 for number in range(50)}
    deliver(delivery, *(f"t{number}" for number in range(50)))
    pass_time(delivery, clock, 15)
    assert delivery.delivered == 50


def test_an_outage_causes_a_limited_number_of_requests(delivery, server, clock):
    server.errors = {"*": BUSY}
    attempts, number = 0, 0
    for _ in range(50):  # ten tasks end in each tenth of a second
        for _ in range(10):
            deliver(delivery, f"t{number}")
            number += 1
        pass_time(delivery, clock, 0.1)
        attempts = len(server.attempts)
    assert attempts <= 200
    server.errors.clear()
    pass_time(delivery, clock, 2)
    assert (delivery.delivered, delivery.waiting) == (500, 0)


def test_an_outage_loses_nothing_however_long_it_is(delivery, server, clock):
    deliver(delivery, *(f"before{number}" for number in range(100)))
    server.errors = {"*": ServerError("down", status=500)}
    deliver(delivery, "t1", "t2")
    pass_time(delivery, clock, 3600, step=1.0)
    assert (delivery.waiting, delivery.refused) == (2, 0)
    server.errors.clear()
    pass_time(delivery, clock, 3)
    assert (delivery.waiting, delivery.delivered) == (0, 102)


@pytest.mark.parametrize("error", [ServerError("cannot", status=500), LOST, UnexpectedResponseError("302", status=302)])
@pytest.mark.parametrize("has_traffic", [True, False])
def test_a_result_that_alone_is_refused_fails_its_task(delivery, server, clock, heard, error, has_traffic):
    real = server.update

    def update(task_id, body, limit=None):
        server.errors = {"bad": error} if b'"COMPLETED"' in body else {}
        real(task_id, body, limit)

    server.update = update
    deliver(delivery, "bad", *(f"first{number}" for number in range(40)))
    for number in range(70):
        if has_traffic:
            deliver(delivery, f"other{number}")
        pass_time(delivery, clock, 1)
    assert (delivery.refused, delivery.waiting) == (1, 0)
    assert [type(event) for event in heard].count(TaskUpdateFailure) == 1
    assert b"FAILED_WITH_TERMINAL_ERROR" in server.bodies[server.taken.index("bad")]


def test_a_result_that_cannot_be_sent_is_never_given_up(delivery, server, clock):
    server.errors = {"bad": NEVER_SENT}
    deliver(delivery, "bad")
    for number in range(200):
        deliver(delivery, f"other{number}")
        pass_time(delivery, clock, 1)
    assert (delivery.refused, delivery.waiting) == (0, 1)


def test_more_failures_are_accepted_where_others_fail_often():
    for share, is_answered, limit in (
        (0.01, True, 12),
        (0.01, False, 30),
        (0.2, True, 12),
        (0.5, True, 20),
        (0.9, True, 132),
        (0.9, False, 132),
    ):
        assert attempt_limit(share, is_answered=is_answered) == limit, (share, is_answered)


def test_nine_failed_attempts_of_ten_lose_no_result(delivery, server, clock):
    chance = random.Random(7)
    real = server.update

    def update(task_id, body, limit=None):
        if chance.random() < 0.9:
            server.attempts.append(task_id)
            raise ServerError("overloaded", status=500)
        real(task_id, body, limit)

    server.update = update
    for number in range(300):
        deliver(delivery, f"t{number}")
        pass_time(delivery, clock, 0.5)
    pass_time(delivery, clock, 200)
    assert (delivery.refused, delivery.waiting) == (0, 0)


@pytest.mark.parametrize("error", [SystemExit(), KeyboardInterrupt(), asyncio.CancelledError(), RuntimeError("auth")])
def test_whatever_is_raised_while_a_result_is_sent_it_is_kept(delivery, server, clock, error):
    server.errors = {"t1": error}
    assert delivery.deliver("work", result("t1"), wants_next=True) is None
    assert (delivery.undelivered_ids(), delivery.is_failing) == (["t1"], True)
    pass_time(delivery, clock, 1)
    assert delivery.undelivered_ids() == ["t1"]
    server.errors.clear()
    pass_time(delivery, clock, 3)
    assert (delivery.waiting, delivery.delivered, delivery.is_failing) == (0, 1, False)


@pytest.mark.parametrize(
    ("error", "twice"),
    [
        (APITimeoutError("silence"), 1),
        (LOST, 1),
        (UnexpectedResponseError("a login page", status=200), 1),
        (NEVER_SENT, 0),
        (BUSY, 0),
    ],
)
def test_results_that_the_server_may_have_received_are_counted(delivery, server, clock, error, twice):
    server.errors = {"t1": [error]}
    deliver(delivery, "t1")
    pass_time(delivery, clock, 1)
    assert (delivery.delivered, delivery.sent_twice) == (1, twice)


def test_the_delay_grows_and_a_longer_one_of_the_server_wins():
    longest = lambda low, high: high
    error = ServerError("busy", status=503)
    assert [retry_delay(failures, error, longest) for failures in (1, 2, 3, 4, 50)] == [0.5, 1.0, 2.0, 2.0, 2.0]
    assert 0.37 < retry_delay(1, error) <= 0.5
    for asked, delay in ((15.0, 15.0), (0.0, 0.5), (3600.0, 60.0)):
        assert retry_delay(1, ServerError("busy", status=503, retry_after=asked), longest) == delay
    no_token = APIConnectionError("no token")
    no_token.token_retry_after = 7.0
    assert retry_delay(1, no_token, longest) == 7.0


def test_polls_that_work_again_bring_the_next_attempt_forward(delivery, server, clock):
    server.errors = {"t1": [BUSY] * 3, "asked": [ServerError("busy", status=503, retry_after=15)]}
    deliver(delivery, "t1", "asked")
    pass_time(delivery, clock, 1.7)
    delivery.nudge()
    pass_time(delivery, clock, 0.1)
    assert server.taken == ["t1"]
    pass_time(delivery, clock, 12)
    assert server.taken == ["t1"]  # the server asked for 15 s for the other one
    pass_time(delivery, clock, 2)
    assert server.taken == ["t1", "asked"]


def test_only_two_senders_wait_for_results_that_time_out(server, clock):
    delivery = ResultDelivery(server, EventDispatcher(), clock=clock)
    server.errors = {"*": APITimeoutError("silence")}
    deliver(delivery, "s1", "s2", "s3")
    release, inside = threading.Event(), threading.Semaphore(0)
    real = server.update

    def slow(task_id, body, limit=None):
        if task_id.startswith("s"):
            inside.release()
            assert release.wait(10)
        real(task_id, body, limit)

    server.update = slow
    server.errors = {"b1": BUSY}
    clock.now += 2
    threads = [threading.Thread(target=delivery.send_next) for _ in range(2)]
    for thread in threads:
        thread.start()
        assert inside.acquire(timeout=10)
    assert delivery.send_next() is False  # the third one waits, although it is due
    server.update = slow
    deliver(delivery, "b1")
    server.errors.clear()
    clock.now += 2
    assert delivery.send_next() is True
    assert server.taken == ["b1"]
    release.set()
    for thread in threads:
        thread.join(10)


def test_the_rate_of_attempts_is_a_token_bucket():
    rate = AttemptRate(10.0, 2)
    waits = []
    for now in (0.0, 0.0, 0.0):
        waits.append(rate.wait(now))
        if not waits[-1]:
            rate.take()
    assert waits == [0.0, 0.0, pytest.approx(0.1)]
    assert rate.wait(0.1) == pytest.approx(0.0)
    rate.take()
    assert rate.wait(math.inf) == 0.0


def test_after_a_lost_response_next_tasks_are_refused_for_a_growing_time(delivery, server, clock):
    def chained(task_id):
        delivery.deliver("work", result(task_id), wants_next=True)
        return server.by_v2[-1:] == [task_id]

    server.errors = {"lost1": [LOST], "lost2": [LOST]}
    assert chained("ok")
    assert chained("lost1")
    pass_time(delivery, clock, 1)
    assert not chained("within 2 s")
    clock.now += 1
    assert chained("after 2 s")
    assert chained("lost2")
    pass_time(delivery, clock, 3)
    assert not chained("within 4 s")
    clock.now += 1
    assert chained("after 4 s")
    assert all(chained(f"ok{number}") for number in range(50))
    server.errors = {"lost3": [LOST]}
    assert chained("lost3")
    pass_time(delivery, clock, 2.1)
    assert chained("the first time again")


def test_a_server_without_next_tasks_in_responses_is_asked_once(delivery, server):
    server.update_v2 = lambda *_: (_ for _ in ()).throw(UnsupportedByServerError("no", status=404))
    for number in range(3):
        delivery.deliver("work", result(f"t{number}"), wants_next=True)
    assert server.taken == ["t0", "t1", "t2"]


def test_at_a_stop_no_response_is_awaited_beyond_the_deadline(delivery, server, clock):
    delivery.hurry(lambda: 3.0)
    deliver(delivery, "t1")
    delivery.hurry(lambda: 0.0)
    deliver(delivery, "t2")
    assert server.limits == [3.0, 0.5]


def test_a_stop_sends_all_results_at_once_despite_retry_after(delivery, server, clock):
    server.errors = {"t1": [ServerError("busy", status=503, retry_after=15)]}
    deliver(delivery, "t1")
    delivery.hurry(lambda: 3.0)
    assert delivery.send_next()
    assert server.taken == ["t1"]


def test_a_release_whose_response_is_lost_is_not_repeated(delivery, server, clock):
    for error, attempts in ((LOST, 1), (APITimeoutError("silence"), 1), (NEVER_SENT, 2), (BUSY, 2)):
        server.errors, server.attempts = {"t1": [error]}, []
        assert delivery.release("work", TaskResult("w", "t1", status="IN_PROGRESS")) is False
        pass_time(delivery, clock, 5)
        assert len(server.attempts) == attempts, error
        assert (delivery.waiting, delivery.waiting_of("work")) == (0, 0)


def test_tasks_that_are_given_back_wait_for_no_response(delivery, server):
    for task_id in ("t1", "t2"):
        delivery.release_soon("work", TaskResult("w", task_id, status="IN_PROGRESS"))
    assert (server.attempts, delivery.undelivered_ids()) == ([], ["t1", "t2"])
    while delivery.send_next():
        pass
    assert server.taken == ["t1", "t2"]

    delivery.close(0.0)
    delivery.release_soon("work", TaskResult("w", "t3", status="IN_PROGRESS"))  # there are no senders any more
    assert server.taken == ["t1", "t2", "t3"]


def test_releases_to_a_silent_server_delay_a_stop_by_one_second(server):
    """Also if the deadline is over: often it is the reason to give tasks back."""
    tried = []

    def update(task_id, body, limit=None):
        tried.append(task_id)
        time.sleep(limit)
        raise APITimeoutError("silence")

    server.update = update
    delivery = ResultDelivery(server, EventDispatcher())
    delivery.start()
    delivery.hurry(lambda: 0.0)
    began = time.monotonic()
    for number in range(40):
        delivery.release_soon("work", TaskResult("w", f"t{number}", status="IN_PROGRESS"))
    assert not delivery.flush(StopDeadline(0.0))
    assert time.monotonic() - began < 10, "one after the other they take 20 s"
    assert len(tried) >= 4, "several at the same time"
    assert len(delivery.undelivered_ids()) >= 20
    delivery.close(time.monotonic() + 10)


def test_all_tasks_are_released_to_a_healthy_server_after_the_deadline(server):
    delivery = ResultDelivery(server, EventDispatcher())
    delivery.start()
    delivery.hurry(lambda: 0.0)
    for number in range(40):
        delivery.release_soon("work", TaskResult("w", f"t{number}", status="IN_PROGRESS"))
    assert delivery.flush(StopDeadline(0.0))
    assert len(server.taken) == 40
    delivery.close(time.monotonic() + 10)


def test_a_result_is_on_disk_before_its_first_attempt_and_gone_afterwards(server, tmp_path, clock):
    path = tmp_path / "box"
    delivery = ResultDelivery(server, EventDispatcher(), DiskOutbox(path), clock)
    on_disk = []

    def look(task_id="", body=b"", limit=None):
        copy = tmp_path / "copy"
        for end in ("", "-wal"):
            shutil.copy(f"{path}{end}", f"{copy}{end}")
        db = sqlite3.connect(copy)
        on_disk.append([row[0] for row in db.execute("SELECT task_id FROM results")])
        db.close()

    server.update = look
    deliver(delivery, "t1")
    look()
    assert on_disk == [["t1"], []]
    delivery.close(0.0)


def test_a_release_is_never_written_to_disk(server, tmp_path, clock):
    delivery = ResultDelivery(server, EventDispatcher(), DiskOutbox(tmp_path / "box"), clock)
    server.errors = {"t1": NEVER_SENT}
    assert delivery.release("work", TaskResult("w", "t1", status="IN_PROGRESS")) is False
    assert delivery.undelivered_ids() == ["t1"]
    delivery.close(0.0)
    other = DiskOutbox(tmp_path / "box")
    assert list(other.load()) == []
    other.close()


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (NotFoundError("no such task", status=404, from_conductor=True), True),
        (NotFoundError("a proxy's page", status=404), False),
        (BadRequestError("wrong", status=400, from_conductor=True), True),
        (BadRequestError("a proxy's page", status=400), False),
        (BadRequestError("a proxy's page", status=413), True),
        (ServerError("x", status=500, server_message="JSON parse error: String value length exceeds"), True),
        (ServerError("x", status=500, server_message="no connection to the database"), False),
        (ServerError("x", status=503), False),
        (LOST, False),
    ],
)
def test_which_errors_are_final(error, final):
    assert is_final(error) is final


def test_undelivered_results_are_counted_by_task_type(delivery, server, clock):
    server.errors = {"t1": [NEVER_SENT]}
    deliver(delivery, "t1")
    assert delivery.undelivered_ids() == ["t1"]
    assert (delivery.waiting_of("work"), delivery.waiting_of("other")) == (1, 0)
    assert not delivery.is_full("work")
    for _ in range(999):
        delivery._enqueue(Undelivered("work", "t", b"{}"), math.inf)
    assert delivery.is_full("work")
    assert not delivery.is_full("other")
    pass_time(delivery, clock, 1)
    assert not delivery.is_full("work")


def test_close_ends_the_senders_permanently(server):
    delivery = ResultDelivery(server, EventDispatcher())
    delivery.start()
    assert delivery.is_alive
    delivery.close(time.monotonic() + 10)
    assert not delivery.is_alive
    delivery.revive()
    assert not delivery.is_alive


def test_the_senders_deliver_what_failed_at_first(server):
    delivery = ResultDelivery(server, EventDispatcher())
    server.errors = {"t1": [BUSY], "t2": [LOST, LOST]}
    delivery.start()
    deliver(delivery, "t1", "t2")
    assert delivery.flush(StopDeadline(30))
    assert sorted(server.taken) == ["t1", "t2"]
    delivery.close(time.monotonic() + 10)
