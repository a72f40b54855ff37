"""The commands of ``conductor workflow`` that change executions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from conductor.cli.command import Command
from conductor.cli.exits import DONE, Misused, status_of
from conductor.cli.output import confirm, say, show_json, show_rows, tracked, write
from conductor.cli.session import Session
from conductor.cli.values import as_model, input_options, json_object, merged, value_pairs
from conductor.clients.client import ConductorClient
from conductor.errors import APIConnectionError, ConductorError, NotFoundError
from conductor.models import WorkflowStateUpdate

__all__ = ["commands"]

_IDS = click.argument("ids", nargs=-1, required=True, metavar="ID...")
_ID = click.argument("workflow_id", metavar="ID")
_REFERENCE = click.argument("reference", metavar="TASK")


def _each(session: Session, ids: tuple[str, ...], done: str, act: Callable[[ConductorClient, str], object]) -> int:
    """Act on each execution; an error is reported and does not stop the others."""
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
    """Pause executions: no further tasks are scheduled."""
    return _each(session, ids, "paused", lambda client, one: client.workflows.pause(one))


@click.command("resume", cls=Command)
@_IDS
@click.pass_obj
def resume(session: Session, ids: tuple[str, ...]) -> int:
    """Resume paused executions."""
    return _each(session, ids, "resumed", lambda client, one: client.workflows.resume(one))


@click.command("terminate", cls=Command)
@_IDS
@click.option("--reason", help="The reason to store with the execution.")
@click.pass_obj
def terminate(session: Session, ids: tuple[str, ...], reason: str | None) -> int:
    """Terminate running executions."""
    return _each(session, ids, "terminated", lambda client, one: client.workflows.terminate(one, reason))


@click.command("delete", cls=Command)
@_IDS
@click.option("--terminate", "ends", is_flag=True, help="Terminate running executions before deleting them.")
@click.option("--archive", is_flag=True, help="Keep the entries of ended executions in the search index.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")
@click.pass_obj
def delete(session: Session, ids: tuple[str, ...], ends: bool, archive: bool, yes: bool) -> int:
    """Delete executions permanently."""
    if not yes:
        confirm(f"Delete {len(ids)} execution{'s' if len(ids) > 1 else ''} permanently?")

    def act(client: ConductorClient, one: str) -> None:
        if ends and not client.workflows.get(one, include_tasks=False).is_terminal:
            client.workflows.terminate(one, "deleted on the command line")
        client.workflows.delete(one, archive=archive)

    return _each(session, ids, "deleted", act)


@click.command("retry", cls=Command)
@_IDS
@click.option(
    "--resume-subworkflows", is_flag=True, help="Retry the failed task of a sub-workflow instead of restarting it."
)
@click.pass_obj
def retry(session: Session, ids: tuple[str, ...], resume_subworkflows: bool) -> int:
    """Retry the failed task of ended executions."""
    return _each(
        session,
        ids,
        "retried",
        lambda client, one: client.workflows.retry(one, resume_subworkflow_tasks=resume_subworkflows),
    )


@click.command("restart", cls=Command)
@_IDS
@click.option("--latest", is_flag=True, help="Use the latest version of the definition.")
@click.pass_obj
def restart(session: Session, ids: tuple[str, ...], latest: bool) -> int:
    """Restart ended executions from their first task.

    The executions keep their ids.
    """
    return _each(
        session, ids, "restarted", lambda client, one: client.workflows.restart(one, use_latest_definitions=latest)
    )


@click.command("rerun", cls=Command)
@_ID
@click.option(
    "--from", "task", metavar="TASK", help="The task to start from: reference name or id (default: the first)."
)
@click.option("--task-input", type=json_object, metavar="JSON|@FILE|-", help="A new input for that task.")
@click.option("--input", "given", type=json_object, metavar="JSON|@FILE|-", help="A new input for the workflow.")
@click.option("--correlation-id", help="A new correlation id.")
@click.pass_obj
def rerun(
    session: Session, workflow_id: str, task: str | None, task_input: Any, given: Any, correlation_id: str | None
) -> int:
    """Run an ended execution again, from a task or from the start."""

    def act(client: ConductorClient, one: str) -> None:
        task_id = None if task is None else _task_id(client, one, task)
        client.workflows.rerun(
            one, from_task_id=task_id, task_input=task_input, workflow_input=given, correlation_id=correlation_id
        )

    return _each(session, (workflow_id,), "rerun", act)


def _task_id(client: ConductorClient, workflow_id: str, task: str) -> str:
    """Return the id of a task that is named by its id or its reference name."""
    found = client.workflows.get(workflow_id).task(task)
    return (found.task_id if found else None) or task


@click.command("skip", cls=Command)
@_ID
@_REFERENCE
@click.option(
    "--task-input", type=json_object, metavar="JSON|@FILE|-", help="The input to record for the skipped task."
)
@input_options("skipped task's output", flag="--output-data", short="-d")
@click.pass_obj
def skip(
    session: Session, workflow_id: str, reference: str, task_input: Any, given: Any, pairs: tuple[str, ...]
) -> int:
    """Skip a task that is not scheduled yet.

    TASK is the reference name.
    """
    output = merged(given, pairs) or None
    return _each(
        session,
        (workflow_id,),
        f"skipped {reference}",
        lambda client, one: client.workflows.skip_task(one, reference, input=task_input, output=output),
    )


@click.command("jump", cls=Command)
@_ID
@_REFERENCE
@input_options("task's input")
@click.pass_obj
def jump(session: Session, workflow_id: str, reference: str, given: Any, pairs: tuple[str, ...]) -> int:
    """Continue an execution at another task (Orkes).

    TASK is the reference name.
    """
    data = merged(given, pairs) or None
    return _each(
        session,
        (workflow_id,),
        f"jumped to {reference}",
        lambda client, one: client.workflows.jump_to_task(one, reference, input=data),
    )


@click.command("signal", cls=Command)
@_ID
@click.option(
    "--status",
    type=click.Choice(["COMPLETED", "FAILED", "FAILED_WITH_TERMINAL_ERROR"], case_sensitive=False),
    default="COMPLETED",
    show_default=True,
    help="The new status of the waiting task.",
)
@click.option("--async", "returns_at_once", is_flag=True, help="Do not wait for the result; no error if no task waits.")
@input_options("waiting task's output")
@click.pass_obj
def signal(
    session: Session, workflow_id: str, status: str, returns_at_once: bool, given: Any, pairs: tuple[str, ...]
) -> None:
    """Complete the first open WAIT task of an execution.

    This includes tasks of sub-workflows, WAIT tasks that wait for a time, such as a deadline, and on Orkes YIELD tasks.
    For a HUMAN task, or a specific one of several tasks, use: conductor task complete --ref REFERENCE ID
    """
    output = merged(given, pairs)
    with session.client() as client:
        if returns_at_once:
            client.tasks.signal_async(workflow_id, status, output)
            return
        try:
            result = client.tasks.signal(workflow_id, status, output)
        except NotFoundError as error:
            raise Misused(f"{error}{_other_open_tasks(client, workflow_id)}") from None
    if session.is_json:
        show_json(result.to_dict())
    else:
        write(f"{workflow_id}\t{getattr(result, 'status', status)}")


def _other_open_tasks(client: ConductorClient, workflow_id: str) -> str:
    """Return a hint at the open HUMAN tasks of an execution, which signals do not complete."""
    try:
        tasks = client.workflows.get(workflow_id).tasks
    except NotFoundError:
        return ""
    human = [task.reference_task_name for task in tasks if task.task_type == "HUMAN" and not task.is_terminal]
    commands = " or ".join(f"conductor task complete --ref {name} {workflow_id} -i NAME=VALUE" for name in human)
    return f". A signal does not complete HUMAN tasks; use: {commands}" if commands else ""


@click.command("update", cls=Command)
@_ID
@click.option("--variable", "-v", "variables", multiple=True, metavar="NAME=VALUE", help="Set a workflow variable.")
@click.option("--task", metavar="REFERENCE", help="The reference name of a task to update in the same request.")
@click.option("--status", default="COMPLETED", show_default=True, help="The task's new status.")
@input_options("task's output")
@click.pass_obj
def update(
    session: Session,
    workflow_id: str,
    variables: tuple[str, ...],
    task: str | None,
    status: str,
    given: Any,
    pairs: tuple[str, ...],
) -> None:
    """Set variables and update a task of an execution (Orkes)."""
    if not variables and task is None:
        raise Misused("Nothing to update: give --variable NAME=VALUE, --task REFERENCE, or both.")
    body: dict[str, Any] = {"variables": value_pairs(variables)}
    if task is not None:
        body["taskReferenceName"] = task
        body["taskResult"] = {"workflowInstanceId": workflow_id, "status": status, "outputData": merged(given, pairs)}
    with session.client() as client:
        result = client.workflows.update_state(workflow_id, as_model(WorkflowStateUpdate, body))
    show_json(result.to_dict() if session.is_json else {"variables": result.variables})


commands: tuple[click.Command, ...] = (
    pause,
    resume,
    terminate,
    retry,
    restart,
    rerun,
    skip,
    jump,
    signal,
    update,
    delete,
)
