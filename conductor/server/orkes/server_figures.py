"""Statistics of the server, and operations of Orkes' cluster that do not exist on one machine."""

from __future__ import annotations

from functools import partial

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import Request, Response, empty_answer, json_answer
from conductor.server.http.routing import Route
from conductor.server.services.all import Services

#: Status of an operation that the server does not have.
_NOT_IMPLEMENTED = 501


class ServerResource:
    """Handlers of limits and of the cluster's own operations."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def routes(self) -> list[Route]:
        get, post = partial(Route, methods=["GET"]), partial(Route, methods=["POST"])
        return [
            get("/admin/redisUsage", self.redis),
            get("/limits", self.limits),
            post("/admin/cache/clear/{name}", self.clear_cache),
            post("/metadata/workflow-importer/import-bpm", _refuse("the import of BPMN", "it has no BPMN converter")),
            post("/metadata/workflow-task-defs/upload", _refuse("the upload", "it has no object storage")),
        ]

    def redis(self, _: Request) -> Response:
        """``GET /admin/redisUsage``: the server stores its state in SQLite."""
        return json_answer({"usedMemory": 0, "maxMemory": 0})

    def clear_cache(self, _: Request) -> Response:
        """``POST /admin/cache/clear/{taskDefName}``: the server runs each task, so it has no cached outputs."""
        return empty_answer()

    def limits(self, _: Request) -> Response:
        """``GET /limits``: the number of objects of each kind, and its limit, which is always -1 (no limit)."""
        metadata = self._services.metadata
        return json_answer({
            "taskDefinitions": len(metadata.all_tasks()),
            "maxTaskDefinitions": -1,
            "workflowDefinitions": len(metadata.all_workflows(latest_only=True)),
            "maxWorkflowDefinitions": -1,
        })  # fmt: skip


def _refuse(operation: str, reason: str) -> partial[Response]:
    return partial(_refused, f"{operation} is not available in the embedded server: {reason}")


def _refused(message: str, _: Request) -> Response:
    raise RefusedError(_NOT_IMPLEMENTED, message[0].upper() + message[1:])
