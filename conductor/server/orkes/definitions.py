"""Task and workflow definitions with tags, and updates of tasks that do not exist."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from conductor.models.codec import dumps
from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import Request, Response, flag, json_answer, parse_json, path_number, read_object
from conductor.server.http.metadata import MetadataResource
from conductor.server.http.routing import Route
from conductor.server.http.tasks import TaskResource
from conductor.server.orkes.tags import TASK, WORKFLOW, Tags, read_tags
from conductor.server.services.metadata import Metadata
from conductor.server.services.tasks import Tasks

Json = dict[str, Any]


class TaggedDefinitionResource(MetadataResource):
    """Handlers of definitions. The fields ``tags`` and ``overwriteTags`` of a definition set its tags."""

    def __init__(self, metadata: Metadata, tags: Tags) -> None:
        super().__init__(metadata)
        self._tags = tags

    def register_tasks(self, request: Request) -> Response:
        """``POST /metadata/taskdefs``."""
        return self._saved(TASK, request, super().register_tasks)

    def update_task(self, request: Request) -> Response:
        """``PUT /metadata/taskdefs``."""
        return self._saved(TASK, request, super().update_task)

    def create_workflow(self, request: Request) -> Response:
        """``POST /metadata/workflow``; with ``newVersion``, as the version after the highest one."""
        if flag(request, "newVersion", default=False):
            given = read_object(request)
            known = [one["version"] for one in self._metadata.versions(str(given.get("name")))]
            request = evolve(request, body=dumps({**given, "version": max(known, default=0) + 1}))
        return self._saved(WORKFLOW, request, super().create_workflow)

    def update_workflows(self, request: Request) -> Response:
        """``PUT /metadata/workflow``."""
        return self._saved(WORKFLOW, request, super().update_workflows)

    def _saved(self, kind: str, request: Request, save: Any) -> Response:
        given = _definitions(request)
        for one in given:
            if one.get("tags") is not None:
                read_tags(one["tags"])  # invalid tags are refused before anything is stored
        response: Response = save(request)
        for one in given:
            if one.get("tags") is not None:
                change = self._tags.add if one.get("overwriteTags") is False else self._tags.replace
                change(kind, str(one.get("name")), one["tags"])
        return response

    def get_task(self, request: Request) -> Response:
        """``GET /metadata/taskdefs/{name}``."""
        return json_answer(self._shown(TASK, self._metadata.task(request.path_params["name"])))

    def remove_task(self, request: Request) -> Response:
        """``DELETE /metadata/taskdefs/{name}``; the open-source server answers 500 for a missing definition."""
        self._metadata.task(request.path_params["name"])
        return super().remove_task(request)

    def remove_workflow(self, request: Request) -> Response:
        """``DELETE /metadata/workflow/{name}/{version}``; the open-source server answers 500 for a missing one."""
        self._metadata.workflow(request.path_params["name"], path_number(request, "version"))
        return super().remove_workflow(request)

    def list_tasks(self, request: Request) -> Response:
        """``GET /metadata/taskdefs``; with ``tagKey`` and ``tagValue``, those with the tag."""
        return json_answer(self._tagged(TASK, request, self._metadata.all_tasks()))

    def get_workflow(self, request: Request) -> Response:
        """``GET /metadata/workflow/{name}``."""
        definition = parse_json(super().get_workflow(request).content)
        return json_answer(self._shown(WORKFLOW, definition))

    def list_workflows(self, request: Request) -> Response:
        """``GET /metadata/workflow``; with ``name``, ``tagKey`` and ``tagValue``, those with the name and the tag."""
        name = request.query_params.get("name")
        found = [one for one in self._metadata.all_workflows() if name in {None, one["name"]}]
        return json_answer(self._tagged(WORKFLOW, request, found))

    def _tagged(self, kind: str, request: Request, definitions: list[Json]) -> list[Json]:
        key, value = request.query_params.get("tagKey"), request.query_params.get("tagValue")
        return [
            self._shown(kind, one)
            for one in definitions
            if key is None
            or any(tag["key"] == key and value in {None, str(tag["value"])} for tag in self._tags.of(kind, one["name"]))
        ]

    def _shown(self, kind: str, definition: Json) -> Json:
        return self._tags.shown(kind, definition["name"], definition)


def _definitions(request: Request) -> list[Json]:
    try:
        given = parse_json(request.body)
    except RefusedError:
        return []  # the handler refuses it
    return [one for one in (given if isinstance(given, list) else [given]) if isinstance(one, dict)]


class StrictUpdateResource(TaskResource):
    """Handlers of updates that refuse unknown executions and tasks, which the open-source server ignores."""

    def __init__(self, tasks: Tasks, executions: Any) -> None:
        super().__init__(tasks)
        self._executions = executions

    def routes(self) -> list[Route]:
        return [route for route in super().routes() if route.handler in {self.update, self.update_by_reference}]

    def update(self, request: Request) -> Response:
        """``POST /tasks``."""
        given = parse_json(request.body) if request.body else None
        if isinstance(given, dict) and given.get("taskId") and given.get("workflowInstanceId"):
            self._executions.get(str(given["workflowInstanceId"]), include_tasks=False)
            self._tasks.get(str(given["taskId"]))
        return super().update(request)

    def update_by_reference(self, request: Request) -> Response:
        """``POST /tasks/{workflowId}/{reference}/{status}``."""
        self._executions.get(request.path_params["workflow_id"], include_tasks=False)
        return super().update_by_reference(request)
