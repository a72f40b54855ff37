"""Schedules: what is compared and written, and how what they started is searched for."""

from datetime import datetime, timezone

import pytest

from conductor.errors import ConfigurationError, ServerError
from conductor.models import WorkflowSchedule

STORED = {
    "name": "nightly",
    "cronExpression": "0 0 3 * * *",
    "startWorkflowRequest": {"name": "order"},
    "paused": True,
    "pausedReason": "by hand",
}
PAGE = {"totalHits": 0, "results": []}


def wanted(**changes):
    return {name: value for name, value in STORED.items() if not name.startswith("paused")} | changes


def test_ensure_keeps_a_paused_schedule_paused(client, wire):
    wire.answer(STORED)

    assert not client.schedules.ensure(wanted())
    assert [request.method for request in wire.requests] == ["GET"]


def test_ensure_saves_a_difference_without_resuming(client, wire):
    wire.answer(STORED)
    mine = WorkflowSchedule.from_dict(wanted(cronExpression="0 0 4 * * *"))

    changed = client.schedules.ensure(mine)

    assert [str(one) for one in changed.changes] == ["~ cronExpression: '0 0 3 * * *' -> '0 0 4 * * *'"]
    assert (wire.body["paused"], wire.body["pausedReason"]) == (True, "by hand")
    assert mine.paused is None  # what was given is not changed


def test_ensure_resumes_a_schedule_if_paused_is_false(client, wire):
    wire.answer(STORED)

    assert client.schedules.ensure(wanted(paused=False))
    assert wire.body["paused"] is False


@pytest.mark.parametrize(
    ("given", "query"),
    [
        ({"schedule_name": "nightly"}, "scheduleName IN (nightly)"),
        ({"schedule_name": ["a", "b"], "state": "FAILED"}, "scheduleName IN (a,b) AND state IN (FAILED)"),
        ({"state": ["EXECUTED", "FAILED"]}, "state IN (EXECUTED,FAILED)"),
        ({"workflow_name": "order"}, "workflowName=order"),
        (
            {"scheduled_after": datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc), "scheduled_before": 9},
            "scheduledTime>1767323045000 AND scheduledTime<9",
        ),
        ({"schedule_name": "a", "query": "executionId=e"}, "scheduleName IN (a) AND executionId=e"),
        ({"query": "scheduleName IN (a, b) AND scheduledTime>5"}, "scheduleName IN (a, b) AND scheduledTime>5"),
    ],
)
def test_runs_are_searched_in_the_schedulers_query_language(client, wire, given, query):
    wire.answer(PAGE)

    client.schedules.search_executions(**given)

    assert wire.query["query"] == query


@pytest.mark.parametrize(
    "given",
    [
        {"query": "scheduleName=nightly"},
        {"query": "scheduleName = nightly"},
        {"query": "status = EXECUTED"},
        {"query": "state=EXECUTED"},
        {"query": "nightly"},
        {"query": "scheduledTime>yesterday"},
        {"query": "state IN (EXECUTED) AND typo=1"},
        {"schedule_name": "a,b"},
        {"schedule_name": "a)"},
        {"state": "DONE"},
    ],
)
def test_conditions_the_scheduler_takes_for_a_name_are_refused(client, wire, given):
    with pytest.raises(ConfigurationError):
        client.schedules.search_executions(**given)

    assert not wire.requests


def test_a_search_by_tasks_accepts_fields_of_tasks(client, wire):
    with pytest.raises(ConfigurationError, match="list_tasks"):
        client.workflows.search_by_tasks(query="workflowId = w")

    assert not wire.requests


def test_an_sql_error_of_the_server_is_not_a_missing_operation(client, wire):
    wire.answer({"message": "Cannot prepare statement: (no such column: workflow_id)"}, status=500)

    with pytest.raises(ServerError):
        client.workflows.search()
