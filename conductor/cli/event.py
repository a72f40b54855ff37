"""``conductor event``: event handlers, which start and change workflows when an event arrives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from conductor.cli.command import Group
from conductor.cli.exits import DONE, FAILED
from conductor.cli.names import similar_names
from conductor.cli.output import row_of, show_ensured, show_json, watch_option, watched
from conductor.cli.session import Session
from conductor.cli.values import as_model, json_object
from conductor.clients.client import ConductorClient
from conductor.errors import NotFoundError
from conductor.models import EventHandler
from conductor.models.definition_diff import Ensured, compare

__all__ = ["command"]


@click.group("event", cls=Group)
def command() -> None:
    """Manage event handlers."""


@command.command("list")
@click.option("--event", metavar="PROVIDER:QUEUE", help="Only the handlers of this event.")
@watch_option
@click.pass_obj
def list_(session: Session, event: str | None, interval: float | None) -> None:
    """List event handlers."""
    columns = ("name", "event", "active", "actions", "condition")
    with session.client() as client:

        def rows() -> list[Mapping[str, Any]]:
            if event is None:
                found = client.events.list_handlers()
            else:
                found = client.events.list_handlers_for_event(event, active_only=False)
            return [row_of(session, one, _row(one)) for one in found]

        watched(session, interval, rows, columns, empty="No event handlers found.")


def _row(handler: EventHandler) -> dict[str, Any]:
    return {
        "name": handler.name,
        "event": handler.event,
        "active": bool(handler.active),
        "actions": " ".join(str(action.action) for action in handler.actions),
        "condition": handler.condition,
    }


def _names(client: ConductorClient) -> list[str]:
    return [one.name for one in client.events.list_handlers()]


@command.command("get")
@click.argument("name", metavar="NAME")
@click.pass_obj
def get(session: Session, name: str) -> None:
    """Print an event handler as JSON."""
    with session.client() as client, similar_names(name, lambda: _names(client)):
        show_json(client.events.get_handler(name).to_dict())


@command.command("save")
@click.argument("handler", type=json_object, metavar="JSON|@FILE|-")
@click.option("--dry-run", is_flag=True, help="Write nothing; exit status 1 if there is a difference.")
@click.pass_obj
def save(session: Session, handler: dict[str, Any], dry_run: bool) -> int:
    """Create an event handler, or update the existing one if it differs."""
    wanted = as_model(EventHandler, handler)
    with session.client() as client:
        try:
            found: EventHandler | None = client.events.get_handler(wanted.name)
        except NotFoundError:
            found = None
        if found is not None and wanted.active is None:
            wanted.active = found.active
        result = Ensured.of(wanted.name, compare(wanted, found))
        if result and not dry_run:
            client.events.create_handler(wanted) if found is None else client.events.update_handler(wanted)
    show_ensured(session, result)
    return FAILED if dry_run and result else DONE


@command.command("delete")
@click.argument("name", metavar="NAME")
@click.pass_obj
def delete(session: Session, name: str) -> None:
    """Delete an event handler."""
    with session.client() as client, similar_names(name, lambda: _names(client)):
        client.events.delete_handler(name)
