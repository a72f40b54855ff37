"""A ``TaskHandler`` as ``settings.CONDUCTOR`` says, whose tasks have a database connection like a request's."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from django.db import close_old_connections, reset_queries

from conductor.contrib._frameworks import chosen_workers
from conductor.contrib.django.configuration import conductor_settings, django_options
from conductor.worker.context import TaskContext
from conductor.worker.handler import TaskHandler
from conductor.worker.processes.parent import process_count

__all__ = ["around_task", "make_handler", "set_up_child"]


def around_task(_context: TaskContext, call_next: Callable[[], Any]) -> Any:
    """Run a task as Django runs a request: broken and outlived connections of this thread are closed around it.

    How long a healthy one lives is ``CONN_MAX_AGE``, as for requests; by default it ends with the task.
    """
    reset_queries()
    close_old_connections()
    try:
        return call_next()
    finally:
        close_old_connections()


def set_up_child(handler: TaskHandler) -> None:
    """Add what tasks need; called in each process of ``processes``."""
    handler.use(around_task)


def make_handler(only: Iterable[str] = (), **arguments: Any) -> TaskHandler:
    """A handler for the declared workers, which is not started.

    Args:
        only: Task types; all that are declared when it is empty.
        arguments: Of ``TaskHandler``; they win over ``CONDUCTOR["WORKER"]``.

    Raises:
        WorkerRegistrationError: A task type of ``only`` has no worker.
        ConfigurationError: A setting cannot be used.
        TypeError: ``TaskHandler`` has no such argument.
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
