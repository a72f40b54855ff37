"""Routes of ``/scheduler`` on Orkes' edition; those of its tags are in ``tagging``."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from conductor._internal.cron import Cron
from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import long, read
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    flag,
    json_answer,
    number,
    optional_number,
    read_object,
)
from conductor.server.http.routing import Route
from conductor.server.http.schedules import SCHEDULE as FIELDS
from conductor.server.http.schedules import each
from conductor.server.orkes.tags import SCHEDULE, Tags, identity, read_tags
from conductor.server.services.schedules import Schedules

Json = dict[str, Any]

_NAME = re.compile(r"\w+", re.ASCII)
#: Times that a preview returns by default.
_NEXT_TIMES = 3
#: Larger than the number of schedules.
_ALL = 2**31


class OrkesScheduleResource:
    """Handlers of schedules: names and expressions are checked, and schedules have tags.

    Args:
        schedules: The schedules.
        tags: The tags.
    """

    def __init__(self, schedules: Schedules, tags: Tags) -> None:
        self._schedules, self._tags = schedules, tags

    def routes(self) -> list[Route]:
        get, post, put, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "PUT", "DELETE"))
        one = "/scheduler/schedules/{name}"
        return [
            get("/scheduler/nextFewSchedules", self.next_few),
            get("/scheduler/schedules", self.all),
            post("/scheduler/schedules", self.save),
            get("/scheduler/schedules/search", self.search),
            get("/scheduler/schedules/tags", self.tagged),
            get(one, self.get),
            delete(one, self.remove),
            *(route(f"{one}/resume", self.resume) for route in (get, put)),
            put("/scheduler/bulk/pause", self.pause_many),
            put("/scheduler/bulk/resume", self.resume_many),
        ]

    def all(self, request: Request) -> Response:
        """``GET /scheduler/schedules``."""
        return json_answer([self._shown(one) for one in self._schedules.all(request.query_params.get("workflowName"))])

    def _shown(self, schedule: Json) -> Json:
        return {**schedule, "tags": self._tags.of(SCHEDULE, schedule["name"])}

    def save(self, request: Request) -> Response:
        """``POST /scheduler/schedules``."""
        given = read(read_object(request), FIELDS)
        if not _NAME.fullmatch(given.get("name") or ""):
            raise RefusedError(400, "The name of a schedule must consist of letters, digits and underscores")
        if not (given.get("startWorkflowRequest") or {}).get("name"):
            raise RefusedError(400, "A schedule needs a startWorkflowRequest with the name of a workflow")
        crons = [(one or {}) for one in given.get("cronSchedules") or []] or [given]
        for one in crons:
            _check_cron(one.get("cronExpression"), one.get("zoneId") or "UTC")
        tags = given.pop("tags", None)
        if tags is not None:
            read_tags(tags)
        saved = self._schedules.save(given, request.principal.id)
        if tags is not None:
            self._tags.replace(SCHEDULE, saved["name"], tags)
        return json_answer(self._shown(saved))

    def get(self, request: Request) -> Response:
        """``GET /scheduler/schedules/{name}``."""
        return json_answer(self._shown(self._schedules.get(request.path_params["name"])))

    def remove(self, request: Request) -> Response:
        """``DELETE /scheduler/schedules/{name}``."""
        self._schedules.remove(request.path_params["name"])
        self._tags.forget(SCHEDULE, request.path_params["name"])
        return empty_answer()

    def resume(self, request: Request) -> Response:
        """``GET`` and ``PUT /scheduler/schedules/{name}/resume``."""
        self._resume(request.path_params["name"])
        return empty_answer()

    def _resume(self, name: str) -> None:
        """Resume a schedule, if it is paused."""
        if self._schedules.get(name)["paused"]:
            self._schedules.resume(name)

    def pause_many(self, request: Request) -> Response:
        """``PUT /scheduler/bulk/pause``."""
        return each(request, lambda name: self._schedules.pause(name, None))

    def resume_many(self, request: Request) -> Response:
        """``PUT /scheduler/bulk/resume``."""
        return each(request, self._resume)

    def tagged(self, request: Request) -> Response:
        """``GET /scheduler/schedules/tags``: the schedules with a tag, ``key:value``."""
        tag = request.query_params.get("tag")
        if not tag or ":" not in tag:
            raise RefusedError(400, "The parameter tag must be key:value")
        found = (self._shown(one) for one in self._schedules.all())
        return json_answer([one for one in found if tag in map(identity, one["tags"])])

    def search(self, request: Request) -> Response:
        """``GET /scheduler/schedules/search``."""
        query = request.query_params
        start, size = number(request, "start", 0), number(request, "size", 100)
        paused = flag(request, "paused", default=False) if query.get("paused") else None
        text = (query.get("freeText") or "*").strip("*").lower()
        every = self._schedules.search(query.get("workflowName"), query.get("name"), paused, 0, _ALL)["results"]
        found = [self._shown(one) for one in every if text in str(one).lower()]
        return json_answer({"totalHits": len(found), "results": found[max(start, 0) :][: max(size, 0)]})

    def next_few(self, request: Request) -> Response:
        """``GET /scheduler/nextFewSchedules``."""
        cron = request.query_params.get("cronExpression") or ""
        _check_cron(cron, "UTC")
        start = optional_number(request, "scheduleStartTime", long)
        end = optional_number(request, "scheduleEndTime", long)
        return json_answer(self._schedules.next_few(cron, start, end, number(request, "limit", _NEXT_TIMES)))


def _check_cron(cron: Any, zone: str) -> None:
    try:
        Cron.parse(cron or "", zone)
    except ValueError as error:
        raise RefusedError(400, f"Invalid cron expression {cron!r}: {error}") from None
