"""Operations on executions that only Orkes' edition has: jump, upgrade, variables, batches and sizes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from conductor.models.codec import dumps
from conductor.server.engine.context import RefusedError
from conductor.server.engine.control import jump as jump_to
from conductor.server.engine.control import upgrade
from conductor.server.engine.definitions import render
from conductor.server.engine.json_fields import Reader, integer, list_of, mapping, read, string
from conductor.server.engine.state import Execution
from conductor.server.http.bulk import each_id
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    flag,
    json_answer,
    number,
    read_object,
    read_optional_object,
    text_answer,
)
from conductor.server.http.routing import Route
from conductor.server.http.workflows import WorkflowResource
from conductor.server.orkes.runs import Signals, integer_of
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.all import Services

Json = dict[str, Any]

#: Bytes of an execution that Orkes' clusters allow; this server only reports them.
_LIMIT_BYTES = 20_971_520
#: Segment of the path if the client did not replace the reference name.
_TEMPLATE = "{taskReferenceName}"
_CORRELATED: Mapping[str, Reader] = {"workflowNames": list_of(string), "correlationIds": list_of(string)}
_UPGRADE: Mapping[str, Reader] = {
    "name": string,
    "version": integer,
    "taskOutput": mapping,
    "workflowInput": mapping,
}


class MoreExecutions:
    """The operations on executions that the default edition does not have."""

    def __init__(self, kernel: Kernel, services: Services, signals: Signals) -> None:
        self._kernel, self._services, self._signals = kernel, services, signals

    def set_variables(self, workflow_id: str, variables: Json) -> Json:
        """Set variables of an execution; returns the execution.

        Raises:
            RefusedError: The execution does not exist (400), or has ended (409).
        """
        with self._kernel.change():
            return render(self._signals.set_variables(self._known(workflow_id), variables))

    def _known(self, workflow_id: str) -> Execution:
        execution = self._kernel.find(workflow_id)
        if execution is None:
            raise RefusedError(400, f"Invalid workflow id: {self._kernel.extensions.unknown_execution} {workflow_id}")
        return execution

    def jump(self, workflow_id: str, reference: str, task_input: Json) -> None:
        """Continue an execution with another task.

        Raises:
            RefusedError: The execution does not exist (404) or has ended (409), or the task does not exist (400).
        """
        with self._kernel.change() as context:
            execution = self._kernel.touch(self._kernel.get(workflow_id))
            jump_to(execution, reference, task_input, context)
            self._kernel.advance(execution)

    def upgrade(self, workflow_id: str, request: Json) -> None:
        """Continue an execution with another version of its definition.

        Args:
            workflow_id: The execution.
            request: An UpgradeWorkflowRequest.

        Raises:
            RefusedError: The execution does not exist (400) or has ended (409), or the version does not exist (404).
        """
        with self._kernel.change() as context:
            execution = self._known(workflow_id)
            name = execution.workflow["workflowName"]
            if request.get("name") not in {None, "", name}:
                raise RefusedError(400, f"Workflow {execution.label} cannot become a {request['name']}")
            if request.get("version") is None:
                raise RefusedError(400, "The version to upgrade to is missing")
            tree = self._services.starter.registered_tree(name, request["version"])
            outputs, given = request.get("taskOutput") or {}, request.get("workflowInput") or {}
            upgrade(self._kernel.touch(execution), tree, outputs, given, context)
            self._kernel.advance(execution)

    def correlated(self, names: list[str], ids: list[str], *, include_closed: bool, include_tasks: bool) -> Json:
        """Return the executions of several definitions by correlation id."""
        found: Json = {}
        for correlation_id in ids:
            found[correlation_id] = [
                one
                for name in names
                for one in self._services.executions.correlated(
                    name, correlation_id, include_closed=include_closed, include_tasks=include_tasks
                )
            ]
        return found

    def delete(self, workflow_id: str) -> None:
        """Delete an execution, whether it has ended or not."""
        self._services.executions.remove(workflow_id, archive=False)

    def size(self, workflow_id: str) -> Json:
        """Return the size of an execution's document in bytes, and the limit of Orkes' clusters."""
        size = len(dumps(self._services.executions.get(workflow_id)))
        return {"sizeBytes": size, "limitBytes": _LIMIT_BYTES, "ratio": size / _LIMIT_BYTES}


class ExecutionsResource:
    """Handlers of the operations on executions that the default edition does not have."""

    def __init__(self, services: Services, executions: MoreExecutions) -> None:
        self._services, self._executions = services, executions
        self._workflows = WorkflowResource(services.executions, services.recovery, services.metadata)

    def routes(self) -> list[Route]:
        get, post = partial(Route, methods=["GET"]), partial(Route, methods=["POST"])
        return [
            post("/workflow/start/{name}/{version}", self.start),
            post("/workflow/correlated/batch", self.correlated),
            post("/workflow/bulk/delete", self.delete_many),
            post("/workflow/bulk/terminate", self.terminate_many),
            post("/workflow/document-store/upload", self.upload),
            Route("/workflow/{workflow_id}", self.terminate, ["DELETE"]),
            Route("/workflow/{workflow_id}/remove", self.delete, ["DELETE"]),
            get("/workflow/{workflow_id}/size", self.size),
            post("/workflow/{workflow_id}/variables", self.set_variables),
            post("/workflow/{workflow_id}/jump/{reference}", self.jump),
            post("/workflow/{workflow_id}/upgrade", self.upgrade),
        ]

    def start(self, request: Request) -> Response:
        """``POST /workflow/start/{name}/{version}``."""
        given = {
            "name": request.path_params["name"],
            "version": integer_of(request.path_params["version"], "version") or None,
            "correlationId": request.query_params.get("correlationId"),
            "priority": number(request, "priority", 0),
            "input": read_object(request),
            "idempotencyKey": request.headers.get("x-idempotency-key"),
            "idempotencyStrategy": request.headers.get("x-on-conflict"),
        }
        return text_answer(self._services.executions.start(self._workflows.checked_start(given, request.principal.id)))

    def correlated(self, request: Request) -> Response:
        """``POST /workflow/correlated/batch``."""
        given = read(read_object(request), _CORRELATED)
        found = self._executions.correlated(
            given.get("workflowNames") or [],
            given.get("correlationIds") or [],
            include_closed=flag(request, "includeClosed", default=False),
            include_tasks=flag(request, "includeTasks", default=False),
        )
        return json_answer(found)

    def delete(self, request: Request) -> Response:
        """``DELETE /workflow/{workflowId}/remove``: also of an open execution, unlike on the OSS server."""
        self._executions.delete(request.path_params["workflow_id"])
        return empty_answer()

    def delete_many(self, request: Request) -> Response:
        """``POST /workflow/bulk/delete``."""
        return each_id(request, "deleteWorkflow", self._executions.delete)

    def terminate_many(self, request: Request) -> Response:
        """``POST /workflow/bulk/terminate``."""
        reason, triggers = _termination(request)
        terminate = self._services.executions.terminate
        return each_id(request, "terminate", lambda one: terminate(one, reason, start_failure_workflow=triggers))

    def terminate(self, request: Request) -> Response:
        """``DELETE /workflow/{workflowId}``."""
        reason, triggers = _termination(request)
        workflow_id = request.path_params["workflow_id"]
        self._services.executions.terminate(workflow_id, reason, start_failure_workflow=triggers)
        return empty_answer()

    def upload(self, _: Request) -> Response:
        """``POST /workflow/document-store/upload``: this server keeps executions in its own database."""
        return empty_answer()

    def size(self, request: Request) -> Response:
        """``GET /workflow/{workflowId}/size``."""
        return json_answer(self._executions.size(request.path_params["workflow_id"]))

    def set_variables(self, request: Request) -> Response:
        """``POST /workflow/{workflowId}/variables``."""
        return json_answer(self._executions.set_variables(request.path_params["workflow_id"], read_object(request)))

    def jump(self, request: Request) -> Response:
        """``POST /workflow/{workflowId}/jump/{taskReferenceName}``; the query takes precedence over the path."""
        path = request.path_params
        reference = request.query_params.get("taskReferenceName") or path["reference"]
        if reference == _TEMPLATE:
            raise RefusedError(400, "The parameter taskReferenceName is missing")
        self._executions.jump(path["workflow_id"], reference, read_optional_object(request))
        return empty_answer()

    def upgrade(self, request: Request) -> Response:
        """``POST /workflow/{workflowId}/upgrade``."""
        given = read(read_object(request), _UPGRADE)
        for reference, output in (given.get("taskOutput") or {}).items():
            if output is not None and not isinstance(output, dict):
                raise RefusedError(400, f"The output of the task {reference} must be an object")
        self._executions.upgrade(request.path_params["workflow_id"], given)
        return empty_answer()


def _termination(request: Request) -> tuple[str | None, bool]:
    return request.query_params.get("reason"), flag(request, "triggerFailureWorkflow", default=False)
