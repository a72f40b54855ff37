"""Routes of ``/human/tasks``."""

from __future__ import annotations

from functools import partial

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    flag,
    json_answer,
    read_list,
    read_names,
    read_object,
    read_optional_object,
)
from conductor.server.http.routing import Route
from conductor.server.orkes.human_search import require_kind
from conductor.server.orkes.human_tasks import HumanTasks


class HumanTaskResource:
    """Handlers of human tasks."""

    def __init__(self, tasks: HumanTasks) -> None:
        self._tasks = tasks

    def routes(self) -> list[Route]:
        get, post, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "DELETE"))
        return [
            post("/human/tasks/search", self.search),
            get("/human/tasks/getTaskDisplayNames", self.display_names),
            get("/human/tasks/backPopulateFullTextIndex", lambda _: json_answer({})),  # nothing to do: no index
            post("/human/tasks/update/taskRef", self.update_by_reference),
            delete("/human/tasks/delete", self.remove_all),
            delete("/human/tasks/delete/{task_id}", self.remove),
            get("/human/tasks/{task_id}", self.get),
            get("/human/tasks/{task_id}/conductorTask", self.conductor_task),
            post("/human/tasks/{task_id}/claim", self.claim),
            post("/human/tasks/{task_id}/externalUser/{user_id}", self.claim_for),
            post("/human/tasks/{task_id}/release", self.release),
            post("/human/tasks/{task_id}/skip", self.skip),
            post("/human/tasks/{task_id}/reassign", self.reassign),
            post("/human/tasks/{task_id}/update", self.update),
        ]

    def search(self, request: Request) -> Response:
        """``POST /human/tasks/search``."""
        return json_answer(self._tasks.search(read_object(request), request.principal))

    def display_names(self, request: Request) -> Response:
        """``GET /human/tasks/getTaskDisplayNames``."""
        kind = require_kind(request.query_params.get("searchType"))
        return json_answer(self._tasks.display_names(kind, request.principal))

    def get(self, request: Request) -> Response:
        """``GET /human/tasks/{taskId}``."""
        with_template = flag(request, "withTemplate", default=False)
        return json_answer(self._tasks.get(_id(request), request.principal, with_template=with_template))

    def conductor_task(self, request: Request) -> Response:
        """``GET /human/tasks/{taskId}/conductorTask``."""
        return json_answer(self._tasks.conductor_task(_id(request), request.principal))

    def claim(self, request: Request) -> Response:
        """``POST /human/tasks/{taskId}/claim``."""
        return json_answer(self._tasks.claim(_id(request), request.principal, **_claim_options(request)))

    def claim_for(self, request: Request) -> Response:
        """``POST /human/tasks/{taskId}/externalUser/{userId}``."""
        user_id = request.path_params["user_id"]
        return json_answer(self._tasks.claim_for(_id(request), user_id, request.principal, **_claim_options(request)))

    def release(self, request: Request) -> Response:
        """``POST /human/tasks/{taskId}/release``."""
        self._tasks.release(_id(request), request.principal)
        return empty_answer()

    def skip(self, request: Request) -> Response:
        """``POST /human/tasks/{taskId}/skip``."""
        self._tasks.skip(_id(request), request.query_params.get("reason"), request.principal)
        return empty_answer()

    def reassign(self, request: Request) -> Response:
        """``POST /human/tasks/{taskId}/reassign``."""
        self._tasks.reassign(_id(request), read_list(request), request.principal)
        return empty_answer()

    def update(self, request: Request) -> Response:
        """``POST /human/tasks/{taskId}/update``."""
        complete = flag(request, "complete", default=False)
        fields = read_optional_object(request)
        self._tasks.update([_id(request)], fields, request.principal, complete=complete)
        return empty_answer()

    def update_by_reference(self, request: Request) -> Response:
        """``POST /human/tasks/update/taskRef``."""
        query, complete = request.query_params, flag(request, "complete", default=False)
        workflow_id, reference = query.get("workflowId"), query.get("taskRefName")
        if not workflow_id or not reference:
            raise RefusedError(400, "workflowId and taskRefName are required")
        iterations = query.getlist("iteration")
        if not all(one.strip().isdecimal() for one in iterations):
            raise RefusedError(500, f"Method parameter 'iteration': not a list of numbers: {iterations}")
        fields = read_optional_object(request)
        task_ids = self._tasks.named(workflow_id, reference, [int(one) for one in iterations])
        self._tasks.update(task_ids, fields, request.principal, complete=complete)
        return empty_answer()

    def remove(self, request: Request) -> Response:
        """``DELETE /human/tasks/delete/{taskId}``."""
        self._tasks.remove([_id(request)], request.principal, ignore_unknown=False)
        return empty_answer()

    def remove_all(self, request: Request) -> Response:
        """``DELETE /human/tasks/delete``."""
        self._tasks.remove(read_names(request), request.principal, ignore_unknown=True)
        return empty_answer()


def _id(request: Request) -> str:
    return request.path_params["task_id"]


def _claim_options(request: Request) -> dict[str, bool]:
    return {
        "override": flag(request, "overrideAssignment", default=False),
        "with_template": flag(request, "withTemplate", default=False),
    }
