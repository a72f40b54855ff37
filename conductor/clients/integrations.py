"""Integrations with models, vector stores, brokers and databases (Orkes): providers."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from conductor.clients._base import Resource, Tagged, TagsLike, as_tags, tag_operations
from conductor.clients.bodies import as_model, require_enum, require_name, require_str_list
from conductor.models import (
    EventLog,
    EventLogType,
    Integration,
    IntegrationApi,
    IntegrationApiUpdate,
    IntegrationCategory,
    IntegrationDef,
    IntegrationUpdate,
    PromptTemplate,
    PromptTemplateTestRequest,
    Tag,
    TokenLimit,
    TokenUsageLog,
)
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["IntegrationApis", "IntegrationClient", "PromptClient"]


_ORKES = Edition.ORKES
_API = "/integrations/provider/{name}/integration/{integration_name}"
_PROMPTS = "/integrations/provider/{integration_provider}/integration/{integration_name}/prompt"
LIST_APIS: Operation[list[IntegrationApi]] = Operation(
    "GET", "/integrations/provider/{name}/integration", list[IntegrationApi], edition=_ORKES, on_empty=list
)
LIST_AVAILABLE: Operation[list[str]] = Operation(
    "GET", "/integrations/provider/{name}/integration/all", list[str], edition=_ORKES, on_empty=list
)
GET_API: Operation[IntegrationApi] = Operation("GET", _API, IntegrationApi, edition=_ORKES)
SAVE_API: Operation[None] = Operation("POST", _API, edition=_ORKES)
DELETE_API: Operation[None] = Operation("DELETE", _API, edition=_ORKES)
API_USAGE: Operation[int] = Operation("GET", _API + "/metrics", int, edition=_ORKES)
LIST_ASSOCIATED_PROMPTS: Operation[list[PromptTemplate]] = Operation(
    "GET", _PROMPTS, list[PromptTemplate], edition=_ORKES, on_empty=list
)
ASSOCIATE_PROMPT: Operation[None] = Operation("POST", _PROMPTS + "/{prompt_name}", edition=_ORKES)
LIST_API_TAGS, SET_API_TAGS, DELETE_API_TAGS = tag_operations(_API + "/tags")
GET_LIMIT: Operation[TokenLimit] = Operation("GET", "/integrations/llm/{name}/token", TokenLimit, edition=_ORKES)
SAVE_LIMIT: Operation[None] = Operation("POST", "/integrations/llm/{name}/token", edition=_ORKES)
LIST_USAGE: Operation[list[TokenUsageLog]] = Operation(
    "GET", "/integrations/llm/{name}/token/history", list[TokenUsageLog], edition=_ORKES, on_empty=list
)


class IntegrationApis(Resource):
    """The models or APIs of a provider; part of ``client.integrations``."""

    def list_apis(self, provider: str, *, active_only: bool = True) -> list[IntegrationApi]:
        """What a provider offers (``GET /integrations/provider/{name}/integration``)."""
        return self._call(LIST_APIS, {"name": provider}, query={"activeOnly": active_only})

    def list_available_apis(self, provider: str) -> list[str]:
        """What it could offer (``GET /integrations/provider/{name}/integration/all``)."""
        return self._call(LIST_AVAILABLE, {"name": provider})

    def get_api(self, provider: str, api: str) -> IntegrationApi:
        """A model or API (``GET /integrations/provider/{name}/integration/{integration_name}``)."""
        return self._call(GET_API, _path(provider, api))

    def save_api(self, provider: str, api: str, details: IntegrationApiUpdate | Mapping[str, Any]) -> None:
        """Create or replace it (``POST /integrations/provider/{name}/integration/{integration_name}``)."""
        self._call(SAVE_API, _path(provider, api), body=as_model(details, IntegrationApiUpdate))

    def delete_api(self, provider: str, api: str) -> None:
        """Delete it (``DELETE /integrations/provider/{name}/integration/{integration_name}``)."""
        self._call(DELETE_API, _path(provider, api))

    def get_token_usage(self, provider: str, api: str) -> int:
        """Tokens used (``GET /integrations/provider/{name}/integration/{integration_name}/metrics``, older Orkes)."""
        return self._call(API_USAGE, _path(provider, api))

    def list_prompts(self, provider: str, api: str) -> list[PromptTemplate]:
        """Its prompts (``GET .../integration/{integration_name}/prompt``)."""
        return self._call(LIST_ASSOCIATED_PROMPTS, {"integration_provider": provider, "integration_name": api})

    def associate_prompt(self, provider: str, api: str, prompt: str) -> None:
        """Allow it a prompt (``POST .../integration/{integration_name}/prompt/{prompt_name}``)."""
        path = {"integration_provider": provider, "integration_name": api, "prompt_name": prompt}
        self._call(ASSOCIATE_PROMPT, path)

    def list_api_tags(self, provider: str, api: str) -> list[Tag]:
        """Its tags (``GET .../integration/{integration_name}/tags``)."""
        return self._call(LIST_API_TAGS, _path(provider, api))

    def set_api_tags(self, provider: str, api: str, tags: TagsLike) -> None:
        """Set tags of it (``PUT .../integration/{integration_name}/tags``)."""
        self._call(SET_API_TAGS, _path(provider, api), body=as_tags(tags))

    def delete_api_tags(self, provider: str, api: str, tags: TagsLike) -> None:
        """Remove tags of it (``DELETE .../integration/{integration_name}/tags``)."""
        self._call(DELETE_API_TAGS, _path(provider, api), body=as_tags(tags))

    # -- tokens of language models

    def get_token_limit(self, provider: str) -> TokenLimit:
        """How many tokens may be used (``GET /integrations/llm/{name}/token``)."""
        return self._call(GET_LIMIT, {"name": provider})

    def save_token_limit(self, provider: str, limit: TokenLimit | Mapping[str, Any]) -> None:
        """Limit the tokens that may be used (``POST /integrations/llm/{name}/token``)."""
        self._call(SAVE_LIMIT, {"name": provider}, body=as_model(limit, TokenLimit))

    def list_token_usage(self, provider: str, *, model: str | None = None, days: int = 31) -> list[TokenUsageLog]:
        """Tokens used in the last days (``GET /integrations/llm/{name}/token/history``).

        Args:
            provider: The provider.
            model: One model; None for all.
            days: How far to look back.
        """
        return self._call(LIST_USAGE, {"name": provider}, query={"model": model, "lookUpWindow": days})


def _path(provider: str, api: str) -> dict[str, str]:
    return {"name": provider, "integration_name": api}


LIST_PROMPTS: Operation[list[PromptTemplate]] = Operation(
    "GET", "/prompts", list[PromptTemplate], edition=_ORKES, on_empty=list
)
SAVE_PROMPT_ALL: Operation[None] = Operation("POST", "/prompts/", edition=_ORKES)
GET_PROMPT: Operation[PromptTemplate] = Operation("GET", "/prompts/{name}", PromptTemplate, edition=_ORKES)
SAVE_PROMPT: Operation[None] = Operation("POST", "/prompts/{name}", repeat=Repeat.NEVER, edition=_ORKES)
UPDATE_PROMPT: Operation[None] = Operation("PUT", "/prompts/{name}", edition=_ORKES)
DELETE_PROMPT: Operation[None] = Operation("DELETE", "/prompts/{name}", edition=_ORKES)
LIST_PROMPT_VERSIONS: Operation[list[PromptTemplate]] = Operation(
    "GET", "/prompts/{name}/versions", list[PromptTemplate], edition=_ORKES, on_empty=list
)
DELETE_PROMPT_VERSION: Operation[None] = Operation("DELETE", "/prompts/{name}/versions/{version}", edition=_ORKES)
TEST_PROMPT: Operation[str] = Operation("POST", "/prompts/test", str, Repeat.NEVER, _ORKES, on_empty=str)
LIST_PROMPT_TAGS, SET_PROMPT_TAGS, DELETE_PROMPT_TAGS = tag_operations("/prompts/{name}/tags")


class PromptClient(Tagged):
    """Prompt templates (``client.prompts``, Orkes), with ``${variables}`` in their text."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_PROMPT_TAGS, SET_PROMPT_TAGS, DELETE_PROMPT_TAGS

    def list(self) -> builtins.list[PromptTemplate]:
        """All templates (``GET /prompts``)."""
        return self._call(LIST_PROMPTS)

    def save_all(self, templates: Iterable[PromptTemplate | Mapping[str, Any]]) -> None:
        """Create or replace several (``POST /prompts/``)."""
        self._call(SAVE_PROMPT_ALL, body=[as_model(one, PromptTemplate) for one in templates])

    def get(self, name: str, version: int | None = None) -> PromptTemplate:
        """A template; without a version the latest (``GET /prompts/{name}``)."""
        return self._call(GET_PROMPT, {"name": name}, query={"version": version})

    def save(
        self,
        name: str,
        template: str,
        *,
        description: str,
        models: Sequence[str] | None = None,
        version: int | None = None,
        auto_increment: bool = False,
    ) -> None:
        """Create a template (``POST /prompts/{name}``).

        Args:
            name: Its name.
            template: Its text.
            description: What it is for; the server demands it.
            models: Those that may use it, as ``provider:model``.
            version: Its version.
            auto_increment: Make it the next version.
        """
        query = {
            "description": description,
            "models": None if models is None else require_str_list(models, "models"),
            "version": version,
            "autoIncrement": auto_increment,
        }
        self._call(SAVE_PROMPT, {"name": require_name(name, "prompt")}, query=query, body=template)

    def update(
        self,
        name: str,
        template: str,
        *,
        description: str,
        models: Sequence[str] | None = None,
        version: int | None = None,
    ) -> None:
        """Replace a template's text, description and models (``PUT /prompts/{name}``)."""
        query = {
            "description": description,
            "models": None if models is None else require_str_list(models, "models"),
            "version": version,
        }
        self._call(UPDATE_PROMPT, {"name": name}, query=query, body=template)

    def delete(self, name: str) -> None:
        """Delete a template with all its versions (``DELETE /prompts/{name}``)."""
        self._call(DELETE_PROMPT, {"name": name})

    def list_versions(self, name: str) -> builtins.list[PromptTemplate]:
        """All versions of a template (``GET /prompts/{name}/versions``)."""
        return self._call(LIST_PROMPT_VERSIONS, {"name": name})

    def delete_version(self, name: str, version: int) -> None:
        """Delete one version (``DELETE /prompts/{name}/versions/{version}``)."""
        self._call(DELETE_PROMPT_VERSION, {"name": name, "version": version})

    def test(self, request: PromptTemplateTestRequest | Mapping[str, Any]) -> str:
        """What a model answers to a prompt (``POST /prompts/test``); it costs tokens, and is never repeated."""
        return self._call(TEST_PROMPT, body=as_model(request, PromptTemplateTestRequest))


