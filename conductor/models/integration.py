"""Integrations with models, stores and brokers (Orkes)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import define, field

from conductor.models.codec import moment
from conductor.models.enums import FormFieldType, IntegrationCategory, TokenLimitPeriod
from conductor.models.schema import SchemaDef
from conductor.models.tag import Tag
from conductor.models.wire import Model


@define(repr=False)
class IntegrationApi(Model):
    """Integration api."""

    api: str | None = None
    configuration: dict[str, Any] | None = field(default=None, repr=False)
    create_time: int | None = None
    created_by: str | None = None
    description: str | None = None
    enabled: bool | None = None
    integration_name: str | None = None
    owner_app: str | None = None
    tags: list[Tag] | None = None
    update_time: int | None = None
    updated_by: str | None = None

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)


@define(repr=False)
class Integration(Model):
    """Integration."""

    apis: list[IntegrationApi] | None = None
    category: IntegrationCategory | None = None
    configuration: dict[str, Any] | None = field(default=None, repr=False)
    create_time: int | None = None
    created_by: str | None = None
    description: str | None = None
    enabled: bool | None = None
    models_count: int | None = None
    name: str | None = None
    owner_app: str | None = None
    tags: list[Tag] | None = None
    type: str | None = None
    update_time: int | None = None
    updated_by: str | None = None

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)


@define(repr=False)
class IntegrationUpdate(Model):
    """Integration update."""

    category: IntegrationCategory | None = None
    configuration: dict[str, Any] | None = field(default=None, repr=False)
    description: str | None = None
    enabled: bool | None = None
    type: str | None = None


@define(repr=False)
class IntegrationApiUpdate(Model):
    """Integration api update."""

    configuration: dict[str, Any] | None = field(default=None, repr=False)
    description: str | None = None
    enabled: bool | None = None


@define(repr=False)
class FormOption(Model):
    """Form option."""

    label: str | None = None
    value: str | None = None


@define(repr=False)
class IntegrationDefFormField(Model):
    """Integration def form field."""

    default_value: str | None = None
    description: str | None = None
    field_name: str | None = None
    field_type: FormFieldType | None = None
    label: str | None = None
    optional: bool | None = None
    value: str | None = field(default=None, repr=False)
    value_options: list[FormOption] | None = None


@define(repr=False)
class IntegrationDefApi(Model):
    """Integration def api."""

    api: str | None = None
    description: str | None = None
    input_schema: SchemaDef | None = None
    integration_type: str | None = None
    output_schema: SchemaDef | None = None


@define(repr=False)
class IntegrationDef(Model):
    """Integration def."""

    apis: list[IntegrationDefApi] | None = None
    category: IntegrationCategory | None = None
    category_label: str | None = None
    configuration: list[IntegrationDefFormField] | None = None
    description: str | None = None
    enabled: bool | None = None
    icon_name: str | None = None
    name: str | None = None
    tags: list[str] | None = None
    type: str | None = None


@define(repr=False)
class TokenLimit(Model):
    """Token limit."""

    api: str | None = None
    create_time: int | None = None
    created_by: str | None = None
    integration_name: str | None = None
    max_tokens: int | None = None
    owner_app: str | None = None
    token_limit_period: TokenLimitPeriod | None = None
    update_time: int | None = None
    updated_by: str | None = None

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)


@define(repr=False)
class TokenUsageLog(Model):
    """Token usage log."""

    api: str | None = None
    completion_tokens: int | None = None
    integration_name: str | None = None
    period_start: int | None = None
    prompt_tokens: int | None = None
    total_tokens: int | None = None
