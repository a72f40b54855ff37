"""Run the function of a worker without a server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import evolve

from conductor.clients._base import as_object
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
    """Run the function of a worker for one task, and return the result that the server would receive.

    As in a worker, the input is converted to the types of the parameters, the function has a ``TaskContext``, its
    return value becomes the output, and an exception becomes a failed task with the traceback in its log.

    Args:
        function: The function, decorated or not, or a ``Worker``.
        input: The task's input, which must have a JSON form.
        task: The task, if the function needs more than its input; see ``example_task``. ``input`` replaces its input.
        stopping: Whether the worker is stopping, for functions that read it from the context.
        middleware: The middleware of the handler, see ``TaskHandler.use``.

    Raises:
        SerializationError: The input has no JSON form.
        WorkerRegistrationError: ``function`` cannot be a worker.
    """
    worker = _worker(function)
    given = task if task is not None else example_task(worker.name)
    if input is not None:
        given = evolve(given, input_data=to_jsonable(as_object(input, "input")))
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
