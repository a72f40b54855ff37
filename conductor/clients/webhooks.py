"""Incoming webhooks, with which other systems start workflows and complete tasks (Orkes)."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import Any

from conductor.clients._base import as_model, as_object
from conductor.clients.tags import Tagged, tag_operations
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
    """Webhooks through which other systems start workflows (``client.webhooks``, Orkes).

    To verify webhooks that your own application receives, see ``conductor.webhook``.
    """

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_TAGS, SET_TAGS, DELETE_TAGS

    def list(self) -> builtins.list[WebhookConfig]:
        """Return all webhooks (``GET /metadata/webhook``).

        Returns:
            The webhooks, or an empty list.
        """
        return self._call(LIST)

    def create(self, webhook: WebhookConfig | Mapping[str, Any]) -> WebhookConfig:
        """Create a webhook (``POST /metadata/webhook``).

        Args:
            webhook: The webhook.

        Returns:
            The webhook with its id. The secret is hidden in the repr.
        """
        return self._call(CREATE, body=as_model(webhook, WebhookConfig))

    def get(self, webhook_id: str) -> WebhookConfig:
        """Return a webhook (``GET /metadata/webhook/{id}``).

        Args:
            webhook_id: The id of the webhook.

        Returns:
            The webhook.
        """
        return self._call(GET, {"id": webhook_id})

    def update(self, webhook_id: str, webhook: WebhookConfig | Mapping[str, Any]) -> WebhookConfig:
        """Replace a webhook (``PUT /metadata/webhook/{id}``).

        Args:
            webhook_id: The id of the webhook.
            webhook: The webhook.

        Returns:
            The webhook.
        """
        return self._call(UPDATE, {"id": webhook_id}, body=as_model(webhook, WebhookConfig))

    def delete(self, webhook_id: str) -> None:
        """Delete a webhook (``DELETE /metadata/webhook/{id}``).

        Args:
            webhook_id: The id of the webhook.
        """
        self._call(DELETE, {"id": webhook_id})

    def send(
        self,
        webhook_id: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> str:
        """Call a webhook as another system would, for tests (``POST /webhook/{id}``, outside ``/api``).

        Args:
            webhook_id: The id of the webhook.
            body: The body.
            headers: Headers that the verifier of the webhook checks.
            query: Query parameters.

        Returns:
            The response as a string; empty if it has no body.
        """
        return self._call(SEND, {"id": webhook_id}, query=query, body=as_object(body, "webhook body"), headers=headers)

    def verify(self, webhook_id: str, *, query: Mapping[str, str] | None = None) -> str:
        """Call a webhook as a platform does to verify it, for tests (``GET /webhook/{id}``, outside ``/api``).

        Args:
            webhook_id: The id of the webhook.
            query: Query parameters, such as a challenge.

        Returns:
            The response as a string; empty if it has no body.
        """
        return self._call(VERIFY, {"id": webhook_id}, query=query)
