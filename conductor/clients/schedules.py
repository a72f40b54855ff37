"""Schedules, which start workflows at the times of a cron expression."""

from __future__ import annotations

import builtins
import time
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from datetime import datetime, timezone
from typing import Any, cast

from conductor._internal.cron import Cron, CronError
from conductor._internal.epoch import from_epoch_ms
from conductor.clients._base import as_model, check_page, iterate_pages, require_enums, require_ids, require_name
from conductor.clients.payloads import WORKFLOW_INPUT, PayloadStorage
from conductor.clients.search_query import as_str_list, executions_query
from conductor.clients.tags import Tagged, tag_operations
from conductor.clients.workflows import START, start_events
from conductor.errors import ConfigurationError, NotFoundError, UnsupportedByServerError
from conductor.models import (
    BulkResponse,
    ScheduleExecutionState,
    SearchResult,
    StartWorkflowRequest,
    WorkflowSchedule,
    WorkflowScheduleExecution,
)
from conductor.models.codec import epoch_ms
from conductor.models.definition_diff import Ensured, compare
from conductor.transport.operation import Edition, Operation, nothing

__all__ = ["ScheduleClient", "SchedulerClient", "check_cron"]


_ALLOWED = "six fields, seconds first: second minute hour day-of-month month day-of-week, such as '0 0 9 * * MON-FRI'"
#: Number of fields of a cron expression without seconds, as in other programs.
_FIELDS_WITHOUT_SECONDS = 5


def check_cron(expression: str, variable: str = "cron_expression") -> str:
    """Return a cron expression that the server's scheduler (Spring's) can run.

    Args:
        expression: Six fields, seconds first, or a macro such as ``@daily``.
        variable: The name of the argument, for the error.

    Raises:
        ConfigurationError: The expression is invalid, or no day matches it.
    """
    text = expression.strip() if isinstance(expression, str) else ""
    try:
        next_run = Cron.parse(text).next_after(datetime.now(timezone.utc))
        # the server accepts L-31, although it may be a day of the previous month
        problem = "" if next_run is not None or "L-" in text else "no day matches both its day fields and its month"
    except CronError as error:
        problem = str(error)
        if len(text.split()) == _FIELDS_WITHOUT_SECONDS:
            problem += f". Put the seconds first: '0 {text}'"
    if problem:
        raise ConfigurationError(
            f"Invalid cron expression {expression!r}: {problem}. The server would store it but never run it.",
            variable=variable,
            value=expression,
            allowed=_ALLOWED,
        )
    return expression


SAVE: Operation[WorkflowSchedule | None] = Operation("POST", "/scheduler/schedules", WorkflowSchedule, on_empty=nothing)
GET: Operation[WorkflowSchedule | None] = Operation(
    "GET", "/scheduler/schedules/{name}", WorkflowSchedule, on_empty=nothing
)
LIST: Operation[list[WorkflowSchedule]] = Operation(
    "GET", "/scheduler/schedules", list[WorkflowSchedule], on_empty=list
)
SEARCH: Operation[SearchResult[WorkflowSchedule]] = Operation(
    "GET", "/scheduler/schedules/search", SearchResult[WorkflowSchedule], edition=Edition.OSS
)
LIST_BY_TAG: Operation[list[WorkflowSchedule]] = Operation(
    "GET", "/scheduler/schedules/tags", list[WorkflowSchedule], edition=Edition.ORKES, shadowed=True, on_empty=list
)
DELETE: Operation[None] = Operation("DELETE", "/scheduler/schedules/{name}")
PAUSE: Operation[None] = Operation("PUT", "/scheduler/schedules/{name}/pause", edition=Edition.OSS)
PAUSE_ORKES: Operation[None] = Operation("GET", "/scheduler/schedules/{name}/pause", edition=Edition.ORKES)
RESUME: Operation[None] = Operation("PUT", "/scheduler/schedules/{name}/resume", edition=Edition.OSS)
RESUME_ORKES: Operation[None] = Operation("GET", "/scheduler/schedules/{name}/resume", edition=Edition.ORKES)
PREVIEW: Operation[list[int]] = Operation("GET", "/scheduler/nextFewSchedules", list[int], on_empty=list)
SEARCH_EXECUTIONS: Operation[SearchResult[WorkflowScheduleExecution]] = Operation(
    "GET", "/scheduler/search/executions", SearchResult[WorkflowScheduleExecution]
)
PAUSE_ALL: Operation[dict[str, Any]] = Operation("GET", "/scheduler/admin/pause", dict, on_empty=dict)
RESUME_ALL: Operation[dict[str, Any]] = Operation("GET", "/scheduler/admin/resume", dict, on_empty=dict)
REQUEUE_ALL: Operation[dict[str, Any]] = Operation("GET", "/scheduler/admin/requeue", dict, on_empty=dict)
BULK_PAUSE: Operation[BulkResponse] = Operation("PUT", "/scheduler/bulk/pause", BulkResponse)
BULK_RESUME: Operation[BulkResponse] = Operation("PUT", "/scheduler/bulk/resume", BulkResponse)
LIST_TAGS, SET_TAGS, DELETE_TAGS = tag_operations("/scheduler/schedules/{name}/tags")
#: Maximum number of times that the open-source server returns.
_MAX_PREVIEW = 5
#: Maximum number of results that the server returns.
_MAX_PAGE_SIZE = 5000


