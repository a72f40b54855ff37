"""The worker's own requests, which go past the clients: polls and results as both documents have them."""

import re
from random import Random

import pytest
import responses
from requests.adapters import HTTPAdapter
from surface.documents import documents
from surface.generated import Generator
from surface.validation import problems
from surface.wire import SERVER, VERBS, Wire, said

from conductor import ConductorClient
from conductor.models import Task, TaskResult
from conductor.models.codec import dumps
from conductor.transport.task_channel import TaskChannel

POLL = "GET /api/tasks/poll/batch/{tasktype}"
UPDATE = "POST /api/tasks"
UPDATE_V2 = "POST /api/tasks/update-v2"


@pytest.fixture(params=documents())
def wire(request):
    wire = Wire(documents()[request.param])
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        for verb in VERBS:
            mock.add_callback(verb, re.compile(re.escape(SERVER) + "/.*"), callback=wire)
        yield wire


@pytest.fixture
def hot():
    with ConductorClient(server_url=f"{SERVER}/api", adapter=HTTPAdapter()) as client:  # whose requests can be seen
        yield TaskChannel(client.transport)


def result(document):
    """A result with all that the document states, as a worker writes it."""
    stated = Generator(document, Random("result"), 1.0, of_later_versions=False).value(
        {"$ref": "#/components/schemas/TaskResult"}
    )
    return TaskResult.from_dict({**stated, "taskId": "t-1"})


def test_a_poll_is_as_documented_and_brings_tasks(hot, wire):
    tasks = hot.poll("charge", count=3, timeout_ms=200, worker_id="me", domain="eu")

    (asked,) = wire.sent(POLL)
    assert problems(wire.document, POLL, asked) == []
    assert {name for name, _ in asked.query} == wire.document.parameters(POLL, "query").keys()
    assert [Task.from_dict(task).unknown_fields for task in tasks] == [{}]


def test_a_result_is_as_documented(hot, wire):
    wire.answers[UPDATE] = (200, {"Content-Type": "text/plain"}, b"t-1")
    given = result(wire.document)

    hot.update("t-1", dumps(given.to_dict()))

    (asked,) = wire.sent(UPDATE)
    assert problems(wire.document, UPDATE, asked) == []
    assert asked.json == given.to_dict()


@pytest.mark.parametrize("following", [None, {"taskId": "t-2"}])
def test_a_result_is_exchanged_for_the_next_task_as_documented(hot, wire, following):
    wire.answers[UPDATE_V2] = (204, {}, b"") if following is None else said(200, following)

    assert hot.update_v2("t-1", dumps(result(wire.document).to_dict())) == following

    (asked,) = wire.sent(UPDATE_V2)
    assert problems(wire.document, UPDATE_V2, asked) == []
