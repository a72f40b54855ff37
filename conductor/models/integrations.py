"""Integrations with language models, databases and message brokers; prompts; the service registry (Orkes)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.codec import to_datetime
from conductor.models.definition import SchemaDef
from conductor.models.enums import FormFieldType, IntegrationCategory, ServiceType, TokenLimitPeriod
from conductor.models.tag import Tag


@define(repr=False)
class IntegrationApi(Model):
    """A model or API of an integration (``client.integrations.get_api``).

    Attributes:
        api: Name of the model or API.
        configuration: Hidden in the repr, because it may hold credentials.
        create_time: Epoch milliseconds.
        update_time: Epoch milliseconds.
    """

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
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)


@define(repr=False)
class Integration(Model):
    """An integration: a provider such as ``openai`` with its configuration (``client.integrations.get_provider``).

    Attributes:
        configuration: Hidden in the repr, because it may hold credentials.
        models_count: Number of its models or APIs.
        type: Kind of provider, as ``client.integrations.list_definitions()`` lists them.
        create_time: Epoch milliseconds.
        update_time: Epoch milliseconds.
    """

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
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)


@define(repr=False)
class IntegrationUpdate(Model):
    """The body of ``POST /integrations/provider/{name}``.

    Attributes:
        configuration: Hidden in the repr. Providers of language models require ``api_key``.
        type: Kind of provider, as ``client.integrations.list_definitions()`` lists them.
    """

    category: IntegrationCategory | None = None
    configuration: dict[str, Any] | None = field(default=None, repr=False)
    description: str | None = None
    enabled: bool | None = None
    type: str | None = None


@define(repr=False)
class IntegrationApiUpdate(Model):
    """The body of ``POST /integrations/provider/{name}/integration/{integration_name}``.

    Attributes:
        configuration: Hidden in the repr, because it may hold credentials.
    """

    configuration: dict[str, Any] | None = field(default=None, repr=False)
    description: str | None = None
    enabled: bool | None = None


@define(repr=False)
class FormOption(Model):
    """A choice of a DROPDOWN field."""

    label: str | None = None
    value: str | None = None


@define(repr=False)
class IntegrationDefFormField(Model):
    """A field of the form in which an integration is configured.

    Attributes:
        field_name: Key in ``Integration.configuration``.
        value: Hidden in the repr, because it may be a password.
    """

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
    """A model or API that a kind of integration offers."""

    api: str | None = None
    description: str | None = None
    input_schema: SchemaDef | None = None
    integration_type: str | None = None
    output_schema: SchemaDef | None = None


@define(repr=False)
class IntegrationDef(Model):
    """A kind of integration that the server supports (``GET /integrations/def``).

    Attributes:
        configuration: Fields of the configuration form.
    """

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
    """A limit on the language-model tokens of a provider (``/integrations/llm/{name}/token``).

    Attributes:
        max_tokens: Tokens per period.
        create_time: Epoch milliseconds.
        update_time: Epoch milliseconds.
    """

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
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)


@define(repr=False)
class TokenUsageLog(Model):
    """Language-model tokens used in one period (``GET /integrations/llm/{name}/token/history``).

    Attributes:
        period_start: Epoch milliseconds.
    """

    api: str | None = None
    completion_tokens: int | None = None
    integration_name: str | None = None
    period_start: int | None = None
    prompt_tokens: int | None = None
    total_tokens: int | None = None


@define(repr=False)
class PromptTemplate(Model):
    """A prompt with ``${variables}`` (``client.prompts.get``, ``GET /prompts/{name}``).

    Attributes:
        integrations: Models that may use it, as ``provider:model``.
        template: The text of the prompt.
        variables: Names of the variables in ``template``.
        create_time: Epoch milliseconds.
        update_time: Epoch milliseconds.
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
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)


@define(repr=False)
class PromptTemplateTestRequest(Model):
    """The body of ``POST /prompts/test``: send a prompt to a model.

    Attributes:
        llm_provider: Name of the integration.
        prompt: The text of the prompt.
        prompt_variables: Values of the variables.
        stop_words: Strings at which the model stops.
        temperature: Sampling temperature; the range depends on the model.
        top_p: Nucleus sampling, from 0 to 1.
    """

    llm_provider: str | None = None
    model: str | None = None
    prompt: str | None = None
    prompt_variables: dict[str, Any] | None = None
    stop_words: list[str] | None = None
    temperature: float | None = None
    top_p: float | None = None


@define(repr=False)
class RequestParamSchema(Model):
    """Type and default of a request parameter."""

    default_value: Any = None
    format: str | None = None
    type: str | None = None


@define(repr=False)
class RequestParam(Model):
    """A parameter of a service's HTTP requests.

    Attributes:
        type: ``Path``, ``Query`` or ``Header``.
    """

    name: str | None = None
    required: bool | None = None
    schema: RequestParamSchema | None = None
    type: str | None = None


@define(repr=False)
class ServiceMethod(Model):
    """A method of a registered service (``client.services.save_method``).

    Attributes:
        method_type: ``GET``, ``POST``, ``UNARY`` and so on.
    """

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
    """When a service's circuit breaker opens and closes, in ``ServiceRegistry.config``.

    Attributes:
        failure_rate_threshold: Percent of failed calls at which it opens.
        max_wait_duration_in_half_open_state: Milliseconds.
        minimum_number_of_calls: Calls before the rates are computed.
        permitted_number_of_calls_in_half_open_state: Calls that decide whether it closes again.
        sliding_window_size: Calls from which the rates are computed.
        slow_call_duration_threshold: Milliseconds from which a call counts as slow.
        slow_call_rate_threshold: Percent of slow calls at which it opens.
        wait_duration_in_open_state: Milliseconds.
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
    """Configuration of a registered service."""

    circuit_breaker_config: CircuitBreakerConfig | None = None


@define(repr=False)
class ServiceRegistry(Model):
    """A registered service: HTTP, gRPC or MCP (``client.services.get``, ``GET /registry/service/{name}``)."""

    circuit_breaker_enabled: bool | None = None
    config: ServiceConfig | None = None
    methods: list[ServiceMethod] | None = None
    name: str | None = None
    request_params: list[RequestParam] | None = None
    service_uri: str | None = field(default=None, metadata=wire("serviceURI"))
    type: ServiceType | None = None


@define(repr=False)
class CircuitBreakerTransition(Model):
    """State of a circuit breaker, and its last change (``/registry/service/{name}/circuit-breaker/...``).

    Attributes:
        transition_timestamp: Epoch milliseconds.
    """

    current_state: str | None = None
    message: str | None = None
    previous_state: str | None = None
    service: str | None = None
    transition_timestamp: int | None = None


@define(repr=False)
class ProtoRegistryEntry(Model):
    """A compiled proto file of a gRPC service (``client.services.list_protos``).

    Attributes:
        data: The content in Base64.
    """

    data: str | None = None
    filename: str | None = None
    service_name: str | None = None