class ScheduleClient(Tagged):
    """Schedules (``client.schedules``). Cron expressions have six fields, seconds first."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_TAGS, SET_TAGS, DELETE_TAGS

    def save(self, schedule: WorkflowSchedule | Mapping[str, Any]) -> WorkflowSchedule:
        """Create or replace a schedule (``POST /scheduler/schedules``).

        The workflow need not be registered yet. If it is not registered when the schedule is due, the run is FAILED;
        see ``search_executions``.

        Args:
            schedule: The schedule; ``schedule_start_time`` and ``schedule_end_time`` may be datetimes.

        Returns:
            The schedule as the server stored it, or as it was sent if the server does not return it (Orkes).

        Raises:
            ConfigurationError: The cron expression, time zone, name or times are invalid, or the input is too large;
                the open-source server would store the schedule anyway.
        """
        checked = self._checked(schedule)
        return self._call(SAVE, body=checked) or checked

    def ensure(self, schedule: WorkflowSchedule | Mapping[str, Any], *, dry_run: bool = False) -> Ensured:
        """Save a schedule if it differs from the server's.

        ``GET /scheduler/schedules/{name}``, and ``POST /scheduler/schedules`` if there is a difference.

        Args:
            schedule: The schedule. If ``paused`` is None, a paused schedule stays paused.
            dry_run: Whether to compare only, without saving.

        Returns:
            The changes, or with ``dry_run`` the changes that would be made; false if nothing differs.

        Raises:
            ConfigurationError: As for ``save``.
        """
        wanted = copy(self._checked(schedule))
        try:
            found: WorkflowSchedule | None = self.get(wanted.name)
        except NotFoundError:
            found = None
        if found is not None and wanted.paused is None:
            wanted.paused, wanted.paused_reason = found.paused, found.paused_reason
        result = Ensured.of(wanted.name, compare(wanted, found))
        if result and not dry_run:
            self._call(SAVE, body=wanted)
        return result

    def get(self, name: str) -> WorkflowSchedule:
        """Return a schedule (``GET /scheduler/schedules/{name}``).

        Args:
            name: The name of the schedule.

        Returns:
            The schedule.

        Raises:
            NotFoundError: No schedule has this name.
        """
        found = self._call(GET, {"name": name})
        if found is None:
            raise NotFoundError(
                f"{GET}: schedule {name!r} not found",
                status=200,
                operation=str(GET),
                method="GET",
                path=GET.fill({"name": name}),
            )
        return found

    def list(self, workflow_name: str | None = None) -> builtins.list[WorkflowSchedule]:
        """Return schedules (``GET /scheduler/schedules``).

        Args:
            workflow_name: Only schedules of this workflow.

        Returns:
            The schedules, or an empty list.
        """
        return self._call(LIST, query={"workflowName": workflow_name})

    def search(
        self,
        *,
        workflow_name: str | None = None,
        schedule_name: str | None = None,
        paused: bool | None = None,
        free_text: str = "*",
        sort: str | Sequence[str] | None = None,
        start: int = 0,
        size: int = 100,
    ) -> SearchResult[WorkflowSchedule]:
        """Return one page of schedules that match all conditions.

        ``GET /scheduler/schedules/search``, open-source server.

        Args:
            workflow_name: Only schedules of this workflow.
            schedule_name: Only the schedule with this name.
            paused: True for only paused schedules, False for only active ones.
            free_text: Text to find in the schedule.
            sort: ``field:ASC`` or ``field:DESC``, or several.
            start: Offset of the first result.
            size: Maximum number of results, up to 5,000.

        Returns:
            The page, with the number of results on all pages.
        """
        check_page(start, size, _MAX_PAGE_SIZE)
        return self._call(
            SEARCH,
            query={
                "workflowName": workflow_name,
                "scheduleName": schedule_name,
                "paused": paused,
                "freeText": free_text,
                "start": start,
                "size": size,
                "sort": _joined(sort),
            },
        )

    def iterate_search(self, *, size: int = 100, **conditions: Any) -> Iterator[WorkflowSchedule]:
        """Yield all schedules that match all conditions, requesting page by page.

        ``GET /scheduler/schedules/search``, open-source server.

        Args:
            size: Results per request.
            **conditions: The other arguments of ``search``.

        Yields:
            The schedules.
        """
        return iterate_pages(self.search, size=size, **conditions)

    def list_by_tag(self, key: str, value: str) -> builtins.list[WorkflowSchedule]:
        """Return the schedules with a tag (``GET /scheduler/schedules/tags``, Orkes).

        Args:
            key: The key of the tag.
            value: The value of the tag.

        Returns:
            The schedules, or an empty list.
        """
        return self._call(LIST_BY_TAG, query={"tag": f"{key}:{value}"})

    def delete(self, name: str) -> None:
        """Delete a schedule (``GET`` and ``DELETE /scheduler/schedules/{name}``).

        The schedule is read first, because the open-source server does not report unknown names.

        Args:
            name: The name of the schedule.

        Raises:
            NotFoundError: No schedule has this name.
        """
        self.get(name)
        self._call(DELETE, {"name": name})

    def pause(self, name: str, reason: str | None = None) -> None:
        """Pause a schedule (``PUT /scheduler/schedules/{name}/pause``; Orkes: ``GET``).

        Args:
            name: The name of the schedule.
            reason: The reason; Orkes does not store it.
        """
        try:
            self._call(PAUSE, {"name": name}, query={"reason": reason})
        except UnsupportedByServerError:
            self._call(PAUSE_ORKES, {"name": name})

    def resume(self, name: str) -> None:
        """Resume a paused schedule (``PUT /scheduler/schedules/{name}/resume``; Orkes: ``GET``).

        Args:
            name: The name of the schedule.
        """
        try:
            self._call(RESUME, {"name": name})
        except UnsupportedByServerError:
            self._call(RESUME_ORKES, {"name": name})

    def preview(
        self,
        cron_expression: str,
        *,
        start_time: datetime | int | None = None,
        end_time: datetime | int | None = None,
        limit: int = 5,
    ) -> builtins.list[datetime]:
        """Return the next times of a cron expression (``GET /scheduler/nextFewSchedules``).

        Args:
            cron_expression: Six fields, seconds first.
            start_time: Earliest time, as a datetime or in epoch milliseconds; now by default.
            end_time: Latest time, as a datetime or in epoch milliseconds.
            limit: Number of times, 1 to 5, the maximum of the open-source server.

        Returns:
            Aware datetimes in UTC, in order.

        Raises:
            ConfigurationError: The expression is invalid or never runs, or ``limit`` is not from 1 to 5.
        """
        if not 1 <= limit <= _MAX_PREVIEW:
            raise ConfigurationError(
                f"limit is {limit}; the server returns at most {_MAX_PREVIEW} times. For later times, pass start_time.",
                variable="limit",
                value=limit,
                allowed=f"1 to {_MAX_PREVIEW}",
            )
        query = {
            "cronExpression": check_cron(cron_expression),
            "scheduleStartTime": epoch_ms(start_time, "start_time"),
            "scheduleEndTime": epoch_ms(end_time, "end_time"),
            "limit": limit,
        }
        return [from_epoch_ms(milliseconds) for milliseconds in self._call(PREVIEW, query=query)]

    def search_executions(
        self,
        *,
        schedule_name: str | Iterable[str] | None = None,
        state: ScheduleExecutionState | str | Iterable[ScheduleExecutionState | str] | None = None,
        workflow_name: str | None = None,
        scheduled_after: datetime | int | None = None,
        scheduled_before: datetime | int | None = None,
        query: str | None = None,
        free_text: str = "*",
        sort: str | Sequence[str] | None = None,
        start: int = 0,
        size: int = 100,
    ) -> SearchResult[WorkflowScheduleExecution]:
        """Return one page of the runs of schedules that match all conditions (``GET /scheduler/search/executions``).

        Args:
            schedule_name: The name of the schedule, or several.
            state: ``POLLED``, ``EXECUTED`` or ``FAILED``, or several.
            workflow_name: Part of the name of the workflow.
            scheduled_after: Due after this time, as a datetime or in epoch milliseconds.
            scheduled_before: Due before this time, as a datetime or in epoch milliseconds.
            query: More conditions in the server's query language: ``scheduleName IN (a,b)``, ``state IN (a,b)``,
                ``scheduledTime>1``, ``scheduledTime<2``, ``workflowName=a`` and ``executionId=a``, joined by ``AND``.
            free_text: Ignored by the open-source server.
            sort: ``scheduledTime:DESC`` and so on, or several.
            start: Offset of the first result.
            size: Maximum number of results, up to 5,000.

        Returns:
            The page, with the number of results on all pages.

        Raises:
            ConfigurationError: ``query`` has an unsupported condition, which the server would treat as the name of a
                schedule.
        """
        check_page(start, size, _MAX_PAGE_SIZE)
        names, states = as_str_list(schedule_name), as_str_list(require_enums(state, ScheduleExecutionState, "state"))
        query = executions_query(names, states, workflow_name, (scheduled_after, scheduled_before), query)
        sent = {"query": query, "freeText": free_text, "start": start, "size": size, "sort": _joined(sort)}
        return self._call(SEARCH_EXECUTIONS, query=sent)

    def iterate_executions(self, *, size: int = 100, **conditions: Any) -> Iterator[WorkflowScheduleExecution]:
        """Yield all runs of schedules that match all conditions, requesting page by page.

        ``GET /scheduler/search/executions``.

        Args:
            size: Results per request.
            **conditions: The other arguments of ``search_executions``.

        Yields:
            The runs.
        """
        return iterate_pages(self.search_executions, size=size, **conditions)

    def run_now(self, name: str, *, idempotency_key: str | None = None) -> str:
        """Start the workflow of a schedule now (``GET /scheduler/schedules/{name}``, ``POST /workflow``).

        As in a scheduled run, the input contains ``_scheduledTime`` and ``_executedTime``. Both are the current time in
        epoch milliseconds.

        Args:
            name: The name of the schedule.
            idempotency_key: As for ``client.workflows.start``.

        Returns:
            The id of the execution.

        Raises:
            NotFoundError: No schedule has this name.
            ConfigurationError: The schedule has no ``start_workflow_request``.
        """
        request = self.get(name).start_workflow_request
        if request is None:
            raise ConfigurationError(
                f"The schedule {name!r} has no start_workflow_request, so there is nothing to start.",
                variable="name",
                value=name,
            )
        if idempotency_key is not None:
            request.idempotency_key = idempotency_key
        now = time.time_ns() // 1_000_000
        request.input = {"_scheduledTime": now, "_executedTime": now, **(request.input or {})}
        with start_events(self._transport, request.name, request.version, request.input):
            return self._call(START, body=request, has_key=idempotency_key is not None)

    def pause_all(self) -> dict[str, Any]:
        """Pause the scheduler of the server instance that handles the request (``GET /scheduler/admin/pause``).

        Returns:
            The server's response.
        """
        return self._call(PAUSE_ALL)

    def resume_all(self) -> dict[str, Any]:
        """Resume the scheduler of the server instance that handles the request (``GET /scheduler/admin/resume``).

        Returns:
            The server's response.
        """
        return self._call(RESUME_ALL)

    def requeue_all_executions(self) -> dict[str, Any]:
        """Add all schedules to the scheduler's queue again (``GET /scheduler/admin/requeue``).

        Returns:
            The server's response.
        """
        return self._call(REQUEUE_ALL)

    def bulk_pause(self, names: Sequence[str]) -> BulkResponse:
        """Pause several schedules (``PUT /scheduler/bulk/pause``).

        Args:
            names: 1 to 1,000 names.

        Returns:
            The names that succeeded, and an error for each unknown name.
        """
        return self._call(BULK_PAUSE, body=require_ids(names, "names"))

    def bulk_resume(self, names: Sequence[str]) -> BulkResponse:
        """Resume several schedules (``PUT /scheduler/bulk/resume``).

        Args:
            names: 1 to 1,000 names.

        Returns:
            The names that succeeded, and an error for each unknown name.
        """
        return self._call(BULK_RESUME, body=require_ids(names, "names"))

    def _checked(self, given: WorkflowSchedule | Mapping[str, Any]) -> WorkflowSchedule:
        schedule = _checked(as_model(given, WorkflowSchedule))
        started = cast("StartWorkflowRequest", schedule.start_workflow_request)  # checked above
        PayloadStorage(self._transport).inline(started.input, WORKFLOW_INPUT)
        return schedule


def _joined(sort: str | Sequence[str] | None) -> str | None:
    return sort if sort is None or isinstance(sort, str) else ",".join(sort)


def _checked(schedule: WorkflowSchedule) -> WorkflowSchedule:
    require_name(schedule.name, "schedule")
    request = schedule.start_workflow_request
    if request is None or not request.name:
        raise ConfigurationError(
            f"The schedule {schedule.name!r} has no start_workflow_request with the name of a workflow.",
            variable="start_workflow_request",
            allowed="a StartWorkflowRequest with a name",
        )
    crons = [(cron.cron_expression, cron.zone_id) for cron in schedule.cron_schedules or ()]
    if not crons or schedule.cron_expression is not None:
        crons.append((schedule.cron_expression, schedule.zone_id))
    for expression, zone in crons:
        check_cron(expression or "")
        _check_zone(zone)
    start, end = schedule.schedule_start_time, schedule.schedule_end_time
    if start and end and start >= end:
        raise ConfigurationError(
            f"The schedule {schedule.name!r} ends before it starts, so it would never run.",
            variable="schedule_end_time",
            value=end,
            allowed="a time after schedule_start_time",
        )
    return schedule


def _check_zone(zone: str | None) -> None:
    if zone is None or zone in zoneinfo.available_timezones() or not zoneinfo.available_timezones():
        return  # unknown zones cannot be detected without a time zone database
    if zone.startswith(("GMT", "UTC", "+", "-")) or zone == "Z":
        return  # Java accepts offsets
    raise ConfigurationError(
        f"Unknown time zone: {zone!r}. Use a name such as 'Europe/Berlin' or 'UTC'.",
        variable="zone_id",
        value=zone,
        allowed="an IANA time zone",
    )


#: The name of this class in other SDKs, kept as an alias.
SchedulerClient = ScheduleClient
