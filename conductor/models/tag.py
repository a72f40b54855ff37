"""Tags."""

from __future__ import annotations

from attrs import define

from conductor.models.wire import Model


@define(repr=False)
class Tag(Model):
    """Tag.

    Attributes:
        type: Deprecated; METADATA or RATE_LIMIT in older servers.
    """

    key: str | None = None
    type: str | None = None
    value: str | None = None
