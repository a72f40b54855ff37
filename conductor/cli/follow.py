"""Following an execution: a picture that changes on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone

from rich.console import Console
from rich.live import Live
from rich.text import Text

from conductor.cli.output import local_time, say
from conductor.clients.client import ConductorClient
from conductor.errors import NotFoundError, WorkflowTimeoutError
from conductor.models import Task, Workflow
from conductor.workflow.draw import draw

__all__ = ["can_draw", "follow", "picture", "sub_executions"]

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
