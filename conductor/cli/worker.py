"""``conductor worker``: run workers, list them, and check that they fit."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from conductor.cli.grouping import Group
from conductor.cli.logs import configure
from conductor.cli.modules import find_named, import_all
from conductor.cli.output import show_rows
from conductor.cli.reload import run_reloading
from conductor.cli.session import Session
from conductor.cli.worker_check import check
from conductor.worker.handler import TaskHandler
from conductor.worker.options import resolve

__all__ = ["command"]

_MODULES = click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
_ONLY = click.option("--only", multiple=True, metavar="NAME", help="Only the worker of this task type; repeatable.")


@click.group("worker", cls=Group)
def command() -> None:
    """Run the functions that are decorated with @worker_task."""


@command.command("run")
@_MODULES
@_ONLY
@click.option("--processes", type=click.IntRange(1), help="In how many processes to work.")
@click.option("--threads", type=click.IntRange(1), help="How many tasks of each type may run at a time.")
@click.option("--domain", help="The task domain of all workers.")
@click.option("--health-port", type=int, help="Serve /livez, /readyz and /metrics there; 0 for any free port.")
@click.option(
    "--grace", type=float, default=30.0, show_default=True, help="Seconds that running tasks have at the end."
)
@click.option("--outbox", type=click.Path(dir_okay=False), help="A file that keeps undelivered results over a crash.")
@click.option("--reload", "reloads", is_flag=True, help="Start again when a source file below this folder changes.")
@click.option(
    "--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info", show_default=True
)
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def run(
    session: Session,
    modules: tuple[str, ...],
    only: tuple[str, ...],
    processes: int | None,
    threads: int | None,
    domain: str | None,
    health_port: int | None,
    grace: float,
    outbox: str | None,
    reloads: bool,
    log_level: str,
    log_format: str,
) -> int | None:
    """Import the modules and work until SIGTERM or Ctrl-C; running tasks are finished then.

    A worker runs for each function that is decorated with @worker_task.
    """
    if reloads:
        return run_reloading([word for word in session.words if word != "--reload"], Path.cwd())
    configure(log_level, log_format)
    names = import_all(modules)
    given: dict[str, Any] = {"thread_count": threads, "domain": domain}
    options = {name: value for name, value in given.items() if value is not None}
    handler = TaskHandler(
        session.settings(),
        workers=find_named(only),
        import_modules=names,
        processes=processes,
        child_setup="conductor.cli.logs:configure_child",
        health_port=health_port,
        grace_seconds=grace,
        outbox=outbox,
        **options,
    )
    handler.run()
    return None


@command.command("list")
@_MODULES
@click.pass_obj
def list_(session: Session, modules: tuple[str, ...]) -> None:
    """List the workers that the modules declare, with what would be polled."""
    import_all(modules)
    rows = []
    for worker in find_named(()):
        options = resolve(worker.name, worker.options, {}, os.environ).options
        rows.append(
            {
                "name": worker.name,
                "domain": options.domain,
                "threads": options.thread_count,
                "paused": options.paused,
                "place": worker.place,
            }
        )
    show_rows(session, rows, ("name", "domain", "threads", "paused", "place"))


command.add_command(check)
