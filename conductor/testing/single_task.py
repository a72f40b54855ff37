"""One worker's function, run as a worker would run it, without a server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import evolve

from conductor.models import Task, TaskResult
from conductor.models.codec import to_jsonable
from conductor.testing.executions import example_task
from conductor.worker.execution import Middleware, TaskRunner
from conductor.worker.worker import Worker

__all__ = ["run_task"]


def run_task(
    function: Callable[..., Any] | Worker,
    input: Mapping[str, Any] | None = None,
    *,
    task: Task | None = None,
    stopping: bool = False,
    middleware: Sequence[Middleware] = (),
) -> TaskResult:
    """Run a worker's function for one task, and return what the server would be told.

    Everything happens as in a worker: the input is converted to what the parameters say, the function finds a
    ``TaskContext``, its return value becomes an output, an exception a failed task with its traceback in the logs.

    Args:
        function: The function, decorated or not, or a ``Worker``.
        input: The task's input; it has to have a JSON form, as on the wire.
        task: The task, to say more of it than its input, made by ``example_task(...)``; ``input`` goes before its own.
        stopping: Whether the context says that the worker is stopping.
        middleware: As given to ``TaskHandler``.

    Raises:
        SerializationError: The input has no JSON form.
        WorkerRegistrationError: ``function`` cannot be a worker.
    """
    worker = _worker(function)
    given = task if task is not None else example_task(worker.name)
    if input is not None:
        given = evolve(given, input_data=to_jsonable(dict(input)))
    stop = threading.Event()
    if stopping:
        stop.set()
    return TaskRunner(worker, given.worker_id or "test", middleware).run(given, stop)


def _worker(function: Callable[..., Any] | Worker) -> Worker:
    if isinstance(function, Worker):
        return function
    declared = getattr(function, "__conductor_worker__", None)
    if isinstance(declared, Worker):
        return declared
    named = getattr(function, "__name__", "<lambda>") != "<lambda>"
    return Worker(function) if named else Worker(function, "task")
