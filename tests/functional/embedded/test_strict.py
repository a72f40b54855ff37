"""The switch `strict`: where the OSS server has a fault or a trap, the embedded one copies it only when asked to."""

import time
from datetime import timedelta

import pytest
import requests

import conductor.server


def simple(name="t", reference=None):
    return {"name": name, "taskReferenceName": reference or name, "type": "SIMPLE"}


def inline(reference, expression, **given):
    parameters = {"evaluatorType": "javascript", "expression": expression, **given}
    return {"name": reference, "taskReferenceName": reference, "type": "INLINE", "inputParameters": parameters}


class Api:
    """The server's interface, as short as tests like it."""

    def __init__(self, server):
        self.server = server

    def __call__(self, method, path, body=None, **query):
        answer = requests.request(method, self.server.url + path, json=body, params=query, timeout=20)
        is_json = answer.headers.get("content-type") == "application/json"
        return answer.status_code, answer.json() if is_json else answer.text

    def run(self, *tasks, name="wf", input=None, **more):
        status, text = self("POST", "/metadata/workflow", {"name": name, "tasks": tasks, **more}, overwrite="true")
        assert status == 200, text
        return self.start(name, input=input or {})

    def start(self, name="wf", **more):
        status, workflow_id = self("POST", "/workflow", {"name": name, **more})
        assert status == 200, workflow_id
        return workflow_id

    def document(self, workflow_id):
        return self("GET", f"/workflow/{workflow_id}")[1]

    def polled(self, count=1, timeout=0):
        return self("GET", "/tasks/poll/batch/t", count=count, timeout=timeout)[1]

    def complete(self, task):
        result = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"], "status": "COMPLETED"}
        assert self("POST", "/tasks", result)[0] == 200


@pytest.fixture(params=[False, True], ids=["documented", "strict"])
def strict(request):
    return request.param


@pytest.fixture
def api(strict):
    with conductor.server.start(strict=strict) as server:
        yield Api(server)


def test_the_summary_names_a_strict_server(api, strict):
    assert ("strict" in api.server.summary) is strict


def test_a_task_beyond_the_limit_waits_for_a_slot_or_for_a_minute(api, strict):
    api("POST", "/metadata/taskdefs", [{"name": "t", "concurrentExecLimit": 1}])
    api.run(simple())
    api.start()
    first = api.polled()[0]
    assert api.polled() == []
    api.complete(first)
    assert len(api.polled()) == (0 if strict else 1)
    api.server.clock.advance(timedelta(seconds=60))
    assert len(api.polled()) == (1 if strict else 0)


def test_a_new_event_is_delivered_at_once_or_after_a_minute(api, strict):
    event = {"name": "e", "taskReferenceName": "e", "type": "EVENT", "sink": "conductor:news"}
    api.run({"name": "n", "taskReferenceName": "n", "type": "NOOP"}, name="heard")
    action = {"action": "start_workflow", "start_workflow": {"name": "heard"}}
    handler = {"name": "h", "event": "conductor:wf:news", "actions": [action], "active": True}
    assert api("POST", "/event", handler)[0] == 200
    api.run(event)

    def heard():
        return api("GET", "/workflow/search", query="workflowType=heard")[1]["totalHits"] - 1

    assert heard() == (0 if strict else 1)
    api.server.clock.advance(timedelta(seconds=60))
    assert heard() == 1


def test_a_separator_in_a_name_of_a_loop_is_refused_or_never_ends(api, strict):
    body = [{"name": "n", "taskReferenceName": "a__b", "type": "NOOP"}]
    loop = {"name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopCondition": "false", "loopOver": body}
    status, answer = api("POST", "/metadata/workflow", {"name": "wf", "tasks": [loop]})
    if not strict:
        assert status == 400
        assert "a__b must not contain __" in answer["validationErrors"][0]["message"]
        return
    assert status == 200
    workflow_id = api.start()
    api.server.clock.advance(timedelta(hours=1))
    document = api.document(workflow_id)
    assert document["status"] == "RUNNING"
    assert [task["referenceTaskName"] for task in document["tasks"]] == ["l", "a__b__1"]


def test_a_failure_workflow_is_found_in_the_input_or_not(api, strict):
    api.run({"name": "n", "taskReferenceName": "n", "type": "NOOP"}, name="compensate")
    end = {"terminationStatus": "FAILED", "terminationReason": "asked"}
    task = {"name": "x", "taskReferenceName": "x", "type": "TERMINATE", "inputParameters": end}
    given = {"onFailure": "compensate"}
    workflow_id = api.run(task, failureWorkflow="${workflow.input.onFailure}", input=given)
    assert ("conductor.failure_workflow" in api.document(workflow_id)["output"]) is not strict


def test_a_batch_poll_returns_partial_or_full_batches(api, strict):
    api.run(simple())
    begin = time.monotonic()
    assert len(api.polled(count=2, timeout=300)) == 1
    assert (time.monotonic() - begin >= 0.3) is strict


SCRIPTS = {
    "JSON.stringify($.m)": ('{"a":1,"b":{"c":[2]}}', "{}"),
    "JSON.stringify([$.m])": ('[{"a":1,"b":{"c":[2]}}]', "[{}]"),
    "Object.keys($.m).length": (2, 35),
    "'' + $.m": ("[object Object]", "{a=1, b={c=[2]}}"),
    "({...$.m})": ({"a": 1, "b": {"c": [2]}},) * 2,
    "JSON.stringify({...$.m})": ('{"a":1,"b":{"c":[2]}}', '{"a":1,"b":{}}'),
    "$.m.b.c[0] + $.m.a": (3, 3),
    "var k = []; for (var x in $.m) k.push(x); k": (["a", "b"],) * 2,
    "$.m.x = 1; $.m": ({"a": 1, "b": {"c": [2]}, "x": 1},) * 2,
    "typeof $.m.size": ("undefined", "function"),
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_maps_in_scripts_are_plain_objects_or_javas(api, strict, script):
    workflow_id = api.run(inline("i", script, m={"a": 1, "b": {"c": [2]}}))
    assert api.document(workflow_id)["output"]["result"] == SCRIPTS[script][strict]


def test_a_space_in_a_list_of_a_search_is_ignored_or_kept(api, strict):
    for name in ("a", "b"):
        api.run({"name": "n", "taskReferenceName": "n", "type": "NOOP"}, name=name)
    found = api("GET", "/workflow/search", query="workflowType IN (a, b)")[1]
    assert found["totalHits"] == (1 if strict else 2)


def test_a_dynamic_fork_takes_a_number_as_version_or_only_a_string(api, strict):
    fork = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN_DYNAMIC"}
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN"}
    for version in (1, "1"):
        given = {"forkTaskWorkflow": "nope", "forkTaskWorkflowVersion": version, "forkTaskInputs": [{"a": 1}]}
        body = {"name": "wf", "tasks": [{**fork, "inputParameters": given}, join]}
        assert api("POST", "/metadata/workflow", body, overwrite="true")[0] == 200
        status, answer = api("POST", "/workflow", {"name": "wf"})
        assert status == (500 if strict and version == 1 else 200)
        if status != 200:
            assert answer["message"].startswith("class java.lang.Integer cannot be cast to class java.lang.String")
