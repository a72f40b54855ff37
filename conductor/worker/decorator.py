"""``@worker_task``: declares a function as the worker for a task type, and leaves it as it is."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, overload

from conductor.models import TaskDef
from conductor.worker.options import refuse_unknown
from conductor.worker.worker import Worker, WorkerRegistry, default_registry

__all__ = ["worker_task"]

F = TypeVar("F", bound=Callable[..., Any])


@overload
def worker_task(name: F) -> F: ...


@overload
def worker_task(
    name: str | None = None,
    *,
    domain: str | None = ...,
    thread_count: int = ...,
    poll_interval_ms: int = ...,
    poll_timeout_ms: int = ...,
    worker_id: str | None = ...,
    paused: bool = ...,
    lease_extension: bool = ...,
    max_lease_seconds: int | None = ...,
    register_task_def: bool = ...,
    overwrite_task_def: bool = ...,
    hand_back: bool = ...,
    task_def: TaskDef | Mapping[str, Any] | None = ...,
    should_poll: Callable[[], bool] | None = ...,
    registry: WorkerRegistry | None = ...,
) -> Callable[[F], F]: ...


def worker_task(
    name: str | F | None = None,
    *,
    task_def: TaskDef | Mapping[str, Any] | None = None,
    should_poll: Callable[[], bool] | None = None,
    registry: WorkerRegistry | None = None,
    **options: Any,
) -> F | Callable[[F], F]:
    """Declare a function as the worker for task type ``name``; the function itself comes back, unchanged.

    Args:
        name: The task type; the function's own name when it is left out.
        task_def: See ``Worker``.
        should_poll: See ``Worker``.
        registry: Where to declare it; the default is what ``TaskHandler`` looks at.
        options: Any of ``WorkerOptions``: ``domain``, ``thread_count``, ``poll_interval_ms``, ...

    Raises:
        WorkerRegistrationError: Another function is declared for the same task type and domain, or the function cannot
            be a worker.
        ConfigurationError: An option cannot be used.
    """
    refuse_unknown("worker_task", options)

    def declare(function: F) -> F:
        worker = Worker(
            function, name if isinstance(name, str) else None, task_def=task_def, should_poll=should_poll, **options
        )
        (default_registry if registry is None else registry).add(worker)
        with contextlib.suppress(AttributeError, TypeError):  # methods and some callables take no attributes
            function.__conductor_worker__ = worker  # type: ignore[attr-defined]
        return function

    if callable(name):
        return declare(name)
    return declare
