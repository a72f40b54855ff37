"""Incoming webhooks (Orkes)."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from conductor.models.enums import WebhookVerifier
from conductor.models.tag import Tag
from conductor.models.wire import Model, wire


@define(repr=False)
class WebhookExecutionHistory(Model):
    """Webhook execution history."""

    event_id: str | None = None
    matched: bool | None = None
    payload: str | None = None
    timestamp: int | None = field(default=None, metadata=wire("timeStamp"))
    workflow_ids: list[str] | None = None


@define(repr=False)
class WebhookConfig(Model):
    """Webhook config.

    Attributes:
        headers: What a HEADER_BASED verifier compares, so a secret: in no repr.
        secret_key: In no repr.
        secret_value: In no repr.
    """

    created_by: str | None = None
    evaluator_type: str | None = None
    expression: str | None = None
    header_key: str | None = None
    headers: dict[str, str] | None = field(default=None, repr=False)
    id: str | None = None
    name: str | None = None
    receiver_workflow_names_to_versions: dict[str, int] | None = None
    secret_key: str | None = field(default=None, repr=False)
    secret_value: str | None = field(default=None, repr=False)
    source_platform: str | None = None
    tags: list[Tag] | None = None
    url_verified: bool | None = None
    verifier: WebhookVerifier | None = None
    webhook_execution_history: list[WebhookExecutionHistory] | None = None
    workflows_to_start: dict[str, Any] | None = None
