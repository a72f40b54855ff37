"""Why a task type or an execution does not get on."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from conductor.cli.backlog import Backlog, read_backlog
from conductor.cli.checking import Finding, nearest
from conductor.cli.limits import held_back, task_limits
from conductor.cli.output import local_time
from conductor.clients.client import ConductorClient
from conductor.errors import NotFoundError
from conductor.models import PollData, Task, TaskDef, TaskStatus, Workflow, WorkflowExecutionStatus

__all__ = ["diagnose_execution", "diagnose_type", "pollers", "recently_polled"]

_RECENT_SECONDS = 90.0
_LONG_QUEUE = 1000
_OUTSIDE = {
    "HUMAN": "it waits for a person: conductor task complete {id} -i NAME=VALUE",
    "WAIT_FOR_WEBHOOK": "it waits for a webhook to be called",
    "EVENT": "it waits for its event to be sent; look at the server's log and the sink",
    "SUB_WORKFLOW": "it waits for the workflow {sub}",
    "JOIN": "",
    "EXCLUSIVE_JOIN": "",
    "DO_WHILE": "",
}


def pollers(client: ConductorClient, task_type: str) -> tuple[list[PollData], list[PollData]]:
    """Who polled for a task type: those that did within the last 90 s, and those before."""
    polled = client.tasks.list_poll_data(task_type)
    return [one for one in polled if _is_recent(one)], [one for one in polled if not _is_recent(one)]


def recently_polled(polled: Iterable[PollData]) -> set[tuple[str, str | None]]:
    """The task types and domains for which somebody polled within the last 90 s."""
    return {(one.queue_name or "", one.domain or None) for one in polled if _is_recent(one)}


def _is_recent(one: PollData) -> bool:
    return one.last_poll_time >= (time.time() - _RECENT_SECONDS) * 1000


def diagnose_type(client: ConductorClient, name: str, domain: str | None = None) -> Iterator[Finding]:
    """What keeps tasks of a type from being worked on.

    Args:
        client: The client.
        name: The task type.
        domain: The domain that the tasks are in; None for none.
    """
    definition = _definition(client, name)
    if definition is None:
        hint = nearest(name, (task.name for task in client.metadata.list_tasks()))
        advice = "Register it: conductor def push, or @worker_task(..., register_task_def=True)."
        yield Finding("warning", name, f"the server has no definition of this task type{hint}", advice)
    backlog = read_backlog(client, name, domain)
    yield from _who_polls(client, name, domain, backlog)
    if backlog.waiting:
        yield _queue(name, backlog)
    if definition is not None:
        yield from task_limits(client, definition, backlog)


def _queue(name: str, backlog: Backlog) -> Finding:
    said = f"waiting in its queue: {backlog.waiting:,}"
    since = ""
    if backlog.oldest is not None:
        since = f", the longest since {local_time(backlog.oldest)}"
    said = f"{said}{since}; {backlog.at_work}"
    is_late = backlog.oldest is not None and backlog.oldest.timestamp() < time.time() - _RECENT_SECONDS
    if backlog.waiting < _LONG_QUEUE and not is_late:
        return Finding("ok", name, said)
    advice = "Run more workers, or more threads in each: conductor worker run --threads N --processes N."
    return Finding("warning", name, said, advice)


def _where(domain: str | None) -> str:
    return f"in domain {domain!r}" if domain else "without a domain"


def _who_polls(client: ConductorClient, name: str, domain: str | None, backlog: Backlog) -> Iterator[Finding]:
    now, before = pollers(client, name)
    here = [one for one in now if (one.domain or None) == domain]
    if here:
        who = ", ".join(sorted({one.worker_id or "?" for one in here}))
        yield Finding("ok", name, f"polled {_where(domain)} by {who}")
        return
    if now:
        domains = ", ".join(sorted(_where(one.domain) for one in now))
        advice = "Start a worker in that domain, or start the workflow with another task_to_domain."
        yield Finding("error", name, f"no worker polls {_where(domain)}; some poll {domains}", advice)
        return
    last = max((one.last_polled_at for one in before if one.last_polled_at), default=None)
    if last is not None:
        yield _no_longer_polled(name, last, [task for task in backlog.running or () if (task.domain or None) == domain])
        return
    hint = nearest(name, {one.queue_name or "" for one in client.tasks.list_all_poll_data()})
    advice = "Start one: conductor worker run MODULE" + (
        ", or mend the name that it is declared with." if hint else "."
    )
    yield Finding("error", name, f"no worker ever polled for it{hint}", advice)


def _no_longer_polled(name: str, last: datetime, held: Sequence[Task]) -> Finding:
    said = f"no worker polls for it; the last did at {local_time(last)}"
    if not held:
        return Finding("error", name, said, "Start one: conductor worker run MODULE.")
    whose = ", ".join(sorted({task.worker_id or "?" for task in held}))
    advice = (
        "Where those live, all their threads are busy: conductor worker run --threads N, or more of them. "
        "Where they are gone: conductor worker run MODULE."
    )
    return Finding("error", name, f"{said}, and {len(held)} tasks are in the hands of {whose}", advice)


def _definition(client: ConductorClient, name: str) -> TaskDef | None:
    try:
        return client.metadata.get_task(name)
    except NotFoundError:
        return None


def diagnose_execution(client: ConductorClient, execution: Workflow) -> Iterator[Finding]:
    """Why an execution is where it is; that of a sub-workflow that it waits for as well."""
    about = f"{execution.workflow_name} {execution.workflow_id}"
    if execution.is_terminal:
        yield _ended(about, client, execution)
        return
    if execution.status == WorkflowExecutionStatus.PAUSED:
        advice = f"conductor workflow resume {execution.workflow_id}"
        yield Finding("error", about, "it is paused: nothing further is scheduled", advice)
    if execution.rate_limited:
        yield held_back(about, execution)
    waiting = [task for task in execution.tasks if not task.is_terminal]
    if not waiting and not execution.rate_limited:
        advice = "Ask the server to look at it: client.workflows.decide(ID)."
        yield Finding("warning", about, "it runs, and none of its tasks is open", advice)
    for task in waiting:
        yield from _open_task(client, task)


def _ended(about: str, client: ConductorClient, execution: Workflow) -> Finding:
    if execution.is_successful:
        return Finding("ok", about, "it has completed")
    error = client.workflows.failure(execution)
    return Finding(
        "error", about, str(error), f"conductor workflow retry {execution.workflow_id}, once that is mended."
    )


def _open_task(client: ConductorClient, task: Task) -> Iterator[Finding]:
    kind, about = task.task_type or "", f"{task.reference_task_name} ({task.status})"
    if kind == "WAIT":
        yield Finding("ok", about, f"it waits{_until(task)}", f"To go on now: conductor task complete {task.task_id}")
    elif kind in _OUTSIDE:
        said = _OUTSIDE[kind].format(id=task.task_id, sub=task.sub_workflow_id)
        if said:
            yield Finding("ok", about, said)
        if task.sub_workflow_id:
            yield from diagnose_execution(client, client.workflows.get(task.sub_workflow_id))
    elif task.workflow_task is not None and (task.workflow_task.type or "SIMPLE") != "SIMPLE":
        yield Finding("warning", about, f"the server itself works on {kind} tasks", "Look at the server's log.")
    elif task.status == TaskStatus.IN_PROGRESS:
        yield _in_work(about, task)
    else:
        yield from _queued(client, about, task)


def _until(task: Task) -> str:
    until = task.input_data.get("until") or task.input_data.get("duration")
    return f" ({until})" if until else " for a signal"


def _in_work(about: str, task: Task) -> Finding:
    since = f"worker {task.worker_id or '?'} has had it since {local_time(task.updated_at or task.started_at)}"
    if not task.response_timeout_seconds:
        advice = "It has no response timeout: if that worker is dead, fail the task by hand."
        return Finding("warning", about, since, advice)
    limit = timedelta(seconds=task.response_timeout_seconds)
    return Finding("ok", about, f"{since}; it is given up and tried again after {limit} without a word")


def _queued(client: ConductorClient, about: str, task: Task) -> Iterator[Finding]:
    if task.callback_after_seconds:
        due = timedelta(seconds=task.callback_after_seconds)
        yield Finding(
            "ok", about, f"it is handed out {due} after its last change (retry delay, or asked for by its worker)"
        )
    yield Finding("ok", about, f"attempt {task.retry_count + 1}, in the queue since {local_time(task.scheduled_at)}")
    yield from diagnose_type(client, task.task_def_name or task.task_type or "", task.domain)
