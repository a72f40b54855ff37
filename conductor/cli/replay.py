"""``conductor task replay``: a task's recorded input through the function here, without telling the server."""

from __future__ import annotations

import contextlib
import logging
import pdb  # noqa: T100  what --pdb is for
import sys
import threading
from collections.abc import Iterator

import click

from conductor.cli.exits import DONE, FAILED, Misused
from conductor.cli.grouping import Command
from conductor.cli.modules import find_named, import_all
from conductor.cli.output import say, show_json
from conductor.cli.session import Session
from conductor.cli.task_choice import REFERENCE, find_task
from conductor.models import Task, TaskResult, TaskResultStatus
from conductor.worker import runner
from conductor.worker.context import TaskContext
from conductor.worker.worker import Worker

__all__ = ["replay"]

_FAILED = frozenset({TaskResultStatus.FAILED, TaskResultStatus.FAILED_WITH_TERMINAL_ERROR})


@click.command("replay", cls=Command)
@click.argument("task_id", metavar="ID")
@click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
@REFERENCE
@click.option("--worker", "name", metavar="NAME", help="The worker to use (default: that of the task's type).")
@click.option("--pdb", "debugs", is_flag=True, help="Open the debugger where the function raises.")
@click.pass_obj
def replay(
    session: Session, task_id: str, modules: tuple[str, ...], ref: str | None, name: str | None, debugs: bool
) -> int:
    """Run a task's recorded input through the function in MODULE, without reporting back.

    The result is printed as JSON; exit status 1 if the task would fail.
    """
    import_all(modules)
    with session.client() as client:
        task = find_task(client, task_id, ref)
    worker = _worker(name or task.task_def_name or task.task_type or "", task.domain)
    say(f"Replaying {worker.name} with the input of {task.task_id}; the server is told nothing")
    with _runner_unheard():
        result = runner.TaskRunner(worker, "replay", [_debugging] if debugs else []).run(task, threading.Event())
    return _report(session, task, result)


@contextlib.contextmanager
def _runner_unheard() -> Iterator[None]:
    """Keep the runner from logging the failure: the result has it, with the traceback of the function alone."""
    heard = logging.getLogger(runner.__name__)
    before, heard.disabled = heard.disabled, True
    try:
        yield
    finally:
        heard.disabled = before


def _worker(name: str, domain: str | None) -> Worker:
    found = find_named([name])
    same = [worker for worker in found if worker.domain == domain]
    if not same and len(found) > 1:
        raise Misused(f"{name} is declared in several domains, and none is the task's, {domain!r}.")
    return (same or found)[0]


def _debugging(_: TaskContext, call_next: object) -> object:
    try:
        return call_next()  # type: ignore[operator]
    except Exception as error:
        say(f"{type(error).__name__}: {error}")
        pdb.post_mortem(error.__traceback__)
        raise


def _report(session: Session, task: Task, result: TaskResult) -> int:
    for line in result.logs:
        say(f"  {line.log}")
    if session.is_json:
        show_json(result.to_dict())
    else:
        show_json(result.output_data)
        say(f"{result.status}; recorded: {task.status}")
    if result.status not in _FAILED:
        return DONE
    sys.stderr.write(f"Error: {result.reason_for_incompletion}\n")
    return FAILED
