"""``conductor worker``: run workers, list them, and check them against workflows."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from conductor._internal.platforms import own_process_group, request_end, stop_signals
from conductor._internal.suggestions import did_you_mean
from conductor.cli.checking import Finding, check_workers, worker_steps
from conductor.cli.command import Command, Group
from conductor.cli.doctor import recently_polled
from conductor.cli.exits import DONE, FAILED, Misused
from conductor.cli.folder import read_all
from conductor.cli.modules import find_named, import_all
from conductor.cli.names import complete_workflow
from conductor.cli.output import say, show_rows
from conductor.cli.session import Session
from conductor.cli.worker_exec import LOG_FORMAT, LOG_LEVEL, configure
from conductor.cli.worker_exec import command as exec_command
from conductor.models import TaskDef, WorkflowDef
from conductor.worker.handler import TaskHandler
from conductor.worker.options import resolve
from conductor.worker.worker import Worker

__all__ = ["check", "command", "run_reloading"]

#: Seconds between two checks of the source files.
_POLL_INTERVAL_S = 0.5
#: Seconds from the request to stop a process until it is killed: longer than the default grace period of 30 s.
_STOP_AFTER_S = 35.0
_SKIPPED = frozenset({"__pycache__", "node_modules", "venv", "site-packages", "build", "dist"})


def run_reloading(words: Sequence[str], folder: Path) -> int:
    """Run ``python -m conductor`` with ``words`` until Ctrl-C or SIGTERM; restart it when a ``.py`` file changes.

    A process that has ended, such as after a syntax error, is restarted after the next change.
    """
    stopping = threading.Event()
    for number in stop_signals():
        signal.signal(number, lambda *_: stopping.set())
    while True:
        seen = _stamps(folder)
        process = subprocess.Popen(  # this very program
            [sys.executable, "-m", "conductor", *words], **own_process_group()
        )
        try:
            changed = _wait_for_change(folder, seen, stopping)
        finally:
            _stop(process)
        if changed is None:
            return DONE
        say(f"{changed} changed: restarting")


def _wait_for_change(folder: Path, seen: dict[Path, int], stopping: threading.Event) -> Path | None:
    """Return the file that changed; None if a stop was requested."""
    while not stopping.wait(_POLL_INTERVAL_S):
        now = _stamps(folder)
        changed = sorted(path for path in now.keys() | seen.keys() if now.get(path) != seen.get(path))
        if changed:
            return changed[0]
    return None


def _stamps(folder: Path) -> dict[Path, int]:
    found = {}
    for path in _sources(folder):
        with contextlib.suppress(OSError):  # removed a moment ago
            found[path] = path.stat().st_mtime_ns
    return found


def _sources(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        yield from (Path(parent, name) for name in names if name.endswith(".py"))


def _stop(process: subprocess.Popen[bytes]) -> None:
    request_end(process)
    try:
        process.wait(_STOP_AFTER_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@click.command("check", cls=Command)
@click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
@click.option(
    "--defs",
    "paths",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Read definitions from these files instead of the server; repeatable.",
)
@click.option(
    "--workflow",
    "only",
    multiple=True,
    metavar="NAME",
    shell_complete=complete_workflow,
    help="Check only this workflow; repeatable.",
)
@click.pass_obj
def check(session: Session, modules: tuple[str, ...], paths: tuple[Path, ...], only: tuple[str, ...]) -> int:
    """Check the parameters of workers against workflows.

    The command compares the parameters of each function with the inputs that workflows and task definitions pass.

    Missing inputs and values of a wrong type are errors (exit status 1). Unknown inputs, misspelled task types, and
    task types without a definition or an active worker are warnings.
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
            raise Misused(f"Workflow {name!r} not found{did_you_mean(name, there) or '.'}")
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
            message = "used by a workflow of these workers, but not declared in these modules, and no worker polls it"
            yield Finding("warning", name, message, f"conductor doctor {name}")


_MODULES = click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
_ONLY = click.option("--only", multiple=True, metavar="NAME", help="Run only the worker of this task type; repeatable.")


@click.group("worker", cls=Group)
def command() -> None:
    """Run, list and check workers.

    A worker is a function decorated with @worker_task, or any program.
    """


@command.command("run")
@_MODULES
@_ONLY
@click.option(
    "--processes",
    type=click.IntRange(1),
    help="The number of worker processes; use several for CPU-bound functions.",
)
@click.option("--threads", type=click.IntRange(1), help="The number of concurrent tasks of each type.")
@click.option("--domain", help="The task domain of all workers.")
@click.option("--health-port", type=int, help="Serve /livez, /readyz and /metrics on this port; 0 for a free one.")
@click.option("--grace", type=float, default=30.0, show_default=True, help="Seconds to let running tasks finish.")
@click.option("--outbox", type=click.Path(dir_okay=False), help="A file that keeps undelivered results across a crash.")
@click.option("--reload", "reloads", is_flag=True, help="Restart when a source file below this folder changes.")
@LOG_LEVEL
@LOG_FORMAT
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
    """Run the workers of modules until SIGTERM or Ctrl-C.

    Running tasks are finished first.

    Every function that is decorated with @worker_task is a worker.
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
        child_setup="conductor.cli.worker_exec:configure_child",
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
    """List the workers of modules with their effective options.

    The options include those set by environment variables.
    """
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
command.add_command(exec_command)
