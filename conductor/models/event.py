"""Event handlers, event messages, webhooks and messages to workflows."""

from __future__ import annotations

from typing import Any, ClassVar

from attrs import define, field

from conductor.models._base import Model, wire
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
from conductor.models.tag import Tag


@define(repr=False)
class WorkflowMessage(Model):
    """A message in the queue of an execution (``POST /workflow/{workflowId}/messages``).

    Attributes:
        id: Set by the server.
        payload: The message.
        received_at: Time of receipt as an ISO 8601 string.
    """

    id: str | None = None
    workflow_id: str | None = None
    payload: dict[str, Any] | None = None
    received_at: str | None = None


@define(repr=False)
class WebhookExecutionHistory(Model):
    """One call of a webhook, in ``WebhookConfig.webhook_execution_history`` (Orkes).

    Attributes:
        matched: Whether the call started or matched a workflow.
        payload: The received body as a string.
        timestamp: Epoch milliseconds.
    """

    event_id: str | None = None
    matched: bool | None = None
    payload: str | None = None
    timestamp: int | None = field(default=None, metadata=wire("timeStamp"))
    workflow_ids: list[str] | None = None


@define(repr=False)
class WebhookConfig(Model):
    """A webhook through which other systems start workflows (Orkes, ``client.webhooks``).

    Attributes:
        headers: Header values that a HEADER_BASED verifier expects; hidden in the repr, because they are secrets.
        secret_key: Hidden in the repr.
        secret_value: Hidden in the repr.
        receiver_workflow_names_to_versions: The versions of the workflows that receive the events, by workflow name.
        workflows_to_start: The versions of the workflows that each call starts, by workflow name.
        url_verified: Whether the platform has verified the URL.
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
    """The ``start_workflow`` action of an event handler.

    Attributes:
        version: None for the latest version.
        input: Input; values may contain expressions such as ``${payload.id}``.
        task_to_domain: The domain of the workers for each task name, or for all tasks (``*``).
        workflow_def: A definition that runs without being registered; Orkes only, like the attributes after it.
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
    """The ``complete_task`` or ``fail_task`` action of an event handler.

    The task is identified by ``task_id``, or by ``workflow_id`` and ``task_ref_name``.

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
    """The ``terminate_workflow`` action of an event handler; the open-source server does not execute it."""

    workflow_id: str | None = None
    termination_reason: str | None = None


@define(repr=False)
class UpdateVariablesAction(Model):
    """The ``update_workflow_variables`` action of an event handler; the open-source server does not execute it.

    Attributes:
        append_array: Whether lists are appended to existing lists instead of replacing them.
    """

    workflow_id: str | None = None
    variables: dict[str, Any] | None = None
    append_array: bool | None = None


@define(repr=False)
class StartAgentAction(Model):
    """The ``start_agent`` action of an event handler (open-source server only).

    Attributes:
        media: URLs of files for the agent.
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
    """One action of an event handler: ``action`` and the attribute of the same name.

    Attributes:
        expand_inline_json: Whether strings that contain JSON are parsed.
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
    """What the server does when it receives an event (``client.events.create_handler``, ``GET /event``).

    Attributes:
        event: ``<provider>:<queue>``, such as ``conductor:orders`` or ``kafka:payments``.
        actions: At least one action.
        condition: An expression; the actions are executed only if it is true.
        active: The server ignores a handler if this is false or None. ``client.events.create_handler`` sends true for
            None.
        evaluator_type: Language of ``condition``; ``javascript`` by default.
        created_by: Orkes only.
        description: Orkes only.
        org_id: Orkes only.
        tags: Orkes only.
    """

    is_written_by_hand: ClassVar[bool] = True

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
    """One action that an event triggered (Orkes, ``GET /event/execution/{eventHandlerName}``).

    Attributes:
        created: Epoch milliseconds.
    """

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
    """A message that the server received for an event (Orkes, ``GET /event/message/{event}``).

    Attributes:
        created_at: Epoch milliseconds.
        full_payload: The message as an object.
        payload: The message as a string.
    """

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
    """An event handler with its counts of messages and actions (Orkes, ``GET /event/message``)."""

    active: bool | None = None
    event: str | None = None
    name: str | None = None
    number_of_actions: int | None = None
    number_of_messages: int | None = None


@define(repr=False)
class ConnectivityTestInput(Model):
    """The body of ``POST /event/queue/connectivity`` (Orkes).

    Attributes:
        sink: The queue, as ``<provider>:<queue>``.
        input: Connection properties, which may hold credentials; hidden in the repr.
    """

    sink: str
    input: dict[str, Any] | None = field(default=None, repr=False)


@define(repr=False)
class ConnectivityTestResult(Model):
    """The result of ``POST /event/queue/connectivity`` (Orkes).

    Attributes:
        workflow_id: The execution that tested the connection.
    """

    reason: str | None = None
    successful: bool | None = None
    workflow_id: str | None = None


@define(repr=False)
class EventLog(Model):
    """One message in the event statistics of an integration (Orkes, ``POST /integrations/eventStats/{type}``).

    Attributes:
        created_at: Epoch milliseconds.
    """

    created_at: int | None = None
    event: str | None = None
    event_type: EventLogType | None = None
    handler_name: str | None = None
    id: str | None = None
    task_id: str | None = None
    worker_id: str | None = None
