"""``conductor def``: list, compare and write definitions, for people and for CI."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from conductor._internal.epoch import from_epoch_ms
from conductor._internal.suggestions import did_you_mean, suggest
from conductor.cli.command import Group
from conductor.cli.exits import DONE, FAILED, Misused
from conductor.cli.folder import Definitions, FromFile, read_all
from conductor.cli.names import complete_task_type, complete_workflow
from conductor.cli.output import confirm, row_of, say, show_json, show_rows, tracked, watch_option, watched, write
from conductor.cli.session import Session
from conductor.cli.workflow_files import serialized
from conductor.clients.client import ConductorClient
from conductor.errors import NotFoundError
from conductor.models import TaskDef, WorkflowDef
from conductor.models._base import AUDIT_FIELDS
from conductor.models.defaults import without_defaults
from conductor.models.definition_diff import Diff, compare
from conductor.validation.tree import Problem
from conductor.workflow.builder import Workflow

__all__ = ["Planned", "Pulled", "command", "plan", "pull_all"]


@frozen
class Planned:
    """One definition compared with the server's.

    Attributes:
        definition: The definition to write.
        state: ``new``, ``changed`` or ``same``.
        changes: A line for each difference.
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
        """Return the version of a workflow; None for a task."""
        return self.definition.version if isinstance(self.definition, Workflow) else None

    @classmethod
    def of(cls, definition: TaskDef | Workflow, diff: Diff) -> Planned:
        """Return the plan for a definition with these differences."""
        state = "same" if not diff else "changed" if diff.is_registered else "new"
        return cls(definition, state, tuple(str(change) for change in diff))

    def write(self, client: ConductorClient) -> None:
        """Write it to the server, unless the server has the same."""
        if self.state == "same":
            return
        if isinstance(self.definition, Workflow):
            client.metadata.register_workflow(self.definition.to_def(), overwrite=True)
        elif self.state == "new":
            client.metadata.register_task(self.definition)
        else:
            client.metadata.update_task(self.definition)

    def as_row(self) -> dict[str, object]:
        """Return the comparison as a row of a table."""
        return {
            "kind": self.kind,
            "name": self.definition.name,
            "version": self.version,
            "state": self.state,
            "changes": list(self.changes),
        }


def plan(client: ConductorClient, wanted: Definitions) -> Iterator[Planned]:
    """Compare each definition with the server's; tasks come first, because workflows need them."""
    for task in wanted.tasks:
        yield Planned.of(task, compare(task, _task(client, task.name)))
    for one in wanted.workflows:
        yield Planned.of(one.workflow, one.workflow.diff(client))


def _task(client: ConductorClient, name: str) -> TaskDef | None:
    try:
        return client.metadata.get_task(name)
    except NotFoundError:
        return None


