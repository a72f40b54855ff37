"""``conductor def``: definitions in files against those of the server, for people and for CI."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from conductor.cli.command import Group
from conductor.cli.exits import DONE, FAILED
from conductor.cli.folder import Definitions, FromFile, read_all
from conductor.cli.output import say, show_json, show_rows, tracked
from conductor.cli.session import Session
from conductor.cli.workflow import written
from conductor.clients.client import ConductorClient
from conductor.clients.ensure import compare
from conductor.errors import NotFoundError
from conductor.models import TaskDef, WorkflowDef
from conductor.models.defaults import STAMPS, without_defaults
from conductor.validation.problem import Problem
from conductor.workflow.builder import Workflow

__all__ = ["Planned", "Pulled", "command", "plan", "pull_all"]


@frozen
class Planned:
    """One definition against the server's.

    Attributes:
        definition: What is to be written.
        state: ``new``, ``changed`` or ``same``.
        changes: Each difference, as text.
    """

    definition: Workflow | TaskDef
    state: str
    changes: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """``task`` or ``workflow``."""
        return "workflow" if isinstance(self.definition, Workflow) else "task"

    @property
    def version(self) -> int | None:
        """A workflow's version."""
        return self.definition.version if isinstance(self.definition, Workflow) else None

    def write(self, client: ConductorClient) -> None:
        """Write it, unless the server has the same."""
        if self.state == "same":
            return
        if isinstance(self.definition, Workflow):
            client.metadata.register_workflow(self.definition.to_def(), overwrite=True)
        elif self.state == "new":
            client.metadata.register_task(self.definition)
        else:
            client.metadata.update_task(self.definition)

    def as_row(self) -> dict[str, object]:
        """As a row of a table."""
        return {
            "kind": self.kind,
            "name": self.definition.name,
            "version": self.version,
            "state": self.state,
            "changes": list(self.changes),
        }


def plan(client: ConductorClient, wanted: Definitions) -> Iterator[Planned]:
    """Each definition against what the server has; tasks first, because workflows need them."""
    for task in wanted.tasks:
        found = compare(task.name, task, _task(client, task.name))
        state = "new" if found.created else "changed" if found.changes else "same"
        yield Planned(task, state, tuple(str(change) for change in found.changes))
    for one in wanted.workflows:
        diff = one.workflow.diff(client)
        state = "same" if not diff else "changed" if diff.is_registered else "new"
        yield Planned(one.workflow, state, tuple(str(change) for change in diff))


def _task(client: ConductorClient, name: str) -> TaskDef | None:
    try:
        return client.metadata.get_task(name)
    except NotFoundError:
        return None


_ENDINGS = {"json": ".json", "yaml": ".yaml", "python": ".py"}


@frozen
class Pulled:
    """A file as it is to be.

    Attributes:
        path: Where.
        text: What it is to hold.
    """

    path: Path
    text: str

    @property
    def state(self) -> str:
        """``new``, ``changed`` or ``same``."""
        if not self.path.exists():
            return "new"
        return "same" if self.path.read_text(encoding="utf-8", errors="replace") == self.text else "changed"

    def write(self) -> None:
        """Write it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.text, encoding="utf-8")


def pull_all(
    client: ConductorClient, folder: Path, *, names: Sequence[str], form: str, all_versions: bool
) -> Iterator[Pulled]:
    """Each definition of the server as a file; task definitions are JSON where workflows are Python.

    Args:
        client: The client.
        folder: Where the folders ``workflows`` and ``tasks`` stand.
        names: Patterns; all definitions without any.
        form: ``json``, ``yaml`` or ``python``.
        all_versions: Each version of a workflow, and not the latest alone.
    """
    found = [one for one in client.metadata.list_workflows() if _is_wanted(one.name, names)]
    for definition in found if all_versions else _latest(found):
        workflow = Workflow.from_def(definition)
        plain = form == "python"
        text = workflow.to_python(tidy=True) if plain else written(without_defaults(workflow.to_dict()), form)
        stem = f"{_file_name(definition.name)}.{definition.version}" if all_versions else _file_name(definition.name)
        if plain:
            stem = re.sub(r"\W", "_", stem)  # a module's name
        yield Pulled(folder / "workflows" / f"{stem}{_ENDINGS[form]}", text)
    data = "json" if form == "python" else form
    for task in client.metadata.list_tasks():
        if _is_wanted(task.name, names):
            wire = {key: value for key, value in task.to_dict().items() if key not in STAMPS and _says(value)}
            yield Pulled(folder / "tasks" / f"{_file_name(task.name)}{_ENDINGS[data]}", written(wire, data))


def _says(value: Any) -> bool:
    return value not in (None, [], {})


def _is_wanted(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _latest(found: Iterable[WorkflowDef]) -> list[WorkflowDef]:
    latest: dict[str, WorkflowDef] = {}
    for one in found:
        if one.name not in latest or (one.version or 0) > (latest[one.name].version or 0):
            latest[one.name] = one
    return [latest[name] for name in sorted(latest)]


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]", "_", name)


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
