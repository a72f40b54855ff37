"""``conductor server``: a server on this machine."""

from __future__ import annotations

from collections.abc import Sequence

import click

from conductor.cli.exits import MISUSED
from conductor.server.__main__ import main as launch

__all__ = ["command"]

#: Options, including --help, are passed to the launcher, which defines them.
_PASSED_ON = {"ignore_unknown_options": True}


@click.group("server")
def command() -> None:
    """Run a Conductor server, or its web page, on this machine."""


@command.command("start", context_settings=_PASSED_ON, add_help_option=False)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def start(options: tuple[str, ...]) -> int:
    """Run a server until Ctrl-C or SIGTERM."""
    return _launched(options, "conductor server start")


@command.command("ui", context_settings=_PASSED_ON, add_help_option=False)
@click.argument("options", nargs=-1, type=click.UNPROCESSED)
def page(options: tuple[str, ...]) -> int:
    """Serve the web page for a server that runs elsewhere, until Ctrl-C."""
    return _launched(["ui", *options], "conductor server")


def _launched(options: Sequence[str], name: str) -> int:
    try:
        return launch(options, command=name)
    except SystemExit as end:  # argparse, after --help or a usage error
        return end.code if isinstance(end.code, int) else MISUSED
