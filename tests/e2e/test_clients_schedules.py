"""Schedules on the real server: saved, read, found, paused, resumed, run, deleted."""

import contextlib
from datetime import datetime, timedelta, timezone

import pytest

from conductor.errors import NotFoundError
from conductor.models import StartWorkflowRequest, WorkflowSchedule

DONE = {"name": "done", "taskReferenceName": "done", "type": "SET_VARIABLE", "inputParameters": {"x": 1}}
YEARLY = "0 0 9 1 1 *"


@pytest.fixture
def flow(names):
    return names.workflow([DONE])["name"]


@pytest.fixture
def schedule(client, flow, names):
    """A schedule that does not come due while the tests run."""
    saved = client.schedules.save(
        WorkflowSchedule(
            names("yearly"),
            cron_expression=YEARLY,
            zone_id="Europe/Berlin",
            description="first",
            start_workflow_request=StartWorkflowRequest(flow, input={"by": "schedule"}, correlation_id="c-1"),
        )
    )
    yield saved.name
    with contextlib.suppress(NotFoundError):  # the test did it
        client.schedules.delete(saved.name)


def test_a_schedule_is_saved_read_changed_and_deleted(client, schedule, flow):
    stored = client.schedules.get(schedule)
    assert (stored.cron_expression, stored.zone_id, stored.description) == (YEARLY, "Europe/Berlin", "first")
    assert stored.start_workflow_request.input == {"by": "schedule"}
    assert not stored.paused

    stored.description = "second"
    stored.schedule_end_time = datetime(2999, 1, 2, tzinfo=timezone.utc)
    client.schedules.save(stored)
    again = client.schedules.get(schedule)
    assert (again.description, again.schedule_end_time) == ("second", 32472230400000)

    client.schedules.delete(schedule)
    for call in (
        client.schedules.delete,
        client.schedules.get,
        client.schedules.pause,
        client.schedules.resume,
        client.schedules.run_now,
    ):
        with pytest.raises(NotFoundError):
            call(schedule)


def test_schedules_are_listed_and_searched(client, schedule, flow):
    assert schedule in [one.name for one in client.schedules.list()]
    assert [one.name for one in client.schedules.list(flow)] == [schedule]
    assert client.schedules.list(flow + "_other") == []

    page = client.schedules.search(workflow_name=flow, paused=False, sort="name:DESC", size=5)
    assert (page.total_hits, [one.name for one in page]) == (1, [schedule])
    assert client.schedules.search(workflow_name=flow, paused=True).total_hits == 0
    assert [one.name for one in client.schedules.search(schedule_name=schedule)] == [schedule]
    assert [one.name for one in client.schedules.iterate_search(workflow_name=flow, size=1)] == [schedule]


def test_a_schedule_is_paused_with_a_reason_and_resumed(client, schedule):
    client.schedules.pause(schedule, "holidays & more")
    paused = client.schedules.get(schedule)
    assert (paused.paused, paused.paused_reason) == (True, "holidays & more")

    client.schedules.resume(schedule)
    assert not client.schedules.get(schedule).paused


def test_several_are_paused_and_resumed_and_unknown_ones_are_named(client, schedule):
    paused = client.schedules.bulk_pause([schedule, schedule + "_other"])
    assert (paused.bulk_successful_results, list(paused.bulk_error_results)) == ([schedule], [schedule + "_other"])
    assert client.schedules.get(schedule).paused

    assert client.schedules.bulk_resume([schedule]).ok
    assert not client.schedules.get(schedule).paused


def test_ensure_writes_only_a_difference_and_leaves_a_pause_alone(client, schedule):
    wanted = client.schedules.get(schedule)
    for name in ("create_time", "updated_time", "created_by", "updated_by", "paused"):
        setattr(wanted, name, None)
    client.schedules.pause(schedule, "by hand")

    assert not client.schedules.ensure(wanted)
    wanted.cron_expression = "0 0 10 1 1 *"
    changed = client.schedules.ensure(wanted)

    assert [(c.path, c.before, c.after) for c in changed.changes] == [("cronExpression", YEARLY, "0 0 10 1 1 *")]
    stored = client.schedules.get(schedule)
    assert (stored.cron_expression, stored.paused) == ("0 0 10 1 1 *", True)
    client.schedules.delete(schedule)
    assert client.schedules.ensure(wanted).created


def test_the_preview_is_of_aware_moments(client):
    moments = client.schedules.preview("0 30 9 * * MON-FRI")

    assert len(moments) == 5
    assert moments == sorted(moments)
    assert {(one.hour, one.minute, one.utcoffset()) for one in moments} == {(9, 30, timedelta(0))}
    assert moments[0] > datetime.now(timezone.utc)
    assert not {one.weekday() for one in moments} & {5, 6}


def test_a_schedule_is_run_now(client, schedule):
    finished = client.workflows.wait(client.schedules.run_now(schedule), timeout=20)

    assert finished.is_successful
    assert (finished.input["by"], finished.correlation_id) == ("schedule", "c-1")


def test_the_clock_starts_a_workflow_and_its_execution_is_found(client, flow, names, wait_until):
    name = names("secondly")
    client.schedules.save(
        {"name": name, "cronExpression": "* * * * * *", "startWorkflowRequest": {"name": flow, "input": {"n": 1}}}
    )
    try:
        page = wait_until(
            lambda: client.schedules.search_executions(schedule_name=name, size=1),
            timeout=60,
            what="an execution by the schedule",
        )
    finally:
        client.schedules.delete(name)

    execution = page.results[0]
    assert (execution.schedule_name, execution.workflow_name) == (name, flow)
    wait_until(
        lambda: any(one.workflow_id for one in client.schedules.iterate_executions(schedule_name=name)),
        what="the id of the execution",
    )
    started = next(
        one.workflow_id for one in client.schedules.iterate_executions(schedule_name=name, size=1) if one.workflow_id
    )
    assert client.workflows.wait(started, timeout=20).input["n"] == 1


def test_the_scheduler_is_stopped_and_started_again(client):
    try:
        assert client.schedules.pause_all()
    finally:
        assert client.schedules.resume_all()
    assert "recordIds.size" in client.schedules.requeue_all_executions()
