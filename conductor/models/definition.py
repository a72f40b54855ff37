"""Workflow definitions, as the server stores them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.access import Tag
from conductor.models.codec import moment
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

if TYPE_CHECKING:
    from conductor.diagram import Diagram


@define(repr=False)
class SchemaDef(Model):
    """A schema that inputs or outputs are checked against.

    Attributes:
        type: Case-sensitive.
        version: The server's default is 1.
    """

    name: str
    type: SchemaType
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
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)


@define(repr=False)
class TaskDef(Model):
    """A task definition. What is None is left to the server, whose defaults the attributes name.

    Attributes:
        name: "" where a definition inside a workflow definition has none, which the server allows.
        create_time: Epoch ms.
        update_time: Epoch ms, 0 = never.
        retry_count: >= 0; the server's default is 3.
        timeout_seconds: Seconds, whole task including all polls; 0 = none; the server's default is 0.
        runtime_metadata: Names of secrets/variables resolved at poll time into Task.runtimeMetadata; open-source
            server only.
        timeout_policy: The server's default is TIME_OUT_WF.
        retry_logic: The server's default is FIXED.
        retry_delay_seconds: Seconds; the server's default is 60.
        response_timeout_seconds: Seconds between updates, >= 1, less than timeoutSeconds when that is set; the
            server's default is 3600.
        concurrent_exec_limit: 0 or None = no limit.
        input_template: Defaults merged under the task input.
        rate_limit_per_frequency: Tasks per window; 0 = none. Not enforced by the SQLite backend; the server's
            default is 0.
        rate_limit_frequency_in_seconds: Seconds, the window; the server's default is 1.
        owner_email: Mandatory only where the server demands it.
        poll_timeout_seconds: Seconds a task may stay SCHEDULED.
        backoff_scale_factor: >= 1; for LINEAR_BACKOFF; the server's default is 1.
        max_retry_delay_seconds: Seconds, cap for backoff; 0 = none; the server's default is 0; open-source server
            only.
        backoff_jitter_ms: Ms; the server's default is 0; open-source server only.
        total_timeout_seconds: Seconds over all attempts; 0 = none. The Orkes document marks it required; the
            server's default is 0.
        task_status_listener_enabled: The server's default is true; open-source server only.
        tags: Orkes only.
        overwrite_tags: Orkes only: whether the tags replace those that are there.
    """

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
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)


@define(repr=False)
class CacheConfig(Model):
    """Cache config.

    Attributes:
        key: Expression.
        ttl_in_second: Seconds; the server's default is 0.
    """

    key: str | None = None
    ttl_in_second: int | None = None


@define(repr=False)
class StateChangeEvent(Model):
    """State change event."""

    type: str
    payload: dict[str, Any] | None = None


@define(repr=False)
class RateLimitConfig(Model):
    """Rate limit config.

    Attributes:
        concurrent_exec_limit: The server's default is 0.
        policy: The server's default is QUEUE; open-source server only.
    """

    rate_limit_key: str | None = None
    concurrent_exec_limit: int | None = None
    policy: RateLimitPolicy | None = None


@define(repr=False)
class SubWorkflowParams(Model):
    """Sub workflow params.

    Attributes:
        version: None = latest.
        priority: Number or expression.
        workflow_definition: A WorkflowDef object or a ``${...}`` expression.
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
        task_reference_name: Unique in the whole definition (400 otherwise).
        type: Any string; unknown types are scheduled as worker tasks; the server's default is SIMPLE.
        case_value_param: Deprecated (DECISION).
        case_expression: Deprecated (DECISION).
        decision_cases: Order kept.
        dynamic_fork_join_tasks_param: Deprecated.
        fork_tasks: List of branches, each a list.
        start_delay: Seconds; the server's default is 0.
        optional: A failure does not fail the workflow (task ends COMPLETED_WITH_ERRORS).
        task_definition: Inline task definition.
        items: List iteration of DO_WHILE; loopCondition is still demanded by validation on 3.32.3; open-source
            server only.
        retry_count: Overrides the task definition.
        on_state_change: Keys (Python peer): onScheduled, onStart, onFailed, onSuccess, onCancelled, or several
            joined by commas.
        permissive: A failed task does not stop sibling branches.
        join_mode: Open-source server only.
        metadata: Open-source server only.
        workflow_task_type: NEVER send: the server takes it as a second setter of type (INLINE plus SIMPLE here was
            stored as SIMPLE; an unknown value is a 500).
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
    """A workflow definition. What is None is left to the server, whose defaults the attributes name.

    Attributes:
        name: OSS 3.32.3 accepted names with spaces, colons and slashes; a slash makes the definition unreachable by
            URL.
        tasks: Not empty.
        version: The server's default is 1.
        input_parameters: Names, documentation only.
        output_parameters: Empty = the last task's output.
        failure_workflow: May be an expression.
        schema_version: Only 2 is accepted; the server's default is 2.
        restartable: The server's default is true.
        timeout_policy: The server's default is ALERT_ONLY.
        timeout_seconds: Seconds, 0 = none; the server's default is 0.
        input_template: Defaults for the input.
        failure_workflow_version: Open-source server only.
        enforce_schema: The server's default is true.
        metadata: Free map; key classifier is meaningful to search.
        tags: Orkes only.
        overwrite_tags: Orkes only: whether the tags replace those that are there.
    """

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

    def draw(self, inside: Iterable[object] = ()) -> Diagram:
        """Its picture: ``.svg()``, ``.mermaid()``, ``.text()``, ``.save(path)``; see ``conductor.diagram``.

        Args:
            inside: Definitions of sub-workflows, to be drawn inside the steps that run them.
        """
        return diagram_of(self, inside)

    def _repr_html_(self) -> str:
        return self.draw()._repr_html_()

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)


@define(repr=False)
class WorkflowDefSummary(Model):
    """Workflow def summary.

    Attributes:
        version: The server's default is 1.
    """

    name: str | None = None
    version: int | None = None
    create_time: int | None = None
    update_time: int | None = None

    @property
    def created_at(self) -> datetime | None:
        """When it was created, aware and in UTC; None for never."""
        return moment(self.create_time)

    @property
    def updated_at(self) -> datetime | None:
        """When it was last changed, aware and in UTC; None for never."""
        return moment(self.update_time)
