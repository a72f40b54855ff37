"""Executions of workflows, and the summaries and states that the server returns for them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.codec import to_datetime
from conductor.models.definition import StateChangeEvent, WorkflowDef
from conductor.models.drawing import diagram_of
from conductor.models.enums import ReturnStrategy, TaskStatus, WorkflowExecutionStatus
from conductor.models.task import Task

if TYPE_CHECKING:
    from conductor.diagram import Diagram

__all__ = ["TaskRecord", "Workflow", "WorkflowExecution", "WorkflowNotifications", "WorkflowRecord"]


_FAILED = frozenset({TaskStatus.FAILED, TaskStatus.FAILED_WITH_TERMINAL_ERROR, TaskStatus.TIMED_OUT})
#: Milliseconds, later than any end time, so that tasks that have not ended are sorted last.
_NEVER = 1 << 62
_ITERATION = re.compile(r"__\d+$")


def _without_iteration(task: Task) -> str:
    return _ITERATION.sub("", task.reference_task_name or "")


@define(repr=False)
class AggregateTokenUsage(Model):
    """Language-model tokens that the tasks of an execution used, in ``WorkflowExecution.aggregate_token_usage``."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None


@define(repr=False)
class WorkflowExecution(Model):
    """An execution of a workflow (``client.workflows.get``, ``GET /workflow/{workflowId}``).

    Attributes:
        create_time: Epoch milliseconds.
        update_time: Epoch milliseconds.
        end_time: Epoch milliseconds; 0 while it runs.
        parent_workflow_id: The execution that started this one as a sub-workflow.
        parent_workflow_task_id: The task of that execution.
        tasks: All attempts of all tasks, in the order of scheduling; empty without ``include_tasks``.
        correlation_id: Free text of the caller, by which executions can be found.
        reason_for_incompletion: Why it did not complete.
        failed_reference_task_names: Reference names of the tasks that failed.
        failed_task_names: Names of the task definitions that failed.
        workflow_definition: The definition at the time of the start.
        external_input_payload_storage_path: Set instead of ``input`` if the input is in external storage.
        external_output_payload_storage_path: Set instead of ``output`` if the output is in external storage.
        priority: 0 to 99.
        last_retried_time: Epoch milliseconds; 0 if never retried.
        history: Earlier runs, after a restart.
        aggregate_token_usage: Open-source server only.
        start_time: Epoch milliseconds; equals ``create_time``.
        workflow_name: From the definition.
        workflow_version: From the definition.
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
        """Return the diagram of the execution, with the status of each task.

        Args:
            inside: Definitions and executions of sub-workflows, which are drawn inside the tasks that started them.

        Returns:
            A diagram with ``svg()``, ``mermaid()``, ``text()`` and ``save(path)``; see ``conductor.diagram``.
        """
        return diagram_of(self, inside)

    def _repr_html_(self) -> str | None:
        is_known = self.tasks or self.workflow_definition is not None
        return self.draw()._repr_html_() if is_known else None

    @property
    def is_terminal(self) -> bool:
        """Whether the execution has ended, in success or failure."""
        return self.status is not None and self.status.is_terminal

    @property
    def is_successful(self) -> bool:
        """Whether the execution has ended as COMPLETED."""
        return self.status is not None and self.status.is_successful

    @property
    def failed_task(self) -> Task | None:
        """The first task that failed and was not retried, or None.

        None for executions that run, completed, or ended without a failed task, such as terminated ones.
        """
        if not self.is_terminal or self.is_successful:
            return None
        failed = [task for task in self.tasks if task.status in _FAILED and not task.retried]
        return min(failed, key=lambda task: (task.end_time or _NEVER, task.seq), default=None)

    def task(self, reference_name: str) -> Task | None:
        """Return the last attempt of a task.

        Args:
            reference_name: The reference name. Inside a loop, ``name__2`` is the second iteration and ``name`` the last
                one.

        Returns:
            The task, or None if it was not scheduled.
        """
        named = [task for task in self.tasks if task.reference_task_name == reference_name]
        if not named:
            named = [task for task in self.tasks if _without_iteration(task) == reference_name]
        return max(named, key=lambda task: (task.iteration, task.retry_count, task.seq), default=None)

    @property
    def created_at(self) -> datetime | None:
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)

    @property
    def ended_at(self) -> datetime | None:
        """End time as an aware datetime in UTC, or None if it has not ended."""
        return to_datetime(self.end_time)

    @property
    def last_retried_at(self) -> datetime | None:
        """Time of the last retry as an aware datetime in UTC, or None if never retried."""
        return to_datetime(self.last_retried_time)

    @property
    def started_at(self) -> datetime | None:
        """Start time as an aware datetime in UTC, or None if it has not started."""
        return to_datetime(self.start_time)


@define(repr=False)
class WorkflowStatus(Model):
    """The status of an execution, without tasks and definition (``GET /workflow/{workflowId}/status``).

    Attributes:
        output: None unless requested with ``include_output``.
        variables: None unless requested with ``include_variables``.
    """

    workflow_id: str | None = None
    correlation_id: str | None = None
    output: dict[str, Any] | None = None
    variables: dict[str, Any] | None = None
    status: WorkflowExecutionStatus | None = None


@define(repr=False)
class WorkflowSummary(Model):
    """An execution in the results of a search (``client.workflows.search``, ``GET /workflow/search``).

    Attributes:
        start_time: ISO 8601 string in UTC with milliseconds.
        update_time: ISO 8601 string.
        end_time: ISO 8601 string.
        input: JSON or the string form of a Java map, depending on the server's configuration.
        output: Like ``input``.
        execution_time: Milliseconds.
        failed_reference_task_names: Reference names in one string, separated by commas.
        parent_workflow_id: Open-source server only.
        classifier: ``workflow`` or ``agent``; open-source server only.
        input_size: Length of ``input``.
        output_size: Length of ``output``.
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
    """An execution as ``client.workflows.execute`` and ``client.tasks.signal`` return it.

    Attributes:
        response_type: The return strategy that the server used.
        target_workflow_id: The execution that was started or signalled.
        request_id: Id of the request; set by the server if it was not given.
        workflow_id: The execution described here: a sub-workflow for BLOCKING_WORKFLOW.
        signal_timeout: Whether the wait ended before the workflow ended or blocked; open-source server only.
        create_time: Epoch milliseconds.
        update_time: Epoch milliseconds.
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
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)


@define(repr=False)
class TaskRun(Model):
    """A task as ``client.workflows.execute`` and ``client.tasks.signal`` return it for BLOCKING_TASK strategies.

    Attributes:
        response_type: The return strategy that the server used.
        target_workflow_id: The execution that was started or signalled.
        request_id: Id of the request; set by the server if it was not given.
        workflow_id: The execution that the task belongs to, which may be a sub-workflow.
        signal_timeout: Whether the wait ended before a task blocked; open-source server only.
        create_time: Epoch milliseconds.
        update_time: Epoch milliseconds.
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
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)


