"""The validator itself: it finds what is wrong with a request, so that finding nothing means something."""

import requests
from cases import each
from surface.documents import documents
from surface.generated import lost
from surface.validation import problems
from surface.wire import SERVER, Asked

START = "POST /api/workflow"
SIZE = "GET /api/tasks/queue/size"


def asked(verb, path, **parts):
    return Asked(requests.Request(verb, SERVER + path, **parts).prepare(), None)


@each(
    ("key", "request_", "says"),
    [
        (START, asked("POST", "/api/workflow", json={"name": 5}), "5 is not of type 'string'"),
        (START, asked("POST", "/api/workflow", json={"name": "order", "priority": 100}), "100"),
        (START, asked("POST", "/api/workflow"), "Missing required request body"),
        (START, asked("POST", "/api/workflow", data="name", headers={"Content-Type": "text/plain"}), "mimetype"),
        (START, asked("POST", "/api/workflows", json={"name": "order"}), "Path not found"),
        (START, asked("PUT", "/api/workflow", json={"name": "order"}), "Operation put not found"),
        (SIZE, asked("GET", "/api/tasks/queue/size"), "Missing required query parameter: taskType"),
        (
            "GET /api/workflow/running/{name}",
            asked("GET", "/api/workflow/running/order", params={"version": "new"}),
            "version",
        ),
    ],
)
def test_a_wrong_request_is_found(key, request_, says):
    assert says in " ".join(problems(documents()["OSS"], key, request_))


def test_a_right_request_has_no_problems():
    assert problems(documents()["OSS"], START, asked("POST", "/api/workflow", json={"name": "order"})) == []
    assert problems(documents()["OSS"], SIZE, asked("GET", "/api/tasks/queue/size", params={"taskType": "a"})) == []


@each(
    ("before", "after", "where"),
    [
        ({"a": 1}, {}, "$.a is gone"),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}, "$.a[0].b: 'x' became 'y'"),
        ({"a": [1, 2]}, {"a": [1]}, "$.a: [1, 2] became [1]"),
        ({"a": True}, {"a": 1}, "$.a: True became 1"),
        ({"a": None}, {}, "$.a is gone"),
    ],
)
def test_a_loss_is_found(before, after, where):
    assert lost(before, after) == [where]
    assert lost(before, {**before, "more": 1}) == []
