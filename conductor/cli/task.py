"""``conductor task``: single tasks, their logs and their queues."""

from __future__ import annotations

import contextlib
import logging
import pdb  # noqa: T100  what --pdb is for
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import click

from conductor._internal.suggestions import did_you_mean
from conductor.cli.checking import worker_steps
from conductor.cli.command import Command, Group
from conductor.cli.exits import DONE, FAILED, Misused
from conductor.cli.modules import find_named, import_all
from conductor.cli.names import complete_task_type
from conductor.cli.output import local_time, relative_time, row_of, say, show_json, watch_option, watched, write
from conductor.cli.session import Session
from conductor.cli.values import input_options, merged
from conductor.clients.client import ConductorClient
from conductor.errors import NotFoundError
from conductor.models import Task, TaskResult, TaskResultStatus
from conductor.worker import execution
from conductor.worker.context import TaskContext
from conductor.worker.worker import Worker

__all__ = ["REFERENCE", "command", "find_task", "replay"]


REFERENCE = click.option(
    "--ref", metavar="NAME", help="Treat ID as the id of an execution, and use its task with this reference name."
)


def find_task(client: ConductorClient, one: str, reference: str | None) -> Task:
    """Return a task by its id, or by the id of its execution and its reference name.

    Raises:
        Misused: The execution has no task with this reference name, or the id is that of an execution.
        NotFoundError: The id does not exist.
    """
    if reference is None:
        try:
            return client.tasks.get(one)
        except NotFoundError as error:
            if (hint := _reference_hint(client, one)) is None:
                raise
            raise Misused(f"{str(error).rstrip('.')}. {hint}") from None
    execution = client.workflows.get(one)
    found = execution.task(reference)
    if found is None:
        there = ", ".join(dict.fromkeys(task.reference_task_name or "" for task in execution.tasks)) or "none"
        raise Misused(f"Workflow {one} has no task {reference!r} so far; its tasks: {there}.")
    return found


def _reference_hint(client: ConductorClient, one: str) -> str | None:
    """Return how to name a task of an execution; None if no execution has this id."""
    try:
        execution = client.workflows.get(one)
    except NotFoundError:
        return None
    there = ", ".join(dict.fromkeys(task.reference_task_name or "" for task in execution.tasks)) or "none"
    return f"This is the id of an execution: name its task with --ref NAME; its tasks: {there}."


_FAILED = frozenset({TaskResultStatus.FAILED, TaskResultStatus.FAILED_WITH_TERMINAL_ERROR})


@click.command("replay", cls=Command)
@click.argument("task_id", metavar="ID")
@click.argument("modules", nargs=-1, required=True, metavar="MODULE...")
@REFERENCE
@click.option("--worker", "name", metavar="NAME", help="The worker to use (default: the worker of the task's type).")
@click.option("--pdb", "debugs", is_flag=True, help="Open the debugger if the function raises.")
@click.pass_obj
def replay(
    session: Session, task_id: str, modules: tuple[str, ...], ref: str | None, name: str | None, debugs: bool
) -> int:
    """Run a worker with the recorded input of a task.

    The function in MODULE runs on this machine, and the server is not updated.

    The result is printed as JSON. Exit status 1 if the task would fail.
    """
    import_all(modules)
    with session.client() as client:
        task = find_task(client, task_id, ref)
    worker = _worker(name or task.task_def_name or task.task_type or "", task.domain)
    say(f"Replaying {worker.name} with the input of {task.task_id}; the server is not updated")
    with _muted_runner():
        result = execution.TaskRunner(worker, "replay", [_debugging] if debugs else []).run(task, threading.Event())
    return _report(session, task, result)


@contextlib.contextmanager
def _muted_runner() -> Iterator[None]:
    """Suppress the log of a failure: the result contains it, with the traceback of the function only."""
    log = logging.getLogger(execution.__name__)
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _worker(name: str, domain: str | None) -> Worker:
    found = find_named([name])
    same = [worker for worker in found if worker.domain == domain]
    if not same and len(found) > 1:
        raise Misused(f"{name} is declared in several domains, but not in the task's domain {domain!r}.")
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
    say(f"Error: {result.reason_for_incompletion}")
    return FAILED


_ID = click.argument("task_id", metavar="ID")


@click.group("task", cls=Group)
def command() -> None:
    """Show, complete, fail, poll and replay tasks."""


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
            write(f"{name:<10} {value}")
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
        "scheduled": relative_time(task.scheduled_at),
        "started": relative_time(task.started_at),
        "ended": relative_time(task.ended_at),
        "reason": task.reason_for_incompletion,
    }


