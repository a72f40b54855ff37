"""``/admin``, ``/queue`` and the scheduler's switches: what operators look at."""

from __future__ import annotations

import platform
import uuid
from collections.abc import Mapping
from functools import partial

from conductor.server.engine.context import RefusedError
from conductor.server.engine.definitions import render_task
from conductor.server.engine.state import OPEN_TASK
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
    """The paths, with the older spelling too."""
    names = ("external-storage-location", "externalstoragelocation")
    return [Route(f"/{kind}/{name}", _location, methods=["GET"]) for kind in ("tasks", "workflow") for name in names]


def _location(request: Request) -> Response:
    return json_answer({"path": f"{request.query_params.get('path', '')}{uuid.uuid4()}.json"})


_READ_ONLY = 501


class SecretResource:
    """The handlers."""

    def __init__(self, secrets: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._secrets, self._environment = secrets, environment

    def routes(self) -> list[Route]:
        """The paths."""
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
        """Writing is not possible."""
        return error_answer(_READ_ONLY, "The secrets and the environment of this server are read only")


class AdminResource:
    """The handlers."""

    def __init__(self, services: Services, version: str) -> None:
        self._services, self._version = services, version

    def routes(self) -> list[Route]:
        """The paths."""
        get, post = partial(Route, methods=["GET"]), partial(Route, methods=["POST"])
        return [
            get("/admin/config", self.config),
            get("/admin/queues", self.nothing),
            get("/admin/task/{kind}", self.pending),
            post("/admin/sweep/requeue/{workflow_id}", self.sweep),
            post("/admin/consistency/verifyAndRepair/{workflow_id}", self.repair),
            get("/queue/", self.nothing),
            get("/queue/size", self.nothing),
            post("/queue/update/{workflow_id}/task/{task_id}/{status}", self.no_queue),
            post("/queue/update/{workflow_id}/{reference}/{status}", self.no_queue),
            get("/scheduler/admin/pause", self.pause),
            get("/scheduler/admin/resume", self.resume),
            get("/scheduler/admin/requeue", self.requeue),
        ]

    def config(self, _: Request) -> Response:
        """``GET /admin/config``."""
        made = {"APPLICATION_NAME": "conductor", "version": self._version, "engine": "embedded"}
        honours_keys = self._services.kernel.divergences.honour_idempotency_keys
        made["idempotencyKeys"] = "honoured" if honours_keys else "ignored"
        return json_answer({**made, "os.name": platform.system(), "python.version": platform.python_version()})

    def nothing(self, _: Request) -> Response:
        """No event queue of another system is configured."""
        return json_answer({})

    def pending(self, request: Request) -> Response:
        """``GET /admin/task/{type}``: the open tasks of a type."""
        kernel, start = self._services.kernel, number(request, "start", 0)
        count = number(request, "count", 100)
        if count < 0:
            raise RefusedError(400, f"The count of tasks is {count}, which is less than 0")
        query = "SELECT id, execution_id FROM task WHERE type = ? AND status IN (?, ?) LIMIT ? OFFSET ?"
        with kernel.lock:
            rows = kernel.store.rows(query, (request.path_params["kind"], *sorted(OPEN_TASK), count, start))
            tasks = [kernel.get(workflow_id).task(task_id) for task_id, workflow_id in rows]
            return json_answer([render_task(task) for task in tasks if task is not None])

    def sweep(self, request: Request) -> Response:
        """``POST /admin/sweep/requeue/{workflowId}``: open executions are always looked after."""
        workflow_id = request.path_params["workflow_id"]
        with self._services.kernel.lock:
            execution = self._services.kernel.find(workflow_id)
        is_new = execution is None or not execution.is_open
        return text_answer(f"{'true' if is_new else 'false'}.{workflow_id}")

    def repair(self, _: Request) -> Response:
        """``POST /admin/consistency/verifyAndRepair/{workflowId}``."""
        raise RefusedError(500, "WorkflowRepairService is disabled.")

    def no_queue(self, request: Request) -> Response:
        """``POST /queue/update/...``: the oldest kind of event queue, which is not configured."""
        raise RefusedError(400, f"There is no queue for handling {request.path_params['status']} status")

    def pause(self, _: Request) -> Response:
        """``GET /scheduler/admin/pause``: no schedule runs until the scheduler is resumed."""
        self._services.schedules.is_paused = True
        return json_answer({"status": "done"})

    def resume(self, _: Request) -> Response:
        """``GET /scheduler/admin/resume``."""
        self._services.schedules.is_paused = False
        self._services.kernel.wake_timer()
        return json_answer({"status": "done"})

    def requeue(self, _: Request) -> Response:
        """``GET /scheduler/admin/requeue``: nothing is ever lost here."""
        return json_answer({"sampleIds": [], "recordIds.size": 0})
