"""``conductor workflow diagram`` and ``export``: a workflow as a diagram, or as a file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import click

from conductor._internal.installation import install_command
from conductor.cli.command import Command
from conductor.cli.exits import Misused
from conductor.cli.folder import read_workflow
from conductor.cli.names import complete_workflow_or_file
from conductor.cli.output import say, write
from conductor.cli.session import Session
from conductor.cli.workflow_watch import sub_executions
from conductor.diagram import Diagram, draw
from conductor.models.defaults import without_defaults
from conductor.workflow.builder import Workflow

__all__ = ["diagram", "export", "serialized"]

_EXECUTION_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@click.command("diagram", cls=Command)
@click.argument("subject", metavar="ID|NAME|FILE", shell_complete=complete_workflow_or_file)
@click.option("--version", type=int, help="The definition's version (default: the latest).")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "mermaid", "svg"]),
    help="Default: text, or the format of --file's suffix.",
)
@click.option(
    "--file",
    "target",
    type=click.Path(path_type=Path),
    help="A file to write: .svg, .html, .mmd or .txt; any name with --format.",
)
@click.pass_obj
def diagram(session: Session, subject: str, version: int | None, form: str | None, target: Path | None) -> None:
    """Draw an execution, or a definition on the server or in a file."""
    drawn = _drawn(session, subject, version)
    make = {"text": drawn.text, "mermaid": drawn.mermaid, "svg": drawn.svg}[form or "text"]
    if target is None:
        write(make(), newline=form not in {None, "text"})
        return
    if form is not None:
        target.write_text(make().rstrip("\n") + "\n", encoding="utf-8", newline="\n")
    else:
        try:
            drawn.save(target)
        except ValueError as error:
            raise Misused(f"{error} Or add --format.") from None
    say(f"Wrote {target}")


def _drawn(session: Session, subject: str, version: int | None) -> Diagram:
    if (workflow := read_workflow(subject)) is not None:
        return draw(workflow)
    with session.client() as client:
        if _EXECUTION_ID.fullmatch(subject.lower()):
            execution = client.workflows.get(subject)
            return draw(execution, sub_executions(client, execution))
        return draw(client.metadata.get_workflow(subject, version))


@click.command("export", cls=Command)
@click.argument("name", metavar="NAME|FILE", shell_complete=complete_workflow_or_file)
@click.option("--version", type=int, help="The definition's version (default: the latest).")
@click.option("--format", "form", type=click.Choice(["json", "yaml", "python"]), default="json", show_default=True)
@click.option("--file", "target", type=click.Path(path_type=Path), help="A file to write.")
@click.pass_obj
def export(session: Session, name: str, version: int | None, form: str, target: Path | None) -> None:
    """Print a definition as JSON, YAML, or Python code of this SDK."""
    workflow = read_workflow(name)
    if workflow is None:
        with session.client() as client:
            workflow = Workflow.from_def(client.metadata.get_workflow(name, version))
    is_python = form == "python"
    text = workflow.to_python(tidy=True) if is_python else serialized(without_defaults(workflow.to_dict()), form)
    if target is None:
        write(text, newline=False)
    else:
        target.write_text(text, encoding="utf-8", newline="\n")
        say(f"Wrote {target}")


def serialized(wire: Any, form: str) -> str:
    """Return a definition's wire form as JSON or YAML.

    Raises:
        Misused: YAML was requested, and no YAML library is installed.
    """
    if form == "json":
        return json.dumps(wire, indent=2, ensure_ascii=False) + "\n"
    try:
        from conductor.workflow.yaml_text import dump_yaml  # needs an extra
    except ModuleNotFoundError:
        raise Misused(f"YAML needs PyYAML. Install the extra yaml: {install_command('yaml')}") from None
    return dump_yaml(wire)
