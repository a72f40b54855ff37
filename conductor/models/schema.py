"""Schemas of inputs and outputs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import define

from conductor.models.codec import moment
from conductor.models.enums import SchemaType
from conductor.models.wire import Model


@define(repr=False)
class SchemaDef(Model):
    """A schema that inputs or outputs are checked against.

    Attributes:
        type: Case-sensitive.
        version: The server's default is 1.
    """

    name: str
    type: SchemaType
    owner_app: str | None = None
    create_time: int | None = None
    update_time: int | None = None
    created_by: str | None = None
    updated_by: str | None = None
    version: int | None = None
    data: dict[str, Any] | None = None
    external_ref: str | None = None

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)
