"""``/workflow/bulk``: one call for many executions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conductor.server.engine.world import RefusedError
from conductor.server.http.answers import flag, invalid, json_answer, read_names
from conductor.server.services.executions import Executions

Json = dict[str, Any]

_MOST_IDS = 1000


class BulkResource:
    """The handlers."""

    def __init__(self, executions: Executions) -> None:
        self._executions = executions

    def routes(self) -> list[Route]:
        """The paths."""
        put, post, delete = (partial(Route, methods=[method]) for method in ("PUT", "POST", "DELETE"))
        base = "/workflow/bulk"
        return [
            put(f"{base}/pause", self.pause),
            put(f"{base}/resume", self.resume),
            post(f"{base}/restart", self.restart),
            post(f"{base}/retry", self.retry),
            post(f"{base}/terminate", self.terminate),
            post(f"{base}/search", self.search),
            delete(f"{base}/remove", self.remove),
            delete(f"{base}/terminate-remove", self.terminate_and_remove),
        ]

    async def pause(self, request: Request) -> Response:
        """``PUT /workflow/bulk/pause``."""
        return await _each(request, "pauseWorkflow", self._executions.pause)

    async def resume(self, request: Request) -> Response:
        """``PUT /workflow/bulk/resume``."""
        return await _each(request, "resumeWorkflow", self._executions.resume)

    async def restart(self, request: Request) -> Response:
        """``POST /workflow/bulk/restart``."""
        latest = flag(request, "useLatestDefinitions", default=False)
        return await _each(request, "restart", partial(self._executions.restart, use_latest=latest))

    async def retry(self, request: Request) -> Response:
        """``POST /workflow/bulk/retry``."""
        return await _each(request, "retry", partial(self._executions.retry, resume_children=False))

    async def terminate(self, request: Request) -> Response:
        """``POST /workflow/bulk/terminate``."""
        reason = request.query_params.get("reason")
        return await _each(request, "terminate", lambda one: self._executions.terminate(one, reason))

    async def search(self, request: Request) -> Response:
        """``POST /workflow/bulk/search``."""
        include = flag(request, "includeTasks", default=True)
        found: list[Json] = []

        def get(workflow_id: str) -> None:
            found.append(_record(self._executions.get(workflow_id, include_tasks=include)))

        return await _each(request, "searchWorkflow", get, found)

    async def remove(self, request: Request) -> Response:
        """``DELETE /workflow/bulk/remove``."""
        archive = flag(request, "archiveWorkflow", default=True)
        return await _each(request, "deleteWorkflow", partial(self._executions.remove, archive=archive))

    async def terminate_and_remove(self, request: Request) -> Response:
        """``DELETE /workflow/bulk/terminate-remove``."""
        reason, archive = request.query_params.get("reason"), flag(request, "archiveWorkflow", default=True)

        def end(workflow_id: str) -> None:
            self._executions.terminate_and_remove(workflow_id, reason, archive=archive)

        return await _each(request, "terminateRemove", end)


async def _each(
    request: Request, operation: str, function: Callable[[str], None], results: list[Json] | None = None
) -> Response:
    ids = await read_names(request)
    if not ids:
        raise invalid((f"{operation}.arg0", "WorkflowIds list cannot be null."))
    if len(ids) > _MOST_IDS:
        message = f"Cannot process more than {_MOST_IDS} workflows. Please use multiple requests."
        raise invalid((f"{operation}.arg0", message))
    done: list[str] = []
    errors: dict[str, str] = {}
    for workflow_id in ids:
        try:
            function(workflow_id)
        except RefusedError as error:
            errors[workflow_id] = error.message
        else:
            done.append(workflow_id)
    return json_answer({"bulkErrorResults": errors, "bulkSuccessfulResults": done if results is None else results})


def _record(workflow: Json) -> Json:
    """The document as this one call shows it: the real server's inner one."""
    gone = {"updateTime", "history", "rateLimited", "startTime"}
    seen = {key: value for key, value in workflow.items() if key not in gone}
    for key in ("failedReferenceTaskNames", "failedTaskNames"):
        if not seen[key]:
            del seen[key]
    if workflow["status"] != "RUNNING":
        seen["previousStatus"] = "RUNNING"
    return {**seen, "updatedTime": workflow["updateTime"]}
