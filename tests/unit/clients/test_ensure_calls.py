"""Ensure calls: only a difference is written, and it is told."""

import pytest

from conductor.errors import ConfigurationError
from conductor.models import TaskDef, WorkflowDef, WorkflowSchedule
from conductor.models.definition_diff import Change, compare

MISSING = {"status": 404, "message": "No such workflow found"}
TASK = {"name": "c", "taskReferenceName": "c", "type": "SIMPLE", "inputParameters": {"a": 1}}
DEF = {"name": "order", "version": 1, "tasks": [TASK]}
STORED = {
    **DEF,
    "createTime": 5,
    "ownerApp": "",
    "schemaVersion": 2,
    "restartable": True,
    "timeoutPolicy": "ALERT_ONLY",
    "timeoutSeconds": 0,
    "variables": {},
    "inputTemplate": {},
    "enforceSchema": True,
    "tasks": [{**TASK, "optional": False, "asyncComplete": False, "startDelay": 0, "permissive": False}],
}


def test_server_defaults_and_audit_fields_are_not_differences(client, wire):
    wire.answer(STORED)

    result = client.metadata.ensure_workflow(DEF)

    assert not result
    assert str(result) == "order: unchanged"
    assert [request.method for request in wire.requests] == ["GET"]


def test_a_missing_definition_is_created(client, wire):
    wire.answer(MISSING, status=404).answer({"bulkErrorResults": {}, "bulkSuccessfulResults": ["order"]})

    result = client.metadata.ensure_workflow(DEF)

    assert (bool(result), result.created, str(result)) == (True, True, "order: created")
    assert (wire.method, wire.path, wire.body) == ("PUT", "/metadata/workflow", [DEF])


def test_a_difference_is_saved_and_reported_with_its_path(client, wire):
    changed = {**STORED, "description": "old", "tasks": [{**STORED["tasks"][0], "inputParameters": {"a": 1, "b": 0}}]}
    wire.answer(changed).answer({"bulkErrorResults": {}, "bulkSuccessfulResults": ["order"]})

    result = client.metadata.ensure_workflow({**DEF, "timeoutSeconds": 60})

    assert set(result.changes) == {
        Change("timeoutSeconds", 0, 60),
        Change("description", "old", None),
        Change("tasks[c].inputParameters.b", 0, None),
    }
    assert str(result.changes[0]) in {"~ timeoutSeconds: 0 -> 60", "- tasks[c].inputParameters.b: 0"}
    assert wire.method == "PUT"


@pytest.mark.parametrize(
    "ensure",
    [
        lambda c: c.metadata.ensure_workflow(DEF, dry_run=True),
        lambda c: c.metadata.ensure_task(TaskDef("c"), dry_run=True),
        lambda c: c.schedules.ensure(
            {"name": "s", "cronExpression": "0 0 9 * * *", "startWorkflowRequest": {"name": "w"}}, dry_run=True
        ),
    ],
)
def test_a_dry_run_reports_changes_and_saves_nothing(client, wire, ensure):
    wire.answer(MISSING, status=404)

    assert ensure(client).created
    assert [request.method for request in wire.requests] == ["GET"]


def test_a_definition_the_server_rejects_is_an_error(client, wire):
    wire.answer(MISSING, status=404).answer({"bulkErrorResults": {"order": "no tasks"}, "bulkSuccessfulResults": []})

    with pytest.raises(ConfigurationError, match="no tasks"):
        client.metadata.ensure_workflow(DEF)


def test_a_different_number_of_tasks_is_a_difference():
    one, two = WorkflowDef.from_dict(DEF), WorkflowDef.from_dict({**DEF, "tasks": [TASK, TASK]})

    assert [change.path for change in compare(two, one)] == ["tasks"]


def test_a_task_is_saved_only_if_it_differs(client, wire):
    wire.answer(
        {"name": "c", "retryCount": 3, "retryDelaySeconds": 60, "timeoutPolicy": "TIME_OUT_WF", "timeoutSeconds": 0}
    )
    assert not client.metadata.ensure_task(TaskDef("c"))
    assert not client.metadata.ensure_task(TaskDef("c", retry_count=3))

    result = client.metadata.ensure_task(TaskDef("c", retry_count=5))

    assert result.changes == (Change("retryCount", 3, 5),)
    assert (wire.method, wire.body) == ("POST", [{"name": "c", "retryCount": 5}])


def test_a_schedule_stays_paused_when_it_is_saved(client, wire):
    stored = {
        "name": "daily",
        "cronExpression": "0 0 9 * * *",
        "startWorkflowRequest": {"name": "report"},
        "zoneId": "UTC",
    }
    wire.answer({**stored, "paused": True, "nextRunTime": 9})
    wanted = WorkflowSchedule.from_dict(stored)
    wanted.cron_expression = "0 0 10 * * *"

    result = client.schedules.ensure(wanted)

    assert [change.path for change in result.changes] == ["cronExpression"]
    assert wire.body["paused"] is True


def test_a_paused_schedule_without_differences_is_unchanged(client, wire):
    stored = {"name": "daily", "cronExpression": "0 0 9 * * *", "startWorkflowRequest": {"name": "report"}}
    wire.answer({**stored, "paused": True, "zoneId": "UTC"})

    assert not client.schedules.ensure(stored)
    assert len(wire.requests) == 1
