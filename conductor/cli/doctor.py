"""``conductor doctor``: why something does not get on, and what to do."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from importlib.metadata import PackageNotFoundError, version

import click

from conductor.cli.backlog import Backlog, read_backlog
from conductor.cli.checking import Finding, nearest, worker_steps
from conductor.cli.command import Command
from conductor.cli.exits import DONE, FAILED, UNREACHABLE, Misused, status_of
from conductor.cli.output import local_time, show_json
from conductor.cli.session import Session
from conductor.clients.client import ConductorClient
from conductor.errors import (
    APIConnectionError,
    AuthenticationError,
    ConductorError,
    NotFoundError,
    PermissionDeniedError,
)
from conductor.models import (
    PollData,
    Task,
    TaskDef,
    TaskStatus,
    TaskType,
    Workflow,
    WorkflowDef,
    WorkflowExecutionStatus,
)

__all__ = [
    "check_environment",
    "check_server",
    "command",
    "diagnose_execution",
    "diagnose_type",
    "held_back",
    "no_answer",
    "pollers",
    "recently_polled",
    "task_limits",
    "workflow_limit",
]


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


def check_environment() -> Iterator[Finding]:
    """Another package that is imported by our name."""
    with contextlib.suppress(PackageNotFoundError):
        said = f"conductor-python {version('conductor-python')} is installed beside conductor-sdk"
        advice = (
            "Each imports as conductor and overwrites files of the other: give each an environment of its own, or "
            "pip uninstall conductor-python and pip install --force-reinstall conductor-sdk."
        )
        yield Finding("error", "environment", said, advice)


def check_server(client: ConductorClient) -> Iterator[Finding]:
    """Whether the server answers, and knows this caller."""
    settings = client.settings
    keys = "with an access key" if settings.auth_key else "without an access key"
    try:
        client.metadata.list_tasks()
        info = client.server_info()
    except AuthenticationError as error:
        advice = "Set CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET to a key of this server."
        yield Finding("error", "credentials", f"{settings.server_url} refuses them ({keys}): {error}", advice)
    except PermissionDeniedError as error:
        advice = "Give the key's application the permission, or use another key."
        yield Finding("error", "credentials", f"the key may not do this: {error}", advice)
    else:
        yield Finding("ok", "server", f"{settings.server_url} answers, {keys}: {info}")


def no_answer(client: ConductorClient, error: ConductorError) -> Finding:
    """What to do about a server that cannot be reached, or fails."""
    if isinstance(error, APIConnectionError):
        advice = "Start a server (conductor server start), or name another: --server URL, or CONDUCTOR_SERVER_URL."
    else:
        advice = "Look at the server's log; the same command with --debug shows where it happened here."
    return Finding("error", "server", f"{client.settings.server_url} gives no answer that can be used: {error}", advice)


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


_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_MOST_QUEUES = 20
_SYSTEM_TYPES = {kind.value for kind in TaskType} - {"SIMPLE"}
_SIGNS = {"error": "✗", "warning": "!", "ok": "✓"}
_COLORS = {"error": "red", "warning": "yellow", "ok": "green"}


@click.command("doctor", cls=Command)
@click.argument("subject", required=False, metavar="[ID|WORKFLOW|TASK_TYPE|SCHEDULE]")
@click.option("--domain", help="The domain of a task type.")
@click.pass_obj
def command(session: Session, subject: str | None, domain: str | None) -> int:
    """Explain why an execution, a workflow, a task type or a schedule is stuck, and what to do.

    Without a SUBJECT: the environment, the server, and queues in which tasks wait for nobody. Exit status 1 if
    something is wrong, 3 if the server gives no answer.
    """
    found, status = [*check_environment()], DONE
    with session.client() as client:
        try:
            for finding in _look(client, subject, domain):
                found.append(finding)  # noqa: PERF402  what was found until an error counts
        except ConductorError as error:
            status = status_of(error)
            if status != UNREACHABLE or session.debug:
                raise
            found.append(no_answer(client, error))
    _show(session, found)
    return status or (FAILED if any(finding.is_error for finding in found) else DONE)


def _look(client: ConductorClient, subject: str | None, domain: str | None) -> Iterator[Finding]:
    found = [*check_server(client)]
    yield from found
    if not any(finding.is_error for finding in found):
        yield from _overview(client) if subject is None else _subject(client, subject, domain)


def _show(session: Session, found: Iterable[Finding]) -> None:
    if session.is_json:
        show_json([finding.as_row() for finding in found])
        return
    for finding in found:
        sign = click.style(_SIGNS[finding.severity], fg=_COLORS[finding.severity])
        click.echo(f"{sign} {finding.about}: {finding.message}", color=sys.stdout.isatty())
        if finding.advice:
            click.echo(f"    → {finding.advice}")


def _overview(client: ConductorClient) -> Iterator[Finding]:
    polled = recently_polled(client.tasks.list_all_poll_data())
    waiting = [*_queues(client)]
    left = [one for one in waiting if (one[0], one[1]) not in polled]
    for name, domain, count in left[:_MOST_QUEUES]:
        where = f" in domain {domain!r}" if domain else ""
        advice = f"conductor doctor {name}" + (f" --domain {domain}" if domain else "")
        yield Finding("error", name, f"{count} waiting{where}, and nobody has polled lately", advice)
    if len(left) > _MOST_QUEUES:
        yield Finding("error", "queues", f"so it is with {len(left) - _MOST_QUEUES} more", "conductor task queue")
    for schedule in client.schedules.list():
        if schedule.paused:
            yield from _schedule(client, schedule.name)


def _queues(client: ConductorClient) -> list[tuple[str, str | None, int]]:
    """The queues of workers in which tasks wait: type, domain and how many; the longest first."""
    found = []
    for queue, count in client.tasks.list_queues().items():
        domain, _, name = queue.rpartition(":")
        is_event_queue = ":" in domain or domain == "conductor"
        if count and not is_event_queue and not name.startswith("_") and name not in _SYSTEM_TYPES:
            found.append((name, domain or None, count))
    return sorted(found, key=lambda one: (-one[2], one[0], one[1] or ""))


def _subject(client: ConductorClient, subject: str, domain: str | None) -> Iterator[Finding]:
    if _ID.fullmatch(subject.lower()):
        yield from diagnose_execution(client, client.workflows.get(subject))
        return
    workflows = {one.name: one for one in client.metadata.list_workflows()}
    tasks = {one.name for one in client.metadata.list_tasks()}
    schedules = {one.name for one in client.schedules.list()}
    polled = {one.queue_name or "" for one in client.tasks.list_all_poll_data()}
    known = {*workflows, *tasks, *schedules, *polled, *(name for name, _, _ in _queues(client))}
    used = {step.name or "" for one in workflows.values() for step in worker_steps(one)}
    if subject not in known | used:
        hint = nearest(subject, known)
        raise Misused(f"The server knows no execution, workflow, task type or schedule {subject!r}{hint or '.'}")
    if subject in workflows:
        yield from _workflow(client, client.metadata.get_workflow(subject), domain)
    if subject in schedules:
        yield from _schedule(client, subject)
    if subject not in {*workflows, *schedules}:
        yield from diagnose_type(client, subject, domain)


def _workflow(client: ConductorClient, definition: WorkflowDef, domain: str | None) -> Iterator[Finding]:
    yield Finding("ok", definition.name, f"version {definition.version} is the latest")
    for name in dict.fromkeys(step.name or "" for step in worker_steps(definition)):
        yield from diagnose_type(client, name, domain)
    yield from workflow_limit(client, definition)
    for schedule in client.schedules.list(definition.name):
        yield from _schedule(client, schedule.name)


def _schedule(client: ConductorClient, name: str) -> Iterator[Finding]:
    about, schedule = f"schedule {name}", client.schedules.get(name)
    if schedule.paused:
        why = f": {schedule.paused_reason}" if schedule.paused_reason else ""
        yield Finding("error", about, f"it is paused{why}", f"conductor schedule resume {name}")
    else:
        yield Finding("ok", about, f"runs by {schedule.cron_expression} {schedule.zone_id or 'UTC'}")
    request = schedule.start_workflow_request
    if request is not None and request.name:
        try:
            client.metadata.get_workflow(request.name, request.version)
        except NotFoundError:
            version = f" version {request.version}" if request.version else ""
            advice = f"conductor def push its definition, or mend the schedule: conductor schedule get {name}"
            yield Finding("error", about, f"there is no workflow {request.name!r}{version} to start", advice)
