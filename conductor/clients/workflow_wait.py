"""Waiting for the end of executions, with explanations of timeouts and failures."""

from __future__ import annotations

import contextlib
import logging
import re
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from pathlib import PurePath
from typing import Any

from conductor._internal.durations import to_seconds
from conductor._internal.epoch import from_epoch_ms
from conductor.clients._base import Resource, require_enums
from conductor.clients.payloads import PayloadStorage
from conductor.errors import (
    APIConnectionError,
    APIError,
    APIStatusError,
    NotFoundError,
    ServerError,
    UnexpectedResponseError,
    WorkflowFailedError,
    WorkflowTimeoutError,
)
from conductor.models import (
    PollData,
    ReturnStrategy,
    Task,
    TaskExecLog,
    TaskRun,
    TaskStatus,
    TaskType,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowRun,
    WorkflowStatus,
)
from conductor.models._base import structure
from conductor.settings import Settings
from conductor.transport.client import Transport
from conductor.transport.operation import Operation

__all__ = [
    "GET",
    "LOGS",
    "MAX_INTERVAL",
    "POLL_DATA",
    "STATUS",
    "Deadline",
    "ExecutionWaiter",
    "as_run",
    "blocking_timeout",
    "describe_wait",
    "request_timeout",
]

logger = logging.getLogger(__name__)

GET: Operation[WorkflowExecution] = Operation(
    "GET", "/workflow/{workflowId}", WorkflowExecution, orkes_query=("summarize",)
)
STATUS: Operation[WorkflowStatus] = Operation("GET", "/workflow/{workflowId}/status", WorkflowStatus)
LOGS: Operation[list[TaskExecLog]] = Operation("GET", "/tasks/{taskId}/log", list[TaskExecLog], on_empty=list)
POLL_DATA: Operation[list[PollData]] = Operation("GET", "/tasks/queue/polldata", list[PollData], on_empty=list)

#: Seconds before the second status request: short, because many executions end quickly.
_FIRST_INTERVAL = 0.05
#: Seconds between status requests of a long execution; the default of ``max_interval``.
MAX_INTERVAL = 2.0
#: Factor by which the interval between status requests grows.
_GROWTH = 1.5
#: Seconds before each attempt to read a log: the server indexes log lines shortly after the task has ended.
_LOG_DELAYS = (0.0, 0.1, 0.3)
#: Seconds for one request that only adds details to an error.
_DETAIL_TIMEOUT = 5.0
#: Minimum timeout in seconds of a status request, also at the deadline; ``timeout=0`` sends one request.
_MIN_REQUEST_TIMEOUT = 0.8
#: Seconds after the deadline within which the state of an execution is read for the error message.
_DIAGNOSIS_TIMEOUT = 0.8
#: A line of a Python traceback: the file and the number of the line.
_TRACEBACK_LINE = re.compile(r'File "([^"\n]+)", line (\d+)')
#: Maximum number of open tasks that an error message describes.
_MAX_TASKS = 5
#: Seconds after which a poller no longer counts as active; workers poll at least once a minute.
_ACTIVE_POLLER = 90
#: Seconds between two warnings about a server that does not respond.
_WARN_EVERY = 60
#: HTTP statuses of a server or proxy that is restarting or overloaded.
_TEMPORARY = frozenset({429, 502, 503, 504})


class Deadline:
    """The end of a wait.

    Args:
        timeout: Seconds or a ``timedelta``; None for no limit.
        clock: A monotonic clock in seconds.

    Raises:
        ConfigurationError: The timeout is not a number of seconds, or is negative, infinite or NaN.
    """

    def __init__(self, timeout: float | timedelta | None, clock: Callable[[], float]) -> None:
        self.limit: float | None = None if timeout is None else to_seconds(timeout, "timeout")
        self._clock = clock
        self._end = None if self.limit is None else clock() + self.limit

    @property
    def left(self) -> float | None:
        """Seconds until the deadline, negative after it; None without a limit."""
        return None if self._end is None else self._end - self._clock()


