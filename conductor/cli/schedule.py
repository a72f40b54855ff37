"""``conductor schedule``: workflows that start on a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from conductor.cli.command import Group
from conductor.cli.exits import DONE, FAILED
from conductor.cli.names import complete_schedule, complete_workflow, similar_names
from conductor.cli.output import (
    local_time,
    row_of,
    say,
    show_ensured,
    show_json,
    show_rows,
    tracked,
    watch_option,
    watched,
    write,
)
from conductor.cli.session import Session
from conductor.cli.values import json_object
from conductor.clients.client import ConductorClient
from conductor.errors import ConductorError
from conductor.models import WorkflowSchedule

__all__ = ["command"]

_NAME = click.argument("name", metavar="NAME", shell_complete=complete_schedule)


def _names(client: ConductorClient) -> list[str]:
    return [one.name for one in client.schedules.list()]


@click.group("schedule", cls=Group)
def command() -> None:
    """Manage workflows that start on a schedule."""


@command.command("list")
@click.option(
    "--workflow", metavar="NAME", shell_complete=complete_workflow, help="Only schedules that start this workflow."
)
@watch_option
@click.pass_obj
def list_(session: Session, workflow: str | None, interval: float | None) -> None:
    """List schedules with their next run."""
    columns = ("name", "workflow", "cron", "zone", "paused", "next")
    with session.client() as client:

        def rows() -> list[Mapping[str, Any]]:
            return [row_of(session, one, _row(client, one)) for one in client.schedules.list(workflow)]

        watched(session, interval, rows, columns, empty="No schedules found.")


def _row(client: ConductorClient, schedule: WorkflowSchedule) -> dict[str, Any]:
    request = schedule.start_workflow_request
    return {
        "name": schedule.name,
        "workflow": request.name if request else None,
        "cron": schedule.cron_expression,
        "zone": schedule.zone_id,
        "paused": bool(schedule.paused),
        "next": _next_run(client, schedule),
    }


def _next_run(client: ConductorClient, schedule: WorkflowSchedule) -> datetime | None:
    """Return the next run as the server stores or computes it; None if the schedule is paused or never runs."""
    if schedule.paused:
        return None
    if schedule.next_run_at is not None or not schedule.cron_expression:
        return schedule.next_run_at
    try:
        return next(iter(client.schedules.preview(schedule.cron_expression, limit=1)), None)
    except ConductorError:  # the cell stays empty if the server cannot compute the next run
        return None


@command.command("get")
@_NAME
@click.pass_obj
def get(session: Session, name: str) -> None:
    """Print a schedule as JSON."""
    with session.client() as client, similar_names(name, lambda: _names(client)):
        show_json(client.schedules.get(name).to_dict())


@command.command("save")
@click.argument("schedule", type=json_object, metavar="JSON|@FILE|-")
@click.option("--dry-run", is_flag=True, help="Write nothing; exit status 1 if there is a difference.")
@click.pass_obj
def save(session: Session, schedule: dict[str, Any], dry_run: bool) -> int:
    """Create a schedule, or update the existing one if it differs."""
    with session.client() as client:
        result = client.schedules.ensure(schedule, dry_run=dry_run)
    show_ensured(session, result)
    return FAILED if dry_run and result else DONE


@command.command("delete")
@_NAME
@click.pass_obj
def delete(session: Session, name: str) -> None:
    """Delete a schedule."""
    with session.client() as client, similar_names(name, lambda: _names(client)):
        client.schedules.delete(name)


@command.command("pause")
@_NAME
@click.option("--reason", help="The reason to store with the schedule.")
@click.pass_obj
def pause(session: Session, name: str, reason: str | None) -> None:
    """Pause a schedule, which starts nothing until it is resumed."""
    with session.client() as client, similar_names(name, lambda: _names(client)):
        client.schedules.pause(name, reason)


@command.command("resume")
@_NAME
@click.pass_obj
def resume(session: Session, name: str) -> None:
    """Resume a paused schedule."""
    with session.client() as client, similar_names(name, lambda: _names(client)):
        client.schedules.resume(name)


@command.command("preview")
@click.argument("cron", metavar="CRON")
@click.option("--limit", type=click.IntRange(1, 5), default=5, show_default=True, help="The number of runs.")
@click.pass_obj
def preview(session: Session, cron: str, limit: int) -> None:
    """Show the next runs of a cron expression, in UTC and in local time.

    The expression has six fields, seconds first: '0 30 4 * * MON'.
    """
    with session.client() as client:
        found = client.schedules.preview(cron, limit=limit)
    local = (lambda one: one.astimezone().isoformat()) if session.is_json else local_time
    rows = [{"utc": one.isoformat(), "local": local(one)} for one in found]
    show_rows(session, rows, ("utc", "local"), empty="It never runs.")


@command.command("run")
@_NAME
@click.pass_obj
def run(session: Session, name: str) -> None:
    """Start the workflow of a schedule now, and print the execution's id.

    'schedule runs' does not list this execution, because the server records scheduled runs only.
    """
    with session.client() as client, similar_names(name, lambda: _names(client)):
        workflow_id = client.schedules.run_now(name)
    say(f"To show it: conductor workflow get {workflow_id} ('schedule runs' lists scheduled runs only)")
    if session.is_json:
        show_json({"workflowId": workflow_id})
    else:
        write(workflow_id)


#: The message of ``runs`` without results.
_NO_RUN = (
    "No scheduled run found. Executions that 'conductor schedule run' started are not listed here; to find them: "
    "conductor workflow search --type WORKFLOW"
)


@command.command("runs")
@click.argument("name", metavar="[NAME]", required=False, shell_complete=complete_schedule)
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The maximum number of results.")
@watch_option
@click.pass_obj
def runs(session: Session, name: str | None, limit: int, interval: float | None) -> None:
    """List the scheduled runs, the latest first.

    Executions that 'schedule run' started are not among them: conductor workflow search --type WORKFLOW
    """
    columns = ("name", "scheduled", "state", "workflow", "workflowId", "reason")
    with session.client() as client:

        def rows() -> list[Mapping[str, Any]]:
            found = client.schedules.search_executions(schedule_name=name, size=limit, sort="scheduledTime:DESC")
            return [
                row_of(
                    session,
                    one,
                    {
                        "name": one.schedule_name,
                        "scheduled": one.scheduled_at,
                        "state": one.state,
                        "workflow": one.workflow_name,
                        "workflowId": one.workflow_id,
                        "reason": one.reason,
                    },
                )
                for one in tracked(found, "Found", limit)
            ]

        watched(session, interval, rows, columns, empty=_NO_RUN)
