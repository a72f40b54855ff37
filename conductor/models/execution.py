"""Executions of workflows."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.codec import moment
from conductor.models.definition import StateChangeEvent, WorkflowDef
from conductor.models.drawing import diagram_of
from conductor.models.enums import ReturnStrategy, TaskStatus, WorkflowExecutionStatus
from conductor.models.task import Task

if TYPE_CHECKING:
    from conductor.diagram import Diagram

__all__ = ["TaskRecord", "Workflow", "WorkflowExecution", "WorkflowNotifications", "WorkflowRecord"]


_FAILED = frozenset({TaskStatus.FAILED, TaskStatus.FAILED_WITH_TERMINAL_ERROR, TaskStatus.TIMED_OUT})
_NEVER = 1 << 62
_ITERATION = re.compile(r"__\d+$")


def _without_iteration(task: Task) -> str:
    return _ITERATION.sub("", task.reference_task_name or "")


@define(repr=False)
class AggregateTokenUsage(Model):
    """Aggregate token usage."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


@define(repr=False)
class WorkflowExecution(Model):
    """An execution of a workflow.

    Attributes:
        create_time: Epoch ms.
        update_time: Epoch ms.
        end_time: Epoch ms.
        tasks: [] when includeTasks=false.
        priority: 0-99.
        last_retried_time: Epoch ms.
        history: Earlier runs after a restart.
        aggregate_token_usage: Open-source server only.
        start_time: Epoch ms; equals createTime.
        workflow_name: Computed from the definition.
        workflow_version: Computed.
    """

    owner_app: str | None = None
    create_time: int | None = None
    update_time: int | None = None
    created_by: str | None = None
    updated_by: str | None = None
    status: WorkflowExecutionStatus | None = None
    end_time: int = 0
    workflow_id: str | None = None
    parent_workflow_id: str | None = None
    parent_workflow_task_id: str | None = None
    tasks: list[Task] = field(factory=list)
    input: dict[str, Any] = field(factory=dict)
    output: dict[str, Any] = field(factory=dict)
    correlation_id: str | None = None
    rerun_from_workflow_id: str | None = field(default=None, metadata=wire("reRunFromWorkflowId"))
    reason_for_incompletion: str | None = None
    event: str | None = None
    task_to_domain: dict[str, str] = field(factory=dict)
    failed_reference_task_names: list[str] = field(factory=list)
    workflow_definition: WorkflowDef | None = None
    external_input_payload_storage_path: str | None = None
    external_output_payload_storage_path: str | None = None
    priority: int = 0
    variables: dict[str, Any] = field(factory=dict)
    last_retried_time: int = 0
    failed_task_names: list[str] = field(factory=list)
    history: list[WorkflowExecution] = field(factory=list)
    idempotency_key: str | None = None
    rate_limit_key: str | None = None
    rate_limited: bool = False
    aggregate_token_usage: AggregateTokenUsage | None = None
    start_time: int | None = None
    workflow_name: str | None = None
    workflow_version: int | None = None

    def draw(self, inside: Iterable[object] = ()) -> Diagram:
        """Its picture, with what became of each step; see ``conductor.diagram``.

        Args:
            inside: Definitions and executions of sub-workflows, to be drawn inside the steps that ran them.
        """
        return diagram_of(self, inside)

    def _repr_html_(self) -> str | None:
        is_known = self.tasks or self.workflow_definition is not None
        return self.draw()._repr_html_() if is_known else None

    @property
    def is_terminal(self) -> bool:
        """Whether the execution has ended, well or badly."""
        return self.status is not None and self.status.is_terminal

    @property
    def is_successful(self) -> bool:
        """Whether the execution has ended as COMPLETED."""
        return self.status is not None and self.status.is_successful

    @property
    def failed_task(self) -> Task | None:
        """The task that made the execution fail: the first that failed for good; None where no task did.

        An execution that somebody terminated, or that a TERMINATE task ended, has none.
        """
        if not self.is_terminal or self.is_successful:
            return None
        failed = [task for task in self.tasks if task.status in _FAILED and not task.retried]
        return min(failed, key=lambda task: (task.end_time or _NEVER, task.seq), default=None)

    def task(self, reference_name: str) -> Task | None:
        """The last attempt of a task; of one in a loop, without ``__n`` in its name, the last iteration's."""
        named = [task for task in self.tasks if task.reference_task_name == reference_name]
        if not named:
            named = [task for task in self.tasks if _without_iteration(task) == reference_name]
        return max(named, key=lambda task: (task.iteration, task.retry_count, task.seq), default=None)

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)

    @property
    def ended_at(self) -> datetime | None:
        """When it ended, aware and in UTC; None for never."""
        return moment(self.end_time)

    @property
    def last_retried_at(self) -> datetime | None:
        """When it was last retried, aware and in UTC; None for never."""
        return moment(self.last_retried_time)

    @property
    def started_at(self) -> datetime | None:
        """When it started, aware and in UTC; None for never."""
        return moment(self.start_time)


@define(repr=False)
class WorkflowStatus(Model):
    """The light status of an execution: no tasks, no definition."""

    workflow_id: str | None = None
    correlation_id: str | None = None
    output: dict[str, Any] | None = None
    variables: dict[str, Any] | None = None
    status: WorkflowExecutionStatus | None = None


@define(repr=False)
class WorkflowSummary(Model):
    """An execution as a search lists it; times are ISO 8601 text, input and output text.

    Attributes:
        start_time: ISO 8601 string, UTC, milliseconds.
        update_time: ISO string.
        end_time: ISO string.
        input: String: JSON or a Java map print, by server setting.
        output: String.
        execution_time: Ms.
        failed_reference_task_names: Comma list in ONE string.
        parent_workflow_id: Open-source server only.
        classifier: Workflow or agent; open-source server only.
        input_size: Computed.
        output_size: Computed.
    """

    workflow_type: str | None = None
    version: int | None = None
    workflow_id: str | None = None
    correlation_id: str | None = None
    start_time: str | None = None
    update_time: str | None = None
    end_time: str | None = None
    status: WorkflowExecutionStatus | None = None
    input: str | None = None
    output: str | None = None
    reason_for_incompletion: str | None = None
    execution_time: int = 0
    event: str | None = None
    failed_reference_task_names: str = ""
    external_input_payload_storage_path: str | None = None
    external_output_payload_storage_path: str | None = None
    priority: int | None = None
    failed_task_names: list[str] = field(factory=list)
    created_by: str | None = None
    task_to_domain: dict[str, str] | None = None
    idempotency_key: str | None = None
    parent_workflow_id: str = ""
    classifier: str | None = None
    input_size: int = 0
    output_size: int = 0


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
class WorkflowRecord(WorkflowExecution):
    """An execution as the server keeps it.

    Attributes:
        update_time: Epoch ms; here the server writes ``updatedTime``.
        failed_task_id: The id of the task that made it fail.
    """

    update_time: int | None = field(default=None, metadata=wire("updatedTime"))
    tasks: list[TaskRecord] = field(factory=list)  # type: ignore[assignment]  # read, and never filled with others
    failed_task_id: str | None = None
    previous_status: WorkflowExecutionStatus | None = None


#: The former name of ``WorkflowExecution``, and its name in other SDKs; kept as an alias.
Workflow = WorkflowExecution
