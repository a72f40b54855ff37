"""Tags of a resource: three operations that nine resources share, and one way to write tags."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

from conductor.clients.bodies import as_model
from conductor.errors import ConfigurationError
from conductor.migration import missing_attribute
from conductor.models import SearchResult, Tag
from conductor.transport.operation import Edition, Operation

if TYPE_CHECKING:
    from conductor.transport.client import Transport
    from conductor.transport.operation import Operation

__all__ = ["TagClient", "Tagged", "TagsLike", "as_tags", "check_page", "pages", "tag_operations"]


T = TypeVar("T")


def check_page(start: int, size: int, largest: int, name: str = "size") -> None:
    """Refuse a place before the first, which the server takes for the first or fails at, and a size that it refuses."""
    if start < 0:
        raise ConfigurationError(
            f"start is {start}; it must be 0 or more.", variable="start", value=start, allowed="0 or more"
        )
    if not 1 <= size <= largest:
        raise ConfigurationError(
            f"{name} is {size}; it must be from 1 to {largest:,}.", variable=name, value=size, allowed=f"1 to {largest}"
        )


def pages(search: Callable[..., SearchResult[T]], *, size: int, start: int = 0, **conditions: Any) -> Iterator[T]:
    """Every result of a search, page by page."""
    while True:
        page = search(start=start, size=size, **conditions)
        yield from page.results
        start += len(page.results)
        if not page.results or start >= page.total_hits:
            return


class Resource:
    """A group of operations on one transport; made by ``ConductorClient``, usable alone."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    if not TYPE_CHECKING:
        __getattr__ = missing_attribute

    def _call(
        self,
        operation: Operation[T],
        path: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        **options: Any,
    ) -> T:
        return self._transport.request(operation, path or {}, query=query, body=body, headers=headers, **options)


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
        """All tags in use (``GET /metadata/tags``)."""
        return self._call(LIST)

    def add_workflow_tag(self, name: str, tag: Tag) -> None:
        """Add a tag to a workflow definition (``POST /metadata/workflow/{name}/tags``)."""
        self._call(ADD_WORKFLOW_TAG, {"name": name}, body=as_model(tag, Tag))

    def set_workflow_tags(self, name: str, tags: TagsLike) -> None:
        """Set the tags of a workflow definition (``PUT /metadata/workflow/{name}/tags``)."""
        self._call(SET_WORKFLOW_TAGS, {"name": name}, body=as_tags(tags))

    def list_workflow_tags(self, name: str) -> builtins.list[Tag]:
        """The tags of a workflow definition (``GET /metadata/workflow/{name}/tags``)."""
        return self._call(LIST_WORKFLOW_TAGS, {"name": name})

    def delete_workflow_tag(self, name: str, tag: Tag) -> None:
        """Remove a tag of a workflow definition (``DELETE /metadata/workflow/{name}/tags``)."""
        self._call(DELETE_WORKFLOW_TAG, {"name": name}, body=as_model(tag, Tag))

    def add_task_tag(self, name: str, tag: Tag) -> None:
        """Add a tag to a task definition (``POST /metadata/task/{taskName}/tags``)."""
        self._call(ADD_TASK_TAG, {"taskName": name}, body=as_model(tag, Tag))

    def set_task_tags(self, name: str, tags: TagsLike) -> None:
        """Set the tags of a task definition (``PUT /metadata/task/{taskName}/tags``)."""
        self._call(SET_TASK_TAGS, {"taskName": name}, body=as_tags(tags))

    def list_task_tags(self, name: str) -> builtins.list[Tag]:
        """The tags of a task definition (``GET /metadata/task/{taskName}/tags``)."""
        return self._call(LIST_TASK_TAGS, {"taskName": name})

    def delete_task_tag(self, name: str, tag: Tag) -> None:
        """Remove a tag of a task definition (``DELETE /metadata/task/{taskName}/tags``)."""
        self._call(DELETE_TASK_TAG, {"taskName": name}, body=as_model(tag, Tag))
