"""Integrations with models, vector stores, brokers and databases (Orkes): providers."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from typing import Any

from conductor.clients._resource import Resource
from conductor.clients._tagged import TagsLike, as_tags, tag_operations
from conductor.clients.checks import as_model, known
from conductor.clients.integration_apis import IntegrationApis
from conductor.models import (
    EventLog,
    EventLogType,
    Integration,
    IntegrationCategory,
    IntegrationDef,
    IntegrationUpdate,
    Tag,
)
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["IntegrationClient"]

_ORKES = Edition.ORKES

LIST: Operation[list[Integration]] = Operation(
    "GET", "/integrations/", list[Integration], edition=_ORKES, on_empty=list
)
SAVE_ALL: Operation[None] = Operation("POST", "/integrations/", edition=_ORKES)
LIST_NAMES: Operation[list[str]] = Operation("GET", "/integrations/all", list[str], edition=_ORKES, on_empty=list)
LIST_DEFINITIONS: Operation[list[IntegrationDef]] = Operation(
    "GET", "/integrations/def", list[IntegrationDef], edition=_ORKES, on_empty=list
)
GET_DEFINITION: Operation[IntegrationDef] = Operation("GET", "/integrations/def/{name}", IntegrationDef, edition=_ORKES)
REGISTER_DEFINITIONS: Operation[None] = Operation("POST", "/integrations/def/register", edition=_ORKES)
RECORD_STATS: Operation[None] = Operation(
    "POST", "/integrations/eventStats/{type}", repeat=Repeat.NEVER, edition=_ORKES
)
LIST_PROVIDERS: Operation[list[Integration]] = Operation(
    "GET", "/integrations/provider", list[Integration], edition=_ORKES, on_empty=list
)
GET_PROVIDER: Operation[Integration] = Operation("GET", "/integrations/provider/{name}", Integration, edition=_ORKES)
SAVE_PROVIDER: Operation[None] = Operation("POST", "/integrations/provider/{name}", edition=_ORKES)
DELETE_PROVIDER: Operation[None] = Operation("DELETE", "/integrations/provider/{name}", edition=_ORKES)
PROVIDER_USAGE: Operation[dict[str, int]] = Operation(
    "GET", "/integrations/provider/{name}/metrics", dict[str, int], edition=_ORKES, on_empty=dict
)
LIST_PROVIDER_TAGS, SET_PROVIDER_TAGS, DELETE_PROVIDER_TAGS = tag_operations("/integrations/provider/{name}/tags")


class IntegrationClient(IntegrationApis, Resource):
    """Integrations (``client.integrations``, Orkes): providers, and the models or APIs that each offers."""

    def list(
        self, category: IntegrationCategory | str | None = None, *, active_only: bool = True
    ) -> builtins.list[Integration]:
        """All integrations with their APIs (``GET /integrations/``)."""
        return self._call(
            LIST, query={"category": known(category, IntegrationCategory, "category"), "activeOnly": active_only}
        )

    def save_all(self, integrations: Iterable[Integration | Mapping[str, Any]]) -> None:
        """Create or replace several integrations (``POST /integrations/``)."""
        self._call(SAVE_ALL, body=[as_model(one, Integration) for one in integrations])

    def list_all_names(self, integration_type: str | None = None, *, active_only: bool = True) -> builtins.list[str]:
        """The names of all integrations and their APIs (``GET /integrations/all``)."""
        return self._call(LIST_NAMES, query={"type": integration_type, "activeOnly": active_only})

    def list_definitions(self) -> builtins.list[IntegrationDef]:
        """The kinds of integrations that there can be (``GET /integrations/def``)."""
        return self._call(LIST_DEFINITIONS)

    def get_definition(self, name: str) -> IntegrationDef:
        """One kind of integration (``GET /integrations/def/{name}``)."""
        return self._call(GET_DEFINITION, {"name": name})

    def register_definitions(self, definitions: Iterable[IntegrationDef | Mapping[str, Any]]) -> None:
        """Add kinds of integrations (``POST /integrations/def/register``)."""
        self._call(REGISTER_DEFINITIONS, body=[as_model(one, IntegrationDef) for one in definitions])

    def record_event_stats(
        self, event_type: EventLogType | str, events: Iterable[EventLog | Mapping[str, Any]]
    ) -> None:
        """Record what was sent or received (``POST /integrations/eventStats/{type}``)."""
        kind = EventLogType(event_type)
        body = [as_model(one, EventLog) for one in events]
        self._call(RECORD_STATS, {"type": kind}, query={"type": kind}, body=body)

    def list_providers(
        self, category: IntegrationCategory | str | None = None, *, active_only: bool = True
    ) -> builtins.list[Integration]:
        """All providers (``GET /integrations/provider``)."""
        return self._call(
            LIST_PROVIDERS,
            query={"category": known(category, IntegrationCategory, "category"), "activeOnly": active_only},
        )

    def get_provider(self, name: str) -> Integration:
        """A provider (``GET /integrations/provider/{name}``)."""
        return self._call(GET_PROVIDER, {"name": name})

    def save_provider(self, name: str, integration: IntegrationUpdate | Mapping[str, Any]) -> None:
        """Create or replace a provider (``POST /integrations/provider/{name}``).

        Args:
            name: Its name.
            integration: Category, type and ``configuration``; that of a model's provider needs ``api_key``.
        """
        self._call(SAVE_PROVIDER, {"name": name}, body=as_model(integration, IntegrationUpdate))

    def delete_provider(self, name: str) -> None:
        """Delete a provider (``DELETE /integrations/provider/{name}``)."""
        self._call(DELETE_PROVIDER, {"name": name})

    def get_provider_token_usage(self, name: str) -> dict[str, int]:
        """Tokens used, by model (``GET /integrations/provider/{name}/metrics``, older Orkes).

        Newer servers have ``list_token_usage``.
        """
        return self._call(PROVIDER_USAGE, {"name": name})

    def list_provider_tags(self, name: str) -> builtins.list[Tag]:
        """A provider's tags (``GET /integrations/provider/{name}/tags``)."""
        return self._call(LIST_PROVIDER_TAGS, {"name": name})

    def set_provider_tags(self, name: str, tags: TagsLike) -> None:
        """Set tags of a provider (``PUT /integrations/provider/{name}/tags``)."""
        self._call(SET_PROVIDER_TAGS, {"name": name}, body=as_tags(tags))

    def delete_provider_tags(self, name: str, tags: TagsLike) -> None:
        """Remove tags of a provider (``DELETE /integrations/provider/{name}/tags``)."""
        self._call(DELETE_PROVIDER_TAGS, {"name": name}, body=as_tags(tags))
