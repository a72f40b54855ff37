"""One task: context, arguments, call, result. No threads, no HTTP, and nothing gets out of it but a result."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from conductor.errors import NonRetryableError, SerializationError, TaskInputError
from conductor.models import Task, TaskResult, TaskResultStatus
from conductor.worker.context import TaskContext, _current
from conductor.worker.events import (
    EventDispatcher,
    TaskExecutionCompleted,
    TaskExecutionFailure,
    TaskExecutionStarted,
)
from conductor.worker.lease import Lease
from conductor.worker.payloads import NoStorage, Payloads
from conductor.worker.results import failed, succeeded
from conductor.worker.worker import Worker

__all__ = ["Middleware", "TaskRunner"]

logger = logging.getLogger(__name__)

Middleware = Callable[[TaskContext, Callable[[], Any]], Any]


class TaskRunner:
    """Calls one worker's function.

    Args:
        worker: The worker.
        worker_id: Whom the server is told.
        middleware: Callables around each execution, the first one outermost; each gets the context and what to call.
        on_error: Told of each exception.
        events: Told of each execution.
        payloads: Fetches what a task has outside the database, and stores results that are too large.
    """

    def __init__(
        self,
        worker: Worker,
        worker_id: str,
        middleware: Sequence[Middleware] = (),
        *,
        on_error: Callable[[Task, BaseException], None] | None = None,
        events: EventDispatcher | None = None,
        payloads: Payloads | None = None,
    ) -> None:
        self.worker = worker
        self.worker_id = worker_id
        self._middleware = tuple(middleware)
        self._on_error = on_error
        self._events = events or EventDispatcher()
        self._payloads = payloads or NoStorage()

    def run(self, task: Task, stop: threading.Event, lease: Lease | None = None) -> TaskResult:
        """Work on ``task``, whose lease is extended meanwhile if there is one; never raises, whatever happens."""
        context = TaskContext(task, stop, lease)
        token = _current.set(context)
        try:
            self._events.emit(TaskExecutionStarted, self.worker.name, task)
            error: BaseException | None = None
            try:
                self._payloads.fetch_task(task)
                value = self._call(context)
                result = succeeded(task, value, context.callback_after_seconds)
                self._payloads.store_output(result, self.worker.name)
            except BaseException as raised:  # noqa: BLE001  also sys.exit() and KeyboardInterrupt of the function
                error = raised
                result = failed(task, raised)
                self._report(task, raised)
            self._finish(context, result, error)
            return result
        finally:
            _current.reset(token)

    def _call(self, context: TaskContext) -> Any:
        def call() -> Any:
            positional, named = self.worker.arguments(context.task)
            return self.worker.function(*positional, **named)

        for middleware in reversed(self._middleware):
            call = _wrapped(middleware, context, call)
        return call()

    def _report(self, task: Task, error: BaseException) -> None:
        """Log a failure and tell ``on_error``; neither may lose the result."""
        with contextlib.suppress(BaseException):
            self._log(task, error)
        if self._on_error is not None:
            self._on_error(task, error)

    def _log(self, task: Task, error: BaseException) -> None:
        expected = isinstance(error, NonRetryableError | TaskInputError | SerializationError)
        logger.warning(
            "%s: task %s of workflow %s failed: %s: %s",
            self.worker.name,
            task.task_id,
            task.workflow_instance_id,
            type(error).__name__,
            error if expected else "see the traceback",
            exc_info=None if expected else error,
        )

    def _finish(self, context: TaskContext, result: TaskResult, error: BaseException | None) -> None:
        result.worker_id = self.worker_id
        if context.log_lines:
            result.logs = [*context.log_lines, *result.logs]
        task, duration = context.task, time.monotonic() - context.since
        if error is None and result.status not in {
            TaskResultStatus.FAILED,
            TaskResultStatus.FAILED_WITH_TERMINAL_ERROR,
        }:
            self._events.emit(TaskExecutionCompleted, self.worker.name, task, result, duration)
        else:
            self._events.emit(TaskExecutionFailure, self.worker.name, task, result, error, duration)


def _wrapped(middleware: Middleware, context: TaskContext, call: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: middleware(context, call)
