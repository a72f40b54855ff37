"""The server's health."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from conductor.models.wire import Model


@define(repr=False)
class Health(Model):
    """Health."""

    details: dict[str, Any] | None = None
    error_message: str | None = None
    healthy: bool | None = None


@define(repr=False)
class HealthStatus(Model):
    """Health status."""

    health_results: list[Health] = field(factory=list)
    suppressed_health_results: list[Health] = field(factory=list)
    healthy: bool | None = None
