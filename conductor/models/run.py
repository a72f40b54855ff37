"""What execute and signal answer."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field

from conductor._renamed import missing_attribute
from conductor.models.codec import moment
from conductor.models.enums import ReturnStrategy, TaskStatus, WorkflowExecutionStatus
from conductor.models.task import Task
from conductor.models.wire import Model


@define(repr=False)
class WorkflowRun(Model):
    """An execution as execute and signal answer it.

    Attributes:
        target_workflow_id: The workflow that was started or signalled.
        request_id: As sent, else made by the server.
        workflow_id: The workflow described: a sub-workflow for BLOCKING_*.
        signal_timeout: True when the wait was over before there was anything to answer; open-source server only.
        create_time: Epoch ms.
        update_time: Epoch ms.
    """

    response_type: ReturnStrategy | None = None
    target_workflow_id: str | None = None
    target_workflow_status: WorkflowExecutionStatus | None = None
    request_id: str | None = None
    workflow_id: str | None = None
    correlation_id: str | None = None
    input: dict[str, Any] = field(factory=dict)
    output: dict[str, Any] = field(factory=dict)
    signal_timeout: bool | None = None
    priority: int | None = None
    create_time: int | None = None
    update_time: int | None = None
    created_by: str | None = None
    status: WorkflowExecutionStatus | None = None
    variables: dict[str, Any] = field(factory=dict)
    tasks: list[Task] = field(factory=list)

    if not TYPE_CHECKING:
        __getattr__ = missing_attribute

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)


@define(repr=False)
class TaskRun(Model):
    """A task as execute and signal answer it with a BLOCKING_TASK strategy.

    Attributes:
        target_workflow_id: The workflow that was started or signalled.
        request_id: As sent, else made by the server.
        workflow_id: The workflow described: a sub-workflow for BLOCKING_*.
        signal_timeout: True when the wait was over before there was anything to answer; open-source server only.
        create_time: Epoch ms.
        update_time: Epoch ms.
    """

    response_type: ReturnStrategy | None = None
    target_workflow_id: str | None = None
    target_workflow_status: WorkflowExecutionStatus | None = None
    request_id: str | None = None
    workflow_id: str | None = None
    correlation_id: str | None = None
    input: dict[str, Any] = field(factory=dict)
    output: dict[str, Any] = field(factory=dict)
    signal_timeout: bool | None = None
    priority: int | None = None
    create_time: int | None = None
    update_time: int | None = None
    created_by: str | None = None
    status: TaskStatus | None = None
    task_type: str | None = None
    task_id: str | None = None
    reference_task_name: str | None = None
    retry_count: int | None = None
    task_def_name: str | None = None
    retried_task_id: str | None = None
    workflow_type: str | None = None
    reason_for_incompletion: str | None = None
    variables: dict[str, Any] | None = None
    tasks: list[Task] | None = None

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)
