"""The workflow message queue."""

from __future__ import annotations

from typing import Any

from attrs import define

from conductor.models.wire import Model


@define(repr=False)
class WorkflowMessage(Model):
    """Workflow message.

    Attributes:
        id: Made by the server.
        payload: What the sender posted.
        received_at: ISO instant.
    """

    id: str | None = None
    workflow_id: str | None = None
    payload: dict[str, Any] | None = None
    received_at: str | None = None
