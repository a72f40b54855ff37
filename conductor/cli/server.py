"""``conductor server``: a server on this machine."""

from __future__ import annotations

import click

from conductor.server.__main__ import main as launch

__all__ = ["command"]

#: The highest TCP port.
_MAX_PORT = 65_535

_PASSED_ON = {"ignore_unknown_options": True}


@click.group("server")
def command() -> None:
    """Run a Conductor server, or its web page, on this machine."""


@command.command("start", context_settings=_PASSED_ON)
@click.option(
    "--engine", type=click.Choice(["embedded", "oss"]), default="embedded", show_default=True, help="Which server."
)
@click.option(
    "--port",
    type=click.IntRange(0, _MAX_PORT),
    default=8080,
    show_default=True,
    help="The port to listen on; 0 for a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--db", help="Engine embedded: a database file; without it everything is kept in memory.")
@click.option("--strict", is_flag=True, help="Engine embedded: reproduce the open-source server's faults as well.")
@click.option(
    "--edition",
    type=click.Choice(["oss", "orkes"]),
    default="oss",
    show_default=True,
    help="Engine embedded: whose API to serve. orkes adds users, permissions, human tasks, webhooks and more.",
)
@click.argument("more", nargs=-1, type=click.UNPROCESSED)
def start(engine: str, port: int, host: str, db: str | None, strict: bool, edition: str, more: tuple[str, ...]) -> int:
    """Run a server until Ctrl-C or SIGTERM.

    MORE are further options of 'python -m conductor.server', such as --dir or --heap.
    """
    database = [] if db is None else ["--db", db]
    flags = ["--strict"] if strict else []
    chosen = [] if edition == "oss" else ["--edition", edition]
    return launch(["--engine", engine, "--port", str(port), "--host", host, *database, *flags, *chosen, *more])


@command.command("ui", context_settings=_PASSED_ON, add_help_option=False)
@click.argument("more", nargs=-1, type=click.UNPROCESSED)
def page(more: tuple[str, ...]) -> int:
    """Serve the web page for a server that runs elsewhere, until Ctrl-C."""
    return launch(["ui", *more])
