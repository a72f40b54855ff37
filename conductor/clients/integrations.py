"""Integrations with language models, vector databases, message brokers and databases; prompts (Orkes)."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from conductor.clients._base import Resource, as_model, require_enum, require_name, require_str_list
from conductor.clients.tags import Tagged, TagsLike, as_tags, tag_operations
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
    """The models or APIs of an integration; part of ``client.integrations``."""

    def list_apis(self, provider: str, *, active_only: bool = True) -> list[IntegrationApi]:
        """Return the models or APIs of a provider (``GET /integrations/provider/{name}/integration``).

        Args:
            provider: The name of the integration.
            active_only: Whether to leave out disabled ones.

        Returns:
            The models or APIs, or an empty list.
        """
        return self._call(LIST_APIS, {"name": provider}, query={"activeOnly": active_only})

    def list_available_apis(self, provider: str) -> list[str]:
        """Return the models or APIs that a provider supports (``GET /integrations/provider/{name}/integration/all``).

        Args:
            provider: The name of the integration.

        Returns:
            The names of models or APIs.
        """
        return self._call(LIST_AVAILABLE, {"name": provider})

    def get_api(self, provider: str, api: str) -> IntegrationApi:
        """Return a model or API (``GET /integrations/provider/{name}/integration/{integration_name}``).

        Args:
            provider: The name of the integration.
            api: The name of the model or API.

        Returns:
            The model or API.
        """
        return self._call(GET_API, _path(provider, api))

    def save_api(self, provider: str, api: str, details: IntegrationApiUpdate | Mapping[str, Any]) -> None:
        """Create or replace a model or API (``POST /integrations/provider/{name}/integration/{integration_name}``).

        Args:
            provider: The name of the integration.
            api: The name of the model or API.
            details: Description, configuration, and whether it is enabled.
        """
        self._call(SAVE_API, _path(provider, api), body=as_model(details, IntegrationApiUpdate))

    def delete_api(self, provider: str, api: str) -> None:
        """Delete a model or API (``DELETE /integrations/provider/{name}/integration/{integration_name}``).

        Args:
            provider: The name of the integration.
            api: The name of the model or API.
        """
        self._call(DELETE_API, _path(provider, api))

    def get_token_usage(self, provider: str, api: str) -> int:
        """Return the number of tokens that a model has used.

        ``GET /integrations/provider/{name}/integration/{integration_name}/metrics``, on older versions of Orkes. On
        newer versions, use ``list_token_usage``.

        Args:
            provider: The name of the integration.
            api: The name of the model.

        Returns:
            The number of tokens.
        """
        return self._call(API_USAGE, _path(provider, api))

    def list_prompts(self, provider: str, api: str) -> list[PromptTemplate]:
        """Return the prompts of a model (``GET .../integration/{integration_name}/prompt``).

        Args:
            provider: The name of the integration.
            api: The name of the model.

        Returns:
            The prompt templates, or an empty list.
        """
        return self._call(LIST_ASSOCIATED_PROMPTS, {"integration_provider": provider, "integration_name": api})

    def associate_prompt(self, provider: str, api: str, prompt: str) -> None:
        """Allow a model to use a prompt (``POST .../integration/{integration_name}/prompt/{prompt_name}``).

        Args:
            provider: The name of the integration.
            api: The name of the model.
            prompt: The name of the prompt template.
        """
        path = {"integration_provider": provider, "integration_name": api, "prompt_name": prompt}
        self._call(ASSOCIATE_PROMPT, path)

    def list_api_tags(self, provider: str, api: str) -> list[Tag]:
        """Return the tags of a model or API (``GET .../integration/{integration_name}/tags``).

        Args:
            provider: The name of the integration.
            api: The name of the model or API.

        Returns:
            The tags, or an empty list.
        """
        return self._call(LIST_API_TAGS, _path(provider, api))

    def set_api_tags(self, provider: str, api: str, tags: TagsLike) -> None:
        """Add tags to a model or API (``PUT .../integration/{integration_name}/tags``).

        Args:
            provider: The name of the integration.
            api: The name of the model or API.
            tags: ``{"key": "value"}``, one ``Tag``, or several.
        """
        self._call(SET_API_TAGS, _path(provider, api), body=as_tags(tags))

    def delete_api_tags(self, provider: str, api: str, tags: TagsLike) -> None:
        """Remove tags from a model or API (``DELETE .../integration/{integration_name}/tags``).

        Args:
            provider: The name of the integration.
            api: The name of the model or API.
            tags: ``{"key": "value"}``, one ``Tag``, or several; key and value must match.
        """
        self._call(DELETE_API_TAGS, _path(provider, api), body=as_tags(tags))

    # -- language-model tokens

    def get_token_limit(self, provider: str) -> TokenLimit:
        """Return the token limit of a provider (``GET /integrations/llm/{name}/token``).

        Args:
            provider: The name of the integration.

        Returns:
            The limit and its period.
        """
        return self._call(GET_LIMIT, {"name": provider})

    def save_token_limit(self, provider: str, limit: TokenLimit | Mapping[str, Any]) -> None:
        """Limit the tokens of a provider (``POST /integrations/llm/{name}/token``).

        Args:
            provider: The name of the integration.
            limit: The limit and its period.
        """
        self._call(SAVE_LIMIT, {"name": provider}, body=as_model(limit, TokenLimit))

    def list_token_usage(self, provider: str, *, model: str | None = None, days: int = 31) -> list[TokenUsageLog]:
        """Return the tokens used in the last days (``GET /integrations/llm/{name}/token/history``).

        Args:
            provider: The name of the integration.
            model: The name of a model; None for all models.
            days: Number of days.

        Returns:
            The tokens per model and period, or an empty list.
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
    """Prompt templates, which contain ``${variables}`` (``client.prompts``, Orkes)."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_PROMPT_TAGS, SET_PROMPT_TAGS, DELETE_PROMPT_TAGS

    def list(self) -> builtins.list[PromptTemplate]:
        """Return all prompt templates (``GET /prompts``).

        Returns:
            The prompt templates, or an empty list.
        """
        return self._call(LIST_PROMPTS)

    def save_all(self, templates: Iterable[PromptTemplate | Mapping[str, Any]]) -> None:
        """Create or replace several prompt templates (``POST /prompts/``).

        Args:
            templates: The prompt templates.
        """
        self._call(SAVE_PROMPT_ALL, body=[as_model(template, PromptTemplate) for template in templates])

    def get(self, name: str, version: int | None = None) -> PromptTemplate:
        """Return a prompt template (``GET /prompts/{name}``).

        Args:
            name: The name of the prompt template.
            version: The version; None for the latest.

        Returns:
            The prompt template.
        """
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
        """Create a prompt template (``POST /prompts/{name}``).

        Args:
            name: The name of the prompt template.
            template: The text, with ``${variables}``.
            description: The description, which the server requires.
            models: Models that may use it, as ``provider:model``.
            version: The version; None for the server's default.
            auto_increment: Whether to create the next version.
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
        """Replace the text, description and models of a prompt template (``PUT /prompts/{name}``).

        Args:
            name: The name of the prompt template.
            template: The text, with ``${variables}``.
            description: The description, which the server requires.
            models: Models that may use it, as ``provider:model``.
            version: The version; None for the latest.
        """
        query = {
            "description": description,
            "models": None if models is None else require_str_list(models, "models"),
            "version": version,
        }
        self._call(UPDATE_PROMPT, {"name": name}, query=query, body=template)

    def delete(self, name: str) -> None:
        """Delete all versions of a prompt template (``DELETE /prompts/{name}``).

        Args:
            name: The name of the prompt template.
        """
        self._call(DELETE_PROMPT, {"name": name})

    def list_versions(self, name: str) -> builtins.list[PromptTemplate]:
        """Return all versions of a prompt template (``GET /prompts/{name}/versions``).

        Args:
            name: The name of the prompt template.

        Returns:
            The versions.
        """
        return self._call(LIST_PROMPT_VERSIONS, {"name": name})

    def delete_version(self, name: str, version: int) -> None:
        """Delete one version of a prompt template (``DELETE /prompts/{name}/versions/{version}``).

        Args:
            name: The name of the prompt template.
            version: The version.
        """
        self._call(DELETE_PROMPT_VERSION, {"name": name, "version": version})

    def test(self, request: PromptTemplateTestRequest | Mapping[str, Any]) -> str:
        """Send a prompt to a model (``POST /prompts/test``).

        The request uses tokens, so it is not sent again after a failure.

        Args:
            request: The prompt, its variables and the model.

        Returns:
            The response of the model.
        """
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
    """Integrations: providers, and the models or APIs of each (``client.integrations``, Orkes)."""

    def list(
        self, category: IntegrationCategory | str | None = None, *, active_only: bool = True
    ) -> builtins.list[Integration]:
        """Return all integrations with their models or APIs (``GET /integrations/``).

        Args:
            category: Only integrations of this category.
            active_only: Whether to leave out disabled ones.

        Returns:
            The integrations, or an empty list.
        """
        return self._call(
            LIST_INTEGRATIONS,
            query={"category": require_enum(category, IntegrationCategory, "category"), "activeOnly": active_only},
        )

    def save_all(self, integrations: Iterable[Integration | Mapping[str, Any]]) -> None:
        """Create or replace several integrations (``POST /integrations/``).

        Args:
            integrations: The integrations.
        """
        self._call(SAVE_INTEGRATION_ALL, body=[as_model(integration, Integration) for integration in integrations])

    def list_all_names(self, integration_type: str | None = None, *, active_only: bool = True) -> builtins.list[str]:
        """Return the names of all integrations and their models or APIs (``GET /integrations/all``).

        Args:
            integration_type: Only integrations of this type.
            active_only: Whether to leave out disabled ones.

        Returns:
            The names, or an empty list.
        """
        return self._call(LIST_INTEGRATION_NAMES, query={"type": integration_type, "activeOnly": active_only})

    def list_definitions(self) -> builtins.list[IntegrationDef]:
        """Return the kinds of integrations that the server supports (``GET /integrations/def``).

        Returns:
            The kinds, with their configuration forms.
        """
        return self._call(LIST_INTEGRATION_DEFINITIONS)

    def get_definition(self, name: str) -> IntegrationDef:
        """Return one kind of integration (``GET /integrations/def/{name}``).

        Args:
            name: The name of the kind.

        Returns:
            The kind, with its configuration form.
        """
        return self._call(GET_INTEGRATION_DEFINITION, {"name": name})

    def register_definitions(self, definitions: Iterable[IntegrationDef | Mapping[str, Any]]) -> None:
        """Register kinds of integrations (``POST /integrations/def/register``).

        Args:
            definitions: The kinds.
        """
        self._call(
            REGISTER_INTEGRATION_DEFINITIONS, body=[as_model(definition, IntegrationDef) for definition in definitions]
        )

    def record_event_stats(
        self, event_type: EventLogType | str, events: Iterable[EventLog | Mapping[str, Any]]
    ) -> None:
        """Record messages that were sent or received (``POST /integrations/eventStats/{type}``).

        Args:
            event_type: ``SEND`` or ``RECEIVE``.
            events: The messages.
        """
        kind = EventLogType(event_type)
        body = [as_model(event, EventLog) for event in events]
        self._call(RECORD_INTEGRATION_STATS, {"type": kind}, query={"type": kind}, body=body)

    def list_providers(
        self, category: IntegrationCategory | str | None = None, *, active_only: bool = True
    ) -> builtins.list[Integration]:
        """Return all integrations without their models or APIs (``GET /integrations/provider``).

        Args:
            category: Only integrations of this category.
            active_only: Whether to leave out disabled ones.

        Returns:
            The integrations, or an empty list.
        """
        return self._call(
            LIST_INTEGRATION_PROVIDERS,
            query={"category": require_enum(category, IntegrationCategory, "category"), "activeOnly": active_only},
        )

    def get_provider(self, name: str) -> Integration:
        """Return an integration (``GET /integrations/provider/{name}``).

        Args:
            name: The name of the integration.

        Returns:
            The integration.
        """
        return self._call(GET_INTEGRATION_PROVIDER, {"name": name})

    def save_provider(self, name: str, integration: IntegrationUpdate | Mapping[str, Any]) -> None:
        """Create or replace an integration (``POST /integrations/provider/{name}``).

        Args:
            name: The name of the integration.
            integration: Category, type and ``configuration``; providers of language models require ``api_key`` in it.
        """
        self._call(SAVE_INTEGRATION_PROVIDER, {"name": name}, body=as_model(integration, IntegrationUpdate))

    def delete_provider(self, name: str) -> None:
        """Delete an integration (``DELETE /integrations/provider/{name}``).

        Args:
            name: The name of the integration.
        """
        self._call(DELETE_INTEGRATION_PROVIDER, {"name": name})

    def get_provider_token_usage(self, name: str) -> dict[str, int]:
        """Return the tokens that an integration has used (``GET /integrations/provider/{name}/metrics``).

        This operation exists on older versions of Orkes. On newer versions, use ``list_token_usage``.

        Args:
            name: The name of the integration.

        Returns:
            A dict of token numbers by model.
        """
        return self._call(INTEGRATION_PROVIDER_USAGE, {"name": name})

    def list_provider_tags(self, name: str) -> builtins.list[Tag]:
        """Return the tags of an integration (``GET /integrations/provider/{name}/tags``).

        Args:
            name: The name of the integration.

        Returns:
            The tags, or an empty list.
        """
        return self._call(LIST_INTEGRATION_PROVIDER_TAGS, {"name": name})

    def set_provider_tags(self, name: str, tags: TagsLike) -> None:
        """Add tags to an integration (``PUT /integrations/provider/{name}/tags``).

        Args:
            name: The name of the integration.
            tags: ``{"key": "value"}``, one ``Tag``, or several.
        """
        self._call(SET_INTEGRATION_PROVIDER_TAGS, {"name": name}, body=as_tags(tags))

    def delete_provider_tags(self, name: str, tags: TagsLike) -> None:
        """Remove tags from an integration (``DELETE /integrations/provider/{name}/tags``).

        Args:
            name: The name of the integration.
            tags: ``{"key": "value"}``, one ``Tag``, or several; key and value must match.
        """
        self._call(DELETE_INTEGRATION_PROVIDER_TAGS, {"name": name}, body=as_tags(tags))
