"""Integrations with models, stores and brokers (Orkes)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.access import Tag
from conductor.models.codec import moment
from conductor.models.definition import SchemaDef
from conductor.models.enums import FormFieldType, IntegrationCategory, ServiceType, TokenLimitPeriod


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


@define(repr=False)
class RequestParamSchema(Model):
    """Request param schema."""

    default_value: dict[str, Any] | None = None
    format: str | None = None
    type: str | None = None


@define(repr=False)
class RequestParam(Model):
    """Request param."""

    name: str | None = None
    required: bool | None = None
    schema: RequestParamSchema | None = None
    type: str | None = None


@define(repr=False)
class ServiceMethod(Model):
    """Service method."""

    example_input: dict[str, Any] | None = None
    id: int | None = None
    input_type: str | None = None
    method_name: str | None = None
    method_type: str | None = None
    operation_name: str | None = None
    output_type: str | None = None
    request_params: list[RequestParam] | None = None


@define(repr=False)
class CircuitBreakerConfig(Model):
    """Circuit breaker config.

    Attributes:
        failure_rate_threshold: Percent.
        max_wait_duration_in_half_open_state: Ms.
        slow_call_duration_threshold: Ms.
        slow_call_rate_threshold: Percent.
        wait_duration_in_open_state: Ms.
    """

    automatic_transition_from_open_to_half_open_enabled: bool | None = None
    failure_rate_threshold: float | None = None
    max_wait_duration_in_half_open_state: int | None = None
    minimum_number_of_calls: int | None = None
    permitted_number_of_calls_in_half_open_state: int | None = None
    sliding_window_size: int | None = None
    slow_call_duration_threshold: int | None = None
    slow_call_rate_threshold: float | None = None
    wait_duration_in_open_state: int | None = None


@define(repr=False)
class ServiceConfig(Model):
    """Service config."""

    circuit_breaker_config: CircuitBreakerConfig | None = None


@define(repr=False)
class ServiceRegistry(Model):
    """Service registry."""

    circuit_breaker_enabled: bool | None = None
    config: ServiceConfig | None = None
    methods: list[ServiceMethod] | None = None
    name: str | None = None
    request_params: list[RequestParam] | None = None
    service_uri: str | None = field(default=None, metadata=wire("serviceURI"))
    type: ServiceType | None = None


@define(repr=False)
class CircuitBreakerTransition(Model):
    """Circuit breaker transition.

    Attributes:
        transition_timestamp: Epoch ms.
    """

    current_state: str | None = None
    message: str | None = None
    previous_state: str | None = None
    service: str | None = None
    transition_timestamp: int | None = None


@define(repr=False)
class ProtoRegistryEntry(Model):
    """Proto registry entry.

    Attributes:
        data: Base64.
    """

    data: str | None = None
    filename: str | None = None
    service_name: str | None = None
