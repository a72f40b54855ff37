"""Schedules, which start workflows at the times of a cron expression, and their runs."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from attrs import define, field

from conductor.models._base import Model
from conductor.models.codec import epoch_ms, to_datetime
from conductor.models.enums import ScheduleExecutionState
from conductor.models.requests import StartWorkflowRequest
from conductor.models.tag import Tag


@define(repr=False)
class CronSchedule(Model):
    """One of several cron expressions of a schedule.

    Attributes:
        cron_expression: Six fields, seconds first.
        zone_id: IANA time zone; the server's default is UTC.
    """

    cron_expression: str | None = None
    zone_id: str | None = None


@define(repr=False)
class WorkflowSchedule(Model):
    """A schedule (``client.schedules.save``, ``GET /scheduler/schedules/{name}``).

    Attributes:
        cron_expression: Six fields, seconds first, such as ``0 0 9 * * MON-FRI``.
        run_catchup_schedule_instances: Whether missed runs, such as during a pause, are started later.
        paused: Whether the schedule is paused and starts nothing.
        start_workflow_request: What to start.
        zone_id: IANA time zone; the server's default is UTC.
        schedule_start_time: Earliest time of a run, in epoch milliseconds. Accepts a datetime.
        schedule_end_time: Latest time of a run, in epoch milliseconds. Accepts a datetime.
        create_time: Epoch milliseconds.
        updated_time: Epoch milliseconds. Other models call it ``update_time``.
        next_run_time: Epoch milliseconds; open-source server only.
        cron_schedules: Several cron expressions, which replace ``cron_expression``; open-source server only.
        tags: Orkes only.
        org_id: Orkes only.
        queue_msg_id: Orkes only.
    """

    is_written_by_hand: ClassVar[bool] = True

    name: str
    cron_expression: str | None = None
    run_catchup_schedule_instances: bool | None = None
    paused: bool | None = None
    paused_reason: str | None = None
    start_workflow_request: StartWorkflowRequest | None = None
    zone_id: str | None = None
    schedule_start_time: int | None = field(default=None, converter=epoch_ms)
    schedule_end_time: int | None = field(default=None, converter=epoch_ms)
    create_time: int | None = None
    updated_time: int | None = None
    created_by: str | None = None
    updated_by: str | None = None
    description: str | None = None
    next_run_time: int | None = None
    cron_schedules: list[CronSchedule] | None = None
    tags: list[Tag] | None = None
    org_id: str | None = None
    queue_msg_id: str | None = None

    @property
    def schedule_starts_at(self) -> datetime | None:
        """``schedule_start_time`` as an aware datetime in UTC, or None."""
        return to_datetime(self.schedule_start_time)

    @property
    def schedule_ends_at(self) -> datetime | None:
        """``schedule_end_time`` as an aware datetime in UTC, or None."""
        return to_datetime(self.schedule_end_time)

    @property
    def created_at(self) -> datetime | None:
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.updated_time)

    @property
    def next_run_at(self) -> datetime | None:
        """Next run as an aware datetime in UTC, or None."""
        return to_datetime(self.next_run_time)


@define(repr=False)
class WorkflowScheduleExecution(Model):
    """One run of a schedule (``client.schedules.search_executions``).

    Attributes:
        scheduled_time: When it was due; epoch milliseconds.
        execution_time: When the server started the workflow; epoch milliseconds.
        reason: Why the start failed.
        org_id: Orkes only.
        queue_msg_id: Orkes only.
    """

    execution_id: str | None = None
    schedule_name: str | None = None
    scheduled_time: int | None = None
    execution_time: int | None = None
    workflow_name: str | None = None
    workflow_id: str | None = None
    reason: str | None = None
    stack_trace: str | None = None
    start_workflow_request: StartWorkflowRequest | None = None
    state: ScheduleExecutionState | None = None
    zone_id: str | None = None
    org_id: str | None = None
    queue_msg_id: str | None = None

    @property
    def scheduled_at(self) -> datetime | None:
        """Time of scheduling as an aware datetime in UTC, or None."""
        return to_datetime(self.scheduled_time)

    @property
    def executed_at(self) -> datetime | None:
        """Time of the start as an aware datetime in UTC, or None."""
        return to_datetime(self.execution_time)


@define(repr=False)
class SaveScheduleRequest(Model):
    """The body of ``POST /scheduler/schedules`` on Orkes. ``client.schedules.save`` takes a ``WorkflowSchedule``.

    Attributes:
        schedule_start_time: Epoch milliseconds.
        schedule_end_time: Epoch milliseconds.
    """

    cron_expression: str
    name: str
    start_workflow_request: StartWorkflowRequest
    created_by: str | None = None
    description: str | None = None
    paused: bool | None = None
    run_catchup_schedule_instances: bool | None = None
    schedule_end_time: int | None = None
    schedule_start_time: int | None = None
    updated_by: str | None = None
    zone_id: str | None = None
