"""Show the progress of an execution: a live diagram on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import datetime, timezone

from rich.console import Console
from rich.live import Live
from rich.text import Text

from conductor._internal.terminal import one_line
from conductor.cli.output import local_time, say
from conductor.clients.client import ConductorClient
from conductor.diagram import draw
from conductor.errors import NotFoundError, WorkflowTimeoutError
from conductor.models import Task, Workflow

__all__ = ["follow", "is_live", "sub_executions", "tree"]

#: First and longest delay in seconds between two reads of the execution.
_FIRST_PAUSE_S, _MAX_PAUSE_S = 0.1, 1.0
#: Factor by which the delay grows: short for quick workflows, and few requests for long ones.
_PAUSE_FACTOR = 1.3
#: Maximum depth of sub-workflows that are shown.
_MAX_DEPTH = 3


def is_live() -> bool:
    """Return whether standard error is a terminal, on which a diagram can be redrawn."""
    return sys.stderr.isatty()


def follow(client: ConductorClient, workflow_id: str, timeout: float | None) -> Workflow:
    """Show an execution on standard error until it ends, and return it.

    Args:
        client: The client.
        workflow_id: The execution's id.
        timeout: Seconds to follow it; None for no limit.

    Raises:
        WorkflowTimeoutError: The execution has not ended within the timeout; it continues on the server.
    """
    if not is_live():
        return _follow_in_lines(client, workflow_id, timeout)
    console = Console(stderr=True)
    with Live(console=console, auto_refresh=False, transient=True) as live:
        for execution in _snapshots(client, workflow_id, timeout):
            live.update(tree(client, execution, running=True), refresh=True)
    console.print(tree(client, execution), end="")
    return execution


def _snapshots(client: ConductorClient, workflow_id: str, timeout: float | None) -> Iterator[Workflow]:
    """Yield the state of the execution repeatedly, until it has ended."""
    deadline = None if timeout is None else time.monotonic() + timeout
    pause = _FIRST_PAUSE_S
    while True:
        execution = client.workflows.get(workflow_id)
        yield execution
        if execution.is_terminal:
            return
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise WorkflowTimeoutError(
                f"Workflow {workflow_id} has not ended within {timeout:g} s; it is {execution.status} and continues.",
                workflow_id=workflow_id,
                workflow=execution,
            )
        time.sleep(pause if left is None else min(pause, left))
        pause = min(pause * _PAUSE_FACTOR, _MAX_PAUSE_S)


def tree(client: ConductorClient, execution: Workflow, *, running: bool = False) -> Text:
    """Return an execution and its sub-workflows as a tree with times; with a progress line while it is running."""
    drawn = Text.from_ansi(draw(execution, sub_executions(client, execution)).text(color=True))
    if running:
        ended = sum(task.is_terminal for task in execution.tasks)
        drawn.append(f"{ended} of {len(execution.tasks)} tasks have ended so far; {_elapsed(execution):.1f} s", "dim")
    return drawn


def _elapsed(execution: Workflow) -> float:
    start = execution.started_at or execution.created_at
    now = execution.ended_at or datetime.now(timezone.utc)
    return max(0.0, (now - start).total_seconds()) if start else 0.0


def sub_executions(client: ConductorClient, execution: Workflow, depth: int = 0) -> list[Workflow]:
    """Return the executions of its sub-workflows, three levels deep."""
    found = []
    for task in execution.tasks if depth < _MAX_DEPTH else ():
        if task.sub_workflow_id:
            try:
                inner = client.workflows.get(task.sub_workflow_id)
            except NotFoundError:  # it was removed
                continue
            found += [inner, *sub_executions(client, inner, depth + 1)]
    return found


def _follow_in_lines(client: ConductorClient, workflow_id: str, timeout: float | None) -> Workflow:
    seen: dict[str, str] = {}
    for execution in _snapshots(client, workflow_id, timeout):
        for task in execution.tasks:
            _say_change(task, seen)
    ended = local_time(execution.ended_at)
    say(f"{ended}  {execution.workflow_name}  {execution.status}  {_elapsed(execution):.1f} s")
    return execution


def _say_change(task: Task, seen: dict[str, str]) -> None:
    status, key = str(task.status), task.task_id or ""
    if seen.get(key) == status:
        return
    seen[key] = status
    at = local_time(task.ended_at or task.started_at or task.scheduled_at)
    attempt = f"  attempt {task.retry_count + 1}" if task.retry_count else ""
    why = f"  {one_line(task.reason_for_incompletion)}" if task.reason_for_incompletion else ""
    say(f"{at}  {task.reference_task_name}  {status}{attempt}{why}")
