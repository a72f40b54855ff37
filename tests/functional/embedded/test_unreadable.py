"""Requests that cannot be read are refused in JSON, as the OSS server does, and leave the connection usable."""

import pytest
import requests

MINUTE = {"cronExpression": "0 * * * * *"}

STARTS = [
    ({"input": [1]}, 500),
    ({"input": "x"}, 500),
    ({"taskToDomain": "x"}, 500),
    ({"taskToDomain": {"a": [1]}}, 500),
    ({"version": [1]}, 500),
    ({"version": "x"}, 500),
    ({"version": True}, 500),
    ({"version": 99999999999}, 500),
    ({"name": ["w"]}, 500),
    ({"name": 5}, 404),
    ({"correlationId": {}}, 500),
    ({"priority": "x"}, 500),
    ({"workflowDef": "x"}, 500),
    ({"idempotencyStrategy": "NOPE"}, 500),
]
RESULTS = [
    {"outputData": [1]},
    {"outputData": "x"},
    {"logs": "x"},
    {"logs": [{"log": {}}]},
    {"reasonForIncompletion": {}},
    {"callbackAfterSeconds": "x"},
    {"workerId": [1]},
    {"extendLease": "x"},
    {"status": 5},
    {"workflowInstanceId": [1]},
]
OTHERS = [
    ("PUT", "/workflow/bulk/pause", [{"a": 1}], 500),
    ("PUT", "/workflow/bulk/pause", [None], 500),
    ("POST", "/workflow/w/correlated", [{"a": 1}], 500),
    ("POST", "/workflow/x/rerun", {"taskInput": "x"}, 500),
    ("POST", "/workflow/test", {"name": "w", "taskRefToMockOutput": "x"}, 500),
    ("POST", "/workflow/test", {"name": "w", "taskRefToMockOutput": {"a": "x"}}, 500),
    ("POST", "/workflow/test", {"name": "w", "taskRefToMockOutput": {"a": [{"status": "XX"}]}}, 500),
    ("POST", "/workflow/execute/w/x", {"name": "w"}, 500),
    ("POST", "/tasks/update-v2", {"status": "COMPLETED"}, 500),
    ("POST", "/tasks/x/log", None, 500),
    ("POST", "/scheduler/schedules", {**MINUTE, "zoneId": 5}, 500),
    ("POST", "/scheduler/schedules", {**MINUTE, "zoneId": "EST"}, 500),
    ("POST", "/scheduler/schedules", {**MINUTE, "scheduleStartTime": "x"}, 500),
    ("POST", "/scheduler/schedules", {**MINUTE, "cronSchedules": "x"}, 500),
    ("POST", "/scheduler/schedules", {**MINUTE, "startWorkflowRequest": {"name": "w", "input": [1]}}, 500),
    ("POST", "/scheduler/schedules", {**MINUTE, "startWorkflowRequest": {}}, 500),
    ("POST", "/event", {"name": "h", "event": "conductor:w:e", "actions": [{"action": "nope"}]}, 500),
    ("GET", "/workflow/search?start=99999999999999999999", None, 500),
    ("GET", "/workflow/search?query=startTime%3E99999999999999999999", None, 500),
    ("GET", "/workflow/search?size=5001", None, 400),
    ("GET", "/workflow/x/tasks?count=-1", None, 400),
]


@pytest.fixture
def ask(server):
    with requests.Session() as session:

        def call(method, path, body=None):
            answer = session.request(method, server.url + path, json=body, timeout=5)
            return answer.status_code, answer.json() if "json" in answer.headers.get(
                "content-type", ""
            ) else answer.text

        yield call


@pytest.fixture
def defined(define):
    define("w", {"name": "a", "taskReferenceName": "a", "type": "SIMPLE"})


def check_refused(answer, status):
    assert answer[0] == status
    assert answer[1]["status"] == status
    assert answer[1]["message"]


