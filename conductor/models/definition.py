"""Definitions of workflows, tasks and schemas.

For an attribute that is None, the server uses its default, which the docstring names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.codec import to_datetime
from conductor.models.drawing import diagram_of
from conductor.models.enums import (
    IdempotencyStrategy,
    JoinMode,
    RateLimitPolicy,
    RetryLogic,
    SchemaType,
    TaskTimeoutPolicy,
    TaskType,
    WorkflowTimeoutPolicy,
)
from conductor.models.tag import Tag

if TYPE_CHECKING:
    from conductor.diagram import Diagram


@define(repr=False)
class SchemaDef(Model):
    """A schema that the server validates inputs and outputs against (``client.schemas``).

    Attributes:
        type: Schema language; case-sensitive. None only in ``client.schemas.list(short=True)``.
        version: The server's default is 1.
        data: The schema document.
        external_ref: Reference to a schema that is stored elsewhere.
        create_time: Epoch milliseconds.
        update_time: Epoch milliseconds.
    """

    name: str
    type: SchemaType | None = None
    owner_app: str | None = None
    create_time: int | None = None
    update_time: int | None = None
    created_by: str | None = None
    updated_by: str | None = None
    version: int | None = None
    data: dict[str, Any] | None = None
    external_ref: str | None = None

    @property
    def created_at(self) -> datetime | None:
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)


@define(repr=False)
class TaskDef(Model):
    """The definition of a task (``client.metadata.register_task``, ``GET /metadata/taskdefs/{tasktype}``).

    Attributes:
        name: Name of the task type; "" in a definition inside a workflow definition that has no name.
        create_time: Epoch milliseconds.
        update_time: Epoch milliseconds; 0 if never updated.
        retry_count: Retries after the first attempt, 0 or more; the server's default is 3.
        timeout_seconds: Seconds from the start of an attempt to its end, across polls; 0 for no limit, the server's
            default.
        input_keys: Names of the input parameters; documentation only.
        output_keys: Names of the output parameters; documentation only.
        runtime_metadata: Names of secrets and variables that the server resolves when the task is polled
            (``Task.runtime_metadata``); open-source server only.
        timeout_policy: The server's default is TIME_OUT_WF.
        retry_logic: The server's default is FIXED.
        retry_delay_seconds: Seconds before a retry; the server's default is 60.
        response_timeout_seconds: Seconds between updates of a running task, at least 1, less than ``timeout_seconds``
            if that is set; the server's default is 3600.
        concurrent_exec_limit: Attempts that run at the same time; 0 or None for no limit.
        input_template: Default input; the input of the task overrides it.
        rate_limit_per_frequency: Tasks dispatched per window; 0 for no limit, the server's default. Servers with SQLite
            do not enforce it.
        rate_limit_frequency_in_seconds: Length of the window in seconds; the server's default is 1.
        owner_email: Required only by servers with that configuration.
        poll_timeout_seconds: Seconds that a task may stay SCHEDULED.
        backoff_scale_factor: Factor of LINEAR_BACKOFF, 1 or more; the server's default is 1.
        max_retry_delay_seconds: Limit of the retry delay in seconds; 0 for no limit, the server's default. Open-source
            server only.
        backoff_jitter_ms: Random addition to the retry delay in milliseconds; the server's default is 0. Open-source
            server only.
        total_timeout_seconds: Seconds for all attempts together; 0 for no limit, the server's default.
        task_status_listener_enabled: The server's default is true; open-source server only.
        tags: Orkes only.
        overwrite_tags: Whether ``tags`` replace the tags on the server; Orkes only.
    """

    is_written_by_hand: ClassVar[bool] = True

    name: str = field(metadata=wire(absent=""))
    owner_app: str | None = None
    create_time: int | None = None
    update_time: int | None = None
    created_by: str | None = None
    updated_by: str | None = None
    description: str | None = None
    retry_count: int | None = None
    timeout_seconds: int | None = None
    input_keys: list[str] | None = None
    output_keys: list[str] | None = None
    runtime_metadata: list[str] | None = None
    timeout_policy: TaskTimeoutPolicy | None = None
    retry_logic: RetryLogic | None = None
    retry_delay_seconds: int | None = None
    response_timeout_seconds: int | None = None
    concurrent_exec_limit: int | None = None
    input_template: dict[str, Any] | None = None
    rate_limit_per_frequency: int | None = None
    rate_limit_frequency_in_seconds: int | None = None
    isolation_group_id: str | None = None
    execution_namespace: str | None = field(default=None, metadata=wire("executionNameSpace"))
    owner_email: str | None = None
    poll_timeout_seconds: int | None = None
    backoff_scale_factor: int | None = None
    max_retry_delay_seconds: int | None = None
    backoff_jitter_ms: int | None = None
    base_type: str | None = None
    total_timeout_seconds: int | None = None
    task_status_listener_enabled: bool | None = None
    input_schema: SchemaDef | None = None
    output_schema: SchemaDef | None = None
    enforce_schema: bool | None = None
    tags: list[Tag] | None = None
    overwrite_tags: bool | None = None

    @property
    def created_at(self) -> datetime | None:
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)


@define(repr=False)
class CacheConfig(Model):
    """How long the output of a task is reused for the same key.

    Attributes:
        key: An expression such as ``${workflow.input.id}``.
        ttl_in_second: Seconds; the server's default is 0.
    """

    key: str | None = None
    ttl_in_second: int | None = None


@define(repr=False)
class StateChangeEvent(Model):
    """An event that the server publishes when a task changes its state (``WorkflowTask.on_state_change``)."""

    type: str
    payload: dict[str, Any] | None = None


@define(repr=False)
class RateLimitConfig(Model):
    """A limit on the executions of a workflow that run at the same time.

    Attributes:
        rate_limit_key: Groups executions; may be an expression such as ``${workflow.correlationId}``.
        concurrent_exec_limit: Executions per key; the server's default is 0.
        policy: The server's default is QUEUE; open-source server only.
    """

    rate_limit_key: str | None = None
    concurrent_exec_limit: int | None = None
    policy: RateLimitPolicy | None = None


@define(repr=False)
class SubWorkflowParams(Model):
    """Which workflow a SUB_WORKFLOW task starts, and how.

    Attributes:
        name: Name of the definition; may be an expression.
        version: None for the latest version.
        task_to_domain: The domain of the workers for each task name, or for all tasks (``*``).
        priority: 0 to 99, or an expression.
        workflow_definition: A definition that runs without being registered: a ``WorkflowDef`` in its wire form, or an
            expression.
    """

    name: str | None = None
    version: int | None = None
    task_to_domain: dict[str, str] | None = None
    idempotency_key: str | None = None
    idempotency_strategy: IdempotencyStrategy | None = None
    priority: Any = None
    workflow_definition: Any = None


@define(repr=False)
class WorkflowTask(Model):
    """One task in a workflow definition.

    Attributes:
        name: Name of the task definition.
        task_reference_name: Name by which expressions refer to the task; unique in the whole definition.
        input_parameters: Input; values may contain expressions such as ``${workflow.input.id}``.
        type: Type of the task; workers execute tasks of any type that is not built in. The server's default is SIMPLE.
        case_value_param: For DECISION; deprecated.
        case_expression: For DECISION; deprecated.
        decision_cases: The tasks of each branch, by case.
        dynamic_fork_join_tasks_param: Deprecated.
        fork_tasks: The branches of a FORK_JOIN, each a list of tasks.
        join_on: Reference names of the tasks that a JOIN waits for.
        start_delay: Seconds before the task is scheduled; the server's default is 0.
        optional: Whether the workflow continues when the task fails; the task ends as COMPLETED_WITH_ERRORS.
        task_definition: A task definition that is used instead of the registered one.
        async_complete: Whether a system task stays IN_PROGRESS until an update completes it.
        loop_condition: Expression of a DO_WHILE; the loop continues while it is true.
        loop_over: Tasks of a DO_WHILE.
        items: The list that a DO_WHILE iterates over; the open-source server 3.32.3 requires ``loop_condition`` as
            well. Open-source server only.
        retry_count: Replaces the ``retry_count`` of the task definition.
        evaluator_type: Language of ``expression`` or ``loop_condition``, such as ``value-param`` or ``graaljs``.
        on_state_change: Events by ``onScheduled``, ``onStart``, ``onFailed``, ``onSuccess``, ``onCancelled``, or
            several of these separated by commas.
        permissive: Whether the other branches continue when the task fails.
        join_mode: Open-source server only.
        metadata: Open-source server only.
        workflow_task_type: Never sent. The server treats it as a second setter of ``type``, which can change the type.
    """

    name: str = field(metadata=wire(absent=""))
    task_reference_name: str = field(metadata=wire(absent=""))
    description: str | None = None
    input_parameters: dict[str, Any] | None = None
    type: str | None = None
    dynamic_task_name_param: str | None = None
    case_value_param: str | None = None
    case_expression: str | None = None
    script_expression: str | None = None
    decision_cases: dict[str, list[WorkflowTask]] | None = None
    dynamic_fork_join_tasks_param: str | None = None
    dynamic_fork_tasks_param: str | None = None
    dynamic_fork_tasks_input_param_name: str | None = None
    default_case: list[WorkflowTask] | None = None
    fork_tasks: list[list[WorkflowTask]] | None = None
    start_delay: int | None = None
    sub_workflow_param: SubWorkflowParams | None = None
    join_on: list[str] | None = None
    sink: str | None = None
    optional: bool | None = None
    task_definition: TaskDef | None = None
    rate_limited: bool | None = None
    default_exclusive_join_task: list[str] | None = None
    async_complete: bool | None = None
    loop_condition: str | None = None
    loop_over: list[WorkflowTask] | None = None
    items: str | None = None
    retry_count: int | None = None
    evaluator_type: str | None = None
    expression: str | None = None
    on_state_change: dict[str, list[StateChangeEvent]] | None = None
    join_status: str | None = None
    cache_config: CacheConfig | None = None
    permissive: bool | None = None
    join_mode: JoinMode | None = None
    metadata: dict[str, Any] | None = None
    workflow_task_type: TaskType | None = field(default=None, metadata=wire(read_only=True))


@define(repr=False)
class WorkflowDef(Model):
    """A workflow definition (``client.metadata.register_workflow``, ``GET /metadata/workflow/{name}``).

    Attributes:
        name: Name of the workflow. A name with a slash cannot be addressed in a URL.
        tasks: At least one task.
        version: The server's default is 1.
        input_parameters: Names of the input parameters; documentation only.
        output_parameters: Output; values may contain expressions. Empty for the output of the last task.
        failure_workflow: Name of the workflow that starts when an execution fails; may be an expression.
        schema_version: Only 2, which is the server's default.
        restartable: Whether ended executions can be restarted; the server's default is true.
        timeout_policy: The server's default is ALERT_ONLY.
        timeout_seconds: Seconds; 0 for no limit, the server's default.
        variables: Initial values of the workflow variables.
        input_template: Default input; the input of the execution overrides it.
        failure_workflow_version: Open-source server only.
        enforce_schema: Whether input and output must match the schemas; the server's default is true.
        metadata: Free-form data; searches use the key ``classifier``.
        masked_fields: Names of input and output fields that the UI masks.
        create_time: Epoch milliseconds.
        update_time: Epoch milliseconds.
        tags: Orkes only.
        overwrite_tags: Whether ``tags`` replace the tags on the server; Orkes only.
    """

    is_written_by_hand: ClassVar[bool] = True

    name: str = field(metadata=wire(absent=""))
    tasks: list[WorkflowTask] = field(factory=list)
    owner_app: str | None = None
    create_time: int | None = None
    update_time: int | None = None
    created_by: str | None = None
    updated_by: str | None = None
    description: str | None = None
    version: int | None = None
    input_parameters: list[str] | None = None
    output_parameters: dict[str, Any] | None = None
    failure_workflow: str | None = None
    schema_version: int | None = None
    restartable: bool | None = None
    workflow_status_listener_enabled: bool | None = None
    owner_email: str | None = None
    timeout_policy: WorkflowTimeoutPolicy | None = None
    timeout_seconds: int | None = None
    variables: dict[str, Any] | None = None
    input_template: dict[str, Any] | None = None
    failure_workflow_version: int | None = None
    workflow_status_listener_sink: str | None = None
    rate_limit_config: RateLimitConfig | None = None
    input_schema: SchemaDef | None = None
    output_schema: SchemaDef | None = None
    enforce_schema: bool | None = None
    metadata: dict[str, Any] | None = None
    cache_config: CacheConfig | None = None
    masked_fields: list[str] | None = None
    tags: list[Tag] | None = None
    overwrite_tags: bool | None = None

    def all_tasks(self) -> Iterator[WorkflowTask]:
        """Yield every task of the definition, each before the tasks in its cases, branches or loop.

        Definitions of sub-workflows inside a task are not searched.
        """
        pending = self.tasks[::-1]
        while pending:
            task = pending.pop()
            yield task
            blocks = [*(task.decision_cases or {}).values(), *(task.fork_tasks or [])]
            blocks += [task.default_case or [], task.loop_over or []]
            pending.extend(inner for block in reversed(blocks) for inner in reversed(block))

    def draw(self, inside: Iterable[object] = ()) -> Diagram:
        """Return the diagram of the workflow.

        Args:
            inside: Definitions of sub-workflows, which are drawn inside the tasks that start them.

        Returns:
            A diagram with ``svg()``, ``mermaid()``, ``text()`` and ``save(path)``; see ``conductor.diagram``.
        """
        return diagram_of(self, inside)

    def _repr_html_(self) -> str:
        return self.draw()._repr_html_()

    @property
    def created_at(self) -> datetime | None:
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)


@define(repr=False)
class WorkflowDefSummary(Model):
    """Name and version of a workflow definition (``GET /metadata/workflow/names-and-versions``).

    Attributes:
        create_time: Epoch milliseconds.
        update_time: Epoch milliseconds.
    """

    name: str | None = None
    version: int | None = None
    create_time: int | None = None
    update_time: int | None = None

    @property
    def created_at(self) -> datetime | None:
        """Creation time as an aware datetime in UTC, or None."""
        return to_datetime(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """Time of the last change as an aware datetime in UTC, or None."""
        return to_datetime(self.update_time)
