"""Commands of the engine to its surroundings, for everything that reaches beyond one execution."""

from __future__ import annotations

from typing import Any

from attrs import frozen


@frozen
class Enqueue:
    """Add a task to its queue.

    Attributes:
        due: When workers can poll the task, epoch ms.
    """

    queue: str
    task_id: str
    priority: int
    due: int


@frozen
class StartChild:
    """Start the execution of a SUB_WORKFLOW or START_WORKFLOW task, and update the task.

    Attributes:
        attached: Whether the task ends together with the child.
    """

    task_id: str
    request: dict[str, Any]
    attached: bool


@frozen
class StartFailureWorkflow:
    """Start the failure workflow of this execution, and put its id into the output."""

    request: dict[str, Any]


@frozen
class TerminateChild:
    """Terminate a child of this execution."""

    workflow_id: str
    reason: str


@frozen
class NotifyParent:
    """Update the parent's task, because this execution has ended."""

    workflow_id: str
    task_id: str


@frozen
class CallHttp:
    """Make the HTTP call of a task."""

    task_id: str
    request: dict[str, Any]


@frozen
class Publish:
    """Add a message to an event queue."""

    queue: str
    message_id: str
    payload: dict[str, Any]


@frozen
class PullMessages:
    """Deliver the execution's waiting messages to a task.

    Attributes:
        limit: Maximum number of messages to deliver.
        blocking: Whether the task waits for the first message.
    """

    task_id: str
    limit: int
    blocking: bool


@frozen
class RunTask:
    """Run a task in a service of this edition, because the task affects more than its execution."""

    task_id: str


@frozen
class StartTriggered:
    """Start the workflow of a human task's trigger, and log it in the task.

    Attributes:
        event: The change of the task.
    """

    task_id: str
    event: str
    request: dict[str, Any]


@frozen
class Admit:
    """Advance this execution, because others have ended."""


@frozen
class AddLog:
    """Append a line to a task's log.

    Attributes:
        at: The time of the line, epoch ms.
    """

    task_id: str
    text: str
    at: int


@frozen
class Ended:
    """Release what belongs to the execution, because it has ended."""


Command = (
    Enqueue
    | StartChild
    | StartFailureWorkflow
    | TerminateChild
    | NotifyParent
    | CallHttp
    | Publish
    | PullMessages
    | RunTask
    | StartTriggered
    | Admit
    | AddLog
    | Ended
)
