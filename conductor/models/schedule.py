"""Schedules and their executions."""

from __future__ import annotations

from datetime import datetime

from attrs import define, field

from conductor.models._base import Model
from conductor.models.access import Tag
from conductor.models.codec import epoch_ms, moment
from conductor.models.enums import ScheduleExecutionState
from conductor.models.requests import StartWorkflowRequest


@define(repr=False)
class CronSchedule(Model):
    """Cron schedule.

    Attributes:
        zone_id: The server's default is UTC.
    """

    cron_expression: str | None = None
    zone_id: str | None = None


@define(repr=False)
class WorkflowSchedule(Model):
    """Workflow schedule.

    Attributes:
        cron_expression: 6 fields, seconds first (Spring cron).
        zone_id: IANA zone; the server's default is UTC.
        schedule_start_time: Epoch ms; a datetime is taken as well.
        schedule_end_time: Epoch ms; a datetime is taken as well.
        create_time: Epoch ms.
        updated_time: Epoch ms; note updatedTime, not updateTime.
        next_run_time: Epoch ms; open-source server only.
        cron_schedules: Several crons; when set, replaces cronExpression; open-source server only.
        tags: Orkes only.
        org_id: Orkes only.
        queue_msg_id: Orkes only.
    """

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
        """From when the schedule runs, aware and in UTC; None for never."""
        return moment(self.schedule_start_time)

    @property
    def schedule_ends_at(self) -> datetime | None:
        """Until when the schedule runs, aware and in UTC; None for never."""
        return moment(self.schedule_end_time)

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.updated_time)

    @property
    def next_run_at(self) -> datetime | None:
        """When it runs next, aware and in UTC; None for never."""
        return moment(self.next_run_time)


@define(repr=False)
class WorkflowScheduleExecution(Model):
    """Workflow schedule execution.

    Attributes:
        scheduled_time: Epoch ms.
        execution_time: Epoch ms.
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
        """When it was scheduled, aware and in UTC; None for never."""
        return moment(self.scheduled_time)

    @property
    def executed_at(self) -> datetime | None:
        """When it ran, aware and in UTC; None for never."""
        return moment(self.execution_time)


@define(repr=False)
class SaveScheduleRequest(Model):
    """Save schedule request."""

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
