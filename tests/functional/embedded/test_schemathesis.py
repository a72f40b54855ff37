"""Requests made from the open-source server's OpenAPI document: no unhandled exception, no body outside of the schema.

The server holds definitions, executions, tasks, schedules and handlers, and half of the requests ask for those.
"""

import json
import logging
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import response_schema_conformance

import conductor.server

DOCUMENT = Path(__file__).parents[2] / "contract/documents/conductor-oss-3.32.3-openapi.json"
BODILESS = ("/api/secrets/{key}", 404)  # an unknown secret, as on the OSS server
NOT_SERVED = ("/api/agent/", "/api/a2a/", "/context.js")

# Where the document is wrong: the OSS server answers as the embedded one does.
STRINGS_IN_A_MAP = "the document has objects as the map's values; the OSS server has strings and numbers"
OTHER_THAN_DOCUMENTED = {
    "GET /api/admin/config": STRINGS_IN_A_MAP,
    "GET /api/scheduler/admin/pause": STRINGS_IN_A_MAP,
    "GET /api/scheduler/admin/resume": STRINGS_IN_A_MAP,
    "GET /api/scheduler/admin/requeue": STRINGS_IN_A_MAP,
    "GET /api/metadata/workflow/names-and-versions": "the document has one summary by name; the OSS server has lists",
}

document = json.loads(DOCUMENT.read_text())
# The OSS server shows 0 in the definitions that it makes for tasks which have none.
del document["components"]["schemas"]["TaskDef"]["properties"]["responseTimeoutSeconds"]["minimum"]
schema = schemathesis.openapi.from_dict(document)
operations = [one.ok() for one in schema.get_all_operations()]
served = [one for one in operations if not one.path.startswith(NOT_SERVED)]


@pytest.fixture(scope="module")
def shared():
    with conductor.server.start(secrets={"key": "s3cret"}, environment={"key": "eu-1"}) as one:
        yield one


@pytest.fixture
def known(shared):
    """What is there now, by the names of path parameters: requests take things away."""

    def call(method, path, body=None):
        answer = requests.request(method, f"{shared.url}{path}", json=body, timeout=20)
        return answer.json() if answer.text.startswith(("[", "{")) else answer.text

    call("POST", "/metadata/taskdefs", [{"name": "t", "ownerEmail": "a@b.c"}])
    tasks = [
        {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {}},
        {"name": "t", "taskReferenceName": "t", "type": "SIMPLE"},
    ]
    call("POST", "/metadata/workflow?overwrite=true", {"name": "wf", "version": 1, "tasks": tasks})
    workflow_id = call("POST", "/workflow", {"name": "wf", "correlationId": "c"})
    start = {"name": "wf", "version": 1}
    schedule = {"name": "s", "cronExpression": "0 0 3 1 1 *", "startWorkflowRequest": start}
    call("POST", "/scheduler/schedules", schedule)
    handler = {"name": "h", "event": "conductor:e", "actions": [{"action": "start_workflow", "start_workflow": start}]}
    call("POST", "/event", handler)
    (task,) = call("GET", f"/workflow/{workflow_id}")["tasks"]
    call("POST", f"/tasks/{task['taskId']}/log", "line")
    return SimpleNamespace(
        workflowId=workflow_id, taskId=task["taskId"], taskReferenceName="w", taskRefName="w", status="COMPLETED",
        tasktype="t", taskType="t", version=1, correlationId="c", event="conductor:e", key="key", size=10, count=10,
        start=0,
    )  # fmt: skip


def name_for(path):
    """The name that ``{name}`` of a path stands for."""
    return "s" if path.startswith("/api/scheduler") else "h" if path.startswith("/api/event") else "wf"


def aim(case, known):
    """Ask for what is there."""
    names = {**vars(known), "name": name_for(case.operation.path)}
    for key in case.path_parameters or {}:
        case.path_parameters[key] = names.get(key, case.path_parameters[key])
    for key in list(case.query or {}):
        if key in {"taskType", "start", "size", "count", "status"}:
            case.query[key] = names[key]


seen_well = set()


@pytest.mark.parametrize("operation", served, ids=lambda one: one.label)
def test_no_request_fails_unexpectedly(operation, shared, known, caplog):
    @settings(
        max_examples=5,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), is_aimed=st.booleans())
    def send(case, is_aimed):
        if is_aimed:
            aim(case, known)
        answer = case.call(base_url=shared.address, timeout=20)
        if answer.status_code < 400:
            seen_well.add(operation.label)
            if operation.label not in OTHER_THAN_DOCUMENTED:
                case.validate_response(answer, checks=[response_schema_conformance])
        elif (operation.path, answer.status_code) != BODILESS:
            error = answer.json()
            assert error["status"] == answer.status_code, answer.text
            assert error["message"], answer.text

    with caplog.at_level(logging.ERROR):
        send()
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []


@pytest.mark.parametrize("label", OTHER_THAN_DOCUMENTED)
def test_every_listed_exception_still_occurs(label, shared, known):
    (operation,) = [one for one in served if one.label == label]
    case = operation.Case()
    with pytest.raises((FailureGroup, AssertionError)):
        case.validate_response(case.call(base_url=shared.address, timeout=20), checks=[response_schema_conformance])


def test_most_operations_were_carried_out():
    well = [one.label for one in served if one.label in seen_well]
    assert len(well) >= 0.7 * len(served), sorted({one.label for one in served} - seen_well)
