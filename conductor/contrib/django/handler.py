"""A ``TaskHandler`` for ``settings.CONDUCTOR``, with database connections that are managed as for requests."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.db import close_old_connections, reset_queries

from conductor.contrib._frameworks import chosen_workers
from conductor.contrib.django.configuration import conductor_settings, django_options
from conductor.worker.context import TaskContext
from conductor.worker.handler import TaskHandler
from conductor.worker.options import process_count

__all__ = ["around_task", "make_handler", "set_up_child"]


def around_task(_context: TaskContext, call_next: Callable[[], Any]) -> Any:
    """Run a task as Django runs a request: close broken and expired connections of this thread around it.

    ``CONN_MAX_AGE`` applies as for requests; by default the connection ends with the task.
    """
    reset_queries()
    close_old_connections()
    try:
        return call_next()
    finally:
        close_old_connections()


def set_up_child(handler: TaskHandler) -> None:
    """Add the middleware of this module; called in each worker process."""
    handler.use(around_task)


def make_handler(only: Iterable[str] = (), **arguments: Any) -> TaskHandler:
    """Return a handler for the declared workers; it is not started.

    Args:
        only: Task types; all declared ones if it is empty.
        arguments: Arguments of ``TaskHandler``; they take precedence over ``CONDUCTOR["WORKER"]``.

    Raises:
        WorkerRegistrationError: A task type of ``only`` has no worker.
        ConfigurationError: A setting is invalid.
        TypeError: An argument is unknown to ``TaskHandler``.
    """
    merged = {**django_options().worker, **arguments}
    wanted = chosen_workers(only)
    if wanted is not None:
        merged["workers"] = wanted
    if process_count(merged.get("processes"), os.environ) == 1:
        return TaskHandler(conductor_settings(), **merged).use(around_task)
    merged.setdefault("child_setup", f"{__name__}:set_up_child")
    modules = ["conductor.contrib.django.child", *merged.pop("import_modules", ())]
    return TaskHandler(conductor_settings(), import_modules=modules, **merged)
