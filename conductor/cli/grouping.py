"""Commands that all know the shared options, and groups that are imported when they are used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from conductor.cli.session import Session

__all__ = ["Command", "Group", "LazyGroup", "shared_options"]


def _keep(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    session = context.find_object(Session)
    if session is not None and value not in {None, False} and parameter.name:
        setattr(session, parameter.name, value)


def shared_options() -> list[click.Option]:
    """The options that stand before or after a command's name."""
    given: dict[str, Any] = {"expose_value": False, "callback": _keep}
    return [
        click.Option(
            ["--server"],
            metavar="URL",
            help="The server (default: CONDUCTOR_SERVER_URL, or http://localhost:8080/api).",
            **given,
        ),
        click.Option(["-o", "--output"], type=click.Choice(["text", "json"]), help="How to show the answer.", **given),
        click.Option(["--debug"], is_flag=True, help="Show tracebacks of errors.", **given),
    ]


class Command(click.Command):
    """A command with the shared options."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.params += shared_options()


class Group(click.Group):
    """A group whose commands have the shared options."""

    command_class = Command


class LazyGroup(click.Group):
    """A group of groups, each imported when it is asked for.

    Args:
        homes: By name, the module that has the command under the name ``command``.
        more: As for ``click.Group``.
    """

    def __init__(self, *arguments: Any, homes: Mapping[str, str], **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._homes = homes

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """The names."""
        return list(self._homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """The command of a name."""
        home = self._homes.get(cmd_name)
        found: click.Command | None = importlib.import_module(home).command if home else None
        return found
