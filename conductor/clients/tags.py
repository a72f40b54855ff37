"""Tags of definitions (Orkes). Other resources have ``list_tags``, ``set_tags`` and ``delete_tags`` of their own."""

from __future__ import annotations

import builtins

from conductor.clients._resource import Resource
from conductor.clients._tagged import TagsLike, as_tags, tag_operations
from conductor.clients.checks import as_model
from conductor.models import Tag
from conductor.transport.operation import Edition, Operation

__all__ = ["TagClient"]

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
