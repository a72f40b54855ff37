"""``conductor whoami``: the server and the user that commands act as."""

from __future__ import annotations

import contextlib
from typing import Any

import click

from conductor.cli.command import Command
from conductor.cli.output import show_json, write
from conductor.cli.session import Session
from conductor.clients.client import ConductorClient
from conductor.errors import ConductorError
from conductor.transport.operation import Edition

__all__ = ["command", "server_name"]


def server_name(client: ConductorClient) -> str:
    """Return the edition and version of the server, which says that it is the embedded one."""
    info = client.server_info()
    if info.edition is Edition.OSS:
        with contextlib.suppress(ConductorError):  # a server may not show its configuration
            if client.admin.get_config().get("engine") == "embedded":
                return f"the embedded server (with the API of {info})"
    return str(info)


@click.command("whoami", cls=Command)
@click.pass_obj
def command(session: Session) -> None:
    """Show the server and the user of the access key."""
    with session.client() as client:
        settings = client.settings
        facts: dict[str, Any] = {"server": settings.server_url, "edition": server_name(client)}
        if settings.auth_key:
            facts["key"] = settings.auth_key
            facts["user"] = client.tokens.get_user_info()
    if session.is_json:
        show_json(facts)
        return
    for name, value in facts.items():
        write(f"{name:<8} {value}")
