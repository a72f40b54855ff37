"""``conductor profile``: named servers with their access keys."""

from __future__ import annotations

import sys
from typing import Any

import click

from conductor.cli.command import Group
from conductor.cli.exits import Misused
from conductor.cli.output import say, show_json, show_rows
from conductor.cli.session import Profile, ProfileStore, Session
from conductor.settings import Settings

__all__ = ["command"]


@click.group("profile", cls=Group)
def command() -> None:
    """Manage profiles: named servers with their access keys.

    --profile NAME or CONDUCTOR_PROFILE selects a profile. Order of precedence: --server, --profile, CONDUCTOR_PROFILE,
    CONDUCTOR_SERVER_URL, the default profile, http://localhost:8080/api.
    """


@command.command("add")
@click.argument("name", metavar="NAME")
@click.option("--key", metavar="ID", help="The access key's id (Orkes).")
@click.option("--secret-env", metavar="VARIABLE", help="Read the secret from this environment variable at each use.")
@click.option("--default", "is_default", is_flag=True, help="Use this profile by default.")
@click.option("--overwrite", is_flag=True, help="Replace a profile of the same name.")
@click.pass_obj
def add(
    session: Session, name: str, key: str | None, secret_env: str | None, is_default: bool, overwrite: bool
) -> None:
    """Add a profile for the server given by --server.

    With --key and without --secret-env, the command prompts for the secret or reads it from standard input. The secret
    is stored in a file that only you can read.
    """
    if not session.server:
        raise Misused(f"--server is required: conductor profile add {name} --server URL")
    store = ProfileStore.load()
    if name in store.profiles and not overwrite:
        raise Misused(f"Profile {name!r} exists; replace it with --overwrite.")
    if secret_env and not key:
        raise Misused("--secret-env needs --key.")
    secret = None
    if key and not secret_env:
        secret = click.prompt("Secret", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline().strip()
        if not secret:
            raise Misused("The secret is empty. Pass it on standard input, or name a variable with --secret-env.")
    settings = Settings(server_url=session.server, auth_key=key, auth_secret=secret or ("unset" if key else None))
    store.profiles[name] = Profile(settings.server_url, key, secret, secret_env)
    if is_default:
        store.default = name
    store.save()
    if session.is_json:
        show_json(_row(store, name))
    else:
        say(f"Saved profile {name} in {store.path}")


@command.command("list")
@click.pass_obj
def list_(session: Session) -> None:
    """List the profiles. Secrets are never shown."""
    store = ProfileStore.load()
    rows = [_row(store, name) for name in sorted(store.profiles)]
    columns = ("name", "server", "key", "secret", "default")
    show_rows(session, rows, columns, empty="No profiles found. Add one: conductor profile add NAME --server URL")


def _row(store: ProfileStore, name: str) -> dict[str, Any]:
    profile = store.profiles[name]
    secret = f"from {profile.auth_secret_env}" if profile.auth_secret_env else "stored" if profile.auth_secret else None
    return {
        "name": name,
        "server": profile.server_url,
        "key": profile.auth_key,
        "secret": secret,
        "default": name == store.default,
    }


@command.command("use")
@click.argument("name", metavar="NAME")
def use(name: str) -> None:
    """Make a profile the default."""
    store = ProfileStore.load()
    store.get(name)
    store.default = name
    store.save()
    say(f"Default profile: {name}")


@command.command("remove")
@click.argument("name", metavar="NAME")
def remove(name: str) -> None:
    """Remove a profile and its stored secret."""
    store = ProfileStore.load()
    store.get(name)
    del store.profiles[name]
    if store.default == name:
        store.default = None
    store.save()
    say(f"Removed profile {name}")
