"""``conductor workflow``: executions: start them, follow them, change them."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.text import Text

from conductor.cli.command import Command, Group
from conductor.cli.exits import DONE, FAILED, Misused, status_of
from conductor.cli.folder import read_workflow
from conductor.cli.names import complete_workflow_or_file
from conductor.cli.output import local_time, say, show_json, show_rows, tracked
from conductor.cli.session import Session
from conductor.cli.values import input_options, json_object, merged, seconds, text_pairs
from conductor.clients.client import ConductorClient
from conductor.diagram import Picture, draw
from conductor.errors import APIConnectionError, ConductorError, NotFoundError, WorkflowTimeoutError
from conductor.models import Task, Workflow
from conductor.models.defaults import without_defaults
from conductor.workflow.builder import Workflow as WorkflowBuilder

__all__ = [
    "can_draw",
    "command",
    "commands",
    "diagram",
    "export",
    "follow",
    "picture",
    "search",
    "sub_executions",
    "written",
]


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

_PAGE = 100


@click.command("search", cls=Command)
@click.option("--type", "types", multiple=True, metavar="NAME", help="Of this workflow; * for any text; repeatable.")
@click.option("--status", multiple=True, help="In this status, such as RUNNING; repeatable.")
@click.option("--correlation-id", multiple=True, metavar="TEXT", help="With this correlation id; repeatable.")
@click.option("--since", type=seconds, metavar="TIME", help="Started within this time: 30m, 2h, 1d.")
@click.option("--query", help="Further conditions, as the server takes them.")
@click.option("--text", default="*", help="Text in the execution's summary.")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many at most.")
@click.option("--ids", "only_ids", is_flag=True, help="Print the ids alone, to be piped on.")
@click.pass_obj
def search(
    session: Session,
    types: tuple[str, ...],
    status: tuple[str, ...],
    correlation_id: tuple[str, ...],
    since: float | None,
    query: str | None,
    text: str,
    limit: int,
    only_ids: bool,
) -> None:
    """Find executions, the latest first."""
    after = None if since is None else datetime.now(timezone.utc) - timedelta(seconds=since)
    with session.client() as client:
        found = itertools.islice(
            client.workflows.iterate_search(
                workflow_type=types or None,
                status=[one.upper() for one in status] or None,
                correlation_id=correlation_id or None,
                started_after=after,
                query=query,
                free_text=text,
                sort="startTime:DESC",
                size=min(limit, _PAGE),
            ),
            limit,
        )
        rows = [one.to_dict() for one in tracked(found, "Found", limit)]
    if only_ids:
        ids = [row["workflowId"] for row in rows]
        show_json(ids) if session.is_json else click.echo("\n".join(ids), nl=bool(ids))
        return
    show_rows(
        session,
        rows if session.is_json else map(_for_people, rows),
        ("workflowId", "workflowType", "version", "status", "startTime", "executionTime", "correlationId"),
        empty="No execution matches.",
    )


def _for_people(row: dict[str, Any]) -> dict[str, Any]:
    """A row with the time of this machine's zone, as elsewhere, and with the unit of what it took."""
    took = row.get("executionTime")
    return {
        **row,
        "startTime": _local(row.get("startTime")),
        "executionTime": None if took is None else f"{took / 1000:.1f} s",
    }


def _local(text: str | None) -> str | None:
    try:
        return local_time(datetime.fromisoformat(text.replace("Z", "+00:00"))) if text else text
    except ValueError:  # another server's way of writing it
        return text


_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.1, 1.0, 1.3
_DEEPEST = 3


def can_draw() -> bool:
    """Whether standard error is a terminal on which a picture can change."""
    return sys.stderr.isatty()


def follow(client: ConductorClient, workflow_id: str, timeout: float | None) -> Workflow:
    """Show an execution on standard error until it has ended, and return it.

    Args:
        client: The client.
        workflow_id: The execution's id.
        timeout: The longest that it may take in seconds; None for no limit.

    Raises:
        WorkflowTimeoutError: It has not ended in time; it goes on.
    """
    if not can_draw():
        return _show_lines(client, workflow_id, timeout)
    console = Console(stderr=True)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for execution in _snapshots(client, workflow_id, timeout):
            live.update(picture(client, execution, running=True), refresh=True)
    console.print(picture(client, execution), end="")
    return execution


def _snapshots(client: ConductorClient, workflow_id: str, timeout: float | None) -> Iterator[Workflow]:
    """The execution again and again; the last one has ended."""
    deadline = None if timeout is None else time.monotonic() + timeout
    pause = _FIRST_PAUSE
    while True:
        execution = client.workflows.get(workflow_id)
        yield execution
        if execution.is_terminal:
            return
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise WorkflowTimeoutError(
                f"Workflow {workflow_id} has not ended within {timeout:g} s; it is {execution.status} and goes on.",
                workflow_id=workflow_id,
                workflow=execution,
            )
        time.sleep(pause if left is None else min(pause, left))
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def picture(client: ConductorClient, execution: Workflow, *, running: bool = False) -> Text:
    """An execution as a tree with times, those of its sub-workflows inside; with a line on how far it is."""
    drawn = Text.from_ansi(draw(execution, sub_executions(client, execution)).text(color=True))
    if running:
        ended = sum(task.is_terminal for task in execution.tasks)
        drawn.append(f"{ended} of {len(execution.tasks)} tasks so far have ended; {_elapsed(execution):.1f} s", "dim")
    return drawn