@define(repr=False)
class WorkflowNotifications(Model):
    """A request that waits for a task of an execution, in ``TaskRecord.notifications``.

    Attributes:
        wait_until_tasks: Reference names, separated by commas.
    """

    request_id: str | None = None
    host_ip: str | None = None
    wait_until_tasks: str | None = None
    monitor_parent_only: bool | None = None


@define(repr=False)
class TaskRecord(Task):
    """A task as the server stores it, in ``WorkflowRecord.tasks``.

    Attributes:
        callback_after_ms: Milliseconds.
        first_scheduled_time: Epoch milliseconds.
        wait_timeout: Epoch milliseconds at which a WAIT task ends.
        loop_task_id: Id of the DO_WHILE task that contains this task.
        notifications: Waiting requests by request id.
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
    """An execution as the server stores it (``client.bulk.get``, ``POST /workflow/bulk/search``).

    Attributes:
        update_time: Epoch milliseconds; called ``updatedTime`` in the response.
        failed_task_id: Id of the task that made the execution fail.
    """

    update_time: int | None = field(default=None, metadata=wire("updatedTime"))
    tasks: list[TaskRecord] = field(factory=list)  # type: ignore[assignment]  # only read, so a narrower type is safe
    failed_task_id: str | None = None
    previous_status: WorkflowExecutionStatus | None = None


#: The former name of ``WorkflowExecution``, and its name in other SDKs; kept as an alias.
Workflow = WorkflowExecution
