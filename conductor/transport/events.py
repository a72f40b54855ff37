"""Events of clients other than requests, as frozen values, for the listeners of a transport."""

from __future__ import annotations

from attrs import frozen

__all__ = ["ClientEvent", "Forked", "PayloadUsed", "WorkflowStartFailed", "WorkflowStarting"]


@frozen
class ClientEvent:
    """The base class of all events of a client."""


@frozen
class WorkflowStarting(ClientEvent):
    """A workflow is about to be started; ``input_bytes`` is the size of its input as JSON."""

    workflow_type: str
    version: int | None
    input_bytes: int


@frozen
class WorkflowStartFailed(ClientEvent):
    """A workflow could not be started."""

    workflow_type: str
    error: Exception


@frozen
class PayloadUsed(ClientEvent):
    """A payload was read from or written to the server's external storage.

    Attributes:
        entity: The task type or the workflow's name.
        operation: ``READ`` or ``WRITE``.
        payload_type: ``WORKFLOW_INPUT``, ``WORKFLOW_OUTPUT``, ``TASK_INPUT`` or ``TASK_OUTPUT``.
    """

    entity: str
    operation: str
    payload_type: str


@frozen
class Forked(ClientEvent):
    """The process was forked: in the child, reset counters, which are the parent's, and locks, which may be held."""
