"""One task from its JSON to its delivered result, on a pool's thread."""

from __future__ import annotations

import contextlib
import contextvars
import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field

from conductor.errors import NonRetryableError, SerializationError, TaskInputError, UnexpectedResponseError
from conductor.models import Task, TaskResult, TaskResultStatus
from conductor.models.codec import DamagedTask
from conductor.worker.context import TaskContext, _current
from conductor.worker.delivery import ResultDelivery
from conductor.worker.events import (
    EventDispatcher,
    TaskExecutionCompleted,
    TaskExecutionFailure,
    TaskExecutionStarted,
)
from conductor.worker.lease import Lease, LeaseKeeper
from conductor.worker.options import WorkerOptions
from conductor.worker.results import NoStorage, Payloads, failed, succeeded
from conductor.worker.worker import Worker

__all__ = ["Middleware", "Running", "TaskExecution", "TaskRunner"]


logger = logging.getLogger(__name__)
Middleware = Callable[[TaskContext, Callable[[], Any]], Any]
_FAILURES = frozenset({TaskResultStatus.FAILED, TaskResultStatus.FAILED_WITH_TERMINAL_ERROR})


class TaskRunner:
    """Calls one worker's function.

    Args:
        worker: The worker.
        worker_id: Whom the server is told.
        middleware: Callables around each execution, the first one outermost; each gets the context and what to call.
        on_error: Called with each exception.
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
            self._finish(context, result, error)
            return result
        finally:
            error = None  # its traceback refers to this frame: together they would outlive the task
            _current.reset(token)

    def _call(self, context: TaskContext) -> Any:
        def call() -> Any:
            positional, named = self.worker.arguments(context.task)
            return self.worker.function(*positional, **named)

        for middleware in reversed(self._middleware):
            call = _wrapped(middleware, context, call)
        return contextvars.copy_context().run(call)  # what a task sets, the next one does not see

    def _finish(self, context: TaskContext, result: TaskResult, error: BaseException | None) -> None:
        result.worker_id = self.worker_id
        if context.log_lines:
            result.logs = [*context.log_lines, *result.logs]
        task, duration = context.task, time.monotonic() - context.since
        if error is None and result.status not in _FAILURES:
            self._events.emit(TaskExecutionCompleted, self.worker.name, task, result, duration)
            return
        with contextlib.suppress(BaseException):  # a log handler of the program must not lose the result
            self._log_failure(task, result, error)
        if error is not None and self._on_error is not None:
            self._on_error(task, error)
        self._events.emit(TaskExecutionFailure, self.worker.name, task, result, error, duration)

    def _log_failure(self, task: Task, result: TaskResult, error: BaseException | None) -> None:
        most, delay = task.max_attempts, task.retry_delay_seconds
        if result.status == TaskResultStatus.FAILED_WITH_TERMINAL_ERROR:
            following, delay = "; it is not retried", None
        elif delay is not None:
            due = time.strftime("%H:%M:%S", time.localtime(time.time() + delay))
            following = f"; next attempt at {due} (in {delay} s)"
        else:
            following = "" if most is None else "; no attempt is left"
        explains_itself = isinstance(error, NonRetryableError | TaskInputError | SerializationError)
        logger.warning(
            "%s: task %s of workflow %s failed in attempt %d%s: %s%s",
            self.worker.name,
            task.task_id,
            task.workflow_instance_id,
            task.retry_count + 1,
            "" if most is None else f" of {most}",
            result.reason_for_incompletion or "the function returned no reason",
            following,
            exc_info=None if error is None or explains_itself else error,
            extra={
                "task_id": task.task_id,
                "workflow_id": task.workflow_instance_id,
                "task_type": self.worker.name,
                "attempt": task.retry_count + 1,
                "max_attempts": most,
                "retry_delay_seconds": delay,
            },
        )


def _wrapped(middleware: Middleware, context: TaskContext, call: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: middleware(context, call)


@define(eq=False)
class Running:
    """A task that runs now.

    Attributes:
        task: The task.
        thread: The name of the thread that runs it.
        since: When it was begun, on the monotonic clock.
        is_reported: Whether it was logged that it runs for longer than it may.
    """

    task: Task
    thread: str = field(factory=lambda: threading.current_thread().name)
    since: float = field(factory=time.monotonic)
    is_reported: bool = False


class TaskExecution:
    """Runs tasks of one worker and delivers their results; safe to use from all the threads of its pool.

    Args:
        task_type: The worker's task type.
        runner: Calls the function.
        delivery: Takes the results.
        leases: Keeps the leases of workers that ask for it.
        options: The worker's options as they are now.
        wants_next: Whether an answer may bring the next task.
        stop: Set when the handler stops.
    """

    def __init__(
        self,
        task_type: str,
        *,
        runner: TaskRunner,
        delivery: ResultDelivery,
        leases: LeaseKeeper,
        options: Callable[[], WorkerOptions],
        wants_next: Callable[[], bool],
        stop: threading.Event,
    ) -> None:
        self._task_type = task_type
        self._runner = runner
        self._delivery = delivery
        self._leases = leases
        self._options = options
        self._wants_next = wants_next
        self._stop = stop
        self.running: dict[int, Running] = {}
        self.unreadable: int = 0

    def run(self, raw: Any) -> Any:
        """Run the task whose JSON is ``raw``; returns the JSON of the next one to run here, or None."""
        if isinstance(raw, DamagedTask):
            return self._refuse(raw, UnexpectedResponseError("Its JSON holds bytes that are no UTF-8."))
        try:
            task = Task.from_dict(raw)
        except (UnexpectedResponseError, TypeError, AttributeError) as error:
            return self._refuse(raw, error)
        if not task.task_id or not task.workflow_instance_id:
            return self._refuse(
                raw, UnexpectedResponseError("This is no task: it has no taskId or workflowInstanceId.")
            )
        return self._deliver(self._run(task))

    def _run(self, task: Task) -> TaskResult:
        me = threading.get_ident()
        self.running[me] = Running(task)
        options, lease = self._options(), None
        if options.lease_extension:
            lease = self._leases.add(task, self._runner.worker_id, options.max_lease_seconds)
        try:
            return self._runner.run(task, self._stop, lease)
        except BaseException as error:
            logger.exception("%s: task %s could not be run and is failed", self._task_type, task.task_id)
            return failed(task, error)
        finally:
            if options.lease_extension:
                self._leases.remove(task)
            del self.running[me]

    def _deliver(self, result: TaskResult) -> Any:
        following = self._delivery.deliver(self._task_type, result, wants_next=self._wants_next())
        if following is not None and self._stop.is_set():
            self.hand_back(following)
            return None
        return following

    def _refuse(self, raw: Any, error: Exception) -> Any:
        """Fail a task that cannot be read, where it has the ids to say so; what comes next is run as usual."""
        self.unreadable += 1
        ids = (raw.get("taskId"), raw.get("workflowInstanceId")) if isinstance(raw, dict) else (None, None)
        task_id, workflow_id = ids
        if not (isinstance(task_id, str) and isinstance(workflow_id, str) and task_id and workflow_id):
            logger.error(
                "%s: the server sent a task without usable ids, nothing can be done: %s", self._task_type, error
            )
            return None
        logger.error("%s: task %s cannot be read and is failed: %s", self._task_type, task_id, error)
        return self._deliver(
            TaskResult(
                workflow_instance_id=workflow_id,
                task_id=task_id,
                status=TaskResultStatus.FAILED_WITH_TERMINAL_ERROR,
                reason_for_incompletion=f"The worker cannot read this task: {error}",
                worker_id=self._runner.worker_id,
            )
        )

    def hand_back(self, raw: Any) -> bool:
        """Give a task that was not begun, or may be begun again, back to the server, so that it is polled again now.

        Returns:
            Whether the server has it back.
        """
        if not isinstance(raw, dict) or not raw.get("taskId"):
            return True
        logger.info("%s: task %s is handed back to the server", self._task_type, raw["taskId"])
        return self._delivery.release(
            self._task_type,
            TaskResult(
                workflow_instance_id=str(raw.get("workflowInstanceId")),
                task_id=str(raw["taskId"]),
                status=TaskResultStatus.IN_PROGRESS,
                output_data=raw.get("outputData") or {},
                worker_id=self._runner.worker_id,
            ),
        )
