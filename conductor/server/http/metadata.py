"""Routes of ``/metadata``: task and workflow definitions."""

from __future__ import annotations

from functools import partial
from typing import Any

from conductor.server.engine.validation import check_task_defs
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    flag,
    json_answer,
    optional_number,
    path_number,
    read_list,
    read_object,
)
from conductor.server.http.routing import Route
from conductor.server.services.metadata import Metadata

Json = dict[str, Any]


class MetadataResource:
    """Handlers of definitions."""

    def __init__(self, metadata: Metadata) -> None:
        self._metadata = metadata

    def routes(self) -> list[Route]:
        get, post = partial(Route, methods=["GET"]), partial(Route, methods=["POST"])
        put, delete = partial(Route, methods=["PUT"]), partial(Route, methods=["DELETE"])
        return [
            get("/metadata/taskdefs", self.list_tasks),
            post("/metadata/taskdefs", self.register_tasks),
            put("/metadata/taskdefs", self.update_task),
            get("/metadata/taskdefs/{name}", self.get_task),
            delete("/metadata/taskdefs/{name}", self.remove_task),
            get("/metadata/workflow", self.list_workflows),
            post("/metadata/workflow", self.create_workflow),
            put("/metadata/workflow", self.update_workflows),
            post("/metadata/workflow/validate", self.validate_workflow),
            get("/metadata/workflow/latest-versions", self.latest_versions),
            get("/metadata/workflow/names", self.names),
            get("/metadata/workflow/names-and-versions", self.names_and_versions),
            get("/metadata/workflow/{name}", self.get_workflow),
            get("/metadata/workflow/{name}/versions", self.versions),
            delete("/metadata/workflow/{name}/{version}", self.remove_workflow),
        ]

    def list_tasks(self, _: Request) -> Response:
        """``GET /metadata/taskdefs``."""
        return json_answer(self._metadata.all_tasks())

    def register_tasks(self, request: Request) -> Response:
        """``POST /metadata/taskdefs``."""
        given = read_list(request)
        check_task_defs(given, "registerTaskDef.arg0")
        self._metadata.save_tasks(given)
        return empty_answer()

    def update_task(self, request: Request) -> Response:
        """``PUT /metadata/taskdefs``."""
        given = read_object(request)
        check_task_defs([given], "updateTaskDef.arg0", is_list=False)
        self._metadata.update_task(given)
        return empty_answer()

    def get_task(self, request: Request) -> Response:
        """``GET /metadata/taskdefs/{name}``."""
        return json_answer(self._metadata.task(request.path_params["name"]))

    def remove_task(self, request: Request) -> Response:
        """``DELETE /metadata/taskdefs/{name}``."""
        self._metadata.remove_task(request.path_params["name"])
        return empty_answer()

    def list_workflows(self, _: Request) -> Response:
        """``GET /metadata/workflow``."""
        return json_answer(self._metadata.all_workflows())

    def create_workflow(self, request: Request) -> Response:
        """``POST /metadata/workflow``."""
        given = read_object(request)
        self._metadata.check([given], "registerWorkflowDef.arg0")
        self._metadata.create_workflow(given, overwrite=flag(request, "overwrite", default=False))
        return empty_answer()

    def update_workflows(self, request: Request) -> Response:
        """``PUT /metadata/workflow``."""
        given = read_list(request)
        self._metadata.check(given, "updateWorkflowDef.arg0", is_list=True)
        return json_answer(self._metadata.update_workflows(given))

    def validate_workflow(self, request: Request) -> Response:
        """``POST /metadata/workflow/validate``."""
        given = read_object(request)
        self._metadata.check([given], "validateWorkflowDef.arg0")
        return empty_answer()

    def get_workflow(self, request: Request) -> Response:
        """``GET /metadata/workflow/{name}``."""
        name = request.path_params["name"]
        return json_answer(self._metadata.workflow(name, optional_number(request, "version")))

    def latest_versions(self, _: Request) -> Response:
        """``GET /metadata/workflow/latest-versions``."""
        return json_answer(self._metadata.all_workflows(latest_only=True))

    def names(self, _: Request) -> Response:
        """``GET /metadata/workflow/names``."""
        return json_answer(sorted({one["name"] for one in self._metadata.all_workflows()}))

    def names_and_versions(self, _: Request) -> Response:
        """``GET /metadata/workflow/names-and-versions``."""
        found: dict[str, list[Json]] = {}
        for one in self._metadata.all_workflows():
            found.setdefault(one["name"], []).append({**_summary(one), "updateTime": one["updateTime"]})
        return json_answer(found)

    def versions(self, request: Request) -> Response:
        """``GET /metadata/workflow/{name}/versions``."""
        return json_answer([_summary(one) for one in self._metadata.versions(request.path_params["name"])])

    def remove_workflow(self, request: Request) -> Response:
        """``DELETE /metadata/workflow/{name}/{version}``."""
        self._metadata.remove_workflow(request.path_params["name"], path_number(request, "version"))
        return empty_answer()


def _summary(definition: Json) -> Json:
    return {key: definition[key] for key in ("name", "version", "createTime")}
