"""The tags of objects, and the tag operations that nine resources share (Orkes)."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, TypeAlias

from conductor.clients._base import Resource, as_model
from conductor.errors import ConfigurationError
from conductor.models import Tag
from conductor.transport.operation import Edition, Operation

__all__ = ["TagClient", "Tagged", "TagsLike", "as_tags", "tag_operations"]

TagsLike: TypeAlias = "Tag | Mapping[str, Any] | Iterable[Tag | Mapping[str, Any]]"


def as_tags(tags: TagsLike) -> list[Tag]:
    """Return tags as a list of ``Tag``.

    Args:
        tags: ``{"team": "payments", "tier": "1"}``, one ``Tag``, or several.

    Raises:
        ConfigurationError: ``tags`` is empty, or a tag has no key.
    """
    if isinstance(tags, Tag):
        result = [tags]
    elif isinstance(tags, Mapping):
        result = [Tag(key=str(key), value=str(value)) for key, value in tags.items()]
    else:
        is_iterable = isinstance(tags, Iterable) and not isinstance(tags, str | bytes)
        result = [as_model(tag, Tag) for tag in tags] if is_iterable else []
    if not result or any(not tag.key for tag in result):
        raise ConfigurationError(
            "tags must be {'key': 'value'}, Tag(key=..., value=...) or a list of these: at least one, each with a key.",
            variable="tags",
            allowed="at least one tag with a key",
        )
    return result


def tag_operations(
    path: str, *, shadowed: bool = False
) -> tuple[Operation[list[Tag]], Operation[None], Operation[None]]:
    """Return the operations that list, set and delete tags at a path (Orkes).

    Args:
        path: The path template.
        shadowed: Whether the open-source server has a different operation at the same path, which would delete
            something else.
    """
    return (
        Operation("GET", path, list[Tag], edition=Edition.ORKES, on_empty=list),
        Operation("PUT", path, edition=Edition.ORKES),
        Operation("DELETE", path, edition=Edition.ORKES, shadowed=shadowed),
    )


class Tagged(Resource):
    """The tag operations of a resource (Orkes)."""

    _LIST_TAGS: ClassVar[Operation[list[Tag]]]
    _SET_TAGS: ClassVar[Operation[None]]
    _DELETE_TAGS: ClassVar[Operation[None]]

    def list_tags(self, name: str, /) -> list[Tag]:
        """Return the tags of a resource (``GET .../{name}/tags``, Orkes).

        Args:
            name: The name or id of the resource.

        Returns:
            The tags, or an empty list.
        """
        return self._call(self._LIST_TAGS, self._path(self._LIST_TAGS, name))

    def set_tags(self, name: str, /, tags: TagsLike) -> None:
        """Add tags to a resource (``PUT .../{name}/tags``, Orkes). A tag with an existing key replaces its value.

        Args:
            name: The name or id of the resource.
            tags: ``{"key": "value"}``, one ``Tag``, or several.

        Raises:
            ConfigurationError: ``tags`` is empty, or a tag has no key.
        """
        self._call(self._SET_TAGS, self._path(self._SET_TAGS, name), body=as_tags(tags))

    def delete_tags(self, name: str, /, tags: TagsLike) -> None:
        """Remove tags from a resource (``DELETE .../{name}/tags``, Orkes).

        Args:
            name: The name or id of the resource.
            tags: ``{"key": "value"}``, one ``Tag``, or several; key and value must match.

        Raises:
            ConfigurationError: ``tags`` is empty, or a tag has no key.
        """
        self._call(self._DELETE_TAGS, self._path(self._DELETE_TAGS, name), body=as_tags(tags))

    @staticmethod
    def _path(operation: Operation[Any], name: str) -> dict[str, str]:
        return {operation.parameters[0]: name}


LIST: Operation[list[Tag]] = Operation("GET", "/metadata/tags", list[Tag], edition=Edition.ORKES, on_empty=list)
ADD_WORKFLOW_TAG: Operation[None] = Operation("POST", "/metadata/workflow/{name}/tags", edition=Edition.ORKES)
LIST_WORKFLOW_TAGS, SET_WORKFLOW_TAGS, DELETE_WORKFLOW_TAG = tag_operations(
    "/metadata/workflow/{name}/tags", shadowed=True
)
ADD_TASK_TAG: Operation[None] = Operation("POST", "/metadata/task/{taskName}/tags", edition=Edition.ORKES)
LIST_TASK_TAGS, SET_TASK_TAGS, DELETE_TASK_TAG = tag_operations("/metadata/task/{taskName}/tags")


class TagClient(Resource):
    """Tags of workflow and task definitions (``client.tags``, Orkes)."""

    def list(self) -> builtins.list[Tag]:
        """Return all tags in use (``GET /metadata/tags``).

        Returns:
            The tags, or an empty list.
        """
        return self._call(LIST)

    def add_workflow_tag(self, name: str, tag: Tag) -> None:
        """Add a tag to a workflow definition (``POST /metadata/workflow/{name}/tags``).

        Args:
            name: The name of the workflow definition.
            tag: The tag, or a dict with ``key`` and ``value``.
        """
        self._call(ADD_WORKFLOW_TAG, {"name": name}, body=as_model(tag, Tag))

    def set_workflow_tags(self, name: str, tags: TagsLike) -> None:
        """Replace the tags of a workflow definition (``PUT /metadata/workflow/{name}/tags``).

        Args:
            name: The name of the workflow definition.
            tags: ``{"key": "value"}``, one ``Tag``, or several.

        Raises:
            ConfigurationError: ``tags`` is empty, or a tag has no key.
        """
        self._call(SET_WORKFLOW_TAGS, {"name": name}, body=as_tags(tags))

    def list_workflow_tags(self, name: str) -> builtins.list[Tag]:
        """Return the tags of a workflow definition (``GET /metadata/workflow/{name}/tags``).

        Args:
            name: The name of the workflow definition.

        Returns:
            The tags, or an empty list.
        """
        return self._call(LIST_WORKFLOW_TAGS, {"name": name})

    def delete_workflow_tag(self, name: str, tag: Tag) -> None:
        """Remove a tag from a workflow definition (``DELETE /metadata/workflow/{name}/tags``).

        Args:
            name: The name of the workflow definition.
            tag: The tag, or a dict with ``key`` and ``value``; both must match.

        Raises:
            UnsupportedByServerError: The server is not Orkes Conductor; nothing was sent.
        """
        self._call(DELETE_WORKFLOW_TAG, {"name": name}, body=as_model(tag, Tag))

    def add_task_tag(self, name: str, tag: Tag) -> None:
        """Add a tag to a task definition (``POST /metadata/task/{taskName}/tags``).

        Args:
            name: The name of the task definition.
            tag: The tag, or a dict with ``key`` and ``value``.
        """
        self._call(ADD_TASK_TAG, {"taskName": name}, body=as_model(tag, Tag))

    def set_task_tags(self, name: str, tags: TagsLike) -> None:
        """Replace the tags of a task definition (``PUT /metadata/task/{taskName}/tags``).

        Args:
            name: The name of the task definition.
            tags: ``{"key": "value"}``, one ``Tag``, or several.

        Raises:
            ConfigurationError: ``tags`` is empty, or a tag has no key.
        """
        self._call(SET_TASK_TAGS, {"taskName": name}, body=as_tags(tags))

    def list_task_tags(self, name: str) -> builtins.list[Tag]:
        """Return the tags of a task definition (``GET /metadata/task/{taskName}/tags``).

        Args:
            name: The name of the task definition.

        Returns:
            The tags, or an empty list.
        """
        return self._call(LIST_TASK_TAGS, {"taskName": name})

    def delete_task_tag(self, name: str, tag: Tag) -> None:
        """Remove a tag from a task definition (``DELETE /metadata/task/{taskName}/tags``).

        Args:
            name: The name of the task definition.
            tag: The tag, or a dict with ``key`` and ``value``; both must match.
        """
        self._call(DELETE_TASK_TAG, {"taskName": name}, body=as_model(tag, Tag))
