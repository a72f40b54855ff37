"""Which workers a handler runs, and whether what it was given can be used."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from conductor._env import check_int
from conductor._renamed import refuse_keywords
from conductor.errors import ConfigurationError, WorkerRegistrationError
from conductor.settings import Settings
from conductor.worker.options import WorkerOptions
from conductor.worker.registry import WorkerRegistry, default_registry
from conductor.worker.worker import Worker

__all__ = ["as_worker", "check_client", "check_options", "find_workers", "refuse_duplicates"]


def find_workers(
    given: Sequence[Worker] | None, registry: WorkerRegistry | None, import_modules: Iterable[str]
) -> list[Worker]:
    """The workers that were given and those of the registry, after importing the modules that declare them.

    Raises:
        WorkerRegistrationError: There is none.
        ConfigurationError: A module is not there, or raised when it was imported; that is then the error's cause.
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
    except Exception as error:  # noqa: BLE001  whatever a module of the user does
        is_missing = isinstance(error, ModuleNotFoundError) and f"{name}.".startswith(f"{error.name}.")
        why = "there is no such module" if is_missing else f"importing it raised {type(error).__name__}: {error}"
        raise ConfigurationError(
            f"import_modules has {name!r}, which cannot be imported: {why}.",
            variable="import_modules",
            value=name,
            allowed="modules that Python finds from here",
        ) from (None if is_missing else error)


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
    if max_concurrency is not None:
        check_int("max_concurrency", max_concurrency, minimum=1)


def check_client(client: object) -> None:
    """Refuse what is neither a client nor settings.

    Raises:
        ConfigurationError: It is something else, such as a URL.
    """
    if client is None or isinstance(client, Settings):
        return
    from conductor.clients.client import ConductorClient  # noqa: PLC0415  requests only where there is a client

    if not isinstance(client, ConductorClient):
        allowed = "a ConductorClient, Settings or None"
        raise ConfigurationError(  # without the value: a URL may hold a password
            f"client is of type {type(client).__name__}; it must be {allowed}; "
            "a server's URL goes into Settings(server_url=...).",
            variable="client",
            allowed=allowed,
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
