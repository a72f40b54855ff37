"""``conductor whoami``: the server and the user that commands act as."""

from __future__ import annotations

from typing import Any

import click

from conductor.cli.command import Command
from conductor.cli.output import show_json, write
from conductor.cli.session import Session

__all__ = ["command"]


@click.command("whoami", cls=Command)
@click.pass_obj
def command(session: Session) -> None:
    """Show the server and the user of the access key."""
    with session.client() as client:
        settings = client.settings
        facts: dict[str, Any] = {"server": settings.server_url, "edition": str(client.server_info())}
        if settings.auth_key:
            facts["key"] = settings.auth_key
            facts["user"] = client.tokens.get_user_info()
    if session.is_json:
        show_json(facts)
        return
    for name, value in facts.items():
        write(f"{name:<8} {value}")