LIST_INTEGRATIONS: Operation[list[Integration]] = Operation(
    "GET", "/integrations/", list[Integration], edition=_ORKES, on_empty=list
)
SAVE_INTEGRATION_ALL: Operation[None] = Operation("POST", "/integrations/", edition=_ORKES)
LIST_INTEGRATION_NAMES: Operation[list[str]] = Operation(
    "GET", "/integrations/all", list[str], edition=_ORKES, on_empty=list
)
LIST_INTEGRATION_DEFINITIONS: Operation[list[IntegrationDef]] = Operation(
    "GET", "/integrations/def", list[IntegrationDef], edition=_ORKES, on_empty=list
)
GET_INTEGRATION_DEFINITION: Operation[IntegrationDef] = Operation(
    "GET", "/integrations/def/{name}", IntegrationDef, edition=_ORKES
)
REGISTER_INTEGRATION_DEFINITIONS: Operation[None] = Operation("POST", "/integrations/def/register", edition=_ORKES)
RECORD_INTEGRATION_STATS: Operation[None] = Operation(
    "POST", "/integrations/eventStats/{type}", repeat=Repeat.NEVER, edition=_ORKES
)
LIST_INTEGRATION_PROVIDERS: Operation[list[Integration]] = Operation(
    "GET", "/integrations/provider", list[Integration], edition=_ORKES, on_empty=list
)
GET_INTEGRATION_PROVIDER: Operation[Integration] = Operation(
    "GET", "/integrations/provider/{name}", Integration, edition=_ORKES
)
SAVE_INTEGRATION_PROVIDER: Operation[None] = Operation("POST", "/integrations/provider/{name}", edition=_ORKES)
DELETE_INTEGRATION_PROVIDER: Operation[None] = Operation("DELETE", "/integrations/provider/{name}", edition=_ORKES)
INTEGRATION_PROVIDER_USAGE: Operation[dict[str, int]] = Operation(
    "GET", "/integrations/provider/{name}/metrics", dict[str, int], edition=_ORKES, on_empty=dict
)
LIST_INTEGRATION_PROVIDER_TAGS, SET_INTEGRATION_PROVIDER_TAGS, DELETE_INTEGRATION_PROVIDER_TAGS = tag_operations(
    "/integrations/provider/{name}/tags"
)


