"""``conductor schedule``: workflows started by the clock."""

from __future__ import annotations

from typing import Any

import click

from conductor.cli.command import Group
from conductor.cli.exits import DONE, FAILED
from conductor.cli.names import complete_schedule, complete_workflow
from conductor.cli.output import local_time, show_ensured, show_json, show_rows
from conductor.cli.session import Session
from conductor.cli.values import json_object
from conductor.models import WorkflowSchedule

__all__ = ["command"]

_NAME = click.argument("name", metavar="NAME", shell_complete=complete_schedule)


@click.group("schedule", cls=Group)
def command() -> None:
    """Workflows that the server starts by the clock."""


@command.command("list")
@click.option(
    "--workflow", metavar="NAME", shell_complete=complete_workflow, help="Only those that start this workflow."
)
@click.pass_obj
def list_(session: Session, workflow: str | None) -> None:
    """List schedules."""
    with session.client() as client:
        found = client.schedules.list(workflow)
    rows = [_row(one) for one in found]
    show_rows(session, rows, ("name", "workflow", "cron", "zone", "paused", "next"), empty="There are no schedules.")


def _row(schedule: WorkflowSchedule) -> dict[str, Any]:
    request = schedule.start_workflow_request
    return {
        "name": schedule.name,
        "workflow": request.name if request else None,
        "cron": schedule.cron_expression,
        "zone": schedule.zone_id,
        "paused": bool(schedule.paused),
        "next": local_time(schedule.next_run_at),
    }


@command.command("get")
@_NAME
@click.pass_obj
def get(session: Session, name: str) -> None:
    """Print a schedule as JSON."""
    with session.client() as client:
        show_json(client.schedules.get(name).to_dict())


@command.command("save")
@click.argument("schedule", type=json_object, metavar="JSON|@FILE|-")
@click.option("--dry-run", is_flag=True, help="Write nothing; exit status 1 if something would be written.")
@click.pass_obj
def save(session: Session, schedule: dict[str, Any], dry_run: bool) -> int:
    """Create a schedule, or change the one of its name where it differs."""
    wanted = WorkflowSchedule.from_dict(schedule)
    with session.client() as client:
        result = client.schedules.ensure(wanted, dry_run=dry_run)
    show_ensured(session, result)
    return FAILED if dry_run and result else DONE


@command.command("delete")
@_NAME
@click.pass_obj
def delete(session: Session, name: str) -> None:
    """Delete a schedule."""
    with session.client() as client:
        client.schedules.delete(name)


@command.command("pause")
@_NAME
@click.option("--reason", help="Why.")
@click.pass_obj
def pause(session: Session, name: str, reason: str | None) -> None:
    """Start nothing by this schedule until it is resumed."""
    with session.client() as client:
        client.schedules.pause(name, reason)


@command.command("resume")
@_NAME
@click.pass_obj
def resume(session: Session, name: str) -> None:
    """Go on with a paused schedule."""
    with session.client() as client:
        client.schedules.resume(name)


@command.command("preview")
@click.argument("cron", metavar="CRON")
@click.option("--limit", type=click.IntRange(1, 5), default=5, show_default=True, help="How many.")
@click.pass_obj
def preview(session: Session, cron: str, limit: int) -> None:
    """Show when a cron expression runs next, in UTC and here; it has six fields, seconds first: '0 30 4 * * MON'."""
    with session.client() as client:
        found = client.schedules.preview(cron, limit=limit)
    rows = [{"utc": one.isoformat(), "here": local_time(one)} for one in found]
    show_rows(session, rows, ("utc", "here"), empty="It never runs.")


@command.command("run")
@_NAME
@click.pass_obj
def run(session: Session, name: str) -> None:
    """Start a schedule's workflow now and print the execution's id."""
    with session.client() as client:
        workflow_id = client.schedules.run_now(name)
    if session.is_json:
        show_json({"workflowId": workflow_id})
    else:
        click.echo(workflow_id)
