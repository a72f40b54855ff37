"""``conductor workflow search``."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta, timezone
from typing import Any

import click

from conductor.cli.grouping import Command
from conductor.cli.output import local_time, show_json, show_rows
from conductor.cli.progress import tracked
from conductor.cli.session import Session
from conductor.cli.values import seconds

__all__ = ["search"]

_PAGE = 100


@click.command("search", cls=Command)
@click.option("--type", "types", multiple=True, metavar="NAME", help="Of this workflow; * for any text; repeatable.")
@click.option("--status", multiple=True, help="In this status, such as RUNNING; repeatable.")
@click.option("--correlation-id", multiple=True, metavar="TEXT", help="With this correlation id; repeatable.")
@click.option("--since", type=seconds, metavar="TIME", help="Started within this time: 30m, 2h, 1d.")
@click.option("--query", help="Further conditions, as the server takes them.")
@click.option("--text", default="*", help="Text in the execution's summary.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many at most.")
@click.option("--ids", "only_ids", is_flag=True, help="Print the ids alone, to be piped on.")
@click.pass_obj
def search(
    session: Session,
    types: tuple[str, ...],
    status: tuple[str, ...],
    correlation_id: tuple[str, ...],
    since: float | None,
    query: str | None,
    text: str,
    limit: int,
    only_ids: bool,
) -> None:
    """Find executions, the latest first."""
    after = None if since is None else datetime.now(timezone.utc) - timedelta(seconds=since)
    with session.client() as client:
        found = itertools.islice(
            client.workflows.iterate_search(
                workflow_type=types or None,
                status=[one.upper() for one in status] or None,
                correlation_id=correlation_id or None,
                started_after=after,
                query=query,
                free_text=text,
                sort="startTime:DESC",
                size=min(limit, _PAGE),
            ),
            limit,
        )
        rows = [one.to_dict() for one in tracked(found, "Found", limit)]
    if only_ids:
        ids = [row["workflowId"] for row in rows]
        show_json(ids) if session.is_json else click.echo("\n".join(ids), nl=bool(ids))
        return
    show_rows(
        session,
        rows if session.is_json else map(_for_people, rows),
        ("workflowId", "workflowType", "version", "status", "startTime", "executionTime", "correlationId"),
        empty="No execution matches.",
    )


def _for_people(row: dict[str, Any]) -> dict[str, Any]:
    """A row with the time of this machine's zone, as elsewhere, and with the unit of what it took."""
    took = row.get("executionTime")
    return {
        **row,
        "startTime": _local(row.get("startTime")),
        "executionTime": None if took is None else f"{took / 1000:.1f} s",
    }


def _local(text: str | None) -> str | None:
    try:
        return local_time(datetime.fromisoformat(text.replace("Z", "+00:00"))) if text else text
    except ValueError:  # another server's way of writing it
        return text
