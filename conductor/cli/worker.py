"""``conductor worker``: run workers, list them, and check that they fit."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Container, Iterable, Iterator, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import click

from conductor.cli.checking import Finding, check_workers, nearest, worker_steps
from conductor.cli.command import Command, Group
from conductor.cli.doctor import recently_polled
from conductor.cli.exits import DONE, FAILED, Misused
from conductor.cli.folder import read_all
from conductor.cli.modules import find_named, import_all
from conductor.cli.names import complete_workflow
from conductor.cli.output import say, show_rows
from conductor.cli.session import Session
from conductor.models import TaskDef, WorkflowDef
from conductor.worker.context import TaskLogFilter
from conductor.worker.handler import TaskHandler
from conductor.worker.options import resolve
from conductor.worker.worker import Worker

__all__ = ["check", "command", "configure", "configure_child", "run_reloading"]


@click.command("check", cls=Command)
@click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
@click.option(
    "--defs",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Definitions in files, in place of the server's; repeatable.",
)
@click.option(
    "--workflow",
    "only",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_workflow,
    help="Only with this workflow; repeatable.",
)
@click.pass_obj
def check(session: Session, modules: tuple[str, ...], paths: tuple[Path, ...], only: tuple[str, ...]) -> int:
    """Compare the functions' parameters with what the workflows and task definitions give them.

    Missing inputs and values that do not fit are errors, with exit status 1. Inputs that no function takes, misspelt
    task types, those without a definition, and those for which nobody polls are warnings.
    """
    import_all(modules)
    workers = find_named(())
    if paths:
        read = read_all(paths)
        workflows, tasks = [one.workflow.to_def() for one in read.workflows], read.tasks
        found = [*check_workers(workers, _chosen(workflows, only), tasks)]
    else:
        with session.client() as client:
            workflows, tasks = client.metadata.list_workflows(), client.metadata.list_tasks()
            chosen = _chosen(workflows, only)
            polled = {name for name, _ in recently_polled(client.tasks.list_all_poll_data())}
            found = [*check_workers(workers, chosen, tasks, polled), *_on_server(workers, chosen, tasks, polled)]
    show_rows(session, [one.as_row() for one in found], ("severity", "about", "message", "advice"))
    say(f"{len(workers)} workers, {len(found)} findings")
    return FAILED if any(one.is_error for one in found) else DONE


def _chosen(workflows: Sequence[WorkflowDef], only: Sequence[str]) -> list[WorkflowDef]:
    there = {one.name for one in workflows}
    for name in only:
        if name not in there:
            raise Misused(f"There is no workflow {name!r}{nearest(name, there) or '.'}")
    return [one for one in workflows if not only or one.name in only]


def _on_server(
    workers: Sequence[Worker], workflows: Iterable[WorkflowDef], tasks: Iterable[TaskDef], polled: Container[str]
) -> Iterator[Finding]:
    here, defined = {worker.name for worker in workers}, {task.name for task in tasks}
    for name in sorted(here - defined):
        advice = "Register it: conductor def push, or @worker_task(..., register_task_def=True)."
        yield Finding("warning", name, "the server has no definition of this task type", advice)
    ours = [one for one in workflows if here & {step.name for step in worker_steps(one)}]
    others = {step.name or "" for one in ours for step in worker_steps(one)} - here
    for name in sorted(others):
        if name not in polled:
            message = "a workflow of these workers has this task, which is not declared here, and nobody polls for it"
            yield Finding("warning", name, message, f"conductor doctor {name}")


_GLANCE_SECONDS = 0.5
_STOP_SECONDS = 35.0
_SKIPPED = frozenset({"__pycache__", "node_modules", "venv", "site-packages", "build", "dist"})


def run_reloading(words: Sequence[str], folder: Path) -> int:
    """Run ``python -m conductor`` with ``words``, again after each change of a ``.py`` file, until Ctrl-C or SIGTERM.

    A process that ended by itself, as with a mistake in a source file, is started again after the next change.
    """
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    while True:
        seen = _stamps(folder)
        process = subprocess.Popen(  # noqa: S603  this very program
            [sys.executable, "-m", "conductor", *words], start_new_session=True
        )
        try:
            changed = _wait_for_change(folder, seen, asked)
        finally:
            _stop(process)
        if changed is None:
            return DONE
        say(f"{changed} changed: starting again")


def _wait_for_change(folder: Path, seen: dict[Path, int], asked: threading.Event) -> Path | None:
    """The file that changed; None when the end was asked for."""
    while not asked.wait(_GLANCE_SECONDS):
        now = _stamps(folder)
        changed = sorted(path for path in now.keys() | seen.keys() if now.get(path) != seen.get(path))
        if changed:
            return changed[0]
    return None


def _stamps(folder: Path) -> dict[Path, int]:
    found = {}
    for path in _sources(folder):
        with contextlib.suppress(OSError):  # it was just removed
            found[path] = path.stat().st_mtime_ns
    return found


def _sources(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        yield from (Path(parent, name) for name in names if name.endswith(".py"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


_FOR_CHILDREN = "_CONDUCTOR_LOG"
_FIELDS = ("task_type", "task_id", "workflow_id")


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "thread": record.threadName,
            "message": record.getMessage(),
            **{name: value for name in _FIELDS if (value := getattr(record, name, ""))},
        }
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False, default=str)


def configure(level: str, form: str) -> None:
    """Have this process, and the worker processes that it starts, log to standard error.

    Args:
        level: ``debug``, ``info``, ``warning`` or ``error``.
        form: ``text`` or ``json``.
    """
    os.environ[_FOR_CHILDREN] = f"{level} {form}"
    handler = logging.StreamHandler()
    handler.addFilter(TaskLogFilter())
    lines = logging.Formatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    handler.setFormatter(_JsonLines() if form == "json" else lines)
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)


def configure_child(_: object) -> None:
    """The same in a worker process, as its parent was told (``TaskHandler(child_setup=...)``)."""
    level, form = os.environ[_FOR_CHILDREN].split()
    configure(level, form)


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
        child_setup="conductor.cli.worker:configure_child",
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
