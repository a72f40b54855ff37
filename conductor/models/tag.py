"""Tags of definitions and other resources (Orkes)."""

from __future__ import annotations

from attrs import define

from conductor.models._base import Model


@define(repr=False)
class Tag(Model):
    """A key and a value attached to a resource, such as a workflow definition (Orkes).

    Returned and accepted by the ``list_tags``, ``set_tags`` and ``delete_tags`` methods of the clients.

    Attributes:
        type: METADATA or RATE_LIMIT on older servers; deprecated.
    """

    key: str | None = None
    type: str | None = None
    value: str | None = None
