"""Routes of ``/scheduler``: schedules and the records of their runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import START, Reader, boolean, list_of, long, read, record, string
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    flag,
    json_answer,
    number,
    optional_number,
    read_names,
    read_object,
)
from conductor.server.http.routing import Route
from conductor.server.services.schedules import Schedules

#: The fields of a schedule.
SCHEDULE: Mapping[str, Reader] = {
    "name": string,
    "description": string,
    "cronExpression": string,
    "zoneId": string,
    "cronSchedules": list_of(record({"cronExpression": string, "zoneId": string})),
    "paused": boolean,
    "pausedReason": string,
    "runCatchupScheduleInstances": boolean,
    "scheduleStartTime": long,
    "scheduleEndTime": long,
    "startWorkflowRequest": record(START),
}


class ScheduleResource:
    """Handlers of schedules."""

    def __init__(self, schedules: Schedules) -> None:
        self._schedules = schedules

    def routes(self) -> list[Route]:
        get, post, put, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "PUT", "DELETE"))
        return [
            get("/scheduler/nextFewSchedules", self.next_few),
            get("/scheduler/search/executions", self.runs),
            put("/scheduler/bulk/pause", self.pause_many),
            put("/scheduler/bulk/resume", self.resume_many),
            get("/scheduler/schedules", self.all),
            post("/scheduler/schedules", self.save),
            get("/scheduler/schedules/search", self.search),
            get("/scheduler/schedules/{name}", self.get),
            delete("/scheduler/schedules/{name}", self.remove),
            put("/scheduler/schedules/{name}/pause", self.pause),
            put("/scheduler/schedules/{name}/resume", self.resume),
            get("/scheduler/schedules/{name}/pause", self.pause),
            get("/scheduler/schedules/{name}/resume", self.resume),
        ]

    def all(self, request: Request) -> Response:
        """``GET /scheduler/schedules``."""
        return json_answer(self._schedules.all(request.query_params.get("workflowName")))

    def save(self, request: Request) -> Response:
        """``POST /scheduler/schedules``."""
        return json_answer(self._schedules.save(read(read_object(request), SCHEDULE)))

    def get(self, request: Request) -> Response:
        """``GET /scheduler/schedules/{name}``."""
        return json_answer(self._schedules.get(request.path_params["name"]))

    def remove(self, request: Request) -> Response:
        """``DELETE /scheduler/schedules/{name}``."""
        self._schedules.remove(request.path_params["name"])
        return empty_answer()

    def pause(self, request: Request) -> Response:
        """``PUT /scheduler/schedules/{name}/pause``."""
        self._schedules.pause(request.path_params["name"], request.query_params.get("reason"))
        return empty_answer()

    def resume(self, request: Request) -> Response:
        """``PUT /scheduler/schedules/{name}/resume``."""
        self._schedules.resume(request.path_params["name"])
        return empty_answer()

    def pause_many(self, request: Request) -> Response:
        """``PUT /scheduler/bulk/pause``."""
        return each(request, lambda name: self._schedules.pause(name, None))

    def resume_many(self, request: Request) -> Response:
        """``PUT /scheduler/bulk/resume``."""
        return each(request, self._schedules.resume)

    def next_few(self, request: Request) -> Response:
        """``GET /scheduler/nextFewSchedules``."""
        start = optional_number(request, "scheduleStartTime", long)
        end = optional_number(request, "scheduleEndTime", long)
        cron, limit = request.query_params.get("cronExpression", ""), number(request, "limit", 5)
        return json_answer(self._schedules.next_few(cron, start, end, limit))

    def search(self, request: Request) -> Response:
        """``GET /scheduler/schedules/search``."""
        query = request.query_params
        start, size = number(request, "start", 0), number(request, "size", 100)
        paused = flag(request, "paused", default=False) if query.get("paused") else None
        return json_answer(self._schedules.search(query.get("workflowName"), query.get("name"), paused, start, size))

    def runs(self, request: Request) -> Response:
        """``GET /scheduler/search/executions``."""
        start, size = number(request, "start", 0), number(request, "size", 100)
        return json_answer(self._schedules.runs(request.query_params.get("query", ""), start, size))


def each(request: Request, function: Callable[[str], None]) -> Response:
    """Call the function for each name in the body; returns the bulk response."""
    done, errors = [], {}
    for name in read_names(request):
        try:
            function(name)
        except RefusedError as error:
            errors[name] = error.message
        else:
            done.append(name)
    return json_answer({"bulkErrorResults": errors, "bulkSuccessfulResults": done})
