import pytest

from conductor.errors import APIConnectionError, BadRequestError, NotFoundError, ServerError
from conductor.models import TaskResult
from conductor.worker.delivery import ResultDelivery
from conductor.worker.events import DeliveryDelayed, EventDispatcher, TaskUpdateFailure
from conductor.worker.outbox import Undelivered
from conductor.worker.update import is_final


class Server:
    """Takes every update but those of tasks for which it has an error."""

    def __init__(self):
        self.errors = {}
        self.taken = []

    def update(self, body):
        for task_id, error in self.errors.items():
            if f'"{task_id}"'.encode() in body:
                raise error
        self.taken.append(body)
        return "id"

    def update_v2(self, body):
        self.update(body)


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
    assert delivery.waiting_ids() == ["t1", "t2"]


@pytest.mark.parametrize(
    ("error", "final"),
    [
        (NotFoundError("no such task", status=404), True),
        (BadRequestError("wrong", status=400), True),
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
    assert delivery.waiting_ids() == ["t1"]
    assert not delivery.is_full("work")
    for _ in range(999):
        delivery._enqueue(Undelivered("work", "t", b"{}"))
    assert delivery.is_full("work")
    assert not delivery.is_full("other")
