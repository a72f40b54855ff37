"""Secrets and environment variables."""

from __future__ import annotations

from attrs import define, field

from conductor.models.tag import Tag
from conductor.models.wire import Model, wire


@define(repr=False)
class SecretMetadata(Model):
    """Secret metadata.

    Attributes:
        partial: Masked value.
        created_at: Wire is snake_case; ISO date-time.
        updated_at: Wire is snake_case.
    """

    name: str | None = None
    partial: str | None = None
    created_at: str | None = field(default=None, metadata=wire("created_at"))
    updated_at: str | None = field(default=None, metadata=wire("updated_at"))


@define(repr=False)
class SecretWithTags(Model):
    """Secret with tags."""

    name: str | None = None
    tags: list[Tag] | None = None


@define(repr=False)
class EnvironmentVariable(Model):
    """Environment variable.

    Attributes:
        tags: Orkes only.
    """

    name: str | None = None
    value: str | None = field(default=None, repr=False)
    tags: list[Tag] | None = None
