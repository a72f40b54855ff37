"""``conductor doctor``: why an execution or a task type is stuck, and what to do."""

from __future__ import annotations

import contextlib
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from importlib.metadata import PackageNotFoundError, version

import click

from conductor._internal.suggestions import did_you_mean
from conductor._internal.terminal import printable
from conductor.cli.backlog import Backlog, read_backlog
from conductor.cli.checking import Finding, worker_steps
from conductor.cli.command import Command
from conductor.cli.exits import DONE, FAILED, UNREACHABLE, Misused, status_of
from conductor.cli.output import local_time, show_json, write
from conductor.cli.session import Session
from conductor.cli.whoami import server_name
from conductor.clients.client import ConductorClient
from conductor.clients.workflow_wait import describe_wait
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
    "no_answer",
    "pollers",
    "rate_limited",
    "recently_polled",
    "task_limits",
    "workflow_limit",
]


def task_limits(client: ConductorClient, definition: TaskDef, backlog: Backlog) -> Iterator[Finding]:
    """Check the limits of a task type; a warning if tasks wait because of one."""
    if definition.concurrent_exec_limit:
        yield _concurrency(definition.name, definition.concurrent_exec_limit, backlog)
    if definition.rate_limit_per_frequency:
        window = timedelta(seconds=definition.rate_limit_frequency_in_seconds or 1)
        begun = client.tasks.search(
            task_def_name=definition.name, started_after=datetime.now(timezone.utc) - window, size=1
        ).total_hits
        yield _rate(definition.name, definition.rate_limit_per_frequency, window, begun, backlog.waiting)


def _concurrency(name: str, limit: int, backlog: Backlog) -> Finding:
    message = f"limit of {limit} concurrent tasks (concurrentExecLimit); {backlog.at_work}"
    if not backlog.waiting or backlog.running is None or len(backlog.running) < limit:
        return Finding("ok", name, message)
    first = min(backlog.running, key=lambda task: task.start_time or 0)
    advice = (
        f"Raise concurrentExecLimit, or check the running tasks: conductor task get {first.task_id} "
        f"(held by worker {first.worker_id} since {local_time(first.started_at)})."
    )
    return Finding("warning", name, f"{message}; {backlog.waiting} tasks wait until one ends", advice)


def _rate(name: str, limit: int, window: timedelta, begun: int, waiting: int) -> Finding:
    message = f"rate limit of {limit} tasks per {window}; {begun} started within the last period"
    if begun > limit:
        return Finding("ok", name, f"{message}: this server does not enforce the limit")
    if begun < limit or not waiting:
        return Finding("ok", name, message)
    advice = "Raise rateLimitPerFrequency. The open-source server enforces it only with Redis."
    return Finding("warning", name, f"{message}; {waiting} tasks wait for the next period", advice)


def workflow_limit(client: ConductorClient, definition: WorkflowDef) -> Iterator[Finding]:
    """Check the limit of a workflow; a warning if further starts wait because of it."""
    config = definition.rate_limit_config
    if config is None or not config.concurrent_exec_limit:
        return
    limit = config.concurrent_exec_limit
    running = client.workflows.search(workflow_type=definition.name, status="RUNNING", size=1).total_hits
    key = f" for each {config.rate_limit_key}" if config.rate_limit_key else ""
    message = f"limit of {limit} concurrent executions{key} (rateLimitConfig); running: {running}"
    if running < limit:
        yield Finding("ok", definition.name, message)
        return
    advice = f"{_RAISE_LIMIT.format(name=definition.name)} The open-source server ignores this limit."
    yield Finding("warning", definition.name, f"{message}; further ones may wait until one ends", advice)


_RAISE_LIMIT = (
    "Raise rateLimitConfig, or end executions that hang: conductor workflow search --type {name} --status RUNNING."
)


def rate_limited(about: str, execution: Workflow) -> Finding:
    """Return the finding for an execution that waits for others of its rate limit key."""
    key = f" of rate limit key {execution.rate_limit_key!r}" if execution.rate_limit_key else ""
    message = f"waits until another execution{key} ends: the limit of its rateLimitConfig is reached"
    return Finding("warning", about, message, _RAISE_LIMIT.format(name=execution.workflow_name))


def check_environment() -> Iterator[Finding]:
    """Check for another package with the same import name."""
    with contextlib.suppress(PackageNotFoundError):
        message = (
            f"conductor-python {version('conductor-python')} is installed in the same environment as conductor-sdk"
        )
        advice = (
            "Both import as conductor and overwrite each other's files. Use one environment for each, or uninstall "
            "conductor-python and reinstall conductor-sdk."
        )
        yield Finding("error", "environment", message, advice)


