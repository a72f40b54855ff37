"""Bodies of requests that start, change or test executions."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.definition import WorkflowDef
from conductor.models.enums import IdempotencyStrategy, TaskResultStatus
from conductor.models.task import TaskResult


@define(repr=False)
class StartWorkflowRequest(Model):
    """The body of ``POST /workflow``, which starts an execution; also part of schedules.

    Attributes:
        name: Name of the definition.
        version: None for the latest version.
        correlation_id: Free text by which executions can be found.
        input: Input of the workflow.
        task_to_domain: The domain of the workers for each task name, or for all tasks (``*``). Several domains,
            separated by commas, are tried in order.
        workflow_def: A definition that runs without being registered.
        external_input_payload_storage_path: Path of the input in external storage, instead of ``input``.
        priority: 0 to 99; the server's default is 0.
        idempotency_key: Ignored by the open-source server.
        idempotency_strategy: Ignored by the open-source server.
    """

    is_written_by_hand: ClassVar[bool] = True

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
    """The body of ``POST /workflow/{workflowId}/rerun``.

    Attributes:
        rerun_from_workflow_id: The execution to run again.
        workflow_input: New input of the workflow; None keeps the current one.
        rerun_from_task_id: The task to start from; None for the first one.
        task_input: New input of that task.
    """

    rerun_from_workflow_id: str | None = field(default=None, metadata=wire("reRunFromWorkflowId"))
    workflow_input: dict[str, Any] | None = None
    rerun_from_task_id: str | None = field(default=None, metadata=wire("reRunFromTaskId"))
    task_input: dict[str, Any] | None = None
    correlation_id: str | None = None


@define(repr=False)
class SkipTaskRequest(Model):
    """The body of ``PUT /workflow/{workflowId}/skiptask/{taskReferenceName}``.

    Attributes:
        task_input: Input to record for the skipped task.
        task_output: Output that later tasks read.
    """

    task_input: dict[str, Any] | None = None
    task_output: dict[str, Any] | None = None


@define(repr=False)
class UpgradeWorkflowRequest(Model):
    """The body of ``POST /workflow/{workflowId}/upgrade``: continue an execution with another version (Orkes).

    Attributes:
        task_output: Output of the tasks that the new version adds before the current task.
        workflow_input: New input of the workflow.
    """

    name: str
    task_output: dict[str, Any] | None = None
    version: int | None = None
    workflow_input: dict[str, Any] | None = None


@define(repr=False)
class WorkflowStateUpdate(Model):
    """The body of ``POST /workflow/{workflowId}/state``: update variables and a task at once (Orkes).

    Attributes:
        task_reference_name: The task to update.
        task_result: Its result.
        variables: Workflow variables to set.
    """

    task_reference_name: str | None = None
    task_result: TaskResult | None = None
    variables: dict[str, Any] | None = None


@define(repr=False)
class CorrelationIdsSearchRequest(Model):
    """The body of ``POST /workflow/correlated/batch`` (Orkes)."""

    correlation_ids: list[str]
    workflow_names: list[str]


@define(repr=False)
class TaskMock(Model):
    """The result of one attempt or iteration of a task in ``client.workflows.test``.

    Attributes:
        status: The server's default is COMPLETED.
        execution_time: Milliseconds; the server's default is 0.
        queue_wait_time: Milliseconds; the server's default is 0.
    """

    status: TaskResultStatus | None = None
    output: dict[str, Any] | None = None
    execution_time: int | None = None
    queue_wait_time: int | None = None


@define(repr=False)
class WorkflowTestRequest(Model):
    """The body of ``POST /workflow/test``: execute a definition with mocked task outputs.

    Attributes:
        name: Name of the definition.
        version: None for the latest version.
        workflow_def: A definition that is tested without being registered.
        priority: 0 to 99; the server's default is 0.
        task_ref_to_mock_output: The results of the attempts or iterations of each task in order, by reference name.
        sub_workflow_test_request: The requests for the executions of SUB_WORKFLOW tasks, by reference name.
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
    """The body of ``POST /metadata/workflow-importer/import-bpm`` (Orkes).

    Attributes:
        file_content: The BPMN document as a string.
    """

    file_content: str
    file_name: str
