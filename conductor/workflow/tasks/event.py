"""Events and messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import Unpack

from conductor._renamed import explains
from conductor.workflow.step import Options, Step, make
from conductor.workflow.tasks.wire import given

__all__ = ["event", "kafka_publish", "pull_workflow_messages"]


@explains
def event(sink: str, inputs: Mapping[str, Any] | None = None, /, **options: Unpack[Options]) -> Step:
    """Publish an event (``EVENT``); its message is the task's input, and ids of the workflow.

    Args:
        sink: Where: ``conductor``, ``conductor:<name>``, ``sqs:<queue>``, ``kafka:<topic>``, ...; may be a reference.
        inputs: The message.
        options: See ``Options``; with ``async_complete`` the task waits until an event handler completes it.
    """
    step: Step = make("EVENT", inputs, options, sink=sink)
    return step


@explains
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
        key_serializer: Class of the key's serializer.
        headers: Name to value.
        request_timeout_ms: Milliseconds.
        max_block_ms: Milliseconds.
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
    """Take messages that were sent to this execution (``PULL_WORKFLOW_MESSAGES``); ``messages`` and ``count``.

    Args:
        batch_size: How many at most, up to 100; 1 on the server's side.
        blocking: Whether to wait for the first; true on the server's side.
        options: See ``Options``.
    """
    inputs = given(batch_size=batch_size, blocking=blocking)
    step: Step = make("PULL_WORKFLOW_MESSAGES", inputs, options, base="messages")
    return step
