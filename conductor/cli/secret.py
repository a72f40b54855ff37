"""``conductor secret``: secrets, which workflows read as ``${workflow.secrets.NAME}``."""

from __future__ import annotations

import sys

import click

from conductor.cli.command import Group
from conductor.cli.exits import DONE, FAILED, Misused
from conductor.cli.names import complete_secret
from conductor.cli.output import confirm, row_of, say, show_json, show_rows, write
from conductor.cli.session import Session
from conductor.cli.values import read_stdin, text_pairs

__all__ = ["command", "read_value"]

_NAME = click.argument("name", metavar="NAME", shell_complete=complete_secret)


@click.group("secret", cls=Group)
def command() -> None:
    """Manage secrets."""


@command.command("list")
@click.option("--tags", "with_tags", is_flag=True, help="Also show the tags (Orkes).")
@click.pass_obj
def list_(session: Session, with_tags: bool) -> None:
    """List the names of secrets. Values are never shown."""
    with session.client() as client:
        if with_tags:
            rows = [
                row_of(
                    session,
                    one,
                    {"name": one.name, "tags": " ".join(f"{tag.key}={tag.value}" for tag in one.tags or [])},
                )
                for one in client.secrets.list_with_tags()
            ]
            show_rows(session, rows, ("name", "tags"), empty="No secrets found.")
            return
        names = client.secrets.list_names()
    show_rows(session, [{"name": name} for name in sorted(names)], ("name",), empty="No secrets found.")


@command.command("get")
@_NAME
@click.option("--show", is_flag=True, help="Print the value instead of only whether the secret exists.")
@click.pass_obj
def get(session: Session, name: str, show: bool) -> int:
    """Print whether a secret exists, or its value with --show. Exit status 1 if it does not exist."""
    with session.client() as client:
        if show:
            value = client.secrets.get(name)
            show_json({"name": name, "value": value}) if session.is_json else write(value)
            return DONE
        exists = client.secrets.exists(name)
    show_json({"name": name, "exists": exists}) if session.is_json else write(
        "exists" if exists else f"Secret {name!r} does not exist; create it: conductor secret set {name}"
    )
    return DONE if exists else FAILED


@command.command("set")
@_NAME
@click.pass_obj
def set_(session: Session, name: str) -> None:
    """Create a secret or change its value.

    The value is read from standard input, or from a hidden prompt on a terminal. An argument would be visible in the
    process list and in the shell's history.
    """
    value = read_value(f"Value of {name}", hidden=True)
    with session.client() as client:
        client.secrets.save(name, value)
    say(f"Saved secret {name}")


def read_value(prompt: str, *, hidden: bool) -> str:
    """Read a value from standard input; a prompt on a terminal.

    Raises:
        Misused: The value is empty, or not UTF-8.
    """
    if sys.stdin.isatty():
        value: str = click.prompt(prompt, hide_input=hidden, err=True)
    else:
        try:
            value = read_stdin().removesuffix("\n").removesuffix("\r")
        except ValueError:
            raise Misused("The value is not UTF-8.") from None
    if not value:
        raise Misused("The value is empty: pass it on standard input.")
    return value


@command.command("delete")
@_NAME
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@click.pass_obj
def delete(session: Session, name: str, yes: bool) -> None:
    """Delete a secret."""
    if not yes:
        confirm(f"Delete secret {name}?")
    with session.client() as client:
        client.secrets.delete(name)
    say(f"Deleted secret {name}")


@command.command("tag")
@_NAME
@click.argument("tags", nargs=-1, required=True, metavar="KEY=VALUE...")
@click.option("--remove", is_flag=True, help="Remove these tags instead of setting them.")
@click.pass_obj
def tag(session: Session, name: str, tags: tuple[str, ...], remove: bool) -> None:
    """Set or remove tags of a secret (Orkes)."""
    with session.client() as client:
        change = client.secrets.delete_tags if remove else client.secrets.set_tags
        change(name, text_pairs(tags))


@command.command("clear-cache")
@click.option("--redis", is_flag=True, help="Clear the cache in Redis instead of the server's own.")
@click.pass_obj
def clear_cache(session: Session, redis: bool) -> None:
    """Clear the server's cache of secrets (Orkes)."""
    with session.client() as client:
        show_json(client.secrets.clear_redis_cache() if redis else client.secrets.clear_local_cache())