@pytest.mark.usefixtures("defined")
@pytest.mark.parametrize(("given", "status"), STARTS)
def test_an_invalid_start_request_is_refused(ask, given, status):
    check_refused(ask("POST", "/workflow", {"name": "w", **given}), status)


@pytest.mark.usefixtures("defined")
@pytest.mark.parametrize(
    ("given", "field", "value"),
    [
        ({"version": "1"}, "workflowVersion", 1),
        ({"version": 1.7}, "workflowVersion", 1),
        ({"priority": "5"}, "priority", 5),
        ({"priority": 49.0}, "priority", 49),
        ({"correlationId": 5}, "correlationId", "5"),
        ({"taskToDomain": {"a": 5}}, "taskToDomain", {"a": "5"}),
    ],
)
def test_fields_of_a_start_request_are_converted(ask, given, field, value):
    _, workflow_id = ask("POST", "/workflow", {"name": "w", **given})
    assert ask("GET", f"/workflow/{workflow_id}")[1][field] == value


@pytest.mark.usefixtures("defined")
@pytest.mark.parametrize("given", RESULTS)
def test_an_invalid_result_changes_nothing(ask, given):
    _, workflow_id = ask("POST", "/workflow", {"name": "w"})
    _, polled = ask("GET", "/tasks/poll/a")
    result = {"workflowInstanceId": workflow_id, "taskId": polled["taskId"], "status": "COMPLETED"}
    check_refused(ask("POST", "/tasks", {**result, **given}), 500)
    assert ask("GET", f"/workflow/{workflow_id}")[1]["tasks"][0]["status"] == "IN_PROGRESS"


@pytest.mark.usefixtures("defined")
def test_a_log_line_can_be_a_string(ask):
    _, workflow_id = ask("POST", "/workflow", {"name": "w"})
    task_id = ask("GET", "/tasks/poll/a")[1]["taskId"]
    result = {"workflowInstanceId": workflow_id, "taskId": task_id, "status": "COMPLETED", "logs": ["x", {"log": 5}]}
    assert ask("POST", "/tasks", result)[0] == 200
    assert [line["log"] for line in ask("GET", f"/tasks/{task_id}/log")[1]] == ["x", "5"]


@pytest.mark.usefixtures("defined")
@pytest.mark.parametrize(("method", "path", "body", "status"), OTHERS)
def test_other_invalid_requests_are_refused(ask, method, path, body, status):
    if path == "/scheduler/schedules":
        body = {"name": "s", "startWorkflowRequest": {"name": "w"}, **body}
    check_refused(ask(method, path, body), status)


def test_an_unexpected_error_returns_json_and_keeps_the_connection(server, ask, monkeypatch):
    def fail(*_):
        raise RuntimeError("broken")

    monkeypatch.setattr(server.services.metadata, "workflow", fail)
    for _ in range(2):
        assert ask("GET", "/metadata/workflow/x") == (
            500,
            {**ask("GET", "/metadata/workflow/x")[1], "status": 500, "message": "RuntimeError: broken"},
        )


def test_a_poll_for_zero_tasks_takes_no_task(ask, defined):
    ask("POST", "/workflow", {"name": "w"})
    assert ask("GET", "/tasks/poll/batch/a?count=0") == (200, [])
    assert len(ask("GET", "/tasks/poll/batch/a?count=1")[1]) == 1


@pytest.mark.usefixtures("defined")
def test_a_search_of_any_size_and_with_wildcards(ask):
    for word in ("xneedleone", "needletwo"):
        ask("POST", "/workflow", {"name": "w", "input": {"k": word}})
    found = {text: ask("GET", f"/workflow/search?freeText={text}")[1]["totalHits"] for text in ("needle*", "needletw*")}
    assert found == {"needle*": 2, "needletw*": 1}
    assert len(ask("GET", "/workflow/search?size=-1&sort=startTime:ASC")[1]["results"]) == 2
    assert len(ask("GET", "/workflow/search?size=-1&start=1")[1]["results"]) == 1
