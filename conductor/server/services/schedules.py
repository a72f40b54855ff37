"""Schedules: start executions at the times of cron expressions."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from conductor._internal.cron import Cron
from conductor._internal.epoch import from_epoch_ms
from conductor.server.engine.context import EngineContext, RefusedError
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.executions import Starter

Json = dict[str, Any]

logger = logging.getLogger(__name__)

_SCHEDULE = "schedule"
#: Maximum number of times that a preview of a cron expression returns, as on the OSS server.
_MAX_NEXT_TIMES = 5
#: Latest time of a run in epoch milliseconds: the end of the year 9999, the last year of ``datetime``.
_LATEST_MS = 253_370_764_800_000
_IN = re.compile(r"(scheduleName|state|workflowName)\s*(?:IN\s*\(([^()]*)\)|=\s*([^\s)]+))", re.IGNORECASE)
_AFTER = re.compile(r"scheduledTime\s*>\s*(\d+)")


class Schedules:
    """Stores schedules and starts their runs when they are due.

    Attributes:
        start: Starts an execution for a StartWorkflowRequest; returns its id.
    """

    def __init__(self, kernel: Kernel, starter: Starter) -> None:
        self._kernel, self._starter = kernel, starter
        self.start: Callable[[Json], str] = self._start
        self._is_paused = False
        self._schedules: dict[str, Json] = {name: body for name, _, body in kernel.store.documents(_SCHEDULE)}
        kernel.timed_work.sources.append((self._next_due, self._fire))

    def save(self, given: Json, author: str = "") -> Json:
        """Create or replace a schedule, and return it.

        Args:
            given: The schedule.
            author: The id of the user or application, on editions that have them.

        Raises:
            RefusedError: The name, the workflow's name or the time zone is missing or invalid (500, as on the OSS
                server).
        """
        if not given.get("name"):
            raise RefusedError(500, "A schedule needs a name")
        if not (given.get("startWorkflowRequest") or {}).get("name"):
            raise RefusedError(500, "A schedule needs a startWorkflowRequest with the name of a workflow")
        with self._kernel.change() as context:
            known = self._schedules.get(given["name"], {})
            made = {
                "runCatchupScheduleInstances": False,
                "paused": False,
                "zoneId": "UTC",
                "cronSchedules": [],
                **{key: value for key, value in given.items() if value is not None},
                "createTime": known.get("createTime", context.now),
                "updatedTime": context.now,
                "createdBy": known.get("createdBy", author),
                "updatedBy": author,
            }
            request = {"taskToDomain": {}, "input": {}, "priority": 0, **(made.get("startWorkflowRequest") or {})}
            made["startWorkflowRequest"] = request
            made["_next"] = _next_run(made, context.now - 1, check_zone=True)
            self._put(made)
            return _shown(made)

    def _put(self, schedule: Json) -> None:
        self._schedules[schedule["name"]] = schedule
        self._kernel.store.put(_SCHEDULE, schedule["name"], schedule)
        self._kernel.after_commit.append(self._kernel.timed_work.wake)

    def get(self, name: str) -> Json:
        """Return a schedule.

        Raises:
            RefusedError: The schedule does not exist (404).
        """
        return _shown(self._find(name))

    def has(self, name: str) -> bool:
        """Return whether a schedule exists."""
        return name in self._schedules

    def _find(self, name: str) -> Json:
        if name not in self._schedules:
            raise RefusedError(404, f"Schedule '{name}' not found")
        return self._schedules[name]

    def all(self, workflow_name: str | None = None) -> list[Json]:
        """Return all schedules, or those of a workflow, sorted by name."""
        found = [_shown(one) for _, one in sorted(self._schedules.items())]
        return [one for one in found if workflow_name in {None, one["startWorkflowRequest"].get("name")}]

    def remove(self, name: str) -> None:
        """Delete a schedule, if it exists."""
        with self._kernel.change():
            self._schedules.pop(name, None)
            self._kernel.store.drop(_SCHEDULE, name)

    def pause(self, name: str, reason: str | None) -> None:
        """Pause a schedule, with an optional reason."""
        with self._kernel.change():
            schedule = {**self._find(name), "paused": True, "_next": None}
            if reason is not None:
                schedule["pausedReason"] = reason
            self._put(schedule)

    def resume(self, name: str) -> None:
        """Resume a paused schedule. Runs that were due during the pause are not started later.

        Raises:
            RefusedError: The schedule does not exist or is not paused (404, as on the OSS server).
        """
        with self._kernel.change() as context:
            known = self._find(name)
            if not known["paused"]:
                raise RefusedError(404, f"Schedule '{name}' not found")
            schedule = {key: value for key, value in known.items() if key != "pausedReason"}
            schedule["paused"] = False
            self._put({**schedule, "_next": _next_run(schedule, context.now)})

    def pause_all(self) -> None:
        """Start no more runs of any schedule until ``resume_all``."""
        self._is_paused = True

    def resume_all(self) -> None:
        """Start runs again, after ``pause_all``."""
        self._is_paused = False
        self._kernel.timed_work.wake()

    def next_few(self, cron: str, start: int | None, end: int | None, limit: int) -> list[int]:
        """Return the next times of a cron expression, epoch ms.

        Args:
            cron: The expression, in UTC.
            start: Epoch ms; no time before it.
            end: Epoch ms; no time after it.
            limit: Maximum number of times to return.

        Raises:
            RefusedError: The expression is invalid (500, as on the OSS server).
        """
        try:
            parsed = Cron.parse(cron)
        except ValueError:
            raise RefusedError(500, "Invalid cron expression") from None
        found: list[int] = []
        moment = max(self._kernel.clock.now_ms(), (start or 0) - 1)
        while len(found) < min(limit, _MAX_NEXT_TIMES):
            following = parsed.next_after(_moment(moment))
            if following is None:
                break
            moment = int(following.timestamp() * 1000)
            if end and moment > end:
                break
            found.append(moment)
        return found

    def search(self, workflow: str | None, name: str | None, paused: bool | None, start: int, size: int) -> Json:
        """Return a page of the schedules that match all given conditions."""
        found = [one for one in self.all(workflow) if name is None or name in one["name"]]
        found = [one for one in found if paused is None or one["paused"] is paused]
        return {"totalHits": len(found), "results": found[start : start + size]}

    def runs(self, query: str, start: int, size: int) -> Json:
        """Return a page of the records of runs that a query finds, the newest first."""
        with self._kernel.lock:
            records = self._kernel.store.schedule_runs()
        found = [record for record in records if _matches(record, query)]
        return {"totalHits": len(found), "results": found[start : start + size]}

    # -- firing

    def _next_due(self) -> int | None:
        if self._is_paused:
            return None
        times = (schedule.get("_next") for schedule in self._schedules.values() if not schedule["paused"])
        return min((one for one in times if one is not None), default=None)

    def _fire(self, now: int) -> None:
        for schedule in list(self._schedules.values()):
            due = schedule.get("_next")
            if due is not None and due <= now and not schedule["paused"]:
                self._run_and_record(schedule, due, self._kernel.context)
                after = due if schedule["runCatchupScheduleInstances"] else now
                self._put({**schedule, "_next": _next_run(schedule, after)})

    def _start(self, request: Json) -> str:
        started = self._starter.create(request)
        self._kernel.advance(started)
        return started.id

    def _run_and_record(self, schedule: Json, due: int, context: EngineContext) -> None:
        """Start a run and record the outcome."""
        execution_id, request = context.new_id(), schedule["startWorkflowRequest"]
        record: Json = {
            "executionId": execution_id,
            "scheduleName": schedule["name"],
            "scheduledTime": due,
            "executionTime": context.now,
            "workflowName": request.get("name"),
            "startWorkflowRequest": request,
            "zoneId": schedule["zoneId"],
        }
        try:
            workflow_id = self.start(
                {**request, "input": _run_input(schedule, record), "createdBy": schedule.get("createdBy")}
            )
            record.update(workflowId=workflow_id, state="EXECUTED")
        except RefusedError as error:
            record.update(reason=error.message, state="FAILED")
        except Exception as error:  # a broken schedule must not stop the others
            logger.warning("event=server.schedule_run_failed schedule=%s", schedule["name"], exc_info=True)
            record.update(reason=f"The run cannot be started: {error}", state="FAILED")
        self._kernel.store.add_schedule_run(record)


def _run_input(schedule: Json, record: Json) -> Json:
    request, due = schedule["startWorkflowRequest"], record["scheduledTime"]
    crons = _crons(schedule)
    cron, zone = next((one for one in crons if _next_of(*one, due - 1) == due), crons[0])
    return {
        **(request.get("input") or {}),
        "_startedByScheduler": schedule["name"],
        "_scheduledTime": due,
        "_executedTime": record["executionTime"],
        "_executionId": record["executionId"],
        "_schedulerCron": f"{cron or ''} {zone}",
    }


def _moment(milliseconds: int) -> datetime:
    milliseconds = min(milliseconds, _LATEST_MS)
    return from_epoch_ms(milliseconds)


def _next_run(schedule: Json, after: int, *, check_zone: bool = False) -> int | None:
    """Return the first time after ``after`` at which the schedule runs, epoch ms; None if it never runs again."""
    if check_zone:
        for _, zone in _crons(schedule):
            _check_zone(zone)
    if schedule["paused"]:
        return None
    begin = max(after, (schedule.get("scheduleStartTime") or 0) - 1)
    times = [_next_of(cron, zone, begin) for cron, zone in _crons(schedule)]
    found = min((one for one in times if one is not None), default=None)
    end = schedule.get("scheduleEndTime")
    return None if found is None or (end and found > end) else found


def _crons(schedule: Json) -> list[tuple[str | None, str]]:
    several = schedule.get("cronSchedules") or []
    return [(one.get("cronExpression"), one.get("zoneId") or "UTC") for one in several] or [
        (schedule.get("cronExpression"), schedule["zoneId"])
    ]


def _check_zone(zone: str) -> None:
    try:
        Cron.parse("0 0 0 1 1 *", zone)
    except ValueError as error:
        raise RefusedError(500, str(error)) from None


def _next_of(cron: str | None, zone: str, after: int) -> int | None:
    try:
        following = Cron.parse(cron or "", zone).next_after(_moment(after))
    except ValueError:
        return None  # as on the OSS server, an invalid expression is stored and never runs
    return None if following is None else int(following.timestamp() * 1000)


def _shown(schedule: Json) -> Json:
    return {key: value for key, value in schedule.items() if not key.startswith("_")}


def _matches(record: Json, query: str) -> bool:
    for field, several, one in _IN.findall(query):
        allowed = {word.strip().strip("'\"") for word in (several or one).split(",")}
        key = next(name for name in ("scheduleName", "state", "workflowName") if name.lower() == field.lower())
        if allowed != {""} and record.get(key) not in allowed:
            return False
    after = _AFTER.search(query)
    return after is None or record["scheduledTime"] > int(after.group(1))
