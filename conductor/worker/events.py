"""The events of workers, as frozen values, and the dispatcher that notifies listeners.

A listener is a ``WorkerListener`` with some methods overridden, or any callable for one kind of event. It is called on
the thread on which the event happened; what it raises is logged and goes no further. When nobody listens to a kind of
event, not even the event is made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import frozen

from conductor._internal.logs import isolated_logger
from conductor.errors import ConfigurationError
from conductor.models import Task, TaskResult

__all__ = [
    "DeliveryDelayed",
    "EventDispatcher",
    "LeaseExtended",
    "PollCompleted",
    "PollFailure",
    "PollSkipped",
    "PollStarted",
    "TaskExecutionCompleted",
    "TaskExecutionFailure",
    "TaskExecutionStarted",
    "TaskUpdateCompleted",
    "TaskUpdateFailure",
    "WorkerEvent",
    "WorkerListener",
    "WorkerStateChanged",
]

logger = isolated_logger(__name__)


@frozen
class WorkerEvent:
    """The root of all events.

    Attributes:
        task_type: The worker's task type.
    """

    task_type: str


@frozen
class PollStarted(WorkerEvent):
    """A poll is about to be sent for ``count`` tasks."""

    count: int


@frozen
class PollCompleted(WorkerEvent):
    """A poll was answered with ``tasks_received`` tasks after ``duration`` seconds."""

    tasks_received: int
    duration: float


@frozen
class PollFailure(WorkerEvent):
    """A poll failed after ``duration`` seconds."""

    error: BaseException
    duration: float


@frozen
class PollSkipped(WorkerEvent):
    """No poll was sent, because the worker is paused: by an option, by ``should_poll``, or by results that wait."""


@frozen
class TaskExecutionStarted(WorkerEvent):
    """The function is about to be called."""

    task: Task


@frozen
class TaskExecutionCompleted(WorkerEvent):
    """The function returned after ``duration`` seconds; ``result`` is what will be delivered."""

    task: Task
    result: TaskResult
    duration: float


@frozen
class TaskExecutionFailure(WorkerEvent):
    """The task failed after ``duration`` seconds: by an exception, bad input or an output that cannot be sent."""

    task: Task
    result: TaskResult
    error: BaseException | None
    duration: float


@frozen
class TaskUpdateCompleted(WorkerEvent):
    """The server has the result; the last attempt took ``duration`` seconds."""

    task_id: str
    duration: float


@frozen
class TaskUpdateFailure(WorkerEvent):
    """The server will not take the result (it answered so), and it was dropped; the attempt took ``duration`` s."""

    task_id: str
    body: bytes
    error: BaseException
    duration: float


@frozen
class DeliveryDelayed(WorkerEvent):
    """The server could not be reached; the result is kept and sent again.

    ``waiting`` counts those of this type, ``duration`` is how many seconds the attempt took.
    """

    task_id: str
    error: BaseException
    waiting: int
    duration: float


@frozen
class LeaseExtended(WorkerEvent):
    """The lease of a task was extended."""

    task_id: str


@frozen
class WorkerStateChanged(WorkerEvent):
    """The worker went from one state to another: ``polling``, ``paused``, ``failing``, ``stopped``."""

    state: str


class WorkerListener:
    """Base class of listeners: override the methods of the events that you need; other events cost nothing."""

    def on_poll_started(self, event: PollStarted) -> None:
        """A poll is about to be sent."""

    def on_poll_completed(self, event: PollCompleted) -> None:
        """A poll was answered."""

    def on_poll_failure(self, event: PollFailure) -> None:
        """A poll failed; the poller repeats it after a back-off."""

    def on_poll_skipped(self, event: PollSkipped) -> None:
        """A paused worker did not poll."""

    def on_task_execution_started(self, event: TaskExecutionStarted) -> None:
        """A function is about to be called."""

    def on_task_execution_completed(self, event: TaskExecutionCompleted) -> None:
        """A worker's function returned; its result is about to be sent."""

    def on_task_execution_failure(self, event: TaskExecutionFailure) -> None:
        """A worker's function raised, timed out, or could not be called with the input."""

    def on_task_update_completed(self, event: TaskUpdateCompleted) -> None:
        """A result was delivered."""

    def on_task_update_failure(self, event: TaskUpdateFailure) -> None:
        """A result was refused."""

    def on_delivery_delayed(self, event: DeliveryDelayed) -> None:
        """A result waits for the server."""

    def on_lease_extended(self, event: LeaseExtended) -> None:
        """A lease was extended."""

    def on_worker_state_changed(self, event: WorkerStateChanged) -> None:
        """A worker began to poll or to fail, or was paused or stopped."""


_METHODS: dict[type[WorkerEvent], str] = {
    PollStarted: "on_poll_started",
    PollCompleted: "on_poll_completed",
    PollFailure: "on_poll_failure",
    PollSkipped: "on_poll_skipped",
    TaskExecutionStarted: "on_task_execution_started",
    TaskExecutionCompleted: "on_task_execution_completed",
    TaskExecutionFailure: "on_task_execution_failure",
    TaskUpdateCompleted: "on_task_update_completed",
    TaskUpdateFailure: "on_task_update_failure",
    DeliveryDelayed: "on_delivery_delayed",
    LeaseExtended: "on_lease_extended",
    WorkerStateChanged: "on_worker_state_changed",
}


class EventDispatcher:
    """Notifies listeners of events; safe to use from many threads."""

    def __init__(self) -> None:
        self._by_kind: dict[type[WorkerEvent], tuple[Callable[[Any], None], ...]] = {}

    def add_listener(self, listener: WorkerListener) -> None:
        """Call the methods that ``listener`` overrides.

        Raises:
            ConfigurationError: It is not a ``WorkerListener``.
        """
        if not isinstance(listener, WorkerListener):
            raise ConfigurationError(
                f"listeners has {listener!r}; a listener is an object of a class derived from WorkerListener. For a "
                "function use handler.on(TaskExecutionFailure, function).",
                variable="listeners",
                allowed="objects of WorkerListener",
            )
        for kind, method in _METHODS.items():
            if getattr(type(listener), method) is not getattr(WorkerListener, method):
                self.add(kind, getattr(listener, method))

    def add(self, kind: type[WorkerEvent], call: Callable[[Any], None]) -> None:
        """Call ``call`` with each event of ``kind``."""
        self._by_kind = {**self._by_kind, kind: (*self._by_kind.get(kind, ()), call)}

    def emit(self, kind: type[WorkerEvent], *values: Any) -> None:
        """Create an event of ``kind`` and notify its listeners, if there are any."""
        listeners = self._by_kind.get(kind)
        if not listeners:
            return
        event = kind(*values)
        for call in listeners:
            try:
                call(event)
            except BaseException:  # a listener of the user may raise anything, also SystemExit
                logger.exception("A listener raised an exception on %s; the worker continues", kind.__name__)
