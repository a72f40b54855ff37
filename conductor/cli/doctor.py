"""``conductor doctor``: why something does not get on, and what to do."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator

import click

from conductor.cli.checking import Finding, nearest, worker_steps
from conductor.cli.diagnosis import diagnose_execution, diagnose_type, pollers
from conductor.cli.exits import DONE, FAILED, Misused
from conductor.cli.grouping import Command
from conductor.cli.output import show_json
from conductor.cli.session import Session
from conductor.clients.client import ConductorClient
from conductor.errors import AuthenticationError, NotFoundError, PermissionDeniedError
from conductor.models import WorkflowDef

__all__ = ["command"]

_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SIGNS = {"error": "✗", "warning": "!", "ok": "✓"}
_COLORS = {"error": "red", "warning": "yellow", "ok": "green"}


@click.command("doctor", cls=Command)
@click.argument("subject", required=False, metavar="[ID|WORKFLOW|TASK_TYPE|SCHEDULE]")
@click.option("--domain", help="The domain of a task type.")
@click.pass_obj
def command(session: Session, subject: str | None, domain: str | None) -> int:
    """Explain why an execution, a workflow, a task type or a schedule is stuck, and what to do.

    Without a SUBJECT: the settings, the server, and queues in which tasks wait for nobody. Exit status 1 if something
    is wrong.
    """
    with session.client() as client:
        found = [*_server(client)]
        if not any(finding.is_error for finding in found):
            found += _overview(client) if subject is None else _subject(client, subject, domain)
    _show(session, found)
    return FAILED if any(finding.is_error for finding in found) else DONE


def _show(session: Session, found: Iterable[Finding]) -> None:
    if session.is_json:
        show_json([finding.as_row() for finding in found])
        return
    for finding in found:
        sign = click.style(_SIGNS[finding.severity], fg=_COLORS[finding.severity])
        click.echo(f"{sign} {finding.about}: {finding.message}", color=sys.stdout.isatty())
        if finding.advice:
            click.echo(f"    → {finding.advice}")


def _server(client: ConductorClient) -> Iterator[Finding]:
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


def _overview(client: ConductorClient) -> Iterator[Finding]:
    for name, waiting in sorted(client.tasks.list_queues().items()):
        type_name = name.rpartition(":")[2]  # domain:type
        if waiting and not type_name.startswith("_") and not any(pollers(client, type_name)[0]):
            advice = f"conductor doctor {type_name}"
            yield Finding("warning", type_name, f"{waiting} tasks wait, and nobody has polled lately", advice)
    for schedule in client.schedules.list():
        if schedule.paused:
            yield from _schedule(client, schedule.name)


def _subject(client: ConductorClient, subject: str, domain: str | None) -> Iterator[Finding]:
    if _ID.fullmatch(subject.lower()):
        yield from diagnose_execution(client, client.workflows.get(subject))
        return
    workflows = {one.name: one for one in client.metadata.list_workflows()}
    tasks = {one.name for one in client.metadata.list_tasks()}
    schedules = {one.name for one in client.schedules.list()}
    polled = {one.queue_name or "" for one in client.tasks.list_all_poll_data()}
    known = {*workflows, *tasks, *schedules, *polled}
    used = {step.name or "" for one in workflows.values() for step in worker_steps(one)}
    if subject not in known | used:
        hint = nearest(subject, known)
        raise Misused(f"The server knows no execution, workflow, task type or schedule {subject!r}{hint}.")
    if subject in workflows:
        yield from _workflow(client, client.metadata.get_workflow(subject), domain)
    if subject in schedules:
        yield from _schedule(client, subject)
    if subject in tasks | polled | used and subject not in workflows:
        yield from diagnose_type(client, subject, domain)


def _workflow(client: ConductorClient, definition: WorkflowDef, domain: str | None) -> Iterator[Finding]:
    yield Finding("ok", definition.name, f"version {definition.version} is the latest")
    for name in dict.fromkeys(step.name or "" for step in worker_steps(definition)):
        yield from diagnose_type(client, name, domain)
    if definition.rate_limit_config is not None and definition.rate_limit_config.concurrent_exec_limit:
        said = f"at most {definition.rate_limit_config.concurrent_exec_limit} executions of it run at a time"
        yield Finding("warning", definition.name, said, "Raise rateLimitConfig if that is too few.")
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
