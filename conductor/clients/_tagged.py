"""Tags of a resource: three operations that nine resources share, and one way to write tags."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeAlias

from conductor.clients._resource import Resource
from conductor.clients.checks import as_model
from conductor.errors import ConfigurationError
from conductor.models import Tag
from conductor.transport.operation import Edition, Operation

__all__ = ["Tagged", "TagsLike", "as_tags", "tag_operations"]

TagsLike: TypeAlias = "Tag | Mapping[str, Any] | Iterable[Tag | Mapping[str, Any]]"


def as_tags(tags: TagsLike) -> list[Tag]:
    """Tags as the server takes them.

    Args:
        tags: ``{"team": "payments", "tier": "1"}``, one ``Tag``, or several.

    Raises:
        ConfigurationError: There is none, or one has no key.
    """
    if isinstance(tags, Tag):
        found = [tags]
    elif isinstance(tags, Mapping):
        found = [Tag(key=str(key), value=str(value)) for key, value in tags.items()]
    else:
        found = [as_model(one, Tag) for one in tags]
    if not found or any(not tag.key for tag in found):
        raise ConfigurationError(
            "Tags are given as {'key': 'value'}, as Tag(key=..., value=...), or as a list of those; each has a key.",
            variable="tags",
            allowed="at least one tag with a key",
        )
    return found


def tag_operations(
    path: str, *, shadowed: bool = False
) -> tuple[Operation[list[Tag]], Operation[None], Operation[None]]:
    """The operations that list, set and delete tags below ``path``; all are Orkes'.

    Args:
        path: The path's template.
        shadowed: The open-source server takes the deletion for that of something else.
    """
    return (
        Operation("GET", path, list[Tag], edition=Edition.ORKES, on_empty=list),
        Operation("PUT", path, edition=Edition.ORKES),
        Operation("DELETE", path, edition=Edition.ORKES, shadowed=shadowed),
    )


class Tagged(Resource):
    """What a resource with tags can do."""

    _LIST_TAGS: ClassVar[Operation[list[Tag]]]
    _SET_TAGS: ClassVar[Operation[None]]
    _DELETE_TAGS: ClassVar[Operation[None]]

    def list_tags(self, name: str, /) -> list[Tag]:
        """The tags of one resource, by its name or id (``GET .../{name}/tags``, Orkes)."""
        return self._call(self._LIST_TAGS, self._of(self._LIST_TAGS, name))

    def set_tags(self, name: str, /, tags: TagsLike) -> None:
        """Set tags of one resource (``PUT .../{name}/tags``, Orkes).

        Args:
            name: Its name or id.
            tags: ``{"key": "value"}``, one ``Tag``, or several.
        """
        self._call(self._SET_TAGS, self._of(self._SET_TAGS, name), body=as_tags(tags))

    def delete_tags(self, name: str, /, tags: TagsLike) -> None:
        """Remove tags of one resource (``DELETE .../{name}/tags``, Orkes); keys and values must match."""
        self._call(self._DELETE_TAGS, self._of(self._DELETE_TAGS, name), body=as_tags(tags))

    @staticmethod
    def _of(operation: Operation[Any], name: str) -> dict[str, str]:
        return {operation.parameters[0]: name}
