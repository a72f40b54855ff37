"""Which workers a handler runs: those that it is given, and those that decorated functions registered."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from conductor.errors import ConfigurationError, WorkerRegistrationError
from conductor.worker.options import ResolvedOptions
from conductor.worker.worker import Worker, WorkerRegistry, default_registry, two_workers

__all__ = ["as_worker", "as_workers", "find_workers", "refuse_duplicates"]


def find_workers(
    given: Sequence[Worker] | None, registry: WorkerRegistry | None, import_modules: Iterable[str]
) -> list[Worker]:
    """Return the given workers and those of the registry, after importing the modules that declare them.

    Raises:
        WorkerRegistrationError: No worker was found.
        ConfigurationError: A module is missing, or raised an exception, which is the error's cause.
    """
    for module in import_modules:
        _import(module)
    found = list(given or ())
    if registry is None and given is None:
        registry = default_registry
    if registry is not None:
        found += [worker for worker in registry if worker not in found]
    if not found:
        raise WorkerRegistrationError(
            "No workers were found. Decorate a function with @worker_task in a module that is imported before the "
            "handler starts, name the module in TaskHandler(import_modules=...), or give TaskHandler(workers=...)."
        )
    return found


def _import(name: str) -> None:
    try:
        importlib.import_module(name)
    except (ConfigurationError, WorkerRegistrationError):  # a decorator's, which says what is wrong
        raise
    except Exception as error:  # whatever a module of the user does
        is_missing = isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}.")
        why = "there is no such module" if is_missing else f"importing it raised {type(error).__name__}: {error}"
        raise ConfigurationError(
            f"import_modules has {name!r}, which cannot be imported: {why}.",
            variable="import_modules",
            value=name,
            allowed="modules that Python finds from here",
        ) from (None if is_missing else error)


def as_workers(workers: Any) -> list[Worker]:
    """Return the worker of each declared function.

    Raises:
        WorkerRegistrationError: ``workers`` is not a list, or one is not a worker.
    """
    if isinstance(workers, str) or not isinstance(workers, Iterable):
        raise WorkerRegistrationError(f"workers is {workers!r}; it must be a list of workers: workers=[...].")
    return [as_worker(worker) for worker in workers]


def as_worker(declared: Worker | Callable[..., Any]) -> Worker:
    """Return the worker itself, or the one that the decorator declared for a function or a bound method."""
    if isinstance(declared, Worker):
        return declared
    attached = getattr(declared, "__conductor_worker__", None) or default_registry.find(declared)
    if isinstance(attached, Worker):
        # A wrapper around a decorated function has its attributes: what was given runs, not what it wraps.
        return attached if attached.runs(declared) else attached.for_function(declared)
    raise WorkerRegistrationError(
        f"{declared!r} is not a worker: decorate it with @worker_task, or wrap it as Worker(function, 'task_name')."
    )


def refuse_duplicates(workers: Sequence[tuple[Worker, ResolvedOptions]]) -> None:
    """Refuse two workers that would poll the same queue.

    Raises:
        WorkerRegistrationError: There are two.
    """
    seen: dict[tuple[str, str | None], Worker] = {}
    for worker, resolved in workers:
        domain, origin = resolved.options.domain, resolved.origins["domain"]
        if (other := seen.get((worker.name, domain))) is not None:
            remedy = ""
            if worker.options.get("domain") != other.options.get("domain"):
                remedy = (
                    f"They have different domains in the code, and {origin} sets one for both. Remove it there, or run "
                    "each worker in a handler of its own."
                )
            raise two_workers(other, worker, domain, remedy)
        seen[worker.name, domain] = worker
