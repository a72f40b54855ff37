import time

import pytest

from conductor.errors import (
    APIConnectionError,
    APITimeoutError,
    BadRequestError,
    NotFoundError,
    ServerError,
    UnexpectedResponseError,
)
from conductor.models import TaskResult
from conductor.worker.delivery import ResultDelivery, is_final
from conductor.worker.events import DeliveryDelayed, EventDispatcher, TaskUpdateFailure
from conductor.worker.outbox import DiskOutbox, Undelivered


class Server:
    """Takes every update but those of tasks for which it has an error."""

    def __init__(self):
        self.errors = {}
        self.taken = []
        self.limits = []

    def update(self, task_id, body, limit=None):
        self.limits.append(limit)
        if (error := self.errors.get(task_id)) is not None:
            raise error
        self.taken.append(body)

    def update_v2(self, task_id, body, limit=None):
        self.update(task_id, body, limit)


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def heard():
    return []


@pytest.fixture
def delivery(server, heard):
    events = EventDispatcher()
    events.add(DeliveryDelayed, heard.append)
    events.add(TaskUpdateFailure, heard.append)
    return ResultDelivery(server, events)


def result(task_id):
    return TaskResult("w", task_id, status="COMPLETED")


def try_again(delivery):
    """What the sender's thread does with the result that waits longest, without its pauses."""
    delivery._send(delivery._take(0.0), 0.0)


def test_an_outage_in_which_every_update_is_answered_with_500_loses_nothing_however_long_it_is(delivery, server, heard):
    server.errors = {"t1": ServerError("down", status=500), "t2": ServerError("down", status=500)}
    for task_id in ("t1", "t2"):
        delivery.deliver("work", result(task_id), wants_next=False)
    for _ in range(1000):
        try_again(delivery)
    assert (delivery.waiting, delivery.refused) == (2, 0)
    server.errors.clear()
    try_again(delivery)
    try_again(delivery)
    assert (delivery.waiting, delivery.delivered) == (0, 2)


def test_a_result_that_fails_a_hundred_times_while_others_are_taken_is_given_up_and_its_task_failed(
    delivery, server, heard
):
    server.errors = {"t1": ServerError("cannot", status=500)}
    delivery.deliver("work", result("t1"), wants_next=False)
    for turn in range(99):
        delivery.deliver("work", result(f"other-{turn}"), wants_next=False)
        try_again(delivery)
    assert delivery.refused == 0
    delivery.deliver("work", result("other"), wants_next=False)
    try_again(delivery)
    assert delivery.refused == 1
    assert isinstance(heard[-1], TaskUpdateFailure)
    server.errors.clear()
    try_again(delivery)
    assert b"FAILED_WITH_TERMINAL_ERROR" in server.taken[-1]
    assert delivery.waiting == 0


def test_while_the_server_cannot_be_reached_the_oldest_result_stays_first(delivery, server):
    server.errors = {"t1": APIConnectionError("gone"), "t2": APIConnectionError("gone")}
    for task_id in ("t1", "t2"):
        delivery.deliver("work", result(task_id), wants_next=False)
    try_again(delivery)
    assert delivery.undelivered_ids() == ["t1", "t2"]


def test_a_result_whose_answer_does_not_come_lets_the_others_go_first(delivery, server):
    server.errors = {"t1": APITimeoutError("silence"), "t2": ServerError("busy", status=503)}
    for task_id in ("t1", "t2"):
        delivery.deliver("work", result(task_id), wants_next=False)
    server.errors.pop("t2")
    try_again(delivery)
    assert delivery.undelivered_ids() == ["t2", "t1"]
    try_again(delivery)
    assert delivery.undelivered_ids() == ["t1"]


def test_whatever_goes_wrong_while_a_result_is_sent_it_is_kept(delivery, server):
    server.errors = {"t1": RuntimeError("the application's own auth failed")}
    assert delivery.deliver("work", result("t1"), wants_next=True) is None
    assert (delivery.undelivered_ids(), delivery.is_failing) == (["t1"], True)
    server.errors.clear()
    try_again(delivery)
    assert (delivery.waiting, delivery.delivered, delivery.is_failing) == (0, 1, False)


@pytest.mark.parametrize(
    ("error", "twice"),
    [
        (APITimeoutError("silence"), 1),
        (APIConnectionError("cut"), 1),
        (UnexpectedResponseError("a login page", status=200), 1),
        (APIConnectionError("refused", never_sent=True), 0),
        (ServerError("busy", status=503, from_conductor=True), 0),
    ],
)
def test_a_result_that_the_server_may_have_had_already_is_counted(delivery, server, error, twice):
    server.errors = {"t1": error}
    delivery.deliver("work", result("t1"), wants_next=False)
    server.errors.clear()
    try_again(delivery)
    assert (delivery.delivered, delivery.sent_twice) == (1, twice)


@pytest.mark.parametrize("asked", [0.0, 15.0])
def test_a_pause_that_the_server_asks_for_may_be_longer_than_ours_and_not_shorter(delivery, asked):
    pause = delivery._longer(0.0, ServerError("busy", status=503, retry_after=asked))
    assert pause == asked if asked else 0.3 < pause <= 0.5


def test_when_the_handler_stops_no_answer_is_waited_for_beyond_its_deadline(delivery, server):
    delivery.hurry(time.monotonic() + 3.0)
    delivery.deliver("work", result("t1"), wants_next=False)
    delivery.hurry(time.monotonic() - 3.0)
    delivery.deliver("work", result("t2"), wants_next=False)
    assert server.limits == [pytest.approx(3.0, abs=0.5), pytest.approx(0.5)]


def test_with_an_outbox_a_result_is_on_disk_before_it_is_sent_and_gone_once_it_is_taken(server, tmp_path):
    delivery = ResultDelivery(server, EventDispatcher(), DiskOutbox(tmp_path / "box"))
    on_disk = []

    def look(task_id, body, limit=None):
        other = DiskOutbox(tmp_path / "box")
        on_disk.extend(one.task_id for one in other.load())
        other.close()

    server.update = look
    delivery.deliver("work", result("t1"), wants_next=False)
    assert on_disk == ["t1"]
    look("t1", b"")
    assert on_disk == ["t1"]
    delivery.close(0.0)


def test_what_gives_a_task_back_is_not_kept_on_disk(server, tmp_path):
    delivery = ResultDelivery(server, EventDispatcher(), DiskOutbox(tmp_path / "box"))
    server.errors = {"t1": APIConnectionError("gone")}
    assert delivery.hand_back("work", TaskResult("w", "t1", status="IN_PROGRESS")) is False
    assert delivery.undelivered_ids() == ["t1"]
    delivery.close(0.0)
    other = DiskOutbox(tmp_path / "box")
    assert other.load() == []
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
        (APIConnectionError("gone"), False),
    ],
)
def test_which_answers_say_that_a_result_will_never_be_taken(error, final):
    assert is_final(error) is final


def test_what_waits_is_counted_by_type(delivery, server):
    server.errors = {"t1": APIConnectionError("gone")}
    delivery.deliver("work", result("t1"), wants_next=False)
    assert delivery.undelivered_ids() == ["t1"]
    assert (delivery.waiting_of("work"), delivery.waiting_of("other")) == (1, 0)
    assert not delivery.is_full("work")
    for _ in range(999):
        delivery._enqueue(Undelivered("work", "t", b"{}"))
    assert delivery.is_full("work")
    assert not delivery.is_full("other")
