"""The server's definitions as files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from attrs import frozen

from conductor.cli.workflow_files import written
from conductor.clients.client import ConductorClient
from conductor.models import WorkflowDef
from conductor.models.defaults import STAMPS, without_defaults
from conductor.workflow.builder import Workflow

__all__ = ["Pulled", "pull_all"]

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
