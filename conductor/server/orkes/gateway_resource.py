"""Routes of ``/gateway/config``, and the routes that the gateway itself serves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.definitions import render
from conductor.server.engine.state import COMPLETED, Doc, Execution, is_done
from conductor.server.http.messages import (
    Outcome,
    Request,
    Response,
    Wait,
    empty_answer,
    json_answer,
    parse_json,
    read_object,
)
from conductor.server.http.routing import Route
from conductor.server.orkes.gateway import Gateway, Match
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.executions import Executions

Json = dict[str, Any]

#: Seconds that a caller waits for a workflow by default.
_WAIT_SECONDS = 30
#: Status of the response to a caller whose workflow has not ended in time.
_ACCEPTED = 202
#: Headers that are not added to a workflow's input.
_HIDDEN_HEADERS = frozenset({"authorization", "x-authorization", "x-api-key", "cookie", "proxy-authorization"})


class GatewayResource:
    """Handlers of the gateway's configuration, and of its routes.

    Args:
        kernel: The server's state.
        executions: The executions.
        gateway: The services and routes.
        check: Raises RefusedError unless an application may execute a workflow.
    """

    def __init__(
        self, kernel: Kernel, executions: Executions, gateway: Gateway, check: Callable[[str, str], None]
    ) -> None:
        self._kernel, self._executions, self._gateway, self._check = kernel, executions, gateway, check
        self._requests: Counter[tuple[str, str, str, bool]] = Counter()  # by service, method, path, success

    def routes(self) -> list[Route]:
        """Return the routes of the configuration."""
        get, post, put, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "PUT", "DELETE"))
        found = [
            get("/gateway/config/auth", self.all_auth),
            post("/gateway/config/auth", self.create_auth),
            get("/gateway/config/auth/{id}", self.auth),
            put("/gateway/config/auth/{id}", self.replace_auth),
            delete("/gateway/config/auth/{id}", self.remove_auth),
        ]
        for root in ("/gateway/config/services", "/gateway/config/service"):  # clients use both
            found += [
                get(root, self.services),
                post(root, self.create_service),
                get(f"{root}/{{id}}", self.service),
                put(f"{root}/{{id}}", self.replace_service),
                delete(f"{root}/{{id}}", self.remove_service),
            ]
            for path in (f"{root}/{{id}}/routes", f"{root}/{{id}}/route"):
                found += [
                    get(path, self.service_routes),
                    post(path, self.create_route),
                    put(path, self.replace_route),
                    delete(path, self.remove_route),
                ]
        return found

    # -- configuration

    def all_auth(self, _: Request) -> Response:
        """``GET /gateway/config/auth``."""
        return json_answer(self._gateway.all_auth())

    def create_auth(self, request: Request) -> Response:
        """``POST /gateway/config/auth``."""
        return json_answer(self._gateway.save_auth(read_object(request), None, request.principal.id))

    def auth(self, request: Request) -> Response:
        """``GET /gateway/config/auth/{id}``."""
        return json_answer(self._gateway.auth(request.path_params["id"]))

    def replace_auth(self, request: Request) -> Response:
        """``PUT /gateway/config/auth/{id}``."""
        auth_id = request.path_params["id"]
        return json_answer(self._gateway.save_auth(read_object(request), auth_id, request.principal.id))

    def remove_auth(self, request: Request) -> Response:
        """``DELETE /gateway/config/auth/{id}``."""
        self._gateway.remove_auth(request.path_params["id"])
        return empty_answer()

    def services(self, _: Request) -> Response:
        """``GET /gateway/config/services``."""
        return json_answer(self._gateway.services())

    def create_service(self, request: Request) -> Response:
        """``POST /gateway/config/services``."""
        return json_answer(self._gateway.save_service(read_object(request), None, request.principal.id))

    def service(self, request: Request) -> Response:
        """``GET /gateway/config/services/{id}``."""
        return json_answer(self._gateway.service(request.path_params["id"]))

    def replace_service(self, request: Request) -> Response:
        """``PUT /gateway/config/services/{id}``."""
        service_id = request.path_params["id"]
        return json_answer(self._gateway.save_service(read_object(request), service_id, request.principal.id))

    def remove_service(self, request: Request) -> Response:
        """``DELETE /gateway/config/services/{id}``."""
        self._gateway.remove_service(request.path_params["id"])
        return empty_answer()

    def service_routes(self, request: Request) -> Response:
        """``GET /gateway/config/services/{id}/routes``: each route with the number of its requests."""
        service_id = self._gateway.service(request.path_params["id"])["id"]
        found = []
        for route in self._gateway.routes(service_id):
            good, bad = (self._requests[_counted(route, is_success=is_success)] for is_success in (True, False))
            metrics = {"totalRequests": good + bad, "failedRequests": bad}
            found.append({"route": route, "serviceRouteMetrics": metrics})
        return json_answer(found)

    def create_route(self, request: Request) -> Response:
        """``POST /gateway/config/services/{id}/routes``."""
        service_id = request.path_params["id"]
        return json_answer(self._gateway.save_route(service_id, read_object(request), None, request.principal.id))

    def replace_route(self, request: Request) -> Response:
        """``PUT /gateway/config/services/{id}/routes``; ``path`` is the path of the route."""
        service_id, path = request.path_params["id"], _required(request, "path")
        return json_answer(self._gateway.save_route(service_id, read_object(request), path, request.principal.id))

    def remove_route(self, request: Request) -> Response:
        """``DELETE /gateway/config/services/{id}/routes``; ``method`` and ``path`` name the route."""
        method, path = _required(request, "method"), _required(request, "path")
        self._gateway.remove_route(request.path_params["id"], method, path)
        return empty_answer()

    # -- the gateway

    def owns(self, request: Request) -> bool:
        """Return whether the gateway serves, and authenticates, a request."""
        return self._gateway.match(request.method, request.path) is not None

    def serve(self, request: Request) -> Outcome | None:
        """Run the workflow of a route; returns None for a request without a route."""
        found = self._gateway.match(request.method, request.path)
        if found is None:
            return None
        try:
            workflow_id = self._start(found, request)
        except RefusedError:
            self._count(found, is_success=False)
            raise
        if found.route.get("workflowExecutionMode", "SYNC").startswith("ASYNC"):
            self._count(found, is_success=True)
            return json_answer({"workflowId": workflow_id})
        look = partial(self._look, found, workflow_id)
        seconds = found.route.get("waitForSeconds") or _WAIT_SECONDS
        expired = partial(self._expired, found, workflow_id)
        return look() or Wait(seconds, look, partial(self._kernel.watch, workflow_id), expired)

    def _start(self, found: Match, request: Request) -> str:
        application = self._gateway.application_of(found.service, _api_key(request))
        workflow = found.route["mappedWorkflow"]
        self._check(application or "", workflow["name"])
        version = workflow.get("version") or None
        start = {"name": workflow["name"], "version": version, "input": _input(found, request)}
        if application:
            start["createdBy"] = f"app:{application}"
        return self._executions.start(start)

    def _look(self, found: Match, workflow_id: str) -> Response | None:
        """Return the response if the workflow, or a task that ends the wait, has ended."""
        with self._kernel.lock:
            execution = self._kernel.get(workflow_id)
            names = [one.strip() for one in (found.route.get("waitUntilTasks") or "").split(",") if one.strip()]
            task = next((one for name in names if (one := execution.newest(name)) and is_done(one)), None)
            if task is None and not execution.is_terminal:
                return None
            return self._answer(found, execution, task)

    def _answer(self, found: Match, execution: Execution, task: Doc | None) -> Response:
        subject: Doc = execution.workflow if task is None else task
        is_success = subject["status"] == COMPLETED
        self._count(found, is_success=is_success)
        if not is_success:
            reason = subject.get("reasonForIncompletion") or f"The workflow ended as {subject['status']}"
            raise RefusedError(500, f"The workflow {execution.id} failed: {reason}")
        output = subject["output"] if task is None else subject["outputData"]
        if found.route.get("workflowMetadataInOutput"):
            document = render(execution, include_tasks=False)
            kept = ("workflowId", "workflowName", "workflowVersion", "status", "correlationId", "startTime", "endTime")
            metadata = {key: document[key] for key in kept if document.get(key) is not None}
            output = {**output, "workflowMetadata": metadata}
        return json_answer(output)

    def _expired(self, found: Match, workflow_id: str) -> Response:
        self._count(found, is_success=True)
        with self._kernel.lock:
            status = self._kernel.get(workflow_id).workflow["status"]
        return json_answer({"workflowId": workflow_id, "status": status}, _ACCEPTED)

    def _count(self, found: Match, *, is_success: bool) -> None:
        with self._kernel.lock:
            self._requests[_counted(found.route, is_success=is_success)] += 1


def _counted(route: Json, *, is_success: bool) -> tuple[str, str, str, bool]:
    """Return the key under which the requests of a route are counted."""
    return route["serviceId"], route["httpMethod"], route["path"], is_success


def _required(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if value is None:
        raise RefusedError(400, f"Required parameter '{name}' is not present.")
    return value


def _api_key(request: Request) -> str:
    """Return the API key of a caller, from ``X-API-Key`` or ``Authorization``."""
    sent = request.headers.get("x-api-key") or request.headers.get("authorization") or ""
    scheme, _, key = sent.partition(" ")
    return key.strip() if key and scheme.lower() in {"bearer", "apikey", "api-key"} else sent.strip()


def _input(found: Match, request: Request) -> Json:
    """Return a workflow's input: the body, the query and the path parameters; later ones take precedence."""
    body = parse_json(request.body) if request.body else {}
    given = body if isinstance(body, dict) else {"body": body}
    made = {**given, **dict(request.query_params.items()), **found.parameters}
    if found.route.get("requestMetadataAsInput") or found.route["mappedWorkflow"].get("requestMetadataAsInput"):
        headers = {name: value for name, value in request.headers.items() if name.lower() not in _HIDDEN_HEADERS}
        made["requestMetadata"] = {"method": request.method, "path": request.path, "headers": headers}
    return made