class ExecutionWaiter(Resource):
    """Waits for executions. Tests can replace ``clock`` and ``sleep``."""

    def __init__(
        self,
        transport: Transport,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        super().__init__(transport)
        self._clock = clock
        self._sleep = sleep

    def wait(
        self,
        workflow_id: str,
        deadline: Deadline,
        *,
        until: Collection[WorkflowExecutionStatus | str] | None = None,
        max_interval: float | timedelta = MAX_INTERVAL,
        visible_within: float = 0.0,
    ) -> WorkflowExecution:
        """Return the execution when it has ended or has a status of ``until``.

        Args:
            workflow_id: The id of the execution.
            deadline: The end of the wait. Lost connections and restarts of the server do not end it.
            until: Statuses to wait for in addition to the end.
            max_interval: Maximum number of seconds between two requests, or a ``timedelta``.
            visible_within: Seconds during which a 404 is not an error, because the execution has just started.

        Raises:
            WorkflowTimeoutError: The execution has not ended at the deadline.
            NotFoundError: The execution does not exist.
        """
        wanted = set(
            require_enums([until] if isinstance(until, str) else until, WorkflowExecutionStatus, "until") or ()
        )
        max_seconds = to_seconds(max_interval, "max_interval")
        started = warned = self._clock()
        status: WorkflowExecutionStatus | None = None
        interval = _FIRST_INTERVAL
        while True:
            failure: APIError | None = None
            try:
                status = self._request(STATUS, workflow_id, deadline).status
                if status is not None and (status.is_terminal or status in wanted):
                    return self._execution(workflow_id, deadline)
            except NotFoundError as error:
                if self._clock() >= started + visible_within:
                    raise _with_id(error, workflow_id) from error.__cause__
            except APIError as error:
                if not _is_temporary(error):
                    raise _with_id(error, workflow_id) from error.__cause__
                failure = error
                if self._clock() >= warned:
                    warned = self._clock() + _WARN_EVERY
                    logger.warning(
                        "no response while waiting for an execution; retrying: workflow_id=%s error=%s",
                        workflow_id,
                        error,
                        extra={"workflow_id": workflow_id},
                    )
            left = deadline.left
            if left is not None and left <= 0:
                raise self._timed_out(workflow_id, status, deadline, failure)
            self._sleep(interval if left is None else min(interval, left))
            interval = min(interval * _GROWTH, max_seconds)

    def failure(self, workflow: WorkflowExecution | Mapping[str, Any]) -> WorkflowFailedError:
        """Return the error for an execution that did not complete, with the failed task's log.

        ``GET /tasks/{taskId}/log``.
        """
        if isinstance(workflow, Mapping):
            workflow = WorkflowExecution.from_dict(workflow)
        task = workflow.failed_task
        reason = workflow.reason_for_incompletion or (task.reason_for_incompletion if task else None) or ""
        where = f" at task {task.reference_task_name!r} ({task.status})" if task else ""
        logs = self._logs_of(task)
        line = _source_line(logs)
        return WorkflowFailedError(
            f"Workflow {workflow.workflow_name or '?'} {workflow.workflow_id} ended as {workflow.status}{where}"
            + (f": {reason}" if reason else "")
            + (f" ({line})" if line else ""),
            workflow_id=workflow.workflow_id or "",
            workflow=workflow,
            failed_task=task,
            reason=reason,
            logs=logs,
        )

    def _request(self, operation: Operation[Any], workflow_id: str, deadline: Deadline) -> Any:
        left = deadline.left
        configured = self._transport.settings.request_timeout_ms / 1000 or None
        if left is None:
            limit = configured
        else:
            limit = max(left, _MIN_REQUEST_TIMEOUT)
            limit = limit if configured is None else min(limit, configured)
        return self._call(operation, {"workflowId": workflow_id}, timeout=limit)

    def _execution(self, workflow_id: str, deadline: Deadline) -> WorkflowExecution:
        found: WorkflowExecution = self._request(GET, workflow_id, deadline)
        return PayloadStorage(self._transport).fetch_workflow(found)

    def _timed_out(
        self,
        workflow_id: str,
        status: WorkflowExecutionStatus | None,
        deadline: Deadline,
        failure: APIError | None,
    ) -> WorkflowTimeoutError:
        message = f"Workflow {workflow_id} has not ended within {deadline.limit:g} s; "
        if failure is not None:
            last = f"its last known status is {status}" if status is not None else "its status is unknown"
            text = f"{message}{last}, because the server does not respond: {failure}"
            return WorkflowTimeoutError(text, workflow_id=workflow_id)
        end = Deadline(_DIAGNOSIS_TIMEOUT, self._clock)
        try:
            workflow: WorkflowExecution | None = self._call(GET, {"workflowId": workflow_id}, timeout=end.left)
        except APIError:  # the timeout itself is what the caller needs to see
            logger.debug("the state of execution %s is not available", workflow_id, exc_info=True)
            workflow = None
        open_tasks = [task for task in workflow.tasks if not task.is_terminal][:_MAX_TASKS] if workflow else []
        at = ", ".join(f"{task.reference_task_name} ({task.status})" for task in open_tasks)
        details = [text for task in open_tasks if workflow and (text := self._describe(task, workflow, end))]
        state = f"it is {status} at {at}" if at else f"it is {status}"
        return WorkflowTimeoutError(
            " ".join([f"{message}{state} and continues on the server.", *details]),
            workflow_id=workflow_id,
            workflow=workflow,
        )

    def _describe(self, task: Task, workflow: WorkflowExecution, end: Deadline) -> str:
        """Explain why a task is open: its attempt, its last failure, when it is due, and whether a worker polls it."""
        facts = list(_attempt(task, workflow, lambda failed: _source_line(self._logs_now(failed, end))))
        if task.task_type == "WAIT":
            facts.insert(0, describe_wait(task))
        if task.status == TaskStatus.IN_PROGRESS and task.worker_id:
            facts.append(f"worker {task.worker_id} has held the task since {_clock_time(task.start_time)}")
        if task.status == TaskStatus.SCHEDULED and _is_polled(task) and _due_ms(task) <= _now_ms():
            facts += self._pollers(task, end)
        if task.sub_workflow_id:
            facts.append(f"it waits for execution {task.sub_workflow_id}")
        return f"{task.reference_task_name}: {'; '.join(facts)}." if facts else ""

    def _pollers(self, task: Task, end: Deadline) -> Iterator[str]:
        task_type = task.task_def_name or task.task_type or ""
        try:
            polled = self._call(
                POLL_DATA, query={"taskType": task_type}, timeout=max(end.left or 0.0, _DIAGNOSIS_TIMEOUT / 4)
            )
        except APIError:  # a detail of an error that is raised in any case
            logger.debug("poll data of %s is not available", task_type, exc_info=True)
            return
        where = f" in domain {task.domain!r}" if task.domain else ""
        last = max(
            (data.last_poll_time for data in polled if (data.domain or None) == (task.domain or None)), default=0
        )
        if not last:
            others = ", ".join(sorted(repr(data.domain) if data.domain else "no domain" for data in polled))
            elsewhere = f" (workers poll {others})" if others else ""
            yield f"no worker has polled {task_type!r}{where}{elsewhere}: start a worker for this task type"
        elif last < _now_ms() - _ACTIVE_POLLER * 1000:
            yield f"no worker has polled {task_type!r}{where} since {_clock_time(last)}"

    def _logs_now(self, task: Task, end: Deadline) -> list[TaskExecLog]:
        if not task.task_id:
            return []
        try:
            return self._call(LOGS, {"taskId": task.task_id}, timeout=max(end.left or 0.0, _DIAGNOSIS_TIMEOUT / 4))
        except APIError:  # a detail of an error that is raised in any case
            logger.debug("the log of task %s is not available", task.task_id, exc_info=True)
            return []

    def _logs_of(self, task: Task | None) -> list[TaskExecLog]:
        if task is None or not task.task_id:
            return []
        try:
            for delay in _LOG_DELAYS:
                self._sleep(delay)
                lines = self._call(LOGS, {"taskId": task.task_id}, timeout=_DETAIL_TIMEOUT)
                if lines:
                    return lines
        except APIError:  # the failure itself is what the caller needs to see
            logger.debug("the log of task %s is not available", task.task_id, exc_info=True)
        return []


def _source_line(logs: Iterable[TaskExecLog]) -> str:
    """Return where the worker raised, such as ``tasks.py:12``, by the last traceback in a task's log."""
    found = [match for line in logs for match in _TRACEBACK_LINE.finditer(line.log or "")]
    return f"{PurePath(found[-1][1].replace(chr(92), '/')).name}:{found[-1][2]}" if found else ""


def _is_temporary(error: APIError) -> bool:
    """Return whether the same request may succeed later."""
    if isinstance(error, APIConnectionError):
        return not error.is_permanent
    return isinstance(error, APIStatusError) and error.status in _TEMPORARY


def _with_id(error: APIError, workflow_id: str) -> APIError:
    error.workflow_id = workflow_id
    if workflow_id not in error.message:
        error.message = f"{error.message} (workflow {workflow_id})"
        error.args = (error.message,)
    return error


def _attempt(task: Task, workflow: WorkflowExecution, source_line: Callable[[Task], str]) -> Iterator[str]:
    most = task.max_attempts
    if task.retry_count:
        yield f"attempt {task.retry_count + 1}" + (f" of {most}" if most else "") + _when_due(task)
    elif when := _when_due(task):
        yield when.removeprefix(", ")
    failed = [
        attempt
        for attempt in workflow.tasks
        if attempt.reference_task_name == task.reference_task_name and attempt.retry_count < task.retry_count
    ]
    if failed:
        last = max(failed, key=lambda attempt: attempt.retry_count)
        reason = last.reason_for_incompletion or "no reason given"
        line = source_line(last)
        yield f"attempt {last.retry_count + 1} ended as {last.status}: {reason}" + (f" ({line})" if line else "")


def describe_wait(task: Task) -> str:
    """Return what an open WAIT task waits for: ``waits (3 days)`` or ``waits for a signal``."""
    until = task.input_data.get("until") or task.input_data.get("duration")
    return f"waits ({until})" if until else "waits for a signal"


def _due_ms(task: Task) -> int:
    return task.scheduled_time + 1000 * task.callback_after_seconds


def _when_due(task: Task) -> str:
    left = (_due_ms(task) - _now_ms()) / 1000
    if task.status != TaskStatus.SCHEDULED or left <= 0:
        return ""
    return f", due at {_clock_time(_due_ms(task))} (in {left:.0f} s)"


def _is_polled(task: Task) -> bool:
    """Return whether a worker executes the task instead of the server."""
    kind = TaskType(task.task_type or "")
    return kind == TaskType.SIMPLE or not kind.is_known


def _now_ms() -> int:
    return int(time.time() * 1000)


def _clock_time(milliseconds: int) -> str:
    """Format a time as local time of day, with the date unless it is today."""
    moment = from_epoch_ms(milliseconds).astimezone()
    today = datetime.now(timezone.utc).astimezone().date()
    return f"{moment:%H:%M:%S}" if moment.date() == today else f"{moment:%Y-%m-%d %H:%M:%S}"


#: Seconds added to a server-side wait for the response to arrive.
_MARGIN = 15.0
#: Strategies that return a ``TaskRun``.
_RETURNS_TASK = frozenset({ReturnStrategy.BLOCKING_TASK, ReturnStrategy.BLOCKING_TASK_INPUT})


def request_timeout(wait: float, settings: Settings) -> float | None:
    """Return the timeout in seconds of a request during which the server waits ``wait`` seconds; None for no limit."""
    configured = settings.request_timeout_ms / 1000
    return max(configured, wait + _MARGIN) if configured else None


def as_run(operation: Operation[dict[str, Any]], response: dict[str, Any]) -> WorkflowRun | TaskRun:
    """Return a response of ``execute`` or ``signal`` as the model that its ``responseType`` names.

    Raises:
        UnexpectedResponseError: A value has the wrong type.
    """
    kind: type[WorkflowRun | TaskRun] = TaskRun if response.get("responseType") in _RETURNS_TASK else WorkflowRun
    try:
        return structure(response, kind)
    except UnexpectedResponseError as error:
        raise UnexpectedResponseError(
            f"{operation} returned an unexpected response: {error.message}",
            path_in_body=error.path_in_body,
            operation=str(operation),
            method=operation.method,
            path=operation.path,
        ) from None


@contextlib.contextmanager
def blocking_timeout(strategy: ReturnStrategy | None, workflow_id: str = "") -> Iterator[None]:
    """Explain the open-source server's 500 response with the message ``value``.

    Raises:
        WorkflowTimeoutError: The strategy returns a task, but no task blocked the workflow in time.
    """
    try:
        yield
    except ServerError as error:
        if strategy not in _RETURNS_TASK or error.server_message != "value":
            raise
        raise WorkflowTimeoutError(
            f"{error.operation}: no task blocked the workflow before the wait ended. The workflow continues. Wait "
            "longer, or use TARGET_WORKFLOW, which always returns.",
            workflow_id=workflow_id,
        ) from error
