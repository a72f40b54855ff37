"""``/admin``, ``/queue`` and the scheduler's switches: what operators look at."""

from __future__ import annotations

import platform
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conductor.server.engine.render import render_task
from conductor.server.engine.words import OPEN_TASK
from conductor.server.engine.world import RefusedError
from conductor.server.http.answers import json_answer, number, text_answer
from conductor.server.services.all import Services


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

    async def config(self, _: Request) -> Response:
        """``GET /admin/config``."""
        made = {"APPLICATION_NAME": "conductor", "version": self._version, "engine": "embedded"}
        honours_keys = self._services.kernel.divergences.honour_idempotency_keys
        made["idempotencyKeys"] = "honoured" if honours_keys else "ignored"
        return json_answer({**made, "os.name": platform.system(), "python.version": platform.python_version()})

    async def nothing(self, _: Request) -> Response:
        """No event queue of another system is configured."""
        return json_answer({})

    async def pending(self, request: Request) -> Response:
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

    async def sweep(self, request: Request) -> Response:
        """``POST /admin/sweep/requeue/{workflowId}``: open executions are always looked after."""
        workflow_id = request.path_params["workflow_id"]
        with self._services.kernel.lock:
            execution = self._services.kernel.find(workflow_id)
        is_new = execution is None or not execution.is_open
        return text_answer(f"{'true' if is_new else 'false'}.{workflow_id}")

    async def repair(self, _: Request) -> Response:
        """``POST /admin/consistency/verifyAndRepair/{workflowId}``."""
        raise RefusedError(500, "WorkflowRepairService is disabled.")

    async def no_queue(self, request: Request) -> Response:
        """``POST /queue/update/...``: the oldest kind of event queue, which is not configured."""
        raise RefusedError(400, f"There is no queue for handling {request.path_params['status']} status")

    async def pause(self, _: Request) -> Response:
        """``GET /scheduler/admin/pause``: no schedule runs until the scheduler is resumed."""
        self._services.schedules.is_paused = True
        return json_answer({"status": "done"})

    async def resume(self, _: Request) -> Response:
        """``GET /scheduler/admin/resume``."""
        self._services.schedules.is_paused = False
        self._services.kernel.wake_timer()
        return json_answer({"status": "done"})

    async def requeue(self, _: Request) -> Response:
        """``GET /scheduler/admin/requeue``: nothing is ever lost here."""
        return json_answer({"sampleIds": [], "recordIds.size": 0})
