"""Limits of definitions against what runs: whether they are why something waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from conductor.cli.backlog import Backlog
from conductor.cli.checking import Finding
from conductor.cli.output import local_time
from conductor.clients.client import ConductorClient
from conductor.models import TaskDef, Workflow, WorkflowDef

__all__ = ["held_back", "task_limits", "workflow_limit"]


def task_limits(client: ConductorClient, definition: TaskDef, backlog: Backlog) -> Iterator[Finding]:
    """The limits of a task type; a warning where tasks wait for that reason."""
    if definition.concurrent_exec_limit:
        yield _concurrency(definition.name, definition.concurrent_exec_limit, backlog)
    if definition.rate_limit_per_frequency:
        window = timedelta(seconds=definition.rate_limit_frequency_in_seconds or 1)
        begun = client.tasks.search(
            task_def_name=definition.name, started_after=datetime.now(timezone.utc) - window, size=1
        ).total_hits
        yield _rate(definition.name, definition.rate_limit_per_frequency, window, begun, backlog.waiting)


def _concurrency(name: str, limit: int, backlog: Backlog) -> Finding:
    said = f"at most {limit} tasks of it run at a time (concurrentExecLimit); {backlog.at_work}"
    if not backlog.waiting or backlog.running is None or len(backlog.running) < limit:
        return Finding("ok", name, said)
    first = min(backlog.running, key=lambda task: task.start_time or 0)
    advice = (
        f"Raise concurrentExecLimit, or look at what runs: conductor task get {first.task_id} "
        f"(worker {first.worker_id} has had it since {local_time(first.started_at)})."
    )
    return Finding("warning", name, f"{said}, so that {backlog.waiting} wait until one of those ends", advice)


def _rate(name: str, limit: int, window: timedelta, begun: int, waiting: int) -> Finding:
    said = f"its rate limit lets {limit} tasks begin in {window}, and {begun} did within the last"
    if begun > limit:
        return Finding("ok", name, f"{said}: this server does not hold it")
    if begun < limit or not waiting:
        return Finding("ok", name, said)
    advice = "Raise rateLimitPerFrequency. The open-source server holds it with Redis alone."
    return Finding("warning", name, f"{said}, so that {waiting} wait for the next", advice)


def workflow_limit(client: ConductorClient, definition: WorkflowDef) -> Iterator[Finding]:
    """The limit of a workflow; a warning where further starts wait for that reason."""
    config = definition.rate_limit_config
    if config is None or not config.concurrent_exec_limit:
        return
    limit = config.concurrent_exec_limit
    running = client.workflows.search(workflow_type=definition.name, status="RUNNING", size=1).total_hits
    key = f" for each {config.rate_limit_key}" if config.rate_limit_key else ""
    said = f"at most {limit} executions of it run at a time{key} (rateLimitConfig); in all run: {running}"
    if running < limit:
        yield Finding("ok", definition.name, said)
        return
    advice = f"{_ROOM.format(name=definition.name)} The open-source server ignores this limit."
    yield Finding("warning", definition.name, f"{said}, so that further ones may wait for one of those to end", advice)


_ROOM = "Raise rateLimitConfig, or end what hangs: conductor workflow search --type {name} --status RUNNING."


def held_back(about: str, execution: Workflow) -> Finding:
    """An execution that waits for others of its key to end."""
    key = f" of rate limit key {execution.rate_limit_key!r}" if execution.rate_limit_key else ""
    said = f"it waits until another execution{key} ends: its definition's rateLimitConfig is reached"
    return Finding("warning", about, said, _ROOM.format(name=execution.workflow_name))
