"""Prompt templates (Orkes)."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from conductor.clients._tagged import Tagged, tag_operations
from conductor.clients.checks import addressable, as_model, texts
from conductor.models import PromptTemplate, PromptTemplateTestRequest
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["PromptClient"]

_ORKES = Edition.ORKES

LIST: Operation[list[PromptTemplate]] = Operation(
    "GET", "/prompts", list[PromptTemplate], edition=_ORKES, on_empty=list
)
SAVE_ALL: Operation[None] = Operation("POST", "/prompts/", edition=_ORKES)
GET: Operation[PromptTemplate] = Operation("GET", "/prompts/{name}", PromptTemplate, edition=_ORKES)
SAVE: Operation[None] = Operation("POST", "/prompts/{name}", repeat=Repeat.NEVER, edition=_ORKES)
UPDATE: Operation[None] = Operation("PUT", "/prompts/{name}", edition=_ORKES)
DELETE: Operation[None] = Operation("DELETE", "/prompts/{name}", edition=_ORKES)
LIST_VERSIONS: Operation[list[PromptTemplate]] = Operation(
    "GET", "/prompts/{name}/versions", list[PromptTemplate], edition=_ORKES, on_empty=list
)
DELETE_VERSION: Operation[None] = Operation("DELETE", "/prompts/{name}/versions/{version}", edition=_ORKES)
TEST: Operation[str] = Operation("POST", "/prompts/test", str, Repeat.NEVER, _ORKES, on_empty=str)
LIST_TAGS, SET_TAGS, DELETE_TAGS = tag_operations("/prompts/{name}/tags")


class PromptClient(Tagged):
    """Prompt templates (``client.prompts``, Orkes), with ``${variables}`` in their text."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_TAGS, SET_TAGS, DELETE_TAGS

    def list(self) -> builtins.list[PromptTemplate]:
        """All templates (``GET /prompts``)."""
        return self._call(LIST)

    def save_all(self, templates: Iterable[PromptTemplate | Mapping[str, Any]]) -> None:
        """Create or replace several (``POST /prompts/``)."""
        self._call(SAVE_ALL, body=[as_model(one, PromptTemplate) for one in templates])

    def get(self, name: str, version: int | None = None) -> PromptTemplate:
        """A template; without a version the latest (``GET /prompts/{name}``)."""
        return self._call(GET, {"name": name}, query={"version": version})

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
            "models": None if models is None else texts(models, "models"),
            "version": version,
            "autoIncrement": auto_increment,
        }
        self._call(SAVE, {"name": addressable(name, "prompt")}, query=query, body=template)

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
            "models": None if models is None else texts(models, "models"),
            "version": version,
        }
        self._call(UPDATE, {"name": name}, query=query, body=template)

    def delete(self, name: str) -> None:
        """Delete a template with all its versions (``DELETE /prompts/{name}``)."""
        self._call(DELETE, {"name": name})

    def list_versions(self, name: str) -> builtins.list[PromptTemplate]:
        """All versions of a template (``GET /prompts/{name}/versions``)."""
        return self._call(LIST_VERSIONS, {"name": name})

    def delete_version(self, name: str, version: int) -> None:
        """Delete one version (``DELETE /prompts/{name}/versions/{version}``)."""
        self._call(DELETE_VERSION, {"name": name, "version": version})

    def test(self, request: PromptTemplateTestRequest | Mapping[str, Any]) -> str:
        """What a model answers to a prompt (``POST /prompts/test``); it costs tokens, and is never repeated."""
        return self._call(TEST, body=as_model(request, PromptTemplateTestRequest))
