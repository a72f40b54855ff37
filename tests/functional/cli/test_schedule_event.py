"""`conductor schedule` and `conductor event`, as whole processes."""

import json
from datetime import datetime, timezone

import pytest

from conductor import TaskHandler, WorkerRegistry, Workflow, worker_task
from conductor.workflow import inline, simple


@pytest.fixture(scope="module", autouse=True)
def workflow(client):
    made = Workflow("cli_scheduled")
    made.add(inline("1", {}, ref="one"))
    made.register(client)


@pytest.fixture
def schedule(tmp_path):
    return {
        "name": "cli_nightly",
        "cronExpression": "0 30 4 * * *",
        "startWorkflowRequest": {"name": "cli_scheduled", "input": {"n": 1}},
    }


def test_a_schedule_is_saved_changed_run_paused_and_deleted(here, client, tmp_path, schedule):
    (tmp_path / "nightly.json").write_text(json.dumps(schedule))
    assert here("schedule", "save", "@nightly.json", "--dry-run").status == 1
    assert here("schedule", "save", "@nightly.json").out == "cli_nightly: created\n"
    assert here("schedule", "save", "@nightly.json").out == "cli_nightly: unchanged\n"

    (tmp_path / "nightly.json").write_text(json.dumps({**schedule, "cronExpression": "0 0 5 * * *"}))
    assert here("schedule", "save", "@nightly.json", "--dry-run", "-o", "json").json["changes"] == [
        {"path": "cronExpression", "before": "0 30 4 * * *", "after": "0 0 5 * * *"}
    ]
    assert here("schedule", "pause", "cli_nightly", "--reason", "holidays").status == 0
    (row,) = here("schedule", "list", "--workflow", "cli_scheduled", "-o", "json").json
    assert (row["name"], row["paused"], row["next"]) == ("cli_nightly", True, None)
    assert row["startWorkflowRequest"]["input"] == {"n": 1}
    assert here("schedule", "resume", "cli_nightly").status == 0
    (row,) = here("schedule", "list", "--workflow", "cli_scheduled", "-o", "json").json
    assert datetime.fromisoformat(row["next"]) > datetime.now(timezone.utc)
    assert "(in " in here("schedule", "list", "--workflow", "cli_scheduled").out
    done = here("schedule", "run", "cli_nightly")
    workflow_id = done.out.strip()
    assert f"conductor workflow get {workflow_id}" in done.err
    assert "conductor workflow search --type" in here("schedule", "runs", "cli_nightly").err
    for words in (("run", "nightly"), ("get", "cli_nihgtly"), ("pause", "cli"), ("delete", "cli-night")):
        done = here("schedule", *words)
        assert (done.status, "; did you mean 'cli_nightly'?" in done.err) == (2, True), done
    assert client.workflows.get(workflow_id).input["n"] == 1
    assert here("schedule", "get", "cli_nightly").json["cronExpression"] == "0 30 4 * * *"
    assert here("schedule", "delete", "cli_nightly").status == 0
    assert here("schedule", "delete", "cli_nightly").status == 2


def test_a_run_by_hand_has_the_time_that_workers_of_schedules_read(here, client, tmp_path):
    @worker_task("cli_report", registry=WorkerRegistry())
    def report(scheduled_ms: int) -> dict:
        return {"at": scheduled_ms}

    nightly = Workflow("cli_report_nightly")
    nightly.add(simple(report, scheduled_ms=nightly.input["_scheduledTime"]))
    nightly.register(client)
    client.schedules.save(
        {
            "name": "cli_report_nightly",
            "cronExpression": "0 30 4 * * *",
            "startWorkflowRequest": {"name": "cli_report_nightly"},
        }
    )
    with TaskHandler(client, workers=[report], poll_interval_ms=10):
        done = client.workflows.wait(here("schedule", "run", "cli_report_nightly").out.strip(), timeout=20)

    assert done.status == "COMPLETED"
    assert done.output["at"] == done.input["_scheduledTime"]


def test_a_preview_shows_the_next_times(cli):
    rows = cli("schedule", "preview", "0 30 4 * * *", "--limit", "2", "-o", "json").json

    assert [row["utc"][10:] for row in rows] == ["T04:30:00+00:00"] * 2


def test_a_wrong_cron_expression_is_status_2(cli):
    done = cli("schedule", "save", '{"name": "x", "cronExpression": "4 4", "startWorkflowRequest": {"name": "y"}}')

    assert (done.status, "4 4" in done.err, "Traceback" in done.err) == (2, True, False)


def test_an_event_handler_is_saved_changed_listed_and_deleted(here):
    handler = {
        "name": "cli_handler",
        "event": "conductor:cli_orders",
        "actions": [{"action": "start_workflow", "start_workflow": {"name": "cli_scheduled"}}],
        "active": True,
    }
    assert here("event", "save", json.dumps(handler), "--dry-run").status == 1
    assert here("event", "save", json.dumps(handler)).out == "cli_handler: created\n"
    assert here("event", "save", json.dumps(handler)).out == "cli_handler: unchanged\n"
    assert "active" in here("event", "save", json.dumps({**handler, "active": False})).out
    (row,) = here("event", "list", "--event", "conductor:cli_orders", "-o", "json").json
    assert (row["name"], row["active"], row["actions"][0]["start_workflow"]["name"]) == (
        "cli_handler",
        False,
        "cli_scheduled",
    )
    assert "start_workflow" in here("event", "list", "--event", "conductor:cli_orders").out
    changed = {**{k: v for k, v in handler.items() if k != "active"}, "condition": "$.total > 100"}
    assert "condition" in here("event", "save", json.dumps(changed)).out
    assert here("event", "get", "cli_handler").json["active"] is False  # what is not said stays
    assert here("event", "get", "cli_handler").json["event"] == "conductor:cli_orders"
    assert here("event", "delete", "cli_handler").status == 0
    assert here("event", "get", "cli_handler").status == 2