@command.command("logs")
@_ID
@REFERENCE
@click.pass_obj
def logs(session: Session, task_id: str, ref: str | None) -> None:
    """Show the log of a task."""
    with session.client() as client:
        found = client.tasks.list_logs(task_id if ref is None else find_task(client, task_id, ref).task_id or "")
        if not found:
            find_task(client, task_id, ref)  # the server also returns an empty log for an unknown task
    if session.is_json:
        show_json([line.to_dict() for line in found])
        return
    for line in found:
        write(f"{local_time(line.created_at)}  {line.log}")


@command.command("complete")
@_ID
@REFERENCE
@input_options("task's output")
@click.pass_obj
def complete(session: Session, task_id: str, ref: str | None, given: Any, pairs: tuple[str, ...]) -> None:
    """Complete an open task, such as one that waits for a person."""
    _update(session, task_id, ref, status=TaskResultStatus.COMPLETED, output=merged(given, pairs))


@command.command("fail")
@_ID
@REFERENCE
@click.option("--reason", default="failed by hand", show_default=True, help="The reason to store with the task.")
@click.option("--final", is_flag=True, help="Do not retry the task.")
@input_options("task's output")
@click.pass_obj
def fail(
    session: Session, task_id: str, ref: str | None, reason: str, final: bool, given: Any, pairs: tuple[str, ...]
) -> None:
    """Fail an open task. It is retried according to its definition."""
    status = TaskResultStatus.FAILED_WITH_TERMINAL_ERROR if final else TaskResultStatus.FAILED
    _update(session, task_id, ref, status=status, output=merged(given, pairs), reason=reason)


def _update(session: Session, one: str, ref: str | None, *, status: TaskResultStatus, **more: Any) -> None:
    with session.client() as client:
        task = find_task(client, one, ref)
        if task.is_terminal:
            raise Misused(f"Task {task.task_id} has already ended as {task.status}; nothing was changed.")
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
        write(f"{task.task_id}\t{status}")


@command.command("poll")
@click.argument("task_type", metavar="TYPE", shell_complete=complete_task_type)
@click.option("--count", type=click.IntRange(1, 100), default=1, show_default=True, help="The maximum number of tasks.")
@click.option("--domain", help="The task domain.")
@click.option("--worker-id", default="conductor-cli", show_default=True, help="The worker id to report.")
@click.pass_obj
def poll(session: Session, task_type: str, count: int, domain: str | None, worker_id: str) -> None:
    """Poll tasks from a queue like a worker, and print them as JSON.

    The tasks are then IN_PROGRESS. End each one with 'complete' or 'fail' before its response timeout.
    """
    with session.client() as client:
        found = client.tasks.poll_batch(task_type, count=count, worker_id=worker_id, domain=domain)
    show_json([task.to_dict() for task in found])
    if not found:
        say(f"No task of type {task_type} is waiting")


@command.command("queue")
@click.argument("task_types", nargs=-1, metavar="[TYPE]...", shell_complete=complete_task_type)
@watch_option
@click.pass_obj
def queue(session: Session, task_types: tuple[str, ...], interval: float | None) -> None:
    """Show the length and the last pollers of queues."""
    with session.client() as client:

        def rows() -> list[Mapping[str, Any]]:
            sizes = client.tasks.get_queue_sizes(task_types) if task_types else client.tasks.list_queues()
            _refuse_unknown(client, {name for name in task_types if not sizes.get(name)})
            return [row for name in sorted(sizes) for row in _queue_rows(session, client, name, sizes[name])]

        columns = ("queue", "domain", "waiting", "lastPoll", "worker")
        watched(session, interval, rows, columns, empty="No queues found.")


def _refuse_unknown(client: ConductorClient, names: set[str]) -> None:
    """Reject names that no definition, queue or poller has."""
    if not names:
        return
    known = {task.name for task in client.metadata.list_tasks()}
    known |= {one.queue_name or "" for one in client.tasks.list_all_poll_data()}
    known |= {queue.rpartition(":")[2] for queue, size in client.tasks.list_queues().items() if size}
    known |= {step.name or "" for one in client.metadata.list_workflows() for step in worker_steps(one)}
    for name in sorted(names - known):
        hint = did_you_mean(name, known) or "."
        raise Misused(f"The server has no task definition, workflow task, queue or poller named {name!r}{hint}")


def _queue_rows(session: Session, client: ConductorClient, name: str, size: int) -> list[Mapping[str, Any]]:
    """Return a row for each domain that was polled; ``size`` is the length of the queue without a domain."""
    polled = client.tasks.list_poll_data(name)
    rows: list[Mapping[str, Any]] = [
        row_of(
            session,
            one,
            {
                "queue": name,
                "domain": one.domain,
                "waiting": client.tasks.get_queue_size(name, domain=one.domain) if one.domain else size,
                "lastPoll": one.last_polled_at,
                "worker": one.worker_id,
            },
        )
        for one in polled
    ]
    if not any(one.domain is None for one in polled):
        rows.insert(0, {"queue": name, "waiting": size})
    return rows


command.add_command(replay)
