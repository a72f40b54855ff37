"""``conductor doctor``: why something does not get on, and what to do."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

import click

from conductor.cli.checking import Finding, nearest, worker_steps
from conductor.cli.diagnosis import diagnose_execution, diagnose_type, recently_polled
from conductor.cli.exits import DONE, FAILED, UNREACHABLE, Misused, status_of
from conductor.cli.grouping import Command
from conductor.cli.limits import workflow_limit
from conductor.cli.output import show_json
from conductor.cli.session import Session
from conductor.cli.surroundings import check_environment, check_server, no_answer
from conductor.clients.client import ConductorClient
from conductor.errors import ConductorError, NotFoundError
from conductor.models import TaskType, WorkflowDef

__all__ = ["command"]

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
