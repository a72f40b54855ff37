"""Bodies of calls."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.definition import WorkflowDef
from conductor.models.enums import IdempotencyStrategy, TaskResultStatus
from conductor.models.task import TaskResult


@define(repr=False)
class StartWorkflowRequest(Model):
    """Start workflow request.

    Attributes:
        version: None = latest.
        task_to_domain: Task name or * -> domain list with fallback, see behaviours.md.
        workflow_def: Runs an unregistered definition.
        priority: 0-99; the server's default is 0.
        idempotency_key: Ignored by OSS 3.32.3.
        idempotency_strategy: Ignored by OSS 3.32.3.
    """

    name: str
    version: int | None = None
    correlation_id: str | None = None
    input: dict[str, Any] | None = None
    task_to_domain: dict[str, str] | None = None
    workflow_def: WorkflowDef | None = None
    external_input_payload_storage_path: str | None = None
    priority: int | None = None
    created_by: str | None = None
    idempotency_key: str | None = None
    idempotency_strategy: IdempotencyStrategy | None = None


@define(repr=False)
class RerunWorkflowRequest(Model):
    """Rerun workflow request.

    Attributes:
        rerun_from_workflow_id: Wire has a capital R.
        rerun_from_task_id: Without it the workflow runs from its first task.
    """

    rerun_from_workflow_id: str | None = field(default=None, metadata=wire("reRunFromWorkflowId"))
    workflow_input: dict[str, Any] | None = None
    rerun_from_task_id: str | None = field(default=None, metadata=wire("reRunFromTaskId"))
    task_input: dict[str, Any] | None = None
    correlation_id: str | None = None


@define(repr=False)
class SkipTaskRequest(Model):
    """Skip task request."""

    task_input: dict[str, Any] | None = None
    task_output: dict[str, Any] | None = None


@define(repr=False)
class UpgradeWorkflowRequest(Model):
    """Upgrade workflow request."""

    name: str
    task_output: dict[str, Any] | None = None
    version: int | None = None
    workflow_input: dict[str, Any] | None = None


@define(repr=False)
class WorkflowStateUpdate(Model):
    """Workflow state update."""

    task_reference_name: str | None = None
    task_result: TaskResult | None = None
    variables: dict[str, Any] | None = None


@define(repr=False)
class CorrelationIdsSearchRequest(Model):
    """Correlation ids search request."""

    correlation_ids: list[str]
    workflow_names: list[str]


@define(repr=False)
class TaskMock(Model):
    """Task mock.

    Attributes:
        status: The server's default is COMPLETED.
        execution_time: Ms; the server's default is 0.
        queue_wait_time: Ms; the server's default is 0.
    """

    status: TaskResultStatus | None = None
    output: dict[str, Any] | None = None
    execution_time: int | None = None
    queue_wait_time: int | None = None


@define(repr=False)
class WorkflowTestRequest(Model):
    """Workflow test request.

    Attributes:
        task_ref_to_mock_output: One entry per attempt or iteration, in order.
        sub_workflow_test_request: Reference name -> nested request.
    """

    name: str
    version: int | None = None
    correlation_id: str | None = None
    input: dict[str, Any] | None = None
    task_to_domain: dict[str, str] | None = None
    workflow_def: WorkflowDef | None = None
    external_input_payload_storage_path: str | None = None
    priority: int | None = None
    created_by: str | None = None
    idempotency_key: str | None = None
    idempotency_strategy: IdempotencyStrategy | None = None
    task_ref_to_mock_output: dict[str, list[TaskMock]] | None = None
    sub_workflow_test_request: dict[str, WorkflowTestRequest] | None = None


@define(repr=False)
class IncomingBpmnFile(Model):
    """Incoming bpmn file."""

    file_content: str
    file_name: str
