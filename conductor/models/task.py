"""Tasks of executions, results of workers, task logs, external storage of payloads, and poll data."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.codec import to_datetime
from conductor.models.definition import TaskDef, WorkflowTask
from conductor.models.enums import RetryLogic, TaskResultStatus, TaskStatus

#: Default number of seconds between two attempts, as on the server.
_DEFAULT_RETRY_DELAY = 60
#: The longest delay in seconds that the server computes: the largest 32-bit integer.
_MAX_RETRY_DELAY = 2**31 - 1


@define(repr=False)
class TaskExecLog(Model):
    """A line of a task's log (``client.tasks.list_logs``, ``GET /tasks/{taskId}/log``).

    Attributes:
        created_time: Epoch milliseconds.
    """

    log: str | None = None
    task_id: str | None = None
    created_time: int = 0

    @property
    def created_at(self) -> datetime | None:
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.created_time)


@define(repr=False)
class ExecutionMetadata(Model):
    """Times of a task's transfer between server and worker (open-source server only).

    Attributes:
        server_send_time: Epoch milliseconds, like all times here.
        poll_network_latency: Milliseconds.
        update_network_latency: Milliseconds.
        execution_duration: Milliseconds.
        empty: Computed by the server; read-only.
        additional_context_map: Copy of ``additional_context`` that the server computes; do not send it back.
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
    """A task of an execution, as workers poll it (``GET /tasks/poll/batch/{tasktype}``, ``GET /tasks/{taskId}``).

    Attributes:
        task_type: Type; the name of the task definition if a worker executes it.
        input_data: Input. ``${workflow.secrets.NAME}`` is already replaced by the value when the task is polled.
        reference_task_name: Reference name; ends in ``__<iteration>`` inside a DO_WHILE.
        retry_count: Number of the attempt, from 0.
        seq: Position in the execution, from 1.
        poll_count: How often the task was dispatched.
        scheduled_time: Epoch milliseconds.
        start_time: Epoch milliseconds; 0 if not started.
        end_time: Epoch milliseconds; 0 if not ended.
        update_time: Epoch milliseconds.
        start_delay_in_seconds: Seconds.
        retried_task_id: Id of the attempt before this one.
        retried: Whether a later attempt exists.
        response_timeout_seconds: Seconds without an update after which the server times the task out: its lease.
        workflow_instance_id: Id of the execution.
        workflow_type: Name of the workflow.
        callback_after_seconds: Seconds after an IN_PROGRESS update until the task is dispatched again.
        domain: Domain of the workers that get the task; None for workers without a domain.
        rate_limit_frequency_in_seconds: Seconds.
        external_input_payload_storage_path: Set instead of ``input_data`` if the input is in external storage.
        external_output_payload_storage_path: Set instead of ``output_data`` if the output is in external storage.
        workflow_priority: 0 to 99.
        execution_namespace: Called ``executionNameSpace`` in responses, ``executionNamespace`` in queries.
        iteration: Iteration of the DO_WHILE, from 1; 0 outside loops.
        sub_workflow_id: The execution that a SUB_WORKFLOW task started.
        first_start_time: Start of the first attempt; epoch milliseconds.
        execution_metadata: Open-source server only.
        runtime_metadata: Values of the names in ``TaskDef.runtime_metadata``. May hold secrets; hidden in the repr.
            Open-source server only.
        task_definition: The definition when the task was scheduled.
        loop_over_task: Whether the task is inside a DO_WHILE.
        queue_wait_time: Milliseconds.
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
        """Whether the task has ended, in success or failure."""
        return self.status is not None and self.status.is_terminal

    @property
    def is_successful(self) -> bool:
        """Whether the workflow continues after the task: COMPLETED, COMPLETED_WITH_ERRORS or SKIPPED."""
        return self.status is not None and self.status.is_successful

    @property
    def max_attempts(self) -> int | None:
        """Maximum number of attempts; None if neither the workflow nor a task definition specifies it."""
        step, definition = self.workflow_task, self._definition
        if step is not None and step.retry_count is not None:
            return step.retry_count + 1
        return None if definition is None or definition.retry_count is None else definition.retry_count + 1

    @property
    def retry_delay_seconds(self) -> int | None:
        """Seconds that the server waits after a failure of this attempt, without the jitter of the definition.

        None if this is the last attempt, or if the task does not contain its definition.
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
        """Time of scheduling as an aware datetime in UTC, or None."""
        return to_datetime(self.scheduled_time)

    @property
    def started_at(self) -> datetime | None:
        """Start time as an aware datetime in UTC, or None if it has not started."""
        return to_datetime(self.start_time)

    @property
    def ended_at(self) -> datetime | None:
        """End time as an aware datetime in UTC, or None if it has not ended."""
        return to_datetime(self.end_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)

    @property
    def first_started_at(self) -> datetime | None:
        """Start of the first attempt as an aware datetime in UTC, or None."""
        return to_datetime(self.first_start_time)


