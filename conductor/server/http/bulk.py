"""Routes of ``/workflow/bulk``: operations on many executions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import Request, Response, flag, invalid, json_answer, read_names
from conductor.server.http.routing import Route
from conductor.server.services.executions import Executions
from conductor.server.services.recovery import Recovery

Json = dict[str, Any]

#: Maximum number of executions in one request, as on the OSS server.
_MAX_IDS = 1000


class BulkResource:
    """Handlers of bulk operations."""

    def __init__(self, executions: Executions, recovery: Recovery) -> None:
        self._executions, self._recovery = executions, recovery

    def routes(self) -> list[Route]:
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

    def pause(self, request: Request) -> Response:
        """``PUT /workflow/bulk/pause``."""
        return each_id(request, "pauseWorkflow", self._executions.pause)

    def resume(self, request: Request) -> Response:
        """``PUT /workflow/bulk/resume``."""
        return each_id(request, "resumeWorkflow", self._executions.resume)

    def restart(self, request: Request) -> Response:
        """``POST /workflow/bulk/restart``."""
        latest = flag(request, "useLatestDefinitions", default=False)
        return each_id(request, "restart", partial(self._recovery.restart, use_latest=latest))

    def retry(self, request: Request) -> Response:
        """``POST /workflow/bulk/retry``."""
        return each_id(request, "retry", partial(self._recovery.retry, resume_children=False))

    def terminate(self, request: Request) -> Response:
        """``POST /workflow/bulk/terminate``."""
        reason = request.query_params.get("reason")
        return each_id(request, "terminate", lambda one: self._executions.terminate(one, reason))

    def search(self, request: Request) -> Response:
        """``POST /workflow/bulk/search``."""
        include = flag(request, "includeTasks", default=True)
        found: list[Json] = []

        def get(workflow_id: str) -> None:
            found.append(_record(self._executions.get(workflow_id, include_tasks=include)))

        return each_id(request, "searchWorkflow", get, found)

    def remove(self, request: Request) -> Response:
        """``DELETE /workflow/bulk/remove``."""
        archive = flag(request, "archiveWorkflow", default=True)
        return each_id(request, "deleteWorkflow", partial(self._executions.remove, archive=archive))

    def terminate_and_remove(self, request: Request) -> Response:
        """``DELETE /workflow/bulk/terminate-remove``."""
        reason, archive = request.query_params.get("reason"), flag(request, "archiveWorkflow", default=True)

        def end(workflow_id: str) -> None:
            self._executions.terminate_and_remove(workflow_id, reason, archive=archive)

        return each_id(request, "terminateRemove", end)


def each_id(
    request: Request, operation: str, function: Callable[[str], None], results: list[Json] | None = None
) -> Response:
    """Apply a function to each execution of a request; returns the bulk response.

    Args:
        request: Its body is a list of ids.
        operation: The name of the operation in validation errors.
        function: The function, which raises RefusedError for an execution that it cannot change.
        results: The list to which the function adds results, if the response contains results instead of ids.
    """
    ids = read_names(request)
    if not ids:
        raise invalid((f"{operation}.arg0", "WorkflowIds list cannot be null."))
    if len(ids) > _MAX_IDS:
        message = f"Cannot process more than {_MAX_IDS} workflows. Please use multiple requests."
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
    """Return an execution in the form that only this call returns: that of the OSS server's internal model."""
    gone = {"updateTime", "history", "rateLimited", "startTime"}
    seen = {key: value for key, value in workflow.items() if key not in gone}
    for key in ("failedReferenceTaskNames", "failedTaskNames"):
        if not seen[key]:
            del seen[key]
    if workflow["status"] != "RUNNING":
        seen["previousStatus"] = "RUNNING"
    return {**seen, "updatedTime": workflow["updateTime"]}
