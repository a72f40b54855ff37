"""What the engine wants done outside of one execution."""

from __future__ import annotations

from typing import Any

from attrs import frozen


@frozen
class Enqueue:
    """Put a task into its queue.

    Attributes:
        due: When it can be polled, epoch ms.
    """

    queue: str
    task_id: str
    priority: int
    due: int


@frozen
class RunTask:
    """Run a task of the engine that is not part of deciding."""

    task_id: str


@frozen
class StartChild:
    """Start the execution that a SUB_WORKFLOW or START_WORKFLOW task asks for, and tell the task.

    Attributes:
        attached: Whether the task follows the child to its end.
    """

    task_id: str
    request: dict[str, Any]
    attached: bool


@frozen
class StartFailureWorkflow:
    """Start the workflow that compensates for this execution, and note its id in the output."""

    request: dict[str, Any]


@frozen
class TerminateChild:
    """Terminate an execution that was started by this one."""

    workflow_id: str
    reason: str


@frozen
class NotifyParent:
    """This execution has ended: its parent's task ends too."""

    workflow_id: str
    task_id: str


@frozen
class CallHttp:
    """Make the HTTP call of a task."""

    task_id: str
    request: dict[str, Any]


@frozen
class Publish:
    """Put a message into an event queue."""

    queue: str
    message_id: str
    payload: dict[str, Any]


@frozen
class PullMessages:
    """Hand the execution's waiting messages to a task."""

    task_id: str
    limit: int
    blocking: bool


@frozen
class AddLog:
    """Add a line to a task's log."""

    task_id: str
    text: str
    at: int


@frozen
class Ended:
    """The execution has ended."""


Command = (
    Enqueue
    | RunTask
    | StartChild
    | StartFailureWorkflow
    | TerminateChild
    | NotifyParent
    | CallHttp
    | Publish
    | PullMessages
    | AddLog
    | Ended
)
