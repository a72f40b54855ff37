"""Routes of ``/tasks``: polls, updates, logs and queues."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import Reader, boolean, list_of, long, mapping, one_of, read, record, string
from conductor.server.http.messages import (
    Outcome,
    Request,
    Response,
    Wait,
    empty_answer,
    invalid,
    json_answer,
    number,
    read_object,
    read_optional_object,
    text_answer,
)
from conductor.server.http.routing import Route
from conductor.server.services.tasks import STATUSES, Tasks, queue_of

Json = dict[str, Any]

#: Milliseconds that a batch poll may wait, as on the OSS server.
_MAX_POLL_MS = 5000
#: Milliseconds that a poll waits by default, as on the OSS server.
_DEFAULT_POLL_MS = 100


class TaskResource:
    """Handlers of tasks."""

    def __init__(self, tasks: Tasks) -> None:
        self._tasks = tasks

    def routes(self) -> list[Route]:
        get, post = partial(Route, methods=["GET"]), partial(Route, methods=["POST"])
        return [
            post("/tasks/update-v2", self.update_and_poll),
            get("/tasks/poll/batch/{task_type}", self.poll_batch),
            post("/tasks", self.update),
            get("/tasks/queue/size", self.queue_size),
            get("/tasks/queue/sizes", self.queue_sizes),
            get("/tasks/queue/all", self.queue_all),
            get("/tasks/queue/all/verbose", self.queue_verbose),
            get("/tasks/queue/polldata", self.poll_data),
            get("/tasks/queue/polldata/all", self.all_poll_data),
            post("/tasks/queue/requeue/{task_type}", self.requeue),
            get("/tasks/poll/{task_type}", self.poll),
            get("/tasks/{task_id}", self.get),
            get("/tasks/{task_id}/log", self.logs),
            post("/tasks/{task_id}/log", self.add_log),
            post("/tasks/{workflow_id}/{status}/signal", self.signal),
            post("/tasks/{workflow_id}/{reference}/{status}/sync", self.update_by_reference_sync),
            post("/tasks/{workflow_id}/{reference}/{status}", self.update_by_reference),
        ]

    def poll(self, request: Request) -> Outcome:
        """``GET /tasks/poll/{type}``."""

        def answer(found: list[Json]) -> Response:
            return json_answer(found[0]) if found else empty_answer(204)

        return self._poll(request, 1, _DEFAULT_POLL_MS, answer)

    def poll_batch(self, request: Request) -> Outcome:
        """``GET /tasks/poll/batch/{type}``."""
        timeout, count = number(request, "timeout", _DEFAULT_POLL_MS), number(request, "count", 1)
        if timeout > _MAX_POLL_MS:
            raise RefusedError(400, "Long Poll Timeout value cannot be more than 5 seconds")
        if request.query_params.get("workerid") and timeout > 0:
            queue = queue_of(request.path_params["task_type"], request.query_params.get("domain"))
            self._tasks.note_worker(queue, timeout / 1000)
        return self._poll(request, count, timeout, json_answer) if count > 0 else json_answer([])

    def _poll(self, request: Request, count: int, timeout_ms: int, answer: Callable[[list[Json]], Response]) -> Outcome:
        """Return the due tasks, waiting for the first one; with ``strict``, as on the OSS server, for a full batch."""
        task_type, query = request.path_params["task_type"], request.query_params
        worker, domain = query.get("workerid"), query.get("domain")
        found = self._tasks.poll(task_type, worker, domain, count)
        enough = 1 if self._tasks.answers_partial_batches else count
        if len(found) >= enough or timeout_ms <= 0:
            return answer(found)
        turns = self._tasks.turns(queue_of(task_type, domain))

        def look() -> Response | None:
            turns.take()
            found.extend(self._tasks.poll(task_type, worker, domain, count - len(found)))
            return answer(found) if len(found) >= enough else None

        return Wait(timeout_ms / 1000, look, turns.begin, lambda: answer(found))

    def update(self, request: Request) -> Response:
        """``POST /tasks``."""
        result = _checked(read_object(request))
        task = self._tasks.update(result)
        return text_answer(result["taskId"] if task is None else task["taskId"])

    def update_and_poll(self, request: Request) -> Response:
        """``POST /tasks/update-v2``."""
        result = _checked(read_object(request), missing_is=500)
        task = self._tasks.update(result)
        if task is None or task["status"] in {"SCHEDULED", "IN_PROGRESS"}:
            return empty_answer(204)
        self._tasks.note_worker(queue_of(task["taskType"], task.get("domain")), 0.0)
        found = self._tasks.poll(task["taskType"], result.get("workerId"), task.get("domain"), 1)
        return json_answer(found[0]) if found else empty_answer(204)

    def update_by_reference(self, request: Request) -> Response:
        """``POST /tasks/{workflowId}/{reference}/{status}``."""
        found = self._update_by_reference(request)
        return text_answer(found) if found is not None else empty_answer()

    def update_by_reference_sync(self, request: Request) -> Response:
        """``POST /tasks/{workflowId}/{reference}/{status}/sync``: returns the execution."""
        workflow_id, reference = request.path_params["workflow_id"], request.path_params["reference"]
        if self._update_by_reference(request) is None:
            raise RefusedError(404, f"Found no running task {reference} of workflow {workflow_id} to update")
        return json_answer(self._tasks.workflow(workflow_id))

    def _update_by_reference(self, request: Request) -> str | None:
        path, worker = request.path_params, request.query_params.get("workerid")
        output = read_object(request)
        return self._tasks.update_by_reference(
            path["workflow_id"], path["reference"], status_of(path["status"]), worker, output
        )

    def signal(self, request: Request) -> Response:
        """``POST /tasks/{workflowId}/{status}/signal``."""
        path = request.path_params
        output = read_optional_object(request)
        self._tasks.signal(path["workflow_id"], status_of(path["status"]), output)
        return empty_answer()

    def get(self, request: Request) -> Response:
        """``GET /tasks/{taskId}``."""
        return json_answer(self._tasks.get(request.path_params["task_id"]))

    def logs(self, request: Request) -> Response:
        """``GET /tasks/{taskId}/log``."""
        found = self._tasks.logs(request.path_params["task_id"])
        return json_answer(found) if found else empty_answer(204)

    def add_log(self, request: Request) -> Response:
        """``POST /tasks/{taskId}/log``."""
        if not request.body:
            raise RefusedError(500, "Required request body is missing")
        self._tasks.add_log(request.path_params["task_id"], request.body.decode("utf-8", "replace"))
        return empty_answer()

    def queue_size(self, request: Request) -> Response:
        """``GET /tasks/queue/size``."""
        query = request.query_params
        return json_answer(self._tasks.sizes().get(queue_of(query.get("taskType", ""), query.get("domain")), 0))

    def queue_sizes(self, request: Request) -> Response:
        """``GET /tasks/queue/sizes``."""
        sizes = self._tasks.sizes()
        return json_answer({kind: sizes.get(kind, 0) for kind in request.query_params.getlist("taskType")})

    def queue_all(self, _: Request) -> Response:
        """``GET /tasks/queue/all``."""
        return json_answer(dict(sorted(self._tasks.sizes().items())))

    def queue_verbose(self, _: Request) -> Response:
        """``GET /tasks/queue/all/verbose``."""
        sizes = sorted(self._tasks.sizes().items())
        return json_answer({queue: {"a": {"size": size, "uacked": 0}} for queue, size in sizes})

    def poll_data(self, request: Request) -> Response:
        """``GET /tasks/queue/polldata``."""
        return json_answer(self._tasks.poll_data(request.query_params.get("taskType", "")))

    def all_poll_data(self, _: Request) -> Response:
        """``GET /tasks/queue/polldata/all``."""
        return json_answer(self._tasks.poll_data())

    def requeue(self, request: Request) -> Response:
        """``POST /tasks/queue/requeue/{type}``."""
        return text_answer(str(self._tasks.requeue(request.path_params["task_type"])))


def status_of(word: str) -> str:
    """Return a status that an update may report.

    Raises:
        RefusedError: The status does not exist, or an update cannot report it (500, as on the OSS server).
    """
    if word not in STATUSES:
        raise RefusedError(
            500, f"Method parameter 'status': Failed to convert value of type 'java.lang.String' to a status: {word}"
        )
    return word


def _checked(given: Json, *, missing_is: int = 400) -> Json:
    result = read(given, RESULT)
    missing = []
    if not result.get("workflowInstanceId"):
        missing.append(("updateTask.arg0.workflowInstanceId", "Workflow Id cannot be null or empty"))
    if not result.get("taskId"):
        missing.append(("updateTask.arg0.taskId", "Task ID cannot be null or empty"))
    if missing and missing_is != 400:
        raise RefusedError(missing_is, "; ".join(message for _, message in missing))
    if missing:
        raise invalid(*missing)
    if not result.get("extendLease") and result.get("status") is None:
        raise RefusedError(500, "JSON parse error: There is no status")
    return result


def _log_line(value: Any) -> Json:
    return {"log": value} if isinstance(value, str) else _LOG_LINE(value)


_LOG_LINE = record({"log": string, "taskId": string, "createdTime": long})
#: The fields of a TaskResult.
RESULT: Mapping[str, Reader] = {
    "workflowInstanceId": string,
    "taskId": string,
    "status": one_of(*STATUSES),
    "outputData": mapping,
    "logs": list_of(_log_line),
    "reasonForIncompletion": string,
    "callbackAfterSeconds": long,
    "workerId": string,
    "subWorkflowId": string,
    "extendLease": boolean,
}