def check_server(client: ConductorClient) -> Iterator[Finding]:
    """Check that the server responds and accepts the credentials."""
    settings = client.settings
    keys = "with an access key" if settings.auth_key else "without an access key"
    try:
        client.metadata.list_tasks()
        name = server_name(client)
    except AuthenticationError as error:
        advice = "Set CONDUCTOR_AUTH_KEY and CONDUCTOR_AUTH_SECRET to a key of this server."
        yield Finding("error", "credentials", f"refused by {settings.server_url} ({keys}): {error}", advice)
    except PermissionDeniedError as error:
        advice = "Grant the permission to the key's application, or use another key."
        yield Finding("error", "credentials", f"permission denied: {error}", advice)
    else:
        yield Finding("ok", "server", f"{settings.server_url} responds, {keys}: {name}")


def no_answer(client: ConductorClient, error: ConductorError, message: str) -> Finding:
    """Return the finding for a server that is unreachable or responds with an error."""
    if isinstance(error, APIConnectionError):
        advice = (
            "Start a server (conductor server start), or select another: --server URL, --profile NAME, or "
            "CONDUCTOR_SERVER_URL."
        )
    else:
        advice = "Check the server's log; --debug shows the traceback of this command."
    return Finding("error", "server", f"no usable response from {client.settings.server_url}: {message}", advice)


#: Seconds after a poll during which a worker counts as active: longer than the slowest polling interval.
_RECENT_S = 90.0
#: Minimum number of waiting tasks for which a queue is reported.
_LONG_QUEUE = 1000
#: Seconds after a deadline during which a delay is normal: the open-source server checks deadlines every 30 s.
_LATE_S = 60.0
_EXTERNAL = {
    "HUMAN": "waits for a person: conductor task complete {id} -i NAME=VALUE",
    "WAIT_FOR_WEBHOOK": "waits for a call of its webhook",
    "EVENT": "waits until its event is sent; check the server's log and the sink",
    "SUB_WORKFLOW": "waits for sub-workflow {sub}",
    "JOIN": "",
    "EXCLUSIVE_JOIN": "",
    "DO_WHILE": "",
}


def pollers(client: ConductorClient, task_type: str) -> tuple[list[PollData], list[PollData]]:
    """Return the pollers of a task type: those of the last 90 s, and earlier ones."""
    polled = client.tasks.list_poll_data(task_type)
    return [one for one in polled if _is_recent(one)], [one for one in polled if not _is_recent(one)]


def recently_polled(polled: Iterable[PollData]) -> set[tuple[str, str | None]]:
    """Return the task types and domains that were polled within the last 90 s."""
    return {(one.queue_name or "", one.domain or None) for one in polled if _is_recent(one)}


def _is_recent(one: PollData) -> bool:
    return one.last_poll_time >= (time.time() - _RECENT_S) * 1000


def diagnose_type(client: ConductorClient, name: str, domain: str | None = None) -> Iterator[Finding]:
    """Explain why tasks of a type are not executed.

    Args:
        client: The client.
        name: The task type.
        domain: The domain of the tasks; None for tasks without a domain.
    """
    definition = _definition(client, name)
    if definition is None:
        hint = did_you_mean(name, (task.name for task in client.metadata.list_tasks()))
        advice = "Register it: conductor def push, or @worker_task(..., register_task_def=True)."
        yield Finding("warning", name, f"the server has no definition of this task type{hint}", advice)
    backlog = read_backlog(client, name, domain)
    yield from _check_pollers(client, name, domain, backlog)
    if backlog.waiting:
        yield _queue(name, backlog)
    if definition is not None:
        yield from task_limits(client, definition, backlog)


def _queue(name: str, backlog: Backlog) -> Finding:
    since = "" if backlog.oldest is None else f", the oldest since {local_time(backlog.oldest)}"
    message = f"waiting in the queue: {backlog.waiting:,}{since}; {backlog.at_work}"
    is_late = backlog.oldest is not None and backlog.oldest.timestamp() < time.time() - _RECENT_S
    if backlog.waiting < _LONG_QUEUE and not is_late:
        return Finding("ok", name, message)
    advice = "Run more workers, or more threads in each: conductor worker run --threads N --processes N."
    return Finding("warning", name, message, advice)


def _where(domain: str | None) -> str:
    return f"in domain {domain!r}" if domain else "without a domain"


