"""Prompt templates (Orkes)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import define

from conductor.models.codec import moment
from conductor.models.tag import Tag
from conductor.models.wire import Model


@define(repr=False)
class PromptTemplate(Model):
    """Prompt template.

    Attributes:
        integrations: ``provider:model`` entries.
    """

    create_time: int | None = None
    created_by: str | None = None
    description: str | None = None
    integrations: list[str] | None = None
    name: str | None = None
    owner_app: str | None = None
    tags: list[Tag] | None = None
    template: str | None = None
    update_time: int | None = None
    updated_by: str | None = None
    variables: list[str] | None = None
    version: int | None = None

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)


@define(repr=False)
class PromptTemplateTestRequest(Model):
    """Prompt template test request."""

    llm_provider: str | None = None
    model: str | None = None
    prompt: str | None = None
    prompt_variables: dict[str, Any] | None = None
    stop_words: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None
