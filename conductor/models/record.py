"""Executions and tasks in the server's own form, which a bulk search of the open-source server answers."""

from __future__ import annotations

from attrs import define, field

from conductor.models.enums import WorkflowExecutionStatus
from conductor.models.task import Task
from conductor.models.wire import Model, wire
from conductor.models.workflow import Workflow
from conductor.models.workflow_def import StateChangeEvent

__all__ = ["TaskRecord", "WorkflowNotifications", "WorkflowRecord"]


@define(repr=False)
class WorkflowNotifications(Model):
    """Who waits for a task.

    Attributes:
        wait_until_tasks: Reference names, separated by commas.
    """

    request_id: str | None = None
    host_ip: str | None = None
    wait_until_tasks: str | None = None
    monitor_parent_only: bool | None = None


@define(repr=False)
class TaskRecord(Task):
    """A task as the server keeps it.

    Attributes:
        callback_after_ms: Milliseconds.
        first_scheduled_time: Epoch ms.
        wait_timeout: Epoch ms; when a WAIT task ends.
        loop_task_id: The id of the DO_WHILE task that it is part of.
        notifications: Who waits for it, by request id.
    """

    callback_after_ms: int | None = None
    first_scheduled_time: int | None = None
    wait_timeout: int | None = None
    loop_task_id: str | None = None
    on_state_change: dict[str, list[StateChangeEvent]] | None = None
    idempotent: bool | None = None
    idempotent_execution: bool | None = None
    parent_task_reference_name: str | None = None
    cached_output: bool | None = None
    notifications: dict[str, WorkflowNotifications] | None = None
    non_workflow_event_task: bool | None = None
    async_complete: bool | None = None


@define(repr=False)
class WorkflowRecord(Workflow):
    """An execution as the server keeps it.

    Attributes:
        update_time: Epoch ms; here the server writes ``updatedTime``.
        failed_task_id: The id of the task that made it fail.
    """

    update_time: int | None = field(default=None, metadata=wire("updatedTime"))
    tasks: list[TaskRecord] = field(factory=list)  # type: ignore[assignment]  # read, and never filled with others
    failed_task_id: str | None = None
    previous_status: WorkflowExecutionStatus | None = None
