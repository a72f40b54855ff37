"""``@worker_task``: declares a function as the worker for a task type, and returns it unchanged."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, TypeVar, overload

from typing_extensions import Unpack

from conductor.errors import WorkerRegistrationError
from conductor.worker.options import refuse_unknown
from conductor.worker.worker import Worker, WorkerArguments, WorkerRegistry, default_registry

__all__ = ["worker_task"]

F = TypeVar("F", bound=Callable[..., Any])


class DecoratorArguments(WorkerArguments, total=False):
    """The keyword arguments of ``worker_task``."""

    registry: WorkerRegistry | None


@overload
def worker_task(name: F) -> F: ...


@overload
def worker_task(name: str | None = None, **options: Unpack[DecoratorArguments]) -> Callable[[F], F]: ...


def worker_task(name: str | F | None = None, **options: Any) -> F | Callable[[F], F]:
    """Declare a function as the worker for task type ``name``, and return the function unchanged.

    Args:
        name: The task type; the default is the function's name.
        options: The options of the worker:

            - polling and running: ``domain``, ``thread_count``, ``poll_interval_ms``, ... (see ``WorkerOptions``)
            - the task definition: ``retry_count``, ``timeout_seconds``, ... (see ``DefinitionOptions``); seconds also
              as a ``timedelta``
            - ``task_def``: further fields of the task definition, as a ``TaskDef`` or its wire form
            - ``should_poll``: called before each poll; while it returns False the worker takes no tasks
            - ``registry``: where to declare the worker; the default is the one that ``TaskHandler`` reads

    Raises:
        WorkerRegistrationError: Another function is declared for the same task type and domain, or the function cannot
            be a worker.
        ConfigurationError: An option is unknown or has an invalid value.
    """
    refuse_unknown("worker_task", options, ("task_def", "should_poll", "registry"))
    registry = options.pop("registry", None)

    def declare(function: F) -> F:
        worker = Worker(function, name if isinstance(name, str) else None, **options)
        (default_registry if registry is None else registry).add(worker)
        with contextlib.suppress(AttributeError, TypeError):  # methods and some callables take no attributes
            function.__conductor_worker__ = worker  # type: ignore[attr-defined]
        return function

    if callable(name):
        return declare(name)
    if name is not None and not isinstance(name, str):
        raise WorkerRegistrationError(
            f"worker_task() takes the task type as its first argument, a string such as 'charge', and not {name!r}."
        )
    return declare
