"""Read definitions from JSON, YAML and Python files, one by one or from whole folders."""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import fields, frozen

from conductor._internal.suggestions import did_you_mean
from conductor.cli.exits import Misused
from conductor.cli.modules import import_all
from conductor.cli.output import say
from conductor.models import TaskDef
from conductor.models._base import wire_name
from conductor.workflow.builder import Workflow
from conductor.workflow.load import read_file

__all__ = ["Definitions", "FromFile", "read_all", "read_workflow"]

_DATA = frozenset({".json", ".yaml", ".yml"})
_SKIPPED = frozenset({"__pycache__", "node_modules", "venv", "site-packages", "build", "dist"})
_TASK_DEF_FIELDS = frozenset(wire_name(one) for one in fields(TaskDef))


@frozen
class FromFile:
    """A workflow and its file."""

    workflow: Workflow
    path: Path


@frozen
class Definitions:
    """The definitions in files.

    Attributes:
        workflows: The workflows, in the order of the files.
        tasks: The task definitions.
    """

    workflows: list[FromFile]
    tasks: list[TaskDef]


def read_all(paths: Iterable[str | Path], *, task_defs: bool = False) -> Definitions:
    """Return the definitions in files and folders. In a folder, only Python files that create a ``Workflow`` are read.

    Args:
        paths: Files and folders.
        task_defs: Whether to include the task definitions of decorated functions that are steps of Python workflows.

    Raises:
        Misused: A file cannot be read, a name and version is defined twice, or no definition is found.
    """
    workflows: list[FromFile] = []
    tasks: dict[str, TaskDef] = {}
    given = [*map(Path, paths)]
    for path, is_named in _files(given):
        for found in _python(path) if path.suffix == ".py" else _data(path, is_named=is_named):
            if isinstance(found, Workflow):
                workflows.append(FromFile(found, path))
            else:
                tasks[found.name] = found
    if not workflows and not tasks:
        raise Misused(f"No definition found in {', '.join(map(str, given))}.")
    _refuse_duplicates(workflows)
    if task_defs:
        tasks = {task.name: task for one in workflows for task in one.workflow.task_defs()} | tasks
    return Definitions(workflows, list(tasks.values()))


def read_workflow(word: str) -> Workflow | None:
    """Return the only workflow of a file; None if the word has not the suffix of a file.

    Raises:
        Misused: The file does not exist, or has no workflow, or several.
    """
    path = Path(word)
    if path.suffix not in _DATA | {".py"}:
        return None
    found = read_all([path]).workflows
    if len(found) != 1:
        raise Misused(f"{word} has {len(found)} workflows; exactly one is needed.")
    return found[0].workflow


def _files(paths: Iterable[Path]) -> Iterator[tuple[Path, bool]]:
    """Yield the files, each with whether it was named on the command line."""
    for path in paths:
        if not path.exists():
            raise Misused(f"{path}: file not found.")
        if not path.is_dir():
            yield path, True
            continue
        for parent, folders, names in os.walk(path):
            folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
            inside = [Path(parent, name) for name in sorted(names)]
            yield from ((one, False) for one in inside if one.suffix in _DATA or _creates_workflows(one))


def _creates_workflows(path: Path) -> bool:
    return path.suffix == ".py" and path.name != "__main__.py" and b"Workflow(" in path.read_bytes()


def _data(path: Path, *, is_named: bool) -> Iterator[Workflow | TaskDef]:
    held = read_file(path)
    entries = held if isinstance(held, list) else [held]
    found = [_definition(entry) for entry in entries]
    if None in found:
        if is_named or any(found):
            raise Misused(f"{path}: {_why_neither(entries[found.index(None)])}")
        say(f"Skipped {path}: it has no definitions.")
        return
    yield from (one for one in found if one is not None)


def _definition(entry: Any) -> Workflow | TaskDef | None:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("name"), str):
        return None
    if isinstance(entry.get("tasks"), list):
        return Workflow.from_def(entry)
    return TaskDef.from_dict(entry) if entry.keys() <= _TASK_DEF_FIELDS else None


def _why_neither(entry: Any) -> str:
    """Explain why an entry is neither a workflow (a name and a list of tasks) nor a task definition."""
    message = "an entry is neither a workflow nor a task definition"
    if not isinstance(entry, Mapping):
        return f"{message}: it is {type(entry).__name__}, not an object."
    if not isinstance(entry.get("name"), str):
        return f"{message}: it has no name."
    for field in sorted(entry.keys() - _TASK_DEF_FIELDS):
        if hint := did_you_mean(str(field), {*_TASK_DEF_FIELDS, "tasks"}):
            return f"{message}: it has no list of tasks, and a task definition has no field {field!r}{hint}"
    unknown = ", ".join(sorted(map(str, entry.keys() - _TASK_DEF_FIELDS)))
    return f"{message}: it has no list of tasks, and a task definition has no field {unknown}."


def _python(path: Path) -> list[Workflow]:
    """Return the workflows among the variables of a Python file, each once."""
    found = {id(value): value for value in _variables(path).values() if isinstance(value, Workflow)}
    return list(found.values())


def _variables(path: Path) -> dict[str, Any]:
    try:
        inside = path.resolve().relative_to(Path.cwd())
    except ValueError:
        return _run(path)
    if all(part.isidentifier() for part in inside.with_suffix("").parts):
        return vars(sys.modules[import_all([str(path)])[0]])
    return _run(path)


def _run(path: Path) -> dict[str, Any]:
    try:
        return runpy.run_path(str(path))
    except Exception as error:  # a program of the user may raise anything
        raise Misused(f"{path} cannot be run: {type(error).__name__}: {error}") from error


def _refuse_duplicates(found: Iterable[FromFile]) -> None:
    places: dict[tuple[str, int | None], Path] = {}
    for one in found:
        key = (one.workflow.name, one.workflow.version)
        if key in places:
            raise Misused(f"Workflow {key[0]!r} version {key[1]} is defined in {places[key]} and in {one.path}.")
        places[key] = one.path
