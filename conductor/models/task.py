"""Tasks: what a worker gets and gives."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.codec import moment
from conductor.models.definition import TaskDef, WorkflowTask
from conductor.models.enums import RetryLogic, TaskResultStatus, TaskStatus

#: Seconds between two attempts where the task definition does not say, as on the server.
_DEFAULT_RETRY_DELAY = 60
#: Seconds: the longest delay that the server computes, the largest 32-bit integer.
_MAX_RETRY_DELAY = 2**31 - 1


@define(repr=False)
class TaskExecLog(Model):
    """One line of a task's log.

    Attributes:
        created_time: Epoch ms.
    """

    log: str | None = None
    task_id: str | None = None
    created_time: int = 0

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.created_time)


@define(repr=False)
class ExecutionMetadata(Model):
    """Timing hints of a task's way between server and worker (open-source server).

    Attributes:
        empty: Computed, read-only.
        additional_context_map: Computed copy of additionalContext, read-only: do not send back.
    """

    server_send_time: int | None = None
    client_receive_time: int | None = None
    execution_start_time: int | None = None
    execution_end_time: int | None = None
    client_send_time: int | None = None
    poll_network_latency: int | None = None
    update_network_latency: int | None = None
    additional_context: dict[str, Any] = field(factory=dict)
    empty: bool | None = None
    execution_duration: int | None = None
    additional_context_map: dict[str, Any] | None = None


@define(repr=False)
class Task(Model):
    """A task of an execution; what a worker is given.

    Attributes:
        task_type: Type string of the task; for SIMPLE tasks the task definition name.
        status: See TaskStatus.
        input_data: ``${workflow.secrets.*}`` are already resolved when the task is polled.
        reference_task_name: Reference name; inside DO_WHILE it ends in ``__<iteration>``.
        retry_count: Attempt number, from 0.
        seq: Position in the workflow, from 1.
        scheduled_time: Epoch ms.
        start_time: Epoch ms, 0 = not started.
        end_time: Epoch ms, 0 = not finished.
        update_time: Epoch ms.
        start_delay_in_seconds: Seconds.
        retried_task_id: Id of the attempt that this one repeats.
        retried: True once a later attempt exists.
        response_timeout_seconds: Seconds; the lease length, base of the heartbeat interval.
        callback_after_seconds: Seconds; set to 0 when handed to a worker.
        domain: Absent for the default queue.
        rate_limit_frequency_in_seconds: Seconds.
        external_input_payload_storage_path: Set instead of inputData when the payload was moved out.
        workflow_priority: 0-99.
        execution_namespace: Wire writes NameSpace; the queue-size query parameter writes executionNamespace.
        iteration: DO_WHILE iteration.
        sub_workflow_changed: Wire has a small w.
        first_start_time: Epoch ms.
        execution_metadata: Client and server timing hints; open-source server only.
        runtime_metadata: Resolved values named in TaskDef.runtimeMetadata; may hold secrets: keep out of logs and
            repr; open-source server only.
        task_definition: Copy of the definition as of scheduling; also under workflowTask.taskDefinition.
        loop_over_task: Computed.
        queue_wait_time: Ms, computed.
    """

    task_type: str | None = None
    status: TaskStatus | None = None
    input_data: dict[str, Any] = field(factory=dict)
    reference_task_name: str | None = None
    retry_count: int = 0
    seq: int = 0
    correlation_id: str | None = None
    poll_count: int = 0
    task_def_name: str | None = None
    scheduled_time: int = 0
    start_time: int = 0
    end_time: int = 0
    update_time: int = 0
    start_delay_in_seconds: int = 0
    retried_task_id: str | None = None
    retried: bool = False
    executed: bool = False
    callback_from_worker: bool = True
    response_timeout_seconds: int = 0
    workflow_instance_id: str | None = None
    workflow_type: str | None = None
    task_id: str | None = None
    reason_for_incompletion: str | None = None
    callback_after_seconds: int = 0
    worker_id: str | None = None
    output_data: dict[str, Any] = field(factory=dict)
    workflow_task: WorkflowTask | None = None
    domain: str | None = None
    rate_limit_per_frequency: int = 0
    rate_limit_frequency_in_seconds: int = 0
    external_input_payload_storage_path: str | None = None
    external_output_payload_storage_path: str | None = None
    workflow_priority: int = 0
    execution_namespace: str | None = field(default=None, metadata=wire("executionNameSpace"))
    isolation_group_id: str | None = None
    iteration: int = 0
    sub_workflow_id: str | None = None
    sub_workflow_changed: bool = field(default=False, metadata=wire("subworkflowChanged"))
    first_start_time: int = 0
    execution_metadata: ExecutionMetadata | None = None
    parent_task_id: str | None = None
    runtime_metadata: dict[str, str] = field(factory=dict, repr=False)
    task_definition: TaskDef | None = None
    loop_over_task: bool = False
    queue_wait_time: int = 0

    @property
    def is_terminal(self) -> bool:
        """Whether the task has ended, well or badly."""
        return self.status is not None and self.status.is_terminal

    @property
    def is_successful(self) -> bool:
        """Whether the task has ended in a way that lets the workflow go on."""
        return self.status is not None and self.status.is_successful

    @property
    def max_attempts(self) -> int | None:
        """How often the server runs the task at most; None if neither the workflow nor a task definition says so."""
        step, definition = self.workflow_task, self._definition
        if step is not None and step.retry_count is not None:
            return step.retry_count + 1
        return None if definition is None or definition.retry_count is None else definition.retry_count + 1

    @property
    def retry_delay_seconds(self) -> int | None:
        """Seconds that the server waits after a failure of this attempt, without the jitter of the definition.

        None if this is the last attempt, or if the task does not carry its definition.
        """
        most, definition = self.max_attempts, self._definition
        if definition is None or most is None or self.retry_count + 1 >= most:
            return None
        delay = definition.retry_delay_seconds
        if delay is None:
            delay = _DEFAULT_RETRY_DELAY
        if definition.retry_logic == RetryLogic.LINEAR_BACKOFF:
            delay *= (definition.backoff_scale_factor or 1) * (self.retry_count + 1)
        elif definition.retry_logic == RetryLogic.EXPONENTIAL_BACKOFF:
            delay *= 2 ** min(self.retry_count, 31)
        return min(delay, definition.max_retry_delay_seconds or _MAX_RETRY_DELAY, _MAX_RETRY_DELAY)

    @property
    def _definition(self) -> TaskDef | None:
        return self.task_definition or (self.workflow_task.task_definition if self.workflow_task else None)

    @property
    def scheduled_at(self) -> datetime | None:
        """When it was scheduled, aware and in UTC; None for never."""
        return moment(self.scheduled_time)

    @property
    def started_at(self) -> datetime | None:
        """When it started, aware and in UTC; None for never."""
        return moment(self.start_time)

    @property
    def ended_at(self) -> datetime | None:
        """When it ended, aware and in UTC; None for never."""
        return moment(self.end_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)

    @property
    def first_started_at(self) -> datetime | None:
        """When its first attempt started, aware and in UTC; None for never."""
        return moment(self.first_start_time)


@define(repr=False)
class TaskResult(Model):
    """What became of a task; what a worker gives back.

    Attributes:
        workflow_instance_id: Must not be empty.
        task_id: Must not be empty.
        status: 500 when missing.
        reason_for_incompletion: Free text; shown to users and copied into the workflow reason.
        callback_after_seconds: Seconds until an IN_PROGRESS task is handed out again.
        worker_id: Send it always: an update without it clears the stored worker.
        output_data: Replaces the task's output.
        execution_metadata: Open-source server only.
        logs: Appended to the task log; each {log, createdTime}; taskId is set by the server.
        sub_workflow_id: System use.
        extend_lease: True: only renews the lease, nothing else is stored.
        supports_cancellation: Accepted, not acted upon in OSS 3.32.3; open-source server only.
    """

    workflow_instance_id: str
    task_id: str
    status: TaskResultStatus
    reason_for_incompletion: str | None = None
    callback_after_seconds: int = 0
    worker_id: str | None = None
    output_data: dict[str, Any] = field(factory=dict)
    execution_metadata: ExecutionMetadata | None = None
    logs: list[TaskExecLog] = field(factory=list)
    external_output_payload_storage_path: str | None = None
    sub_workflow_id: str | None = None
    extend_lease: bool = False
    supports_cancellation: bool = False


@define(repr=False)
class TaskSummary(Model):
    """A task as a search lists it; times are ISO 8601 text, input and output text.

    Attributes:
        scheduled_time: ISO string.
        start_time: ISO string.
        update_time: ISO string.
        end_time: ISO string; 1970-01-01T00:00:00.000Z means not ended.
        execution_time: Ms.
        queue_wait_time: Ms.
        input: String.
        output: String.
        domain: Open-source server only.
        task_reference_name: Orkes only.
    """

    workflow_id: str | None = None
    workflow_type: str | None = None
    correlation_id: str | None = None
    scheduled_time: str | None = None
    start_time: str | None = None
    update_time: str | None = None
    end_time: str | None = None
    status: TaskStatus | None = None
    reason_for_incompletion: str | None = None
    execution_time: int = 0
    queue_wait_time: int = 0
    task_def_name: str | None = None
    task_type: str | None = None
    input: str | None = None
    output: str | None = None
    task_id: str | None = None
    external_input_payload_storage_path: str | None = None
    external_output_payload_storage_path: str | None = None
    workflow_priority: int | None = None
    domain: str | None = None
    task_reference_name: str | None = None


@define(repr=False)
class PollData(Model):
    """When workers of a task type last polled, one entry per domain.

    Attributes:
        last_poll_time: Epoch ms.
    """

    queue_name: str | None = None
    domain: str | None = None
    worker_id: str | None = None
    last_poll_time: int = 0

    @property
    def last_polled_at(self) -> datetime | None:
        """When a worker last polled, aware and in UTC; None for never."""
        return moment(self.last_poll_time)