class _Unread:
    """The JSON object of an attribute that has not been read yet."""

    __slots__ = ("data",)

    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data


class _ReadOnDemand:
    """An attribute of ``Task`` that may hold its JSON object until it is read."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._slot = getattr(Task, name)

    def __get__(self, task: Task | None, owner: type[Task]) -> Any:
        if task is None:
            return self
        value = self._slot.__get__(task, owner)
        if value.__class__ is _Unread:
            value = getattr(Task.from_dict({_ON_DEMAND[self._name]: value.data}), self._name)
            self._slot.__set__(task, value)
        return value

    def __set__(self, task: Task, value: Any) -> None:
        self._slot.__set__(task, value)


#: Attributes, with JSON names, that few functions use and that take longer to read than all others together.
_ON_DEMAND = {"workflow_task": "workflowTask", "task_definition": "taskDefinition"}
for _name in _ON_DEMAND:
    setattr(Task, _name, _ReadOnDemand(_name))


def read_polled_task(data: Any) -> Task:
    """Return a task that a worker polled, as ``Task.from_dict`` does.

    ``workflow_task`` and ``task_definition`` are read when they are used. If one of them is invalid, its use raises
    the error.

    Raises:
        UnexpectedResponseError: Another value has the wrong type.
    """
    if data.__class__ is not dict:
        return Task.from_dict(data)
    given = dict(data)
    unread = {
        attribute: _Unread(given.pop(name))
        for attribute, name in _ON_DEMAND.items()
        if given.get(name).__class__ is dict
    }
    task = Task.from_dict(given)
    for attribute, value in unread.items():
        setattr(task, attribute, value)
    return task


@define(repr=False)
class TaskResult(Model):
    """The result of a task, as workers report it (``client.tasks.update``, ``POST /tasks``).

    Attributes:
        workflow_instance_id: Id of the execution; required.
        task_id: Id of the task; required.
        status: Required.
        reason_for_incompletion: Free text that users see; the server copies it to the execution.
        callback_after_seconds: Seconds until an IN_PROGRESS task is dispatched again.
        worker_id: The worker. An update without it clears the id that the server has stored.
        output_data: Replaces the output of the task.
        execution_metadata: Open-source server only.
        logs: Lines that the server appends to the log of the task.
        external_output_payload_storage_path: Path of the output in external storage, instead of ``output_data``.
        sub_workflow_id: For system tasks.
        extend_lease: Whether to extend the lease only; the server then ignores everything else.
        supports_cancellation: Accepted and ignored by the open-source server 3.32.3.
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
class ExternalStorageLocation(Model):
    """Where a payload is stored outside the server's database (``GET /tasks/external-storage-location``).

    Attributes:
        uri: Signed URL for one upload or download; hidden in the repr. None if the server has no storage.
        path: Path to put into requests instead of the payload.
    """

    uri: str | None = field(default=None, repr=False)
    path: str | None = None


@define(repr=False)
class TaskSummary(Model):
    """A task in the results of a search (``client.tasks.search``, ``GET /tasks/search``).

    Attributes:
        scheduled_time: ISO 8601 string.
        start_time: ISO 8601 string.
        update_time: ISO 8601 string.
        end_time: ISO 8601 string; ``1970-01-01T00:00:00.000Z`` if not ended.
        execution_time: Milliseconds.
        queue_wait_time: Milliseconds.
        input: JSON or the string form of a Java map, depending on the server's configuration.
        output: Like ``input``.
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
    """The last poll of a task type in one domain (``client.tasks.list_poll_data``, ``GET /tasks/queue/polldata``).

    Attributes:
        queue_name: The task type.
        domain: None for workers without a domain.
        worker_id: The worker that polled last.
        last_poll_time: Epoch milliseconds; 0 for never.
    """

    queue_name: str | None = None
    domain: str | None = None
    worker_id: str | None = None
    last_poll_time: int = 0

    @property
    def last_polled_at(self) -> datetime | None:
        """Time of the last poll as an aware datetime in UTC, or None if no worker has polled."""
        return to_datetime(self.last_poll_time)
