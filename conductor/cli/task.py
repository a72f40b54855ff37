"""``conductor task``: single tasks, their logs and queues."""

from __future__ import annotations

from typing import Any

import click

from conductor.cli.checking import nearest, worker_steps
from conductor.cli.exits import Misused
from conductor.cli.grouping import Group
from conductor.cli.names import complete_task_type
from conductor.cli.output import local_time, show_json, show_rows
from conductor.cli.replay import replay
from conductor.cli.session import Session
from conductor.cli.task_choice import REFERENCE, find_task
from conductor.cli.values import input_options, merged
from conductor.clients.client import ConductorClient
from conductor.models import Task, TaskResultStatus

__all__ = ["command"]

_ID = click.argument("task_id", metavar="ID")


@click.group("task", cls=Group)
def command() -> None:
    """Look at tasks, complete or fail them, and try them here."""


@command.command("get")
@_ID
@REFERENCE
@click.pass_obj
def get(session: Session, task_id: str, ref: str | None) -> None:
    """Show a task with its input and output."""
    with session.client() as client:
        task = find_task(client, task_id, ref)
    if session.is_json:
        show_json(task.to_dict())
        return
    for name, value in _facts(task).items():
        if value not in {None, ""}:
            click.echo(f"{name:<10} {value}")
    show_json({"input": task.input_data, "output": task.output_data})


def _facts(task: Task) -> dict[str, Any]:
    return {
        "task": task.task_id,
        "type": task.task_def_name or task.task_type,
        "reference": task.reference_task_name,
        "workflow": f"{task.workflow_type} {task.workflow_instance_id}",
        "status": task.status,
        "attempt": task.retry_count + 1,
        "domain": task.domain,
        "worker": task.worker_id,
        "scheduled": local_time(task.scheduled_at),
        "started": local_time(task.started_at),
        "ended": local_time(task.ended_at),
        "reason": task.reason_for_incompletion,
    }


@command.command("logs")
@_ID
@REFERENCE
@click.pass_obj
def logs(session: Session, task_id: str, ref: str | None) -> None:
    """Show what the worker logged for a task."""
    with session.client() as client:
        found = client.tasks.list_logs(task_id if ref is None else find_task(client, task_id, ref).task_id or "")
        if not found:
            find_task(client, task_id, ref)  # the server has an empty log of a task that it does not know, too
    if session.is_json:
        show_json([line.to_dict() for line in found])
        return
    for line in found:
        click.echo(f"{local_time(line.created_at)}  {line.log}")


@command.command("complete")
@_ID
@REFERENCE
@input_options("task's output")
@click.pass_obj
def complete(session: Session, task_id: str, ref: str | None, given: Any, pairs: tuple[str, ...]) -> None:
    """Complete an open task, such as one that waits for a human."""
    _update(session, task_id, ref, status=TaskResultStatus.COMPLETED, output=merged(given, pairs))


@command.command("fail")
@_ID
@REFERENCE
@click.option("--reason", default="failed by hand", show_default=True, help="Why.")
@click.option("--final", is_flag=True, help="Do not try it again.")
@input_options("task's output")
@click.pass_obj
def fail(
    session: Session, task_id: str, ref: str | None, reason: str, final: bool, given: Any, pairs: tuple[str, ...]
) -> None:
    """Fail an open task; it is tried again as its definition says."""
    status = TaskResultStatus.FAILED_WITH_TERMINAL_ERROR if final else TaskResultStatus.FAILED
    _update(session, task_id, ref, status=status, output=merged(given, pairs), reason=reason)


def _update(session: Session, one: str, ref: str | None, *, status: TaskResultStatus, **more: Any) -> None:
    with session.client() as client:
        task = find_task(client, one, ref)
        if task.is_terminal:
            raise Misused(f"Task {task.task_id} has ended as {task.status}; nothing was changed.")
        client.tasks.update(
            workflow_id=task.workflow_instance_id,
            task_id=task.task_id,
            status=status,
            worker_id="conductor-cli",
            **more,
        )
    if session.is_json:
        show_json({"taskId": task.task_id, "status": str(status)})
    else:
        click.echo(f"{task.task_id}\t{status}")


@command.command("queue")
@click.argument("task_types", nargs=-1, metavar="[TYPE]...", shell_complete=complete_task_type)
@click.pass_obj
def queue(session: Session, task_types: tuple[str, ...]) -> None:
    """Show how many tasks wait, and who polled for them last."""
    with session.client() as client:
        sizes = client.tasks.get_queue_sizes(task_types) if task_types else client.tasks.list_queues()
        _refuse_unknown(client, {name for name in task_types if not sizes.get(name)})
        rows = [row for name in sorted(sizes) for row in _queue_rows(client, name, sizes[name])]
    show_rows(session, rows, ("queue", "domain", "waiting", "lastPoll", "worker"), empty="There are no queues.")


def _refuse_unknown(client: ConductorClient, names: set[str]) -> None:
    """Refuse names of empty queues that are in no definition, and for which nobody ever polled."""
    if not names:
        return
    known = {task.name for task in client.metadata.list_tasks()}
    known |= {one.queue_name or "" for one in client.tasks.list_all_poll_data()}
    known |= {queue.rpartition(":")[2] for queue, size in client.tasks.list_queues().items() if size}
    known |= {step.name or "" for one in client.metadata.list_workflows() for step in worker_steps(one)}
    for name in sorted(names - known):
        hint = nearest(name, known) or "."
        raise Misused(f"No task definition, workflow, queue or poller of the server has the name {name!r}{hint}")


def _queue_rows(client: ConductorClient, name: str, size: int) -> list[dict[str, Any]]:
    """A row for each domain that was polled; the size is that of the queue without a domain."""
    polled = client.tasks.list_poll_data(name)
    rows: list[dict[str, Any]] = [
        {
            "queue": name,
            "domain": one.domain,
            "waiting": client.tasks.get_queue_size(name, domain=one.domain) if one.domain else size,
            "lastPoll": local_time(one.last_polled_at),
            "worker": one.worker_id,
        }
        for one in polled
    ]
    if not any(one.domain is None for one in polled):
        rows.insert(0, {"queue": name, "waiting": size})
    return rows


command.add_command(replay)
