"""``conductor workflow``: start, run, follow, find and change executions."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

import click

from conductor.cli.command import Group
from conductor.cli.exits import DONE, FAILED
from conductor.cli.folder import read_workflow
from conductor.cli.names import complete_workflow_or_file, similar_names
from conductor.cli.output import relative_time, row_of, say, show_json, show_rows, tracked, watch_option, watched, write
from conductor.cli.session import Session
from conductor.cli.values import input_options, merged, seconds, text_pairs
from conductor.cli.workflow_control import commands
from conductor.cli.workflow_files import diagram, export
from conductor.cli.workflow_watch import follow, is_live, tree
from conductor.clients.client import ConductorClient
from conductor.models import Workflow, WorkflowExecutionStatus
from conductor.worker.scalars import parse_datetime

__all__ = ["command"]

#: Number of executions that one search request reads.
_PAGE = 100
_COLUMNS = ("workflowId", "workflowType", "version", "status", "startTime", "executionTime", "correlationId")

_ID = click.argument("workflow_id", metavar="ID")


@click.group("workflow", cls=Group)
def command() -> None:
    """Start, watch, find and change executions of workflows.

    Definitions are managed with 'conductor def'.
    """


def _start_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for add in (
        click.option(
            "--idempotency-key", metavar="KEY", help="A key that prevents a second execution (Orkes, embedded server)."
        ),
        click.option(
            "--domain",
            "domains",
            multiple=True,
            metavar="TASK=DOMAIN",
            help="The domain of a task, or of all tasks (*); repeatable.",
        ),
        click.option(
            "--priority",
            type=click.IntRange(0, 99),
            help="The priority; tasks of executions with higher values run first.",
        ),
        click.option("--correlation-id", metavar="TEXT", help="A correlation id to search by."),
        click.option("--version", type=int, help="The definition's version (default: the latest)."),
        input_options("workflow's input"),
        click.argument("workflow", metavar="NAME|FILE", shell_complete=complete_workflow_or_file),
    ):
        function = add(function)
    return function


def _start(client: ConductorClient, workflow: str, given: Any, pairs: Any, domains: Any, **options: Any) -> str:
    found = read_workflow(workflow)
    target: Any = workflow if found is None else found.check().to_def()
    data, domain = merged(given, pairs), text_pairs(domains) or None
    with similar_names(workflow, lambda: [one.name for one in client.metadata.list_workflows()]):
        return client.workflows.start(target, data, task_to_domain=domain, **options)


@command.command("start")
@_start_options
@click.pass_obj
def start(session: Session, /, **options: Any) -> None:
    """Start a workflow and print the execution's id.

    A FILE (JSON, YAML or Python) runs without being registered.
    """
    with session.client() as client:
        workflow_id = _start(client, **options)
    if session.is_json:
        show_json({"workflowId": workflow_id})
    else:
        write(workflow_id)


@command.command("run")
@_start_options
@click.option("--timeout", type=seconds, metavar="TIME", help="Maximum time to wait: 30, 5m, 2h (default: no limit).")
@click.option("--quiet", is_flag=True, help="Do not show the execution while it runs.")
@click.pass_obj
def run(session: Session, /, timeout: float | None, quiet: bool, **options: Any) -> int:
    """Start a workflow, wait for its end, and print its output.

    The output is printed as JSON. Exit status: 0 the execution completed, 1 it failed, 4 the timeout expired (the
    execution continues).
    """
    with session.client() as client:
        workflow_id = _start(client, **options)
        wait = follow if is_live() and not quiet else _wait
        with _saying_that_it_continues(workflow_id):
            say(f"Started {workflow_id}")
            execution = wait(client, workflow_id, timeout)
        show_json(execution.to_dict() if session.is_json else execution.output)
        return _report_failure(client, execution)


def _wait(client: ConductorClient, workflow_id: str, timeout: float | None) -> Workflow:
    return client.workflows.wait(workflow_id, timeout=timeout)


@contextlib.contextmanager
def _saying_that_it_continues(workflow_id: str) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        say(f"Stopped watching; the workflow continues. To watch it again: conductor workflow watch {workflow_id}")
        raise


def _report_failure(client: ConductorClient, execution: Workflow) -> int:
    if execution.is_successful:
        return DONE
    error = client.workflows.failure(execution)
    say(f"Error: {error}")
    for line in error.logs:
        say(f"  {line.log}")
    return FAILED


@command.command("watch")
@_ID
@click.option("--timeout", type=seconds, metavar="TIME", help="Maximum time to wait: 30, 5m, 2h (default: no limit).")
@click.pass_obj
def watch(session: Session, workflow_id: str, timeout: float | None) -> int:
    """Show the progress of an execution until it ends.

    The output is a tree on a terminal, and a line for each change elsewhere.

    Exit status: 0 the execution completed, 1 it failed, 4 the timeout expired (the execution continues).
    """
    with session.client() as client:
        with _saying_that_it_continues(workflow_id):
            execution = follow(client, workflow_id, timeout)
        if session.is_json:
            show_json(execution.to_dict())
        return _report_failure(client, execution)


@command.command("get")
@_ID
@click.option("--tasks", "lists", is_flag=True, help="Show a table of the tasks with their ids instead of the tree.")
@click.pass_obj
def get(session: Session, workflow_id: str, lists: bool) -> None:
    """Show an execution as a tree of its tasks.

    With --output json, print the complete execution.
    """
    with session.client() as client:
        execution = client.workflows.get(workflow_id)
        if lists:
            _show_tasks(session, execution)
            return
        if session.is_json:
            show_json(execution.to_dict())
            return
        write(f"{execution.workflow_id}  {execution.status}")
        if execution.started_at:
            ended = f", ended {relative_time(execution.ended_at)}" if execution.ended_at else ""
            write(f"started {relative_time(execution.started_at)}{ended}")
        write(tree(client, execution).plain)
        show_json({"input": execution.input, "output": execution.output})


def _show_tasks(session: Session, execution: Workflow) -> None:
    rows = [
        row_of(
            session,
            task,
            {
                "reference": task.reference_task_name,
                "type": task.task_type,
                "status": str(task.status),
                "attempt": task.retry_count + 1,
                "taskId": task.task_id,
                "subWorkflowId": task.sub_workflow_id,
            },
        )
        for task in execution.tasks
    ]
    show_rows(session, rows, ("reference", "type", "status", "attempt", "taskId", "subWorkflowId"), empty="No tasks.")


def _filter_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for add in (
        click.option("--text", default="*", help="Only executions with this text in the summary."),
        click.option("--query", help="More conditions, in the server's query language."),
        click.option(
            "--since", type=seconds, metavar="TIME", help="Only executions started within this time: 30m, 2h, 1d."
        ),
        click.option(
            "--correlation-id",
            multiple=True,
            metavar="TEXT",
            help="Only executions with this correlation id; repeatable.",
        ),
        click.option("--status", multiple=True, help="Only executions with this status, such as RUNNING; repeatable."),
        click.option(
            "--type",
            "types",
            multiple=True,
            metavar="NAME",
            help="Only executions of this workflow; * is a wildcard; repeatable.",
        ),
    ):
        function = add(function)
    return function


def _conditions(given: Mapping[str, Any]) -> dict[str, Any]:
    since = given["since"]
    return {
        "workflow_type": given["types"] or None,
        "status": [one.upper() for one in given["status"]] or None,
        "correlation_id": given["correlation_id"] or None,
        "started_after": None if since is None else datetime.now(timezone.utc) - timedelta(seconds=since),
        "query": given["query"],
        "free_text": given["text"],
    }


@command.command("search")
@_filter_options
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The maximum number of results.")
@click.option("--ids", "only_ids", is_flag=True, help="Print only the ids, for a pipe.")
@watch_option
@click.pass_obj
def search(session: Session, /, limit: int, only_ids: bool, interval: float | None, **given: Any) -> None:
    """Find executions, the latest first."""
    with session.client() as client:

        def rows() -> list[dict[str, Any]]:
            found = client.workflows.iterate_search(**_conditions(given), sort="startTime:DESC", size=min(limit, _PAGE))
            return [one.to_dict() for one in tracked(itertools.islice(found, limit), "Found", limit)]

        if only_ids:
            ids = [row["workflowId"] for row in rows()]
            show_json(ids) if session.is_json else click.echo("\n".join(ids), nl=bool(ids))
            return
        readable = rows if session.is_json else lambda: list(map(_readable, rows()))
        watched(session, interval, readable, _COLUMNS, empty="No execution matches.")


@command.command("list")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="The maximum number of results.")
@watch_option
@click.pass_context
def list_(context: click.Context, limit: int, interval: float | None) -> None:
    """List the latest executions. Use 'search' to filter them."""
    context.invoke(
        search,
        limit=limit,
        interval=interval,
        only_ids=False,
        types=(),
        status=(),
        correlation_id=(),
        since=None,
        query=None,
        text="*",
    )


@command.command("count")
@_filter_options
@watch_option
@click.pass_obj
def count(session: Session, /, interval: float | None, **given: Any) -> None:
    """Count executions by status."""
    conditions = _conditions(given)
    statuses = conditions.pop("status") or [one.value for one in WorkflowExecutionStatus]
    with session.client() as client:

        def rows() -> list[dict[str, Any]]:
            found = [
                {"status": one, "count": client.workflows.search(**conditions, status=one, size=1).total_hits}
                for one in statuses
            ]
            total = sum(row["count"] for row in found)
            return found if session.is_json else [*found, {"status": "total", "count": total}]

        watched(session, interval, rows, ("status", "count"))


def _readable(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row with its start in local time and the unit of its duration."""
    took = row.get("executionTime")
    return {
        **row,
        "startTime": _local(row.get("startTime")),
        "executionTime": None if took is None or row.get("status") == "RUNNING" else f"{took / 1000:.1f} s",
    }


def _local(text: str | None) -> str | None:
    try:
        return relative_time(parse_datetime(text)) if text else text
    except ValueError:  # a format of another server
        return text


for _more in (*commands, diagram, export):
    command.add_command(_more)
