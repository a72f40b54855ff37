"""Routes for operators: ``/admin``, ``/queue``, ``/scheduler/admin``, ``/secrets``, ``/environment`` and storage."""

from __future__ import annotations

import platform
import uuid
from collections.abc import Mapping
from functools import partial

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    error_answer,
    json_answer,
    number,
    text_answer,
)
from conductor.server.http.routing import Route
from conductor.server.services.all import Services


def storage_routes() -> list[Route]:
    """Return the routes for the location of external payloads; the OSS server accepts both spellings."""
    names = ("external-storage-location", "externalstoragelocation")
    return [Route(f"/{kind}/{name}", _location, methods=["GET"]) for kind in ("tasks", "workflow") for name in names]


def _location(request: Request) -> Response:
    return json_answer({"path": f"{request.query_params.get('path', '')}{uuid.uuid4()}.json"})


#: Status of a request to change a secret or an environment variable: not implemented.
_READ_ONLY = 501


class SecretResource:
    """Handlers of ``/secrets`` and ``/environment``.

    Args:
        secrets: The values of secrets, by name.
        environment: The values of environment variables, by name.
    """

    def __init__(self, secrets: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._secrets, self._environment = secrets, environment

    def routes(self) -> list[Route]:
        get = partial(Route, methods=["GET"])
        write = partial(Route, methods=["PUT", "DELETE"])
        return [
            Route("/secrets", self.names, methods=["GET", "POST"]),
            get("/secrets/v2", self.details),
            get("/secrets/{name}", self.value),
            get("/secrets/{name}/exists", self.exists),
            write("/secrets/{name}", self.refuse),
            get("/environment", self.variables),
            get("/environment/{name}", self.variable),
            write("/environment/{name}", self.refuse),
        ]

    def names(self, _: Request) -> Response:
        """``GET /secrets``."""
        return json_answer(sorted(self._secrets))

    def details(self, _: Request) -> Response:
        """``GET /secrets/v2``."""
        return json_answer([{"name": name, "partial": "..."} for name in sorted(self._secrets)])

    def value(self, request: Request) -> Response:
        """``GET /secrets/{name}``."""
        found = self._secrets.get(request.path_params["name"])
        return empty_answer(404) if found is None else text_answer(found)

    def exists(self, request: Request) -> Response:
        """``GET /secrets/{name}/exists``."""
        return json_answer(request.path_params["name"] in self._secrets)

    def variables(self, _: Request) -> Response:
        """``GET /environment``."""
        return json_answer([{"name": name, "value": value} for name, value in sorted(self._environment.items())])

    def variable(self, request: Request) -> Response:
        """``GET /environment/{name}``."""
        found = self._environment.get(request.path_params["name"])
        return empty_answer() if found is None else text_answer(found)

    def refuse(self, _: Request) -> Response:
        """Refuse to write: secrets and environment variables are set when the server starts."""
        return error_answer(_READ_ONLY, "The secrets and the environment of this server are read only")


class AdminResource:
    """Handlers of ``/admin``, ``/queue`` and ``/scheduler/admin``.

    Args:
        services: The services.
        version: The OSS release whose behavior the server has.
    """

    def __init__(self, services: Services, version: str) -> None:
        self._services, self._version = services, version

    def routes(self) -> list[Route]:
        get, post = partial(Route, methods=["GET"]), partial(Route, methods=["POST"])
        return [
            get("/admin/config", self.config),
            get("/admin/queues", self.queues),
            get("/admin/task/{task_type}", self.open_tasks),
            post("/admin/sweep/requeue/{workflow_id}", self.sweep),
            post("/admin/consistency/verifyAndRepair/{workflow_id}", self.repair),
            get("/queue/", self.queues),
            get("/queue/size", self.queues),
            post("/queue/update/{workflow_id}/task/{task_id}/{status}", self.update_queue),
            post("/queue/update/{workflow_id}/{reference}/{status}", self.update_queue),
            get("/scheduler/admin/pause", self.pause),
            get("/scheduler/admin/resume", self.resume),
            get("/scheduler/admin/requeue", self.requeue),
        ]

    def config(self, _: Request) -> Response:
        """``GET /admin/config``."""
        made = {"APPLICATION_NAME": "conductor", "version": self._version, "engine": "embedded"}
        made["idempotencyKeys"] = "honoured" if self._services.executions.honors_idempotency_keys else "ignored"
        return json_answer({**made, "os.name": platform.system(), "python.version": platform.python_version()})

    def queues(self, _: Request) -> Response:
        """``GET /admin/queues``, ``GET /queue/`` and ``GET /queue/size``: no external event queue is configured."""
        return json_answer({})

    def open_tasks(self, request: Request) -> Response:
        """``GET /admin/task/{type}``: the open tasks of a type."""
        start, count = number(request, "start", 0), number(request, "count", 100)
        if count < 0:
            raise RefusedError(400, f"The count of tasks is {count}, which is less than 0")
        return json_answer(self._services.tasks.open_tasks(request.path_params["task_type"], start, count))

    def sweep(self, request: Request) -> Response:
        """``POST /admin/sweep/requeue/{workflowId}``: an open execution needs no sweep, it is always in the queue."""
        workflow_id = request.path_params["workflow_id"]
        is_new = not self._services.executions.is_open(workflow_id)
        return text_answer(f"{'true' if is_new else 'false'}.{workflow_id}")

    def repair(self, _: Request) -> Response:
        """``POST /admin/consistency/verifyAndRepair/{workflowId}``."""
        raise RefusedError(500, "WorkflowRepairService is disabled.")

    def update_queue(self, request: Request) -> Response:
        """``POST /queue/update/...``: updates a task through an event queue, none of which is configured."""
        raise RefusedError(400, f"There is no queue for handling {request.path_params['status']} status")

    def pause(self, _: Request) -> Response:
        """``GET /scheduler/admin/pause``: no schedule runs until the scheduler is resumed."""
        self._services.schedules.pause_all()
        return json_answer({"status": "done"})

    def resume(self, _: Request) -> Response:
        """``GET /scheduler/admin/resume``."""
        self._services.schedules.resume_all()
        return json_answer({"status": "done"})

    def requeue(self, _: Request) -> Response:
        """``GET /scheduler/admin/requeue``: this server loses no schedules, so there is nothing to restore."""
        return json_answer({"sampleIds": [], "recordIds.size": 0})