def _elapsed(execution: Workflow) -> float:
    start = execution.started_at or execution.created_at
    now = execution.ended_at or datetime.now(timezone.utc)
    return max(0.0, (now - start).total_seconds()) if start else 0.0


def sub_executions(client: ConductorClient, execution: Workflow, depth: int = 0) -> list[Workflow]:
    """The executions of its sub-workflows, and theirs, three levels deep."""
    found = []
    for task in execution.tasks if depth < _DEEPEST else ():
        if task.sub_workflow_id:
            try:
                inner = client.workflows.get(task.sub_workflow_id)
            except NotFoundError:  # it was removed
                continue
            found += [inner, *sub_executions(client, inner, depth + 1)]
    return found


def _show_lines(client: ConductorClient, workflow_id: str, timeout: float | None) -> Workflow:
    seen: dict[str, str] = {}
    for execution in _snapshots(client, workflow_id, timeout):
        for task in execution.tasks:
            _show_change(task, seen)
    ended = local_time(execution.ended_at)
    say(f"{ended}  {execution.workflow_name}  {execution.status}  {_elapsed(execution):.1f} s")
    return execution


def _show_change(task: Task, seen: dict[str, str], tell: Callable[[str], None] = say) -> None:
    status, key = str(task.status), task.task_id or ""
    if seen.get(key) == status:
        return
    seen[key] = status
    at = local_time(task.ended_at or task.started_at or task.scheduled_at)
    attempt = f"  attempt {task.retry_count + 1}" if task.retry_count else ""
    why = f"  {task.reason_for_incompletion}" if task.reason_for_incompletion else ""
    tell(f"{at}  {task.reference_task_name}  {status}{attempt}{why}")


_EXECUTION_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_FORMS = ["text", "mermaid", "svg"]


@click.command("diagram", cls=Command)
@click.argument("subject", metavar="ID|NAME|FILE", shell_complete=complete_workflow_or_file)
@click.option("--version", type=int, help="The definition's version (default: the latest).")
@click.option("--format", "form", type=click.Choice(_FORMS), default="text", show_default=True)
@click.option("--file", "target", type=click.Path(path_type=Path), help="A file: .svg, .html, .mmd or .txt.")
@click.pass_obj
def diagram(session: Session, subject: str, version: int | None, form: str, target: Path | None) -> None:
    """Draw an execution, a registered definition, or a definition in a file."""
    picture = _picture(session, subject, version)
    if target is not None:
        try:
            picture.save(target)
        except ValueError as error:
            raise Misused(str(error)) from None
        say(f"Wrote {target}")
    else:
        click.echo({"text": picture.text, "mermaid": picture.mermaid, "svg": picture.svg}[form](), nl=form != "text")


def _picture(session: Session, subject: str, version: int | None) -> Picture:
    if (workflow := read_workflow(subject)) is not None:
        return draw(workflow)
    with session.client() as client:
        if _EXECUTION_ID.fullmatch(subject.lower()):
            execution = client.workflows.get(subject)
            return draw(execution, sub_executions(client, execution))
        return draw(client.metadata.get_workflow(subject, version))


@click.command("export", cls=Command)
@click.argument("name", metavar="NAME|FILE", shell_complete=complete_workflow_or_file)
@click.option("--version", type=int, help="Its version (default: the latest).")
@click.option("--format", "form", type=click.Choice(["json", "yaml", "python"]), default="json", show_default=True)
@click.option("--file", "target", type=click.Path(path_type=Path), help="Write it there.")
@click.pass_obj
def export(session: Session, name: str, version: int | None, form: str, target: Path | None) -> None:
    """Print a definition as JSON, YAML, or Python code of this SDK."""
    workflow = read_workflow(name)
    if workflow is None:
        with session.client() as client:
            workflow = WorkflowBuilder.from_def(client.metadata.get_workflow(name, version))
    text = written(without_defaults(workflow.to_dict()), form) if form != "python" else workflow.to_python(tidy=True)
    if target is None:
        click.echo(text, nl=False)
    else:
        target.write_text(text, encoding="utf-8")
        say(f"Wrote {target}")


def written(wire: Any, form: str) -> str:
    """A definition's wire form as JSON or YAML text.

    Raises:
        Misused: YAML is asked for, and no library for it is installed.
    """
    if form == "json":
        return json.dumps(wire, indent=2, ensure_ascii=False) + "\n"
    try:
        from conductor.workflow.yaml_text import dump_yaml  # noqa: PLC0415  needs an extra
    except ModuleNotFoundError:
        raise Misused("YAML needs a library: pip install 'conductor-sdk[yaml]'.") from None
    return dump_yaml(wire)


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
