"""Event handlers, their actions and what became of them."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from conductor.models._base import Model, wire
from conductor.models.access import Tag
from conductor.models.definition import WorkflowDef
from conductor.models.enums import (
    EventActionType,
    EventExecutionStatus,
    EventLogType,
    EventMessageStatus,
    EventMessageType,
    IdempotencyStrategy,
    WebhookVerifier,
)


@define(repr=False)
class WorkflowMessage(Model):
    """Workflow message.

    Attributes:
        id: Made by the server.
        payload: What the sender posted.
        received_at: ISO instant.
    """

    id: str | None = None
    workflow_id: str | None = None
    payload: dict[str, Any] | None = None
    received_at: str | None = None


@define(repr=False)
class WebhookExecutionHistory(Model):
    """Webhook execution history."""

    event_id: str | None = None
    matched: bool | None = None
    payload: str | None = None
    timestamp: int | None = field(default=None, metadata=wire("timeStamp"))
    workflow_ids: list[str] | None = None


@define(repr=False)
class WebhookConfig(Model):
    """Webhook config.

    Attributes:
        headers: What a HEADER_BASED verifier compares, so a secret: in no repr.
        secret_key: In no repr.
        secret_value: In no repr.
    """

    created_by: str | None = None
    evaluator_type: str | None = None
    expression: str | None = None
    header_key: str | None = None
    headers: dict[str, str] | None = field(default=None, repr=False)
    id: str | None = None
    name: str | None = None
    receiver_workflow_names_to_versions: dict[str, int] | None = None
    secret_key: str | None = field(default=None, repr=False)
    secret_value: str | None = field(default=None, repr=False)
    source_platform: str | None = None
    tags: list[Tag] | None = None
    url_verified: bool | None = None
    verifier: WebhookVerifier | None = None
    webhook_execution_history: list[WebhookExecutionHistory] | None = None
    workflows_to_start: dict[str, Any] | None = None


@define(repr=False)
class StartWorkflowAction(Model):
    """Start workflow action.

    Attributes:
        workflow_def: Runs an unregistered definition; Orkes only, as all that follows.
    """

    name: str | None = None
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
class TaskAction(Model):
    """Task action.

    Attributes:
        reason_for_incompletion: Open-source server only.
    """

    workflow_id: str | None = None
    task_ref_name: str | None = None
    output: dict[str, Any] | None = None
    task_id: str | None = None
    reason_for_incompletion: str | None = None


@define(repr=False)
class TerminateWorkflowAction(Model):
    """Terminate workflow action."""

    workflow_id: str | None = None
    termination_reason: str | None = None


@define(repr=False)
class UpdateVariablesAction(Model):
    """Update variables action."""

    workflow_id: str | None = None
    variables: dict[str, Any] | None = None
    append_array: bool | None = None


@define(repr=False)
class StartAgentAction(Model):
    """Start agent action (open-source server).

    Attributes:
        media: Addresses of what the agent is to look at.
    """

    name: str | None = None
    version: int | None = None
    prompt: str | None = None
    session_id: str | None = None
    media: list[str] | None = None
    context: dict[str, Any] | None = None
    idempotency_key: str | None = None


@define(repr=False)
class EventAction(Model):
    """Event action.

    Attributes:
        start_workflow: Wire names of the action objects are snake_case.
        expand_inline_json: Strings that hold JSON become objects.
        start_agent: Open-source server only.
    """

    action: EventActionType | None = None
    start_workflow: StartWorkflowAction | None = field(default=None, metadata=wire("start_workflow"))
    complete_task: TaskAction | None = field(default=None, metadata=wire("complete_task"))
    fail_task: TaskAction | None = field(default=None, metadata=wire("fail_task"))
    expand_inline_json: bool | None = field(default=None, metadata=wire("expandInlineJSON"))
    terminate_workflow: TerminateWorkflowAction | None = field(default=None, metadata=wire("terminate_workflow"))
    update_workflow_variables: UpdateVariablesAction | None = field(
        default=None, metadata=wire("update_workflow_variables")
    )
    start_agent: StartAgentAction | None = field(default=None, metadata=wire("start_agent"))


@define(repr=False)
class EventHandler(Model):
    """Event handler.

    Attributes:
        event: ``<provider>:<queue>``.
        actions: Not empty.
        active: False or None on the server: it does nothing. ``client.events.create_handler`` makes None true.
        evaluator_type: Javascript by default for condition.
        created_by: Orkes only.
        description: Orkes only.
        org_id: Orkes only.
        tags: Orkes only.
    """

    name: str
    event: str
    actions: list[EventAction]
    condition: str | None = None
    active: bool | None = None
    evaluator_type: str | None = None
    created_by: str | None = None
    description: str | None = None
    org_id: str | None = None
    tags: list[Tag] | None = None


@define(repr=False)
class EventExecution(Model):
    """Event execution."""

    action: EventActionType | None = None
    created: int | None = None
    event: str | None = None
    event_handler: EventHandler | None = None
    full_message_payload: dict[str, Any] | None = None
    id: str | None = None
    message_id: str | None = None
    name: str | None = None
    org_id: str | None = None
    output: dict[str, Any] | None = None
    payload: dict[str, Any] | None = None
    status: EventExecutionStatus | None = None
    status_description: str | None = None


@define(repr=False)
class EventMessage(Model):
    """Event message."""

    created_at: int | None = None
    event_executions: list[EventExecution] | None = None
    event_target: str | None = None
    event_type: EventMessageType | None = None
    full_payload: dict[str, Any] | None = None
    id: str | None = None
    org_id: str | None = None
    payload: str | None = None
    status: EventMessageStatus | None = None
    status_description: str | None = None


@define(repr=False)
class HandledEvent(Model):
    """Handled event."""

    active: bool | None = None
    event: str | None = None
    name: str | None = None
    number_of_actions: int | None = None
    number_of_messages: int | None = None


@define(repr=False)
class ConnectivityTestInput(Model):
    """Connectivity test input.

    Attributes:
        input: How to reach the queue, with its credentials: in no repr.
    """

    sink: str
    input: dict[str, Any] | None = field(default=None, repr=False)


@define(repr=False)
class ConnectivityTestResult(Model):
    """Connectivity test result."""

    reason: str | None = None
    successful: bool | None = None
    workflow_id: str | None = None


@define(repr=False)
class EventLog(Model):
    """Event log."""

    created_at: int | None = None
    event: str | None = None
    event_type: EventLogType | None = None
    handler_name: str | None = None
    id: str | None = None
    task_id: str | None = None
    worker_id: str | None = None
