"""What a provider offers (Orkes): models or APIs, their prompts, tags and tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductor.clients._resource import Resource
from conductor.clients._tagged import TagsLike, as_tags, tag_operations
from conductor.clients.checks import as_model
from conductor.models import IntegrationApi, IntegrationApiUpdate, PromptTemplate, Tag, TokenLimit, TokenUsageLog
from conductor.transport.operation import Edition, Operation

__all__ = ["IntegrationApis"]

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
LIST_PROMPTS: Operation[list[PromptTemplate]] = Operation(
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
        return self._call(LIST_PROMPTS, {"integration_provider": provider, "integration_name": api})

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
