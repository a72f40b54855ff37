"""Routes of ``/workflow``: start, read and control executions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import START, Reader, mapping, read, string
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    flag,
    invalid,
    json_answer,
    number,
    optional_number,
    read_names,
    read_object,
    text_answer,
)
from conductor.server.http.routing import Route
from conductor.server.services.executions import STRATEGIES, Executions
from conductor.server.services.metadata import Metadata
from conductor.server.services.recovery import Recovery

Json = dict[str, Any]

#: The highest priority of an execution, as on the OSS server.
_MAX_PRIORITY = 99
_RERUN: Mapping[str, Reader] = {
    "reRunFromWorkflowId": string,
    "reRunFromTaskId": string,
    "correlationId": string,
    "taskInput": mapping,
    "workflowInput": mapping,
}
_MAP_ENTRY = re.compile(r"(taskInput|taskOutput)\[(.+)\]")


class WorkflowResource:
    """Handlers of executions."""

    def __init__(self, executions: Executions, recovery: Recovery, metadata: Metadata) -> None:
        self._executions, self._recovery, self._metadata = executions, recovery, metadata

    def routes(self) -> list[Route]:
        get, post = partial(Route, methods=["GET"]), partial(Route, methods=["POST"])
        put, delete = partial(Route, methods=["PUT"]), partial(Route, methods=["DELETE"])
        return [
            post("/workflow", self.start),
            put("/workflow/decide/{workflow_id}", self.decide),
            get("/workflow/running/{name}", self.running),
            post("/workflow/{name}/correlated", self.correlated_many),
            get("/workflow/{name}/correlated/{correlation_id}", self.correlated),
            get("/workflow/{workflow_id}", self.get),
            post("/workflow/{name}", self.start_by_name),
            delete("/workflow/{workflow_id}", self.terminate),
            get("/workflow/{workflow_id}/status", self.status),
            get("/workflow/{workflow_id}/tasks", self.tasks),
            put("/workflow/{workflow_id}/pause", self.pause),
            put("/workflow/{workflow_id}/resume", self.resume),
            post("/workflow/{workflow_id}/retry", self.retry),
            post("/workflow/{workflow_id}/restart", self.restart),
            post("/workflow/{workflow_id}/rerun", self.rerun),
            put("/workflow/{workflow_id}/skiptask/{reference}", self.skip),
            post("/workflow/{workflow_id}/resetcallbacks", self.reset_callbacks),
            delete("/workflow/{workflow_id}/remove", self.remove),
            delete("/workflow/{workflow_id}/terminate-remove", self.terminate_and_remove),
        ]

    def start(self, request: Request) -> Response:
        """``POST /workflow``."""
        return text_answer(self._executions.start(self.checked_start(read_object(request), request.principal.id)))

    def checked_start(self, given: Json, created_by: str = "") -> Json:
        """Validate a StartWorkflowRequest, and complete the definition that it may contain.

        Args:
            given: The request.
            created_by: The id of the principal that sends it; empty in an edition without users.

        Raises:
            RefusedError: The request is invalid.
        """
        given = read(given, START)
        if created_by:
            given["createdBy"] = created_by
        if given.get("name") == "":
            raise RefusedError(400, "Workflow name must be specified when searching for a definition")
        if given.get("name") is None:
            raise invalid(("startWorkflow.arg0.name", "Workflow name cannot be null or empty"))
        priority = given.get("priority") or 0
        if priority > _MAX_PRIORITY:
            raise invalid(("startWorkflow.arg0.priority", f"priority: {priority} should be maximum 99"), value=priority)
        if priority < 0:
            raise invalid(("startWorkflow.arg0.priority", f"priority: {priority} should be minimum 0"), value=priority)
        strategy = given.get("idempotencyStrategy")
        if strategy is not None and strategy not in STRATEGIES:
            raise RefusedError(500, f"JSON parse error: {strategy!r} is not an idempotencyStrategy")
        definition = given.get("workflowDef")
        if definition is None:
            return given
        self._metadata.check([definition], "startWorkflow.arg0.workflowDef")
        return {**given, "workflowDef": self._metadata.complete(definition)}

    def start_by_name(self, request: Request) -> Response:
        """``POST /workflow/{name}``."""
        query, name, version = request.query_params, request.path_params["name"], optional_number(request, "version")
        given = {
            "name": name,
            "version": version,
            "correlationId": query.get("correlationId"),
            "priority": number(request, "priority", 0),
            "input": read_object(request),
            "idempotencyKey": request.headers.get("x-idempotency-key"),
            "idempotencyStrategy": request.headers.get("x-on-conflict"),
        }
        try:
            return text_answer(self._executions.start(self.checked_start(given, request.principal.id)))
        except RefusedError as error:
            if error.message.startswith("No such workflow defined."):
                self._metadata.workflow(name, version)  # raises with the message that the OSS server uses here
            raise

    def get(self, request: Request) -> Response:
        """``GET /workflow/{workflowId}``."""
        include = flag(request, "includeTasks", default=True)
        return json_answer(self._executions.get(request.path_params["workflow_id"], include_tasks=include))

    def status(self, request: Request) -> Response:
        """``GET /workflow/{workflowId}/status``."""
        return json_answer(
            self._executions.status(
                request.path_params["workflow_id"],
                include_output=flag(request, "includeOutput", default=False),
                include_variables=flag(request, "includeVariables", default=False),
            )
        )

    def tasks(self, request: Request) -> Response:
        """``GET /workflow/{workflowId}/tasks``."""
        statuses = request.query_params.getlist("status")
        start, count = number(request, "start", 0), number(request, "count", 15)
        if count < 0:
            raise RefusedError(400, f"The count of tasks is {count}, which is less than 0")
        return json_answer(self._executions.tasks(request.path_params["workflow_id"], start, count, statuses))

    def running(self, request: Request) -> Response:
        """``GET /workflow/running/{name}``."""
        return json_answer(self._executions.running(request.path_params["name"]))

    def correlated(self, request: Request) -> Response:
        """``GET /workflow/{name}/correlated/{correlationId}``."""
        return json_answer(self._correlated(request, request.path_params["correlation_id"]))

    def correlated_many(self, request: Request) -> Response:
        """``POST /workflow/{name}/correlated``."""
        return json_answer({one: self._correlated(request, one) for one in read_names(request)})

    def _correlated(self, request: Request, correlation_id: str) -> list[Json]:
        return self._executions.correlated(
            request.path_params["name"],
            correlation_id,
            include_closed=flag(request, "includeClosed", default=False),
            include_tasks=flag(request, "includeTasks", default=False),
        )

    def decide(self, request: Request) -> Response:
        """``PUT /workflow/decide/{workflowId}``."""
        self._executions.decide(request.path_params["workflow_id"])
        return empty_answer()

    def pause(self, request: Request) -> Response:
        """``PUT /workflow/{workflowId}/pause``."""
        self._executions.pause(request.path_params["workflow_id"])
        return empty_answer()

    def resume(self, request: Request) -> Response:
        """``PUT /workflow/{workflowId}/resume``."""
        self._executions.resume(request.path_params["workflow_id"])
        return empty_answer()

    def terminate(self, request: Request) -> Response:
        """``DELETE /workflow/{workflowId}``."""
        self._executions.terminate(request.path_params["workflow_id"], request.query_params.get("reason"))
        return empty_answer()

    def retry(self, request: Request) -> Response:
        """``POST /workflow/{workflowId}/retry``."""
        resume = flag(request, "resumeSubworkflowTasks", default=False)
        self._recovery.retry(request.path_params["workflow_id"], resume_children=resume)
        return empty_answer(204)

    def restart(self, request: Request) -> Response:
        """``POST /workflow/{workflowId}/restart``."""
        latest = flag(request, "useLatestDefinitions", default=False)
        self._recovery.restart(request.path_params["workflow_id"], use_latest=latest)
        return empty_answer(204)

    def rerun(self, request: Request) -> Response:
        """``POST /workflow/{workflowId}/rerun``."""
        given = read(read_object(request), _RERUN)
        return text_answer(self._recovery.rerun(request.path_params["workflow_id"], given))

    def skip(self, request: Request) -> Response:
        """``PUT /workflow/{workflowId}/skiptask/{reference}``: input and output come in the query."""
        given: Json = {}
        for key, value in request.query_params.items():
            found = _MAP_ENTRY.fullmatch(key)
            if found is not None:
                given.setdefault(found.group(1), {})[found.group(2)] = value
        self._executions.skip(request.path_params["workflow_id"], request.path_params["reference"], given)
        return empty_answer()

    def reset_callbacks(self, request: Request) -> Response:
        """``POST /workflow/{workflowId}/resetcallbacks``."""
        self._executions.reset_callbacks(request.path_params["workflow_id"])
        return empty_answer(204)

    def remove(self, request: Request) -> Response:
        """``DELETE /workflow/{workflowId}/remove``."""
        archive = flag(request, "archiveWorkflow", default=True)
        self._executions.remove(request.path_params["workflow_id"], archive=archive)
        return empty_answer()

    def terminate_and_remove(self, request: Request) -> Response:
        """``DELETE /workflow/{workflowId}/terminate-remove``."""
        archive = flag(request, "archiveWorkflow", default=True)
        reason = request.query_params.get("reason")
        self._executions.terminate_and_remove(request.path_params["workflow_id"], reason, archive=archive)
        return empty_answer()
