"""The service registry (Orkes)."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from conductor.models.enums import ServiceType
from conductor.models.wire import Model, wire


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
