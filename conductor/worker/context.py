"""The context of a running task: what its function can read, log and request."""

from __future__ import annotations

import logging
import threading
import time
from contextvars import ContextVar
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from conductor._internal.durations import to_whole_seconds
from conductor.errors import ConductorError
from conductor.migration import missing_attribute
from conductor.models import Task, TaskExecLog

if TYPE_CHECKING:
    from conductor.worker.lease import Lease

__all__ = ["TaskContext", "TaskLogFilter", "current_task_context", "get_task_context"]

#: Lines of log that a task keeps until its update; bounds the memory of a function that logs in a loop.
_MOST_LOG_LINES = 1000

_current: ContextVar[TaskContext | None] = ContextVar("conductor_task_context", default=None)


class TaskContext:
    """The context of the task whose function is running.

    Args:
        task: The task.
        stop: Set when the handler stops.
        lease: Its lease, where that is extended.
    """

    __slots__ = ("_lease", "_lines", "_stop", "callback_after_seconds", "since", "task")

    def __init__(self, task: Task, stop: threading.Event, lease: Lease | None = None) -> None:
        self.task: Task = task
        self.since: float = time.monotonic()
        self.callback_after_seconds: float | None = None
        self._stop = stop
        self._lease = lease
        self._lines: list[TaskExecLog] = []

    if not TYPE_CHECKING:
        __getattr__ = missing_attribute

    @property
    def task_id(self) -> str:
        """The id of this attempt; a retry of the task has another one."""
        return self.task.task_id or ""

    @property
    def workflow_id(self) -> str:
        """The id of the workflow execution that the task belongs to."""
        return self.task.workflow_instance_id or ""

    @property
    def task_type(self) -> str:
        """The task definition's name."""
        return self.task.task_def_name or self.task.task_type or ""

    @property
    def reference_name(self) -> str:
        """The task's reference name in its workflow."""
        return self.task.reference_task_name or ""

    @property
    def retry_count(self) -> int:
        """The number of attempts before this one."""
        return self.task.retry_count

    @property
    def poll_count(self) -> int:
        """How often the server dispatched this attempt, from 1."""
        return self.task.poll_count

    @property
    def input(self) -> dict[str, Any]:
        """The task's whole input."""
        return self.task.input_data

    def log(self, message: str, *values: object) -> None:
        """Add a line to the task's log on the server; lines after the first 1,000 are dropped.

        Args:
            message: The line, with ``%`` placeholders as for ``logging``.
            values: The values for the placeholders. A line that cannot be formatted is logged unformatted.
        """
        if len(self._lines) < _MOST_LOG_LINES:
            text = _formatted(message, values)
            self._lines.append(TaskExecLog(log=text, created_time=round(time.time() * 1000)))

    @property
    def log_lines(self) -> list[TaskExecLog]:
        """The lines that were logged so far."""
        return self._lines

    def callback_after(self, seconds: float | timedelta) -> None:
        """Have the server dispatch this task again later, with the return value of the function as its output.

        Args:
            seconds: Seconds or a ``timedelta``; fractions are rounded up, and a moment in the past means at once.

        Raises:
            ConfigurationError: It is not a number of seconds.
        """
        self.callback_after_seconds = callback_seconds(seconds)

    @property
    def stop_requested(self) -> bool:
        """Whether the handler is stopping; a long function can check it and return early."""
        return self._stop.is_set()

    def wait_for_stop(self, seconds: float) -> bool:
        """Sleep for ``seconds``, or until the handler stops; return whether it is stopping."""
        return self._stop.wait(seconds)

    def time_left(self) -> float | None:
        """Return the seconds until the response timeout, after which the server retries the task; None without one.

        They count from the call of the function, or from the last extension of the lease.
        """
        if not self.task.response_timeout_seconds:
            return None
        extended_at = None if self._lease is None else self._lease.extended_at
        started = self.since if extended_at is None else extended_at
        return self.task.response_timeout_seconds - (time.monotonic() - started)

    @property
    def extends_lease(self) -> bool:
        """Whether the lease of the task is extended while it runs (``lease_extension=True``)."""
        return self._lease is not None and self._lease.is_kept

    @property
    def lease_extensions(self) -> int:
        """How often the lease was extended."""
        return 0 if self._lease is None else self._lease.extensions

    def stop_extending_lease(self) -> None:
        """Stop extending the lease, such as when the task is stuck: the server retries it after ``time_left``."""
        if self._lease is not None:
            self._lease.give_up()


def callback_seconds(value: float | timedelta) -> int:
    """Return the whole seconds after which a task is dispatched again: rounded up, 0 for the past.

    Raises:
        ConfigurationError: The value is not a number of seconds.
    """
    return max(0, to_whole_seconds(value, "callback_after_seconds", allow_negative=True))


def _formatted(message: object, values: tuple[object, ...]) -> str:
    """Format a log line; a line that cannot be formatted is logged as it is, because logging must not fail a task."""
    try:
        return str(message) % values if values else str(message)
    except Exception:  # any __str__ or format of the program may fail
        return " ".join(_shown(one) for one in (message, *values))


def _shown(value: object) -> str:
    try:
        return str(value)
    except Exception:  # the same
        return f"<{type(value).__name__}>"


def get_task_context() -> TaskContext:
    """Return the context of the task whose function is running.

    Raises:
        ConductorError: No task is running in this context.
    """
    context = _current.get()
    if context is None:
        raise ConductorError(
            "There is no task context here: it exists only on the thread on which a worker's function runs. Pass it to "
            "threads that the function starts; in a test, call the function with conductor.testing.run_task."
        )
    return context


def current_task_context() -> TaskContext | None:
    """Return the context of the task whose function is running, or None outside a task."""
    return _current.get()


class TaskLogFilter(logging.Filter):
    """Adds ``task_id``, ``workflow_id`` and ``task_type`` to every record; empty strings outside a task."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the fields; every record passes."""
        context = _current.get()
        record.task_id = context.task_id if context else ""
        record.workflow_id = context.workflow_id if context else ""
        record.task_type = context.task_type if context else ""
        return True
