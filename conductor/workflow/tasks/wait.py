"""Tasks that wait, publish messages, or end the workflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from typing_extensions import Unpack

from conductor._internal.durations import to_whole_seconds
from conductor.models import AssignmentCompletionStrategy, HumanTaskTriggerType, HumanTaskUserType
from conductor.workflow.step import Options, Step, as_inputs, make
from conductor.workflow.tasks.wire import given

__all__ = [
    "assignment",
    "event",
    "human",
    "kafka_publish",
    "noop",
    "pull_workflow_messages",
    "terminate",
    "trigger",
    "wait",
    "wait_for_webhook",
    "yield_",
]


def event(sink: str, inputs: Mapping[str, Any] | None = None, /, **options: Unpack[Options]) -> Step:
    """Publish an event (``EVENT``). Its message is the task's input, with the ids of the execution.

    Args:
        sink: The destination: ``conductor``, ``conductor:<name>``, ``sqs:<queue>``, ``kafka:<topic>``, ..., or a
            reference.
        inputs: The message.
        options: See ``Options``; with ``async_complete`` the task waits until an event handler completes it.
    """
    step: Step = make("EVENT", inputs, options, sink=sink)
    return step


def kafka_publish(
    topic: Any,
    value: Any,
    *,
    servers: Any,
    key: Any = None,
    key_serializer: str | None = None,
    headers: Any = None,
    request_timeout_ms: Any = None,
    max_block_ms: Any = None,
    **options: Unpack[Options],
) -> Step:
    """Publish a message to Kafka (``KAFKA_PUBLISH``).

    Args:
        topic: The topic.
        value: The message.
        servers: The brokers, as ``host:port,host:port``.
        key: The message's key.
        key_serializer: The class of the key's serializer.
        headers: Values by name.
        request_timeout_ms: Milliseconds to wait for the broker's response.
        max_block_ms: Milliseconds to wait for metadata and for space in the buffer.
        options: See ``Options``.
    """
    request = {"bootStrapServers": servers, "topic": topic, "value": value}
    request |= given(
        key=key,
        key_serializer=key_serializer,
        headers=headers,
        request_timeout_ms=request_timeout_ms,
        max_block_ms=max_block_ms,
    )
    step: Step = make("KAFKA_PUBLISH", {"kafka_request": request}, options)
    return step


def pull_workflow_messages(batch_size: Any = None, *, blocking: bool | None = None, **options: Unpack[Options]) -> Step:
    """Receive messages that were sent to this execution (``PULL_WORKFLOW_MESSAGES``).

    The output has ``messages`` and ``count``.

    Args:
        batch_size: The maximum number of messages, up to 100; the server's default is 1.
        blocking: Whether to wait for the first message; the server's default is true.
        options: See ``Options``.
    """
    inputs = given(batch_size=batch_size, blocking=blocking)
    step: Step = make("PULL_WORKFLOW_MESSAGES", inputs, options, base="messages")
    return step


def human(
    inputs: Mapping[str, Any] | None = None,
    /,
    *,
    display_name: Any = None,
    form: str | tuple[str, int] | None = None,
    assignments: Sequence[Mapping[str, Any]] | None = None,
    completion_strategy: AssignmentCompletionStrategy | str | None = None,
    triggers: Sequence[Mapping[str, Any]] | None = None,
    auto_claim: bool | None = None,
    **options: Unpack[Options],
) -> Step:
    """Wait for a person (``HUMAN``). On the open-source server, an update of the task ends the wait.

    Args:
        inputs: The data for the person.
        display_name: The title of the task (Orkes).
        form: The name of the form, or its name and version (Orkes).
        assignments: The assignees, one after another; see ``assignment`` (Orkes).
        completion_strategy: What happens after the last assignment: ``LEAVE_OPEN`` or ``TERMINATE`` (Orkes).
        triggers: Workflows that changes of the task start; see ``trigger`` (Orkes).
        auto_claim: Whether the first assignee who opens the task claims it (Orkes).
        options: See ``Options``.
    """
    name, version = form if isinstance(form, tuple) else (form, None)
    definition = given(
        display_name=display_name,
        user_form_template=None if name is None else given(name=name, version=version),
        assignments=None if assignments is None else list(assignments),
        assignment_completion_strategy=completion_strategy,
        task_triggers=None if triggers is None else list(triggers),
        auto_claim=auto_claim,
    )
    first = {"__humanTaskDefinition": definition} if definition else {}
    step: Step = make("HUMAN", {**first, **as_inputs(inputs)}, options)
    return step


def assignment(
    user: Any, user_type: HumanTaskUserType | str = HumanTaskUserType.EXTERNAL_USER, *, sla_minutes: int | None = None
) -> dict[str, Any]:
    """Return an assignment of a human task, for ``human``.

    Args:
        user: The name of a user or group, or a reference.
        user_type: The type of ``user``.
        sla_minutes: Minutes after which the next assignment applies.
    """
    return given(assignee={"userType": user_type, "user": user}, sla_minutes=sla_minutes)


def trigger(
    on: HumanTaskTriggerType | str,
    workflow: str,
    inputs: Mapping[str, Any] | None = None,
    *,
    version: int | None = None,
    correlation_id: Any = None,
    task_to_domain: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return a trigger for ``human``: a workflow that a change of the task starts.

    Args:
        on: The change of the task.
        workflow: The name of the workflow.
        inputs: The input of the workflow.
        version: The version of the workflow; by default the latest.
        correlation_id: The correlation id of the execution.
        task_to_domain: Domains by task name.
    """
    request = given(
        name=workflow, version=version, input=inputs, correlation_id=correlation_id, task_to_domain=task_to_domain
    )
    return {"triggerType": on, "startWorkflowRequest": request}


