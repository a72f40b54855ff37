"""``conductor workflow``: executions: start them, follow them, change them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import click

from conductor.cli.exits import DONE, FAILED
from conductor.cli.folder import read_workflow
from conductor.cli.follow import can_draw, follow, picture
from conductor.cli.grouping import Group
from conductor.cli.names import complete_workflow_or_file
from conductor.cli.output import say, show_json, show_rows
from conductor.cli.session import Session
from conductor.cli.values import input_options, merged, seconds, text_pairs
from conductor.cli.workflow_control import commands
from conductor.cli.workflow_files import diagram, export
from conductor.cli.workflow_search import search
from conductor.clients.client import ConductorClient
from conductor.models import Workflow

__all__ = ["command"]

_ID = click.argument("workflow_id", metavar="ID")


@click.group("workflow", cls=Group)
def command() -> None:
    """Start, follow, find and change executions of workflows."""


def _start_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for add in (
        click.option("--idempotency-key", metavar="KEY", help="A second start with this key starts nothing (Orkes)."),
        click.option("--domain", "domains", multiple=True, metavar="TASK=DOMAIN", help="A task's domain; * for all."),
        click.option("--priority", type=click.IntRange(0, 99), help="0 to 99, higher first."),
        click.option("--correlation-id", metavar="TEXT", help="By which the execution is found again."),
        click.option("--version", type=int, help="The definition's version (default: the latest)."),
        input_options("workflow's input"),
        click.argument("workflow", metavar="NAME|FILE", shell_complete=complete_workflow_or_file),
    ):
        function = add(function)
    return function


def _start(client: ConductorClient, workflow: str, given: Any, pairs: Any, domains: Any, **options: Any) -> str:
    found = read_workflow(workflow)
    target: Any = workflow if found is None else found.check().to_def()
    return client.workflows.start(target, merged(given, pairs), task_to_domain=text_pairs(domains) or None, **options)


@command.command("start")
@_start_options
@click.pass_obj
def start(session: Session, /, **options: Any) -> None:
    """Start a workflow and print the execution's id.

    A FILE (JSON, YAML or Python) runs as it is, without being registered.
    """
    with session.client() as client:
        workflow_id = _start(client, **options)
    if session.is_json:
        show_json({"workflowId": workflow_id})
    else:
        click.echo(workflow_id)


@command.command("run")
@_start_options
@click.option("--timeout", type=seconds, metavar="TIME", help="The longest wait: 30, 5m, 2h (default: no limit).")
@click.option("--quiet", is_flag=True, help="Do not show what happens.")
@click.pass_obj
def run(session: Session, /, timeout: float | None, quiet: bool, **options: Any) -> int:
    """Start a workflow, wait for its end, and print its output as JSON.

    Exit status: 0 it completed, 1 it failed, 4 it has not ended in time (it goes on).
    """
    with session.client() as client:
        workflow_id = _start(client, **options)
        wait = follow if can_draw() and not quiet else _wait
        with _telling_that_it_goes_on(workflow_id):
            say(f"Started {workflow_id}")
            execution = wait(client, workflow_id, timeout)
        show_json(execution.to_dict() if session.is_json else execution.output)
        return _complain(client, execution)


def _wait(client: ConductorClient, workflow_id: str, timeout: float | None) -> Workflow:
    return client.workflows.wait(workflow_id, timeout=timeout)


@contextlib.contextmanager
def _telling_that_it_goes_on(workflow_id: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say(f"Stopped watching; the workflow goes on. To watch it again: conductor workflow watch {workflow_id}")
        raise


def _complain(client: ConductorClient, execution: Workflow) -> int:
    if execution.is_successful:
        return DONE
    error = client.workflows.failure(execution)
    say(f"Error: {error}")
    for line in error.logs:
        say(f"  {line.log}")
    return FAILED


@command.command("watch")
@_ID
@click.option("--timeout", type=seconds, metavar="TIME", help="The longest wait: 30, 5m, 2h (default: no limit).")
@click.pass_obj
def watch(session: Session, workflow_id: str, timeout: float | None) -> int:
    """Follow an execution until it has ended: a tree on a terminal, a line for each change elsewhere.

    Exit status: 0 it completed, 1 it failed, 4 it has not ended in time.
    """
    with session.client() as client:
        with _telling_that_it_goes_on(workflow_id):
            execution = follow(client, workflow_id, timeout)
        if session.is_json:
            show_json(execution.to_dict())
        return _complain(client, execution)


@command.command("get")
@_ID
@click.option("--tasks", "lists", is_flag=True, help="A table of its tasks with their ids, in place of the tree.")
@click.pass_obj
def get(session: Session, workflow_id: str, lists: bool) -> None:
    """Show an execution: a tree of its tasks with their times, or all of it with -o json."""
    with session.client() as client:
        execution = client.workflows.get(workflow_id)
        if lists:
            _show_tasks(session, execution)
            return
        if session.is_json:
            show_json(execution.to_dict())
            return
        click.echo(f"{execution.workflow_id}  {execution.status}")
        click.echo(picture(client, execution).plain, nl=True)
        show_json({"input": execution.input, "output": execution.output})


def _show_tasks(session: Session, execution: Workflow) -> None:
    rows = [
        {
            "reference": task.reference_task_name,
            "type": task.task_type,
            "status": str(task.status),
            "attempt": task.retry_count + 1,
            "taskId": task.task_id,
            "subWorkflowId": task.sub_workflow_id,
        }
        for task in execution.tasks
    ]
    show_rows(session, rows, ("reference", "type", "status", "attempt", "taskId", "subWorkflowId"), empty="No tasks.")


for _more in (*commands, search, diagram, export):
    command.add_command(_more)
