"""Import the user's modules, and report mistakes as short messages instead of tracebacks."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from conductor.cli.exits import Misused
from conductor.errors import WorkerRegistrationError
from conductor.worker.worker import Worker, default_registry

__all__ = ["find_named", "import_all", "module_name"]


def module_name(word: str) -> str:
    """Return a module's name; ``app/tasks.py``, as a shell completes it, is ``app.tasks``."""
    path = Path(word)
    if path.suffix != ".py":
        return word.rstrip("/").replace("/", ".") if "/" in word else word
    inside = path.resolve().relative_to(Path.cwd()) if path.resolve().is_relative_to(Path.cwd()) else None
    if inside is None:
        raise click.BadParameter(f"{word} is outside the current folder; give the module's name, as Python imports it.")
    return ".".join(inside.with_suffix("").parts)


def import_all(words: Iterable[str]) -> list[str]:
    """Import modules, also from the current folder, and return their names.

    Raises:
        Misused: A module cannot be imported.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    names = [module_name(word) for word in words]
    for name in names:
        _import(name)
    return names


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except WorkerRegistrationError:
        raise
    except ModuleNotFoundError as error:
        if error.name is not None and (name == error.name or name.startswith(f"{error.name}.")):
            raise Misused(f"No module named {name!r} in {Path.cwd()} or on the Python path.") from None
        raise Misused(f"Cannot import {name}: {error}\n{_last_place(error)}") from None
    except Exception as error:  # a module may raise anything
        raise Misused(f"Cannot import {name}: {type(error).__name__}: {error}\n{_last_place(error)}") from error


def _last_place(error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.filename:
        return f"  at {error.filename}:{error.lineno}"
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename]
    return f"  at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""


def find_named(only: Sequence[str]) -> list[Worker]:
    """Return the declared workers, or those with the given names.

    Raises:
        Misused: No worker is declared, or none with one of the names.
    """
    workers = default_registry.list()
    if not workers and not only:
        raise Misused("These modules declare no workers. Decorate their functions with @worker_task.")
    unknown = sorted(set(only) - {worker.name for worker in workers})
    if unknown:
        declared = ", ".join(sorted({worker.name for worker in workers})) or "none"
        raise Misused(f"No worker is declared for {', '.join(unknown)}; declared are: {declared}.")
    return [worker for worker in workers if not only or worker.name in only]
