"""The commands of ``conductor workflow`` that change executions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from conductor.cli.exits import DONE, status_of
from conductor.cli.grouping import Command
from conductor.cli.output import say, show_rows
from conductor.cli.progress import tracked
from conductor.cli.session import Session
from conductor.cli.values import json_object
from conductor.clients.client import ConductorClient
from conductor.errors import APIConnectionError, ConductorError

__all__ = ["commands"]

_IDS = click.argument("ids", nargs=-1, required=True, metavar="ID...")


def _each(session: Session, ids: tuple[str, ...], done: str, act: Callable[[ConductorClient, str], object]) -> int:
    """Do something for each execution; one that refuses does not keep the others from it."""
    rows, worst = [], DONE
    with session.client() as client:
        for one in tracked(ids, done.capitalize(), len(ids)):
            try:
                act(client, one)
            except APIConnectionError:
                raise
            except ConductorError as error:
                say(f"Error: {one}: {error}")
                worst = max(worst, status_of(error))
                rows.append({"workflowId": one, "result": "error", "message": str(error)})
            else:
                rows.append({"workflowId": one, "result": done})
    show_rows(session, rows, ("workflowId", "result"))
    return worst


@click.command("pause", cls=Command)
@_IDS
@click.pass_obj
def pause(session: Session, ids: tuple[str, ...]) -> int:
    """Schedule no further tasks of these executions."""
    return _each(session, ids, "paused", lambda client, one: client.workflows.pause(one))


@click.command("resume", cls=Command)
@_IDS
@click.pass_obj
def resume(session: Session, ids: tuple[str, ...]) -> int:
    """Go on with paused executions."""
    return _each(session, ids, "resumed", lambda client, one: client.workflows.resume(one))


@click.command("terminate", cls=Command)
@_IDS
@click.option("--reason", help="Why, for those who look later.")
@click.pass_obj
def terminate(session: Session, ids: tuple[str, ...], reason: str | None) -> int:
    """End running executions as TERMINATED."""
    return _each(session, ids, "terminated", lambda client, one: client.workflows.terminate(one, reason))


@click.command("retry", cls=Command)
@_IDS
@click.option("--resume-subworkflows", is_flag=True, help="Retry the failed task inside a sub-workflow.")
@click.pass_obj
def retry(session: Session, ids: tuple[str, ...], resume_subworkflows: bool) -> int:
    """Try the failed task of ended executions once more."""
    return _each(
        session,
        ids,
        "retried",
        lambda client, one: client.workflows.retry(one, resume_subworkflow_tasks=resume_subworkflows),
    )


@click.command("restart", cls=Command)
@_IDS
@click.option("--latest", is_flag=True, help="With the latest version of the definition.")
@click.pass_obj
def restart(session: Session, ids: tuple[str, ...], latest: bool) -> int:
    """Start ended executions from their first task, with the same id."""
    return _each(
        session, ids, "restarted", lambda client, one: client.workflows.restart(one, use_latest_definitions=latest)
    )


@click.command("rerun", cls=Command)
@click.argument("workflow_id", metavar="ID")
@click.option("--from", "task", metavar="TASK", help="From this task: its reference name or id (default: the start).")
@click.option("--task-input", type=json_object, metavar="JSON|@FILE|-", help="That task's input, in place of its own.")
@click.option("--input", "given", type=json_object, metavar="JSON|@FILE|-", help="The workflow's input, likewise.")
@click.pass_obj
def rerun(session: Session, workflow_id: str, task: str | None, task_input: Any, given: Any) -> int:
    """Run an ended execution again, from a task or from the start."""

    def act(client: ConductorClient, one: str) -> None:
        task_id = None if task is None else _task_id(client, one, task)
        client.workflows.rerun(one, from_task_id=task_id, task_input=task_input, workflow_input=given)

    return _each(session, (workflow_id,), "rerun", act)


def _task_id(client: ConductorClient, workflow_id: str, task: str) -> str:
    """The id of a task that was named by its reference name, or by its id."""
    found = client.workflows.get(workflow_id).task(task)
    return (found.task_id if found else None) or task


commands: tuple[click.Command, ...] = (pause, resume, terminate, retry, restart, rerun)