def _check_pollers(client: ConductorClient, name: str, domain: str | None, backlog: Backlog) -> Iterator[Finding]:
    now, before = pollers(client, name)
    here = [one for one in now if (one.domain or None) == domain]
    if here:
        who = ", ".join(sorted({one.worker_id or "?" for one in here}))
        yield Finding("ok", name, f"polled {_where(domain)} by {who}")
        return
    if now:
        domains = ", ".join(sorted(_where(one.domain) for one in now))
        advice = "Start a worker in that domain, or start the workflow with another task_to_domain."
        yield Finding("error", name, f"no worker polls {_where(domain)}; workers poll {domains}", advice)
        return
    last = max((one.last_polled_at for one in before if one.last_polled_at), default=None)
    if last is not None:
        yield _no_longer_polled(name, last, [task for task in backlog.running or () if (task.domain or None) == domain])
        return
    hint = did_you_mean(name, {one.queue_name or "" for one in client.tasks.list_all_poll_data()})
    advice = "Start one: conductor worker run MODULE" + (", or correct the name in its declaration." if hint else ".")
    yield Finding("error", name, f"no worker has ever polled this task type{hint}", advice)


def _no_longer_polled(name: str, last: datetime, held: Sequence[Task]) -> Finding:
    message = f"no worker polls this task type; the last poll was at {local_time(last)}"
    if not held:
        return Finding("error", name, message, "Start one: conductor worker run MODULE.")
    whose = ", ".join(sorted({task.worker_id or "?" for task in held}))
    advice = (
        "If these workers are alive, all their threads are busy: use --threads N, or run more workers. "
        "If they have stopped: conductor worker run MODULE."
    )
    return Finding("error", name, f"{message}; {len(held)} tasks are held by {whose}", advice)


def _definition(client: ConductorClient, name: str) -> TaskDef | None:
    try:
        return client.metadata.get_task(name)
    except NotFoundError:
        return None


def diagnose_execution(client: ConductorClient, execution: Workflow) -> Iterator[Finding]:
    """Explain where an execution is and why, including the sub-workflows that it waits for."""
    about = f"{execution.workflow_name} {execution.workflow_id}"
    if execution.is_terminal:
        yield _ended(about, client, execution)
        return
    if execution.status == WorkflowExecutionStatus.PAUSED:
        advice = f"conductor workflow resume {execution.workflow_id}"
        yield Finding("error", about, "paused: no further tasks are scheduled", advice)
    if execution.rate_limited:
        yield rate_limited(about, execution)
    yield from _passed_deadline(about, execution)
    waiting = [task for task in execution.tasks if not task.is_terminal]
    if not waiting and not execution.rate_limited:
        advice = "Have the server evaluate it: client.workflows.decide(ID)."
        yield Finding("warning", about, "running, but none of its tasks is open", advice)
    for task in waiting:
        yield from _open_task(client, task)


def _passed_deadline(about: str, execution: Workflow) -> Iterator[Finding]:
    """Report a workflow timeout that the server did not enforce, as happens on the open-source server."""
    definition = execution.workflow_definition
    limit = definition.timeout_seconds if definition is not None else None
    if definition is None or not limit or str(definition.timeout_policy or "TIME_OUT_WF") != "TIME_OUT_WF":
        return
    due = (execution.last_retried_time or execution.start_time or 0) / 1000 + limit
    if time.time() < due + _LATE_S:
        return
    passed = local_time(datetime.fromtimestamp(due, timezone.utc))
    human = next((task for task in execution.tasks if task.task_type == "HUMAN" and not task.is_terminal), None)
    why = f", because HUMAN task {human.reference_task_name!r} is open" if human is not None else ""
    advice = (
        "Have the server evaluate it: client.workflows.decide(ID). For the future, put a WAIT and a TERMINATE into a "
    )
    advice += "branch parallel to the HUMAN task: the open-source server checks no timeouts while one is open."
    message = f"its timeout of {timedelta(seconds=limit)} passed at {passed}, and the server has not ended it{why}"
    yield Finding("error", about, message, advice)


def _ended(about: str, client: ConductorClient, execution: Workflow) -> Finding:
    if execution.is_successful:
        return Finding("ok", about, "completed")
    error = client.workflows.failure(execution)
    return Finding(
        "error", about, str(error), f"After fixing the cause: conductor workflow retry {execution.workflow_id}"
    )