def wait(duration: Any = None, *, until: Any = None, **options: Unpack[Options]) -> Step:
    """Wait for a duration, until a time, or until an update or a signal completes the task (``WAIT``).

    Args:
        duration: Seconds, a ``timedelta``, a string such as ``"1 days 2 hours"`` or ``"90s"``, or a reference.
        until: A ``datetime`` (rounded down to minutes), a string such as ``"2027-01-31 18:30 UTC"``, or a reference.
            Write time zones as ``CET``, ``GMT+02:00`` or ``+0200``; the server does not support ``Europe/Berlin``.
        options: See ``Options``.
    """
    inputs = {"duration": _duration(duration), "until": _moment(until)}
    step: Step = make("WAIT", {key: value for key, value in inputs.items() if value is not None}, options)
    return step


def _duration(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float | timedelta):
        return value
    return f"{to_whole_seconds(value)} seconds"


def _moment(value: Any) -> Any:
    if not isinstance(value, datetime):
        return value
    zone = value.utcoffset()
    if zone is None:
        return value.strftime("%Y-%m-%d %H:%M")
    return (value - zone).strftime("%Y-%m-%d %H:%M UTC")


def wait_for_webhook(matches: Mapping[str, Any] | str | None = None, **options: Unpack[Options]) -> Step:
    """Wait for a webhook event with a matching payload (``WAIT_FOR_WEBHOOK``, Orkes).

    Args:
        matches: Required values by JSONPath, such as ``{"$['event']['type']": "paid"}``.
        options: See ``Options``.
    """
    step: Step = make("WAIT_FOR_WEBHOOK", {} if matches is None else {"matches": matches}, options)
    return step


def terminate(status: str = "COMPLETED", reason: Any = None, output: Any = None, **options: Unpack[Options]) -> Step:
    """End the workflow here (``TERMINATE``).

    Args:
        status: ``COMPLETED``, ``FAILED`` or ``TERMINATED``.
        reason: The reason.
        output: The workflow's output.
        options: See ``Options``.
    """
    inputs = {"terminationStatus": status, "terminationReason": reason, "workflowOutput": output}
    step: Step = make("TERMINATE", {key: value for key, value in inputs.items() if value is not None}, options)
    return step


def noop(**options: Unpack[Options]) -> Step:
    """Do nothing (``NOOP``), as a placeholder, or as the end of a branch for which a JOIN waits."""
    step: Step = make("NOOP", None, options)
    return step


def yield_(inputs: Mapping[str, Any] | None = None, /, **options: Unpack[Options]) -> Step:
    """Pause the workflow until an update completes the task (``YIELD``, Orkes).

    Args:
        inputs: The input of the task.
        options: See ``Options``.
    """
    step: Step = make("YIELD", inputs, options, base="yield")
    return step
