"""One task from its JSON to its delivered result, on a pool's thread."""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from attrs import Factory, define, field

from conductor._internal.introspection import is_coroutine_function
from conductor._internal.logs import isolated_logger
from conductor.errors import NonRetryableError, SerializationError, TaskInputError, UnexpectedResponseError
from conductor.models import Task, TaskResult, TaskResultStatus
from conductor.models.codec import DamagedTask
from conductor.models.task import read_polled_task
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
from conductor.worker.time_limit import TimeLimits, exceeded
from conductor.worker.worker import Worker

__all__ = ["Middleware", "Running", "RunningCoroutine", "TaskExecution", "TaskRunner"]


logger = isolated_logger(__name__)
Middleware = Callable[[TaskContext, Callable[[], Any]], Any]
_FAILURES = frozenset({TaskResultStatus.FAILED, TaskResultStatus.FAILED_WITH_TERMINAL_ERROR})


class TaskRunner:
    """Calls one worker's function.

    Args:
        worker: The worker.
        worker_id: Worker id reported to the server.
        middleware: Callables around each execution, the first one outermost; each gets the context and the next call.
            Those that are ``async def`` wrap async functions only, inside all others.
        on_error: Called with each exception.
        events: Notified of each execution.
        payloads: Fetches inputs that are stored outside the database, and stores outputs that are too large.
        time_limit: Seconds that the function may run; None for no limit.
        limits: Watches functions on threads.
        wait_for: Runs the coroutine of an async function and returns its value; ``asyncio.run`` by default.
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
        time_limit: float | None = None,
        limits: TimeLimits | None = None,
        wait_for: Callable[[Coroutine[Any, Any, Any]], Any] | None = None,
    ) -> None:
        self.worker = worker
        self.worker_id = worker_id
        self.time_limit = time_limit
        self._middleware = [one for one in middleware if not is_coroutine_function(one)]
        self._async_middleware = [one for one in middleware if is_coroutine_function(one)]
        self._on_error = on_error
        self._events = events or EventDispatcher()
        self._payloads = payloads or NoStorage()
        self._limits = limits or TimeLimits()
        self._wait_for = wait_for

    def run(self, task: Task, stop: threading.Event, lease: Lease | None = None) -> TaskResult:
        """Run the function for a task, whose lease may be extended meanwhile; never raises, whatever happens."""
        context = TaskContext(task, stop, lease)
        token = _current.set(context)
        value, error = None, None
        try:
            try:
                self.begin(context)
                value = self._call(context)
            except BaseException as raised:  # also sys.exit() and KeyboardInterrupt of the function
                error = raised
            return self.conclude(context, value, error)
        finally:
            error = None  # its traceback refers to this frame: together they would outlive the task
            _current.reset(token)

    def begin(self, context: TaskContext) -> None:
        """Notify listeners, and fetch an input that is stored outside the database."""
        self._events.emit(TaskExecutionStarted, self.worker.name, context.task)
        self._payloads.fetch_task(context.task)

    def conclude(self, context: TaskContext, value: Any, error: BaseException | None) -> TaskResult:
        """Return the result of a function that returned ``value`` or raised ``error``, and notify listeners."""
        try:
            if error is None:
                try:
                    result = succeeded(context.task, value, context.callback_after_seconds)
                    self._payloads.store_output(result, self.worker.name)
                except BaseException as raised:  # such as a value whose conversion never ends
                    error = raised
            if error is not None:
                result = failed(context.task, error)
            self._finish(context, result, error)
            return result
        finally:
            error = None  # as in run()

    def _call(self, context: TaskContext) -> Any:
        call: Callable[[], Any]
        if self.worker.is_async:
            # run_coroutine_threadsafe and asyncio.run copy the current contextvars
            call = partial(self._wait_for_coroutine, context)
        elif self.time_limit is None:
            call = partial(self._function, context)
        else:
            call = partial(self._limits.call, self.time_limit, partial(self._function, context))
        for middleware in reversed(self._middleware):
            call = partial(middleware, context, call)
        return contextvars.copy_context().run(call)  # what a task sets, the next one does not see

    def _function(self, context: TaskContext) -> Any:
        positional, named = self.worker.arguments(context.task)
        return self.worker.function(*positional, **named)

    def _wait_for_coroutine(self, context: TaskContext) -> Any:
        import asyncio  # it takes 20 ms, and most handlers have plain functions only

        async def limited() -> Any:
            try:
                return await asyncio.wait_for(self.call_async(context), self.time_limit)
            except asyncio.TimeoutError as error:
                if self.time_limit is not None and time.monotonic() - context.since >= self.time_limit:
                    raise exceeded(self.time_limit) from error
                raise

        return (self._wait_for or asyncio.run)(limited())

    async def call_async(self, context: TaskContext) -> Any:
        """Return the value of the async function, called inside the async middleware."""

        async def function() -> Any:
            return await self._function(context)

        call: Callable[[], Any] = function
        for middleware in reversed(self._async_middleware):
            call = partial(middleware, context, call)
        return await call()

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
        try:
            most, delay = task.max_attempts, task.retry_delay_seconds
        except UnexpectedResponseError:  # its definition is invalid, and was not read before
            most, delay = None, None
        if result.status == TaskResultStatus.FAILED_WITH_TERMINAL_ERROR:
            following, delay = "; it is not retried", None
        elif delay is not None:
            due = time.strftime("%H:%M:%S", time.localtime(time.time() + delay))
            following = f"; next attempt at {due} (in {delay} s)"
        else:
            following = "" if most is None else "; no retries are left"
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


@define(eq=False)
class Running:
    """A task that runs now.

    Attributes:
        task: The task.
        thread: The name of the thread that runs it.
        since: When it was begun, in monotonic seconds.
        is_reported: Whether the log says already that it runs for longer than it may.
        is_cancelled: Whether it was cancelled at the end of a stop.
        has_lease: Whether its lease is extended.
        ids: Its id and the one of its execution, whatever the function does to the task.
    """

    task: Task
    thread: str = field(factory=lambda: threading.current_thread().name)
    since: float = field(factory=time.monotonic)
    is_reported: bool = False
    is_cancelled: bool = False
    has_lease: bool = False
    ids: tuple[str, str] = field(
        init=False, default=Factory(lambda self: (self.task.task_id, self.task.workflow_instance_id), takes_self=True)
    )

    def addressed(self, result: TaskResult) -> TaskResult:
        """Return ``result`` with the ids of the task."""
        result.task_id, result.workflow_instance_id = self.ids
        return result

    def is_void(self, result: TaskResult) -> bool:
        """Return whether ``result`` says only that the task was cancelled at the end of a stop."""
        return self.is_cancelled and result.status in _FAILURES


@define(eq=False)
class RunningCoroutine(Running):
    """A task of an async worker that runs now.

    Attributes:
        context: Its context.
        context_vars: The contextvars of its coroutine.
        error: Why its coroutine was not started.
    """

    context: TaskContext = field(kw_only=True)
    context_vars: contextvars.Context = field(factory=contextvars.copy_context)
    error: BaseException | None = None


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
        self._pid = os.getpid()
        self.running: dict[int, Running] = {}
        self.unreadable: int = 0

    @property
    def time_limit(self) -> float | None:
        """Seconds that the function may run; None for no limit."""
        return self._runner.time_limit

    def run(self, raw: Any) -> Any:
        """Run the task whose JSON is ``raw``; return the JSON of the next one to run here, or None."""
        parsed = self.parse(raw)
        if isinstance(parsed, Task):
            running = self.running[threading.get_ident()] = Running(parsed)
            parsed = self._run(running)
            if os.getpid() != self._pid:  # the function forked, and this is the child: the parent has the task
                os._exit(0)
            if running.is_void(parsed):
                return None
        return None if parsed is None else self.deliver(parsed)

    def parse(self, raw: Any) -> Task | TaskResult | None:
        """Return the task, or the result that fails it if it cannot be read; None if it has no usable ids."""
        if isinstance(raw, DamagedTask):
            reason = "Its JSON is not UTF-8, is nested too deeply, or has a number that is too long."
            return self._refusal(raw, UnexpectedResponseError(reason))
        try:
            task = read_polled_task(raw)
        except (UnexpectedResponseError, TypeError, AttributeError) as error:
            return self._refusal(raw, error)
        except MemoryError:
            return self._refusal(raw, MemoryError("too little memory"), TaskResultStatus.FAILED)
        if not task.task_id or not task.workflow_instance_id:
            return self._refusal(raw, UnexpectedResponseError("It has no taskId or workflowInstanceId."))
        return task

    def _run(self, running: Running) -> TaskResult:
        task = running.task
        try:
            lease = self._extend_lease(task)
            running.has_lease = lease is not None
            return running.addressed(self._runner.run(task, self._stop, lease))
        except BaseException as error:  # the server must hear of every task, also after SystemExit
            logger.exception("%s: task %s could not be run and fails", self._task_type, task.task_id)
            return running.addressed(failed(task, error))
        finally:
            self._end_lease(running)
            del self.running[threading.get_ident()]

    def _extend_lease(self, task: Task) -> Lease | None:
        options = self._options()
        if not options.lease_extension:
            return None
        return self._leases.add(task, self._runner.worker_id, options.max_lease_seconds)

    def _end_lease(self, running: Running) -> None:
        if running.has_lease:
            self._leases.remove(running.task)

    def begin(self, task: Task) -> RunningCoroutine:
        """Prepare a task for its coroutine; ``error`` says why it cannot run."""
        lease = self._extend_lease(task)
        context = TaskContext(task, self._stop, lease)
        running = RunningCoroutine(task, thread="event-loop", has_lease=lease is not None, context=context)
        self.running[id(running)] = running
        running.context_vars.run(_current.set, context)
        try:
            running.context_vars.run(self._runner.begin, context)
        except BaseException as error:  # the task fails with it
            running.error = error
        return running

    async def call_async(self, running: RunningCoroutine) -> Any:
        """Return the value of the async function."""
        return await self._runner.call_async(running.context)

    def conclude(self, running: RunningCoroutine, value: Any, error: BaseException | None) -> TaskResult:
        """Return the result of a coroutine that has ended."""
        try:
            return running.addressed(running.context_vars.run(self._runner.conclude, running.context, value, error))
        except BaseException as raised:  # the server must hear of every task
            logger.exception(
                "%s: the result of task %s could not be created; the task fails", self._task_type, running.task.task_id
            )
            return running.addressed(failed(running.task, raised))
        finally:
            self._end_lease(running)
            del self.running[id(running)]

    def deliver(self, result: TaskResult) -> Any:
        """Deliver a result; return the JSON of the next task to run here, or None."""
        following = self._delivery.deliver(self._task_type, result, wants_next=self._wants_next())
        if following is not None and self._stop.is_set():
            self.hand_back(following)
            return None
        return following

    def _refusal(
        self,
        raw: Any,
        error: Exception,
        status: TaskResultStatus = TaskResultStatus.FAILED_WITH_TERMINAL_ERROR,
    ) -> TaskResult | None:
        self.unreadable += 1
        ids = (raw.get("taskId"), raw.get("workflowInstanceId")) if isinstance(raw, dict) else (None, None)
        task_id, workflow_id = ids
        if not (isinstance(task_id, str) and isinstance(workflow_id, str) and task_id and workflow_id):
            logger.error("%s: the server sent a task without usable ids; it is ignored: %s", self._task_type, error)
            return None
        logger.error("%s: task %s cannot be read and fails: %s", self._task_type, task_id, error)
        return TaskResult(
            workflow_instance_id=workflow_id,
            task_id=task_id,
            status=status,
            reason_for_incompletion=f"The worker cannot read this task: {error}",
            worker_id=self._runner.worker_id,
        )

    def hand_back(self, raw: Any) -> None:
        """Have a task that was not begun, or may be begun again, given back to the server, which dispatches it again.

        It waits for no response: a server that does not answer must not be waited for task by task.
        """
        if not isinstance(raw, dict) or not raw.get("taskId"):
            return
        logger.info("%s: task %s is returned to the server", self._task_type, raw["taskId"])
        self._delivery.release_soon(
            self._task_type,
            TaskResult(
                workflow_instance_id=str(raw.get("workflowInstanceId")),
                task_id=str(raw["taskId"]),
                status=TaskResultStatus.IN_PROGRESS,
                output_data=raw.get("outputData") or {},
                worker_id=self._runner.worker_id,
            ),
        )