def _open_task(client: ConductorClient, task: Task) -> Iterator[Finding]:
    kind, about = task.task_type or "", f"{task.reference_task_name} ({task.status})"
    if kind == "WAIT":
        yield Finding("ok", about, describe_wait(task), f"To continue now: conductor task complete {task.task_id}")
    elif kind in _EXTERNAL:
        message = _EXTERNAL[kind].format(id=task.task_id, sub=task.sub_workflow_id)
        if message:
            yield Finding("ok", about, message)
        if task.sub_workflow_id:
            yield from diagnose_execution(client, client.workflows.get(task.sub_workflow_id))
    elif task.workflow_task is not None and (task.workflow_task.type or "SIMPLE") != "SIMPLE":
        yield Finding("warning", about, f"the server itself executes {kind} tasks", "Check the server's log.")
    elif task.status == TaskStatus.IN_PROGRESS:
        yield _in_progress(about, task)
    else:
        yield from _queued(client, about, task)


def _in_progress(about: str, task: Task) -> Finding:
    since = f"held by worker {task.worker_id or '?'} since {local_time(task.updated_at or task.started_at)}"
    if not task.response_timeout_seconds:
        advice = "The task has no response timeout. If that worker is gone, fail the task: conductor task fail ID."
        return Finding("warning", about, since, advice)
    limit = timedelta(seconds=task.response_timeout_seconds)
    return Finding("ok", about, f"{since}; it times out {limit} after the worker's last update")


def _queued(client: ConductorClient, about: str, task: Task) -> Iterator[Finding]:
    if task.callback_after_seconds:
        due = timedelta(seconds=task.callback_after_seconds)
        yield Finding(
            "ok", about, f"becomes available {due} after its last update (retry delay, or requested by its worker)"
        )
    yield Finding("ok", about, f"attempt {task.retry_count + 1}, in the queue since {local_time(task.scheduled_at)}")
    yield from diagnose_type(client, task.task_def_name or task.task_type or "", task.domain)


_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
#: Maximum number of queues that are reported one by one.
_MAX_QUEUES = 20
_SYSTEM_TYPES = {kind.value for kind in TaskType} - {"SIMPLE"}
_SIGNS = {"error": "✗", "warning": "!", "ok": "✓"}
_COLORS = {"error": "red", "warning": "yellow", "ok": "green"}


@click.command("doctor", cls=Command)
@click.argument("subject", required=False, metavar="[ID|WORKFLOW|TASK_TYPE|SCHEDULE]")
@click.option("--domain", help="The domain of a task type.")
@click.pass_obj
def command(session: Session, subject: str | None, domain: str | None) -> int:
    """Explain why an execution or a task is stuck, and what to do.

    The argument is the id of an execution, or the name of a workflow, a task type or a schedule. Without an argument,
    the command checks the environment, the server, and queues that no worker polls. Exit status 1 if there is an error,
    3 if the server does not respond.
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
            found.append(no_answer(client, error, session.explain(error)))
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
        click.echo(f"{sign} {printable(f'{finding.about}: {finding.message}')}", color=sys.stdout.isatty())
        if finding.advice:
            write(f"    → {finding.advice}")


def _overview(client: ConductorClient) -> Iterator[Finding]:
    polled = recently_polled(client.tasks.list_all_poll_data())
    waiting = [*_queues(client)]
    left = [one for one in waiting if (one[0], one[1]) not in polled]
    for name, domain, count in left[:_MAX_QUEUES]:
        where = f" in domain {domain!r}" if domain else ""
        advice = f"conductor doctor {name}" + (f" --domain {domain}" if domain else "")
        yield Finding("error", name, f"{count} tasks wait{where}, and no worker has polled recently", advice)
    if len(left) > _MAX_QUEUES:
        yield Finding(
            "error", "queues", f"{len(left) - _MAX_QUEUES} more queues without pollers", "conductor task queue"
        )
    for schedule in client.schedules.list():
        if schedule.paused:
            yield from _schedule(client, schedule.name)


def _queues(client: ConductorClient) -> list[tuple[str, str | None, int]]:
    """Return the queues with waiting tasks as type, domain and number of tasks; the longest first."""
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
        hint = did_you_mean(subject, known)
        raise Misused(f"The server has no execution, workflow, task type or schedule {subject!r}{hint or '.'}")
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
        yield Finding("error", about, f"paused{why}", f"conductor schedule resume {name}")
    else:
        yield Finding("ok", about, f"runs at {schedule.cron_expression} ({schedule.zone_id or 'UTC'})")
    request = schedule.start_workflow_request
    if request is not None and request.name:
        try:
            client.metadata.get_workflow(request.name, request.version)
        except NotFoundError:
            version = f" version {request.version}" if request.version else ""
            advice = (
                f"Register its definition (conductor def push), or change the schedule: conductor schedule get {name}"
            )
            yield Finding("error", about, f"workflow {request.name!r}{version} does not exist", advice)