class IntegrationClient(IntegrationApis, Resource):
    """Integrations (``client.integrations``, Orkes): providers, and the models or APIs that each offers."""

    def list(
        self, category: IntegrationCategory | str | None = None, *, active_only: bool = True
    ) -> builtins.list[Integration]:
        """All integrations with their APIs (``GET /integrations/``)."""
        return self._call(
            LIST_INTEGRATIONS,
            query={"category": require_enum(category, IntegrationCategory, "category"), "activeOnly": active_only},
        )

    def save_all(self, integrations: Iterable[Integration | Mapping[str, Any]]) -> None:
        """Create or replace several integrations (``POST /integrations/``)."""
        self._call(SAVE_INTEGRATION_ALL, body=[as_model(one, Integration) for one in integrations])

    def list_all_names(self, integration_type: str | None = None, *, active_only: bool = True) -> builtins.list[str]:
        """The names of all integrations and their APIs (``GET /integrations/all``)."""
        return self._call(LIST_INTEGRATION_NAMES, query={"type": integration_type, "activeOnly": active_only})

    def list_definitions(self) -> builtins.list[IntegrationDef]:
        """The kinds of integrations that there can be (``GET /integrations/def``)."""
        return self._call(LIST_INTEGRATION_DEFINITIONS)

    def get_definition(self, name: str) -> IntegrationDef:
        """One kind of integration (``GET /integrations/def/{name}``)."""
        return self._call(GET_INTEGRATION_DEFINITION, {"name": name})

    def register_definitions(self, definitions: Iterable[IntegrationDef | Mapping[str, Any]]) -> None:
        """Add kinds of integrations (``POST /integrations/def/register``)."""
        self._call(REGISTER_INTEGRATION_DEFINITIONS, body=[as_model(one, IntegrationDef) for one in definitions])

    def record_event_stats(
        self, event_type: EventLogType | str, events: Iterable[EventLog | Mapping[str, Any]]
    ) -> None:
        """Record what was sent or received (``POST /integrations/eventStats/{type}``)."""
        kind = EventLogType(event_type)
        body = [as_model(one, EventLog) for one in events]
        self._call(RECORD_INTEGRATION_STATS, {"type": kind}, query={"type": kind}, body=body)

    def list_providers(
        self, category: IntegrationCategory | str | None = None, *, active_only: bool = True
    ) -> builtins.list[Integration]:
        """All providers (``GET /integrations/provider``)."""
        return self._call(
            LIST_INTEGRATION_PROVIDERS,
            query={"category": require_enum(category, IntegrationCategory, "category"), "activeOnly": active_only},
        )

    def get_provider(self, name: str) -> Integration:
        """A provider (``GET /integrations/provider/{name}``)."""
        return self._call(GET_INTEGRATION_PROVIDER, {"name": name})

    def save_provider(self, name: str, integration: IntegrationUpdate | Mapping[str, Any]) -> None:
        """Create or replace a provider (``POST /integrations/provider/{name}``).

        Args:
            name: Its name.
            integration: Category, type and ``configuration``; that of a model's provider needs ``api_key``.
        """
        self._call(SAVE_INTEGRATION_PROVIDER, {"name": name}, body=as_model(integration, IntegrationUpdate))

    def delete_provider(self, name: str) -> None:
        """Delete a provider (``DELETE /integrations/provider/{name}``)."""
        self._call(DELETE_INTEGRATION_PROVIDER, {"name": name})

    def get_provider_token_usage(self, name: str) -> dict[str, int]:
        """Tokens used, by model (``GET /integrations/provider/{name}/metrics``, older Orkes).

        Newer servers have ``list_token_usage``.
        """
        return self._call(INTEGRATION_PROVIDER_USAGE, {"name": name})

    def list_provider_tags(self, name: str) -> builtins.list[Tag]:
        """A provider's tags (``GET /integrations/provider/{name}/tags``)."""
        return self._call(LIST_INTEGRATION_PROVIDER_TAGS, {"name": name})

    def set_provider_tags(self, name: str, tags: TagsLike) -> None:
        """Set tags of a provider (``PUT /integrations/provider/{name}/tags``)."""
        self._call(SET_INTEGRATION_PROVIDER_TAGS, {"name": name}, body=as_tags(tags))

    def delete_provider_tags(self, name: str, tags: TagsLike) -> None:
        """Remove tags of a provider (``DELETE /integrations/provider/{name}/tags``)."""
        self._call(DELETE_INTEGRATION_PROVIDER_TAGS, {"name": name}, body=as_tags(tags))
