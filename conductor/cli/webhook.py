"""``conductor webhook``: incoming webhooks (Orkes)."""

from __future__ import annotations

from typing import Any

import click

from conductor.cli.command import Group
from conductor.cli.output import confirm, row_of, say, show_json, show_rows
from conductor.cli.session import Session
from conductor.cli.values import json_object

__all__ = ["command"]

_ID = click.argument("webhook_id", metavar="ID")
_BODY = click.argument("webhook", type=json_object, metavar="JSON|@FILE|-")


@click.group("webhook", cls=Group)
def command() -> None:
    """Manage incoming webhooks (Orkes)."""


@command.command("list")
@click.pass_obj
def list_(session: Session) -> None:
    """List webhooks."""
    with session.client() as client:
        found = client.webhooks.list()
    rows = [
        row_of(
            session,
            one,
            {"id": one.id, "name": one.name, "verifier": one.verifier, "verified": one.url_verified},
        )
        for one in found
    ]
    show_rows(session, rows, ("id", "name", "verifier", "verified"), empty="No webhooks found.")


@command.command("get")
@_ID
@click.pass_obj
def get(session: Session, webhook_id: str) -> None:
    """Print a webhook as JSON."""
    with session.client() as client:
        show_json(client.webhooks.get(webhook_id).to_dict())


@command.command("create")
@_BODY
@click.pass_obj
def create(session: Session, webhook: dict[str, Any]) -> None:
    """Create a webhook and print it with its id."""
    with session.client() as client:
        show_json(client.webhooks.create(webhook).to_dict())


@command.command("update")
@_ID
@_BODY
@click.pass_obj
def update(session: Session, webhook_id: str, webhook: dict[str, Any]) -> None:
    """Replace a webhook."""
    with session.client() as client:
        show_json(client.webhooks.update(webhook_id, webhook).to_dict())


@command.command("delete")
@_ID
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@click.pass_obj
def delete(session: Session, webhook_id: str, yes: bool) -> None:
    """Delete a webhook."""
    if not yes:
        confirm(f"Delete webhook {webhook_id}?")
    with session.client() as client:
        client.webhooks.delete(webhook_id)
    say(f"Deleted webhook {webhook_id}")
