"""Which workers a handler runs, and whether what it was given can be used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from conductor._renamed import refuse_keywords
from conductor.errors import ConfigurationError, WorkerRegistrationError
from conductor.worker.options import WorkerOptions
from conductor.worker.registry import WorkerRegistry, default_registry
from conductor.worker.worker import Worker

__all__ = ["as_worker", "check_options", "find_workers", "refuse_duplicates"]


def find_workers(
    given: Sequence[Worker] | None, registry: WorkerRegistry | None, import_modules: Iterable[str]
) -> list[Worker]:
    """The workers that were given and those of the registry, after importing the modules that declare them.

    Raises:
        WorkerRegistrationError: There is none.
    """
    for module in import_modules:
        importlib.import_module(module)
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


def as_worker(declared: Worker | Callable[..., Any]) -> Worker:
    """The worker itself, or the one that the decorator attached to a function."""
    if isinstance(declared, Worker):
        return declared
    attached = getattr(declared, "__conductor_worker__", None)
    if isinstance(attached, Worker):
        return attached
    raise WorkerRegistrationError(
        f"{declared!r} is no worker: decorate it with @worker_task, or wrap it as Worker(function, 'task_name')."
    )


def check_options(options: dict[str, Any], max_concurrency: int | None) -> None:
    """Refuse options that cannot be used.

    Raises:
        TypeError: There is no such option.
        ConfigurationError: A value cannot be used.
    """
    WorkerOptions(**options) if options.keys() <= _option_names() else _refuse_options(options)
    if max_concurrency is not None and max_concurrency < 1:
        raise ConfigurationError(
            f"max_concurrency is {max_concurrency}; it must be at least 1, or None for no limit.",
            variable="max_concurrency",
            value=max_concurrency,
            allowed="a whole number from 1, or None",
        )


def _option_names() -> set[str]:
    return {attribute.name for attribute in WorkerOptions.__attrs_attrs__}


def _refuse_options(options: dict[str, Any]) -> None:
    refuse_keywords("TaskHandler", options)
    unknown = sorted(options.keys() - _option_names())
    raise TypeError(f"TaskHandler() knows no {', '.join(unknown)}; options are: {', '.join(sorted(_option_names()))}")


def refuse_duplicates(workers: Sequence[tuple[Worker, WorkerOptions]]) -> None:
    """Refuse two workers that would poll the same queue.

    Raises:
        WorkerRegistrationError: There are two.
    """
    seen: dict[tuple[str, str | None], Worker] = {}
    for worker, options in workers:
        key = (worker.name, options.domain)
        if key in seen:
            places = [seen[key].place, worker.place]
            where = f" in domain {options.domain!r}" if options.domain else ""
            raise WorkerRegistrationError(
                f"Two workers are declared for task {worker.name!r}{where}: {places[0]} and {places[1]}.", places=places
            )
        seen[key] = worker
