"""``conductor def``: definitions in files against those of the server, for people and for CI."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from conductor.cli.exits import DONE, FAILED
from conductor.cli.folder import Definitions, FromFile, read_all
from conductor.cli.grouping import Group
from conductor.cli.output import say, show_json, show_rows
from conductor.cli.plan import Planned, plan
from conductor.cli.progress import tracked
from conductor.cli.pull import Pulled, pull_all
from conductor.cli.session import Session
from conductor.clients.client import ConductorClient
from conductor.workflow.problem import Problem

__all__ = ["command"]

_PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
_TASK_DEFS = click.option(
    "--task-defs", is_flag=True, help="With the task definitions of the decorated functions in Python workflows."
)
_COLUMNS = ("kind", "name", "version", "state")


@click.group("def", cls=Group)
def command() -> None:
    """Compare definitions in files with the server's, and write either.

    A PATH is a JSON or YAML file with one definition or a list of them, a Python file that makes a Workflow, or a
    folder of such files.
    """


@command.command("validate")
@_PATHS
@click.option("--strict", is_flag=True, help="Warnings count as well.")
@click.pass_obj
def validate(session: Session, paths: tuple[Path, ...], strict: bool) -> int:
    """Check definitions without a server; exit status 1 if there are problems."""
    return _judge(session, read_all(paths), strict=strict)


def _judge(session: Session, wanted: Definitions, *, strict: bool) -> int:
    found = [(one, problem) for one in wanted.workflows for problem in one.workflow.validate()]
    if session.is_json:
        show_json([_problem_row(one, problem) for one, problem in found])
    for one, problem in () if session.is_json else found:
        click.echo(f"{one.path}: {one.workflow.name}: {'error' if problem.is_error else 'warning'}: {problem}")
    wrong = [problem for _, problem in found if problem.is_error or strict]
    say(
        f"{len(wanted.workflows)} workflows and {len(wanted.tasks)} task definitions: "
        f"{sum(p.is_error for _, p in found)} errors, {sum(not p.is_error for _, p in found)} warnings"
    )
    return FAILED if wrong else DONE


def _problem_row(one: FromFile, problem: Problem) -> dict[str, object]:
    return {
        "path": str(one.path),
        "workflow": one.workflow.name,
        "severity": "error" if problem.is_error else "warning",
        "code": problem.code,
        "place": problem.place,
        "message": problem.message,
    }


@command.command("diff")
@_PATHS
@_TASK_DEFS
@click.pass_obj
def diff(session: Session, paths: tuple[Path, ...], task_defs: bool) -> int:
    """Show what pushing would change; exit status 1 if that is anything."""
    with session.client() as client:
        return _show_plan(session, _planned(client, read_all(paths, task_defs=task_defs)))


def _planned(client: ConductorClient, wanted: Definitions) -> list[Planned]:
    return list(tracked(plan(client, wanted), "Comparing", len(wanted.tasks) + len(wanted.workflows)))


def _show_plan(session: Session, planned: Sequence[Planned]) -> int:
    show_rows(session, [one.as_row() for one in planned], _COLUMNS)
    if not session.is_json:
        _show_changes(planned)
    return FAILED if any(one.state != "same" for one in planned) else DONE


def _show_changes(planned: Sequence[Planned]) -> None:
    for one in planned:
        if one.changes:
            version = "" if one.version is None else f" version {one.version}"
            click.echo(f"\n{one.kind} {one.definition.name}{version}")
            click.echo("\n".join(f"  {change}" for change in one.changes))


@command.command("push")
@_PATHS
@_TASK_DEFS
@click.option("--dry-run", is_flag=True, help="Write nothing; exit status 1 if something would be written.")
@click.pass_obj
def push(session: Session, paths: tuple[Path, ...], task_defs: bool, dry_run: bool) -> int:
    """Write what differs to the server; nothing is written if a definition is wrong, or all are the same."""
    wanted = read_all(paths, task_defs=task_defs)
    if any(problem.is_error for one in wanted.workflows for problem in one.workflow.validate()):
        return _judge(session, wanted, strict=False)
    with session.client() as client:
        planned = _planned(client, wanted)
        status = _show_plan(session, planned)
        if dry_run:
            return status
        for one in tracked(planned, "Writing", len(planned)):
            one.write(client)
    written = sum(one.state != "same" for one in planned)
    say(f"{written} written, {len(planned) - written} unchanged")
    return DONE


@command.command("pull")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", "names", multiple=True, metavar="GLOB", help="Only these, as 'order_*'; repeatable.")
@click.option("--format", "form", type=click.Choice(["json", "yaml", "python"]), default="json", show_default=True)
@click.option("--all-versions", is_flag=True, help="Each version of a workflow, and not the latest alone.")
@click.option("--dry-run", is_flag=True, help="Write nothing; exit status 1 if something would be written.")
@click.pass_obj
def pull(session: Session, folder: Path, names: tuple[str, ...], form: str, all_versions: bool, dry_run: bool) -> int:
    """Write the server's definitions to FOLDER/workflows and FOLDER/tasks; files that are the same stay as they are."""
    with session.client() as client:
        found = pull_all(client, folder, names=names, form=form, all_versions=all_versions)
        pulled = list(tracked(found, "Reading"))
    _show_pulled(session, pulled)
    changed = [one for one in pulled if one.state != "same"]
    if dry_run:
        return FAILED if changed else DONE
    for one in changed:
        one.write()
    say(f"{len(changed)} written, {len(pulled) - len(changed)} unchanged")
    return DONE


def _show_pulled(session: Session, pulled: Sequence[Pulled]) -> None:
    rows = [{"path": str(one.path), "state": one.state} for one in pulled]
    show_rows(session, rows, ("path", "state"), empty="The server has no such definitions.")
