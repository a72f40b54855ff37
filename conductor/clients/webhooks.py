"""Incoming webhooks (Orkes)."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any

from conductor.clients._base import Tagged, tag_operations
from conductor.clients.bodies import as_model, as_object
from conductor.models import WebhookConfig
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["WebhookClient"]

_ORKES = Edition.ORKES

LIST: Operation[list[WebhookConfig]] = Operation(
    "GET", "/metadata/webhook", list[WebhookConfig], edition=_ORKES, on_empty=list
)
CREATE: Operation[WebhookConfig] = Operation("POST", "/metadata/webhook", WebhookConfig, Repeat.NEVER, _ORKES)
GET: Operation[WebhookConfig] = Operation("GET", "/metadata/webhook/{id}", WebhookConfig, edition=_ORKES)
UPDATE: Operation[WebhookConfig] = Operation("PUT", "/metadata/webhook/{id}", WebhookConfig, edition=_ORKES)
DELETE: Operation[None] = Operation("DELETE", "/metadata/webhook/{id}", edition=_ORKES)
LIST_TAGS, SET_TAGS, DELETE_TAGS = tag_operations("/metadata/webhook/{id}/tags")
SEND: Operation[str] = Operation("POST", "/webhook/{id}", str, Repeat.NEVER, _ORKES, on_empty=str, root=True)
VERIFY: Operation[str] = Operation("GET", "/webhook/{id}", str, edition=_ORKES, shadowed=True, on_empty=str, root=True)


class WebhookClient(Tagged):
    """Webhooks, through which other systems start workflows (``client.webhooks``, Orkes).

    To check the signature of a webhook that your own application receives, see ``conductor.webhook``.
    """

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_TAGS, SET_TAGS, DELETE_TAGS

    def list(self) -> builtins.list[WebhookConfig]:
        """All webhooks (``GET /metadata/webhook``)."""
        return self._call(LIST)

    def create(self, webhook: WebhookConfig | Mapping[str, Any]) -> WebhookConfig:
        """Create a webhook (``POST /metadata/webhook``); its id is in the answer, its secret in no repr."""
        return self._call(CREATE, body=as_model(webhook, WebhookConfig))

    def get(self, webhook_id: str) -> WebhookConfig:
        """A webhook (``GET /metadata/webhook/{id}``)."""
        return self._call(GET, {"id": webhook_id})

    def update(self, webhook_id: str, webhook: WebhookConfig | Mapping[str, Any]) -> WebhookConfig:
        """Replace a webhook (``PUT /metadata/webhook/{id}``)."""
        return self._call(UPDATE, {"id": webhook_id}, body=as_model(webhook, WebhookConfig))

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook (``DELETE /metadata/webhook/{id}``)."""
        self._call(DELETE, {"id": webhook_id})

    def send(
        self,
        webhook_id: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> str:
        """Call a webhook as another system would (``POST /webhook/{id}``, outside ``/api``); for tests.

        Args:
            webhook_id: The webhook's id.
            body: What it gets.
            headers: Those that its verifier looks at.
            query: Query parameters.
        """
        return self._call(
            SEND, {"id": webhook_id}, query=query, body=as_object(body, "body of a webhook"), headers=headers
        )

    def verify(self, webhook_id: str, *, query: Mapping[str, str] | None = None) -> str:
        """The call by which a platform verifies a webhook (``GET /webhook/{id}``, outside ``/api``); for tests."""
        return self._call(VERIFY, {"id": webhook_id}, query=query)