#: Maximum number of characters of a definition's name in its file name: file systems allow 255 bytes.
_MAX_STEM = 100
#: Names of devices on Windows, which are invalid as file names with any extension.
_DEVICES = frozenset({"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))})
_ENDINGS = {"json": ".json", "yaml": ".yaml", "python": ".py"}


@frozen
class Pulled:
    """A definition of the server as a file.

    Attributes:
        path: The file.
        text: Its new content.
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
        """Write the file; its folder is created if it is missing."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.text, encoding="utf-8", newline="\n")


def pull_all(
    client: ConductorClient, folder: Path, *, names: Sequence[str], form: str, all_versions: bool
) -> Iterator[Pulled]:
    """Yield each definition of the server as a file; task definitions are JSON if workflows are Python.

    Args:
        client: The client.
        folder: The parent of the folders ``workflows`` and ``tasks``.
        names: Patterns of names; all definitions if empty.
        form: ``json``, ``yaml`` or ``python``.
        all_versions: Whether to include every version of a workflow instead of the latest.
    """
    found = [one for one in client.metadata.list_workflows() if _is_wanted(one.name, names)]
    file_name = _FileNames(as_module=form == "python")
    for definition in found if all_versions else _latest(found):
        workflow = Workflow.from_def(definition)
        if form == "python":
            text = workflow.to_python(tidy=True)
        else:
            text = serialized(without_defaults(workflow.to_dict()), form)
        stem = file_name(definition.name, definition.version if all_versions else None)
        yield Pulled(folder / "workflows" / f"{stem}{_ENDINGS[form]}", text)
    data = "json" if form == "python" else form
    file_name = _FileNames(as_module=False)
    for task in client.metadata.list_tasks():
        if _is_wanted(task.name, names):
            wire = {key: value for key, value in task.to_dict().items() if key not in AUDIT_FIELDS and _is_set(value)}
            yield Pulled(folder / "tasks" / f"{file_name(task.name)}{_ENDINGS[data]}", serialized(wire, data))


class _FileNames:
    """Return unique file names for definitions: a name that differs from another only in case gets part of a hash."""

    def __init__(self, *, as_module: bool) -> None:
        self._unfit = re.compile(r"\W" if as_module else r"[^\w.-]")
        self._separator = "_" if as_module else "."
        self._owners: dict[str, str] = {}

    def __call__(self, name: str, version: int | None = None) -> str:
        stem = self._unfit.sub("_", name)[:_MAX_STEM]
        if stem.partition(".")[0].casefold() in _DEVICES:
            stem = f"_{stem}"
        if self._owners.setdefault(stem.casefold(), name) != name:
            stem += f"_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
            self._owners[stem.casefold()] = name
        return stem if version is None else f"{stem}{self._separator}{version}"


def _is_set(value: Any) -> bool:
    return value not in (None, [], {})


def _is_wanted(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _latest(found: Iterable[WorkflowDef]) -> list[WorkflowDef]:
    latest: dict[str, WorkflowDef] = {}
    for one in found:
        if one.name not in latest or (one.version or 0) > (latest[one.name].version or 0):
            latest[one.name] = one
    return [latest[name] for name in sorted(latest)]


_PATHS = click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
_TASK_DEFS = click.option(
    "--task-defs", is_flag=True, help="Include the task definitions of decorated functions in Python workflows."
)
_COLUMNS = ("kind", "name", "version", "state")


@click.group("def", cls=Group)
def command() -> None:
    """Manage definitions of workflows and tasks.

    A PATH is a JSON or YAML file with one definition or a list of them, a Python file that creates a Workflow, or a
    folder of such files.
    """


@command.command("validate")
@_PATHS
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.pass_obj
def validate(session: Session, paths: tuple[Path, ...], strict: bool) -> int:
    """Check definitions without a server. Exit status 1 if there are problems."""
    return _judge(session, read_all(paths), strict=strict)


def _judge(session: Session, wanted: Definitions, *, strict: bool) -> int:
    found = [(one, problem) for one in wanted.workflows for problem in one.workflow.validate()]
    if session.is_json:
        show_json([_problem_row(one, problem) for one, problem in found])
    for one, problem in () if session.is_json else found:
        write(f"{one.path}: {one.workflow.name}: {'error' if problem.is_error else 'warning'}: {problem}")
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
    """Show what 'push' would change. Exit status 1 if there is a difference."""
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
            write(f"\n{one.kind} {one.definition.name}{version}")
            write("\n".join(f"  {change}" for change in one.changes))


@command.command("push")
@_PATHS
@_TASK_DEFS
@click.option("--dry-run", is_flag=True, help="Write nothing; exit status 1 if there is a difference.")
@click.pass_obj
def push(session: Session, paths: tuple[Path, ...], task_defs: bool, dry_run: bool) -> int:
    """Save new and changed definitions on the server. Nothing is saved if a definition has an error."""
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
@click.option(
    "--name", "names", multiple=True, metavar="GLOB", help="Only names that match, such as 'order_*'; repeatable."
)
@click.option("--format", "form", type=click.Choice(["json", "yaml", "python"]), default="json", show_default=True)
@click.option("--all-versions", is_flag=True, help="Every version of a workflow instead of the latest.")
@click.option("--dry-run", is_flag=True, help="Write nothing; exit status 1 if there is a difference.")
@click.pass_obj
def pull(session: Session, folder: Path, names: tuple[str, ...], form: str, all_versions: bool, dry_run: bool) -> int:
    """Save the server's definitions as files.

    They are written to FOLDER/workflows and FOLDER/tasks. Identical files are not changed.
    """
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
    show_rows(session, rows, ("path", "state"), empty="No definition matches.")


@command.command("list")
@click.option("--kind", type=click.Choice(["workflow", "task"]), help="Only definitions of this kind.")
@click.option("--name", "names", multiple=True, metavar="GLOB", help="Only names that match; repeatable.")
@click.option("--all-versions", is_flag=True, help="Every version of a workflow instead of the latest.")
@watch_option
@click.pass_obj
def list_(
    session: Session, kind: str | None, names: tuple[str, ...], all_versions: bool, interval: float | None
) -> None:
    """List the server's definitions."""
    with session.client() as client:

        def rows() -> list[Mapping[str, Any]]:
            found: list[Mapping[str, Any]] = []
            if kind != "task":
                workflows = [one for one in client.metadata.list_workflows() if _is_wanted(one.name, names)]
                ordered = sorted(workflows, key=lambda one: (one.name, one.version or 0))
                found += [
                    _definition_row(session, "workflow", one)
                    for one in (ordered if all_versions else _latest(workflows))
                ]
            if kind != "workflow":
                tasks = sorted(client.metadata.list_tasks(), key=lambda one: one.name)
                found += [_definition_row(session, "task", one) for one in tasks if _is_wanted(one.name, names)]
            return found

        columns = ("kind", "name", "version", "updated", "owner", "description")
        watched(session, interval, rows, columns, empty="No definition matches.")


def _definition_row(session: Session, kind: str, one: WorkflowDef | TaskDef) -> Mapping[str, Any]:
    changed = one.update_time or one.create_time
    cells = {
        "kind": kind,
        "name": one.name,
        "version": one.version if isinstance(one, WorkflowDef) else None,
        "updated": from_epoch_ms(changed) if changed else None,
        "owner": one.owner_email,
        "description": one.description,
    }
    return row_of(session, one, cells)


class _KindGroup(Group):
    """A group whose commands are kinds of definitions; if the kind is missing, the error shows the complete command."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the kind."""
        kinds = self.list_commands(ctx)
        if args[0] not in kinds and not suggest(args[0], kinds):
            whole = " or ".join(f"{ctx.command_path} {kind} {args[0]}" for kind in kinds)
            raise click.UsageError(f"The kind of definition comes first: {whole}", ctx)
        return super().resolve_command(ctx, args)


@command.group("get", cls=_KindGroup)
def get() -> None:
    """Print a definition from the server."""


@get.command("workflow")
@click.argument("name", metavar="NAME", shell_complete=complete_workflow)
@click.option("--version", type=int, help="The version (default: the latest).")
@click.option("--format", "form", type=click.Choice(["json", "yaml"]), default="json", show_default=True)
@click.pass_obj
def get_workflow(session: Session, name: str, version: int | None, form: str) -> None:
    """Print a workflow definition."""
    with session.client() as client:
        try:
            found = client.metadata.get_workflow(name, version)
        except NotFoundError:
            raise _unknown("workflow", name, (one.name for one in client.metadata.list_workflows()), version) from None
    write(serialized(found.to_dict(), form), newline=False)


@get.command("task")
@click.argument("name", metavar="NAME", shell_complete=complete_task_type)
@click.option("--format", "form", type=click.Choice(["json", "yaml"]), default="json", show_default=True)
@click.pass_obj
def get_task(session: Session, name: str, form: str) -> None:
    """Print a task definition."""
    with session.client() as client:
        try:
            found = client.metadata.get_task(name)
        except NotFoundError:
            raise _unknown("task", name, (one.name for one in client.metadata.list_tasks())) from None
    write(serialized(found.to_dict(), form), newline=False)


def _unknown(kind: str, name: str, known: Iterable[str], version: int | None = None) -> Misused:
    known = set(known)
    if name in known and version is not None:
        return Misused(
            f"The {kind} definition {name!r} has no version {version}. See: conductor def list --all-versions"
        )
    return Misused(f"The server has no {kind} definition {name!r}{did_you_mean(name, known) or '.'}")


@command.group("delete", cls=_KindGroup)
def delete() -> None:
    """Delete a definition from the server."""


_YES = click.option("--yes", "-y", is_flag=True, help="Do not ask for confirmation.")


@delete.command("workflow")
@click.argument("name", metavar="NAME", shell_complete=complete_workflow)
@click.option("--version", type=int, required=True, help="The version to delete.")
@_YES
@click.pass_obj
def delete_workflow(session: Session, name: str, version: int, yes: bool) -> None:
    """Delete one version of a workflow definition. Running executions keep their copy."""
    if not yes:
        confirm(f"Delete workflow {name} version {version}?")
    with session.client() as client:
        try:
            client.metadata.unregister_workflow(name, version)
        except NotFoundError:
            raise _unknown("workflow", name, (one.name for one in client.metadata.list_workflows()), version) from None
    say(f"Deleted workflow {name} version {version}")


@delete.command("task")
@click.argument("name", metavar="NAME", shell_complete=complete_task_type)
@_YES
@click.pass_obj
def delete_task(session: Session, name: str, yes: bool) -> None:
    """Delete a task definition."""
    if not yes:
        confirm(f"Delete task definition {name}?")
    with session.client() as client:
        try:
            client.metadata.unregister_task(name)
        except NotFoundError:
            raise _unknown("task", name, (one.name for one in client.metadata.list_tasks())) from None
    say(f"Deleted task definition {name}")
