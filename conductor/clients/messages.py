"""The message queue of a workflow (open-source server, where it is switched on)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductor.clients._resource import Resource
from conductor.clients.checks import sized
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["MessageClient"]

SEND: Operation[str] = Operation(
    "POST",
    "/workflow/{workflowId}/messages",
    str,
    Repeat.NEVER,
    Edition.OSS,
    advice="The queue is off unless the server has conductor.workflow-message-queue.enabled=true.",
)

_LARGEST = 5 * 1024 * 1024


class MessageClient(Resource):
    """Messages to running workflows (``client.messages``), which PULL_WORKFLOW_MESSAGES tasks take."""

    def send(self, workflow_id: str, message: Mapping[str, Any]) -> str:
        """Put a message into a workflow's queue, and answer its id (``POST /workflow/{workflowId}/messages``).

        Raises:
            UnsupportedByServerError: The server has its message queue switched off, as it has by default.
            NotFoundError: There is no such workflow.
            ConflictError: The workflow is not running.
            RateLimitError: The queue is full (1,000 messages by default).
        """
        return self._call(SEND, {"workflowId": workflow_id}, body=sized(message, _LARGEST, "message"))
