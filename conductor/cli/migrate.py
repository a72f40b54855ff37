"""``conductor migrate``: rewrite programs of conductor-python."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from conductor import __all__ as top
from conductor._internal.installation import install_command
from conductor.cli.command import Command
from conductor.cli.exits import DONE, FAILED, Misused
from conductor.cli.output import say, show_json, tracked, write
from conductor.cli.session import Session
from conductor.models import __all__ as models
from conductor.workflow.step import OPTIONS

if TYPE_CHECKING:
    from conductor.migration.programs import Migration

__all__ = ["command"]


@click.command(
    "migrate",
    cls=Command,
    epilog="Exit status: 0 every program is migrated; 1 a person has to change something, or a file cannot be read as "
    "Python; 2 invalid usage, or a file cannot be read or written.",
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--write", "is_writing", is_flag=True, help="Change the files; without it, only show the changes.")
@click.option("--no-diff", "is_quiet", is_flag=True, help="Show the report without the changes.")
@click.pass_obj
def command(session: Session, paths: tuple[Path, ...], *, is_writing: bool, is_quiet: bool) -> int:
    """Rewrite programs of conductor-python 1.x and 2.x for this SDK.

    PATH is a Python file or a folder; virtual environments, hidden folders and build results are skipped. The changes
    are printed as a unified diff. Lines that need a manual change are reported on standard error as FILE:LINE: REASON.
    """
    if importlib.util.find_spec("libcst") is None:
        raise Misused(f"Migrating programs needs libcst. Install the extra migrate: {install_command('migrate')}")
    from conductor.migration.context import PublicNames
    from conductor.migration.programs import Project, find_programs, write_atomically  # needs the extra

    try:
        files = list(dict.fromkeys(file for path in paths for file in find_programs(path)))
        done = list(
            tracked(
                Project(PublicNames(frozenset(top), frozenset(models), OPTIONS)).migrate(files), "migrating", len(files)
            )
        )
        if is_writing:
            for one in done:
                if one.is_changed:
                    write_atomically(one.path, one.new)
    except OSError as error:
        raise Misused(f"{error.filename or ''}: {error.strerror or error}".removeprefix(": ")) from None
    if session.is_json:
        show_json([_as_json(one) for one in done if one.is_changed or one.findings])
    else:
        _show(done, is_writing=is_writing, is_quiet=is_quiet)
    return FAILED if any(one.is_open for one in done) else DONE


def _show(done: list[Migration], *, is_writing: bool, is_quiet: bool) -> None:
    for one in done:
        if one.is_changed and not is_quiet:
            write(one.diff(), newline=False)
    for one in done:
        for finding in one.findings:
            say(f"{one.path}:{finding.line}: {'' if finding.is_open else 'note: '}{finding.reason}")
    changed = sum(one.is_changed for one in done)
    opened = sum(one.is_open for one in done)
    verb = "changed" if is_writing else "would change"
    say(f"{len(done)} files: {changed} {verb}, {opened} need manual changes.")
    if changed and not is_writing:
        say("Nothing was written; add --write to change the files.")


def _as_json(one: Migration) -> dict[str, Any]:
    findings = [{"line": finding.line, "reason": finding.reason, "open": finding.is_open} for finding in one.findings]
    return {"path": str(one.path), "changed": one.is_changed, "diff": one.diff(), "findings": findings}
