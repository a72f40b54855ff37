"""``conductor env``: environment variables, which workflows read as ``${workflow.env.NAME}``."""

from __future__ import annotations

import click

from conductor.cli.command import Group
from conductor.cli.exits import FAILED
from conductor.cli.output import row_of, say, show_json, show_rows, write
from conductor.cli.secret import read_value
from conductor.cli.session import Session

__all__ = ["command"]

_NAME = click.argument("name", metavar="NAME")


@click.group("env", cls=Group)
def command() -> None:
    """Manage environment variables of workflows."""


@command.command("list")
@click.pass_obj
def list_(session: Session) -> None:
    """List the variables with their values."""
    with session.client() as client:
        found = sorted(client.environment.list(), key=lambda one: one.name or "")
    rows = [row_of(session, one, {"name": one.name, "value": one.value}) for one in found]
    show_rows(session, rows, ("name", "value"), empty="No environment variables found.")


@command.command("get")
@_NAME
@click.pass_obj
def get(session: Session, name: str) -> int | None:
    """Print the value of a variable. Exit status 1 if it does not exist."""
    with session.client() as client:
        value = client.environment.get(name)
    if value is None:
        say(f"Error: environment variable {name} does not exist")
        return FAILED
    show_json({"name": name, "value": value}) if session.is_json else write(value)
    return None


@command.command("set")
@_NAME
@click.argument("value", metavar="[VALUE]", required=False)
@click.pass_obj
def set_(session: Session, name: str, value: str | None) -> None:
    """Create a variable or change its value. Without VALUE, the value is read from standard input."""
    value = read_value(f"Value of {name}", hidden=False) if value is None else value
    with session.client() as client:
        client.environment.save(name, value)
    say(f"Saved environment variable {name}")


@command.command("delete")
@_NAME
@click.pass_obj
def delete(session: Session, name: str) -> None:
    """Delete a variable."""
    with session.client() as client:
        client.environment.delete(name)
    say(f"Deleted environment variable {name}")
