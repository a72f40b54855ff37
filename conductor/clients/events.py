"""Event handlers, event queues, and messages to running workflows."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, cast

from attrs import evolve

from conductor.clients._base import Resource, as_model, as_object, require_enum, require_max_bytes, require_name
from conductor.clients.payloads import TASK_OUTPUT, PayloadStorage
from conductor.clients.tags import Tagged, tag_operations
from conductor.errors import ConfigurationError, NotFoundError, UnsupportedByServerError
from conductor.models import (
    ConnectivityTestInput,
    ConnectivityTestResult,
    EventActionType,
    EventExecution,
    EventHandler,
    EventMessage,
    HandledEvent,
    SearchResult,
    TaskStatus,
)
from conductor.models.codec import dumps, epoch_ms, to_jsonable
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["EventClient", "EventQueues", "MessageClient", "QueueClient"]


LIST_QUEUE_CONFIGS: Operation[dict[str, Any]] = Operation(
    "GET", "/event/queue/config", dict, edition=Edition.ORKES, on_empty=dict
)
GET_QUEUE_CONFIG: Operation[dict[str, Any]] = Operation(
    "GET", "/event/queue/config/{queueType}/{queueName}", dict, edition=Edition.ORKES, on_empty=dict
)
SAVE_QUEUE_CONFIG: Operation[None] = Operation(
    "PUT", "/event/queue/config/{queueType}/{queueName}", edition=Edition.ORKES
)
DELETE_QUEUE_CONFIG: Operation[None] = Operation(
    "DELETE", "/event/queue/config/{queueType}/{queueName}", edition=Edition.ORKES
)
TEST_QUEUE_CONFIG: Operation[ConnectivityTestResult] = Operation(
    "POST", "/event/queue/connectivity", ConnectivityTestResult, Repeat.NEVER, Edition.ORKES
)


class EventQueues(Resource):
    """Queue configurations; part of ``client.events``."""

    def list_queue_configs(self) -> dict[str, str]:
        """Return all configured queues (``GET /event/queue/config``, Orkes).

        Returns:
            A dict of queue types by queue name.
        """
        return self._call(LIST_QUEUE_CONFIGS)

    def get_queue_config(self, queue_type: str, queue_name: str) -> dict[str, Any]:
        """Return the configuration of a queue (``GET /event/queue/config/{queueType}/{queueName}``, Orkes).

        Args:
            queue_type: ``kafka``, ``sqs``, ``amqp`` and so on.
            queue_name: The name of the queue or topic.

        Returns:
            The properties of the provider.
        """
        return self._call(GET_QUEUE_CONFIG, {"queueType": queue_type, "queueName": queue_name})

    def save_queue_config(self, queue_type: str, queue_name: str, config: Mapping[str, Any]) -> None:
        """Configure a queue (``PUT /event/queue/config/{queueType}/{queueName}``, Orkes).

        Args:
            queue_type: ``kafka``, ``sqs``, ``amqp`` and so on.
            queue_name: The name of the queue or topic.
            config: The properties of the provider. The client sends them as one JSON string, which is what the server
                expects.
        """
        properties = dumps(to_jsonable(as_object(config, "queue configuration"))).decode()
        self._call(SAVE_QUEUE_CONFIG, {"queueType": queue_type, "queueName": queue_name}, body=properties)

    def delete_queue_config(self, queue_type: str, queue_name: str) -> None:
        """Delete the configuration of a queue (``DELETE /event/queue/config/{queueType}/{queueName}``, Orkes).

        Args:
            queue_type: ``kafka``, ``sqs``, ``amqp`` and so on.
            queue_name: The name of the queue or topic.
        """
        self._call(DELETE_QUEUE_CONFIG, {"queueType": queue_type, "queueName": queue_name})

    def test_connectivity(self, test: ConnectivityTestInput | Mapping[str, Any]) -> ConnectivityTestResult:
        """Test a queue by sending a message through it (``POST /event/queue/connectivity``, Orkes).

        Args:
            test: The queue and its connection properties.

        Returns:
            Whether the message arrived; if not, the reason.
        """
        return self._call(TEST_QUEUE_CONFIG, body=as_model(test, ConnectivityTestInput))


LIST_EVENT_QUEUES: Operation[dict[str, str]] = Operation("GET", "/queue/", dict[str, str], on_empty=dict)
EVENT_QUEUE_SIZES: Operation[dict[str, Any]] = Operation("GET", "/queue/size", dict, on_empty=dict)
COMPLETE_EVENT_QUEUE: Operation[None] = Operation(
    "POST", "/queue/update/{workflowId}/{taskRefName}/{status}", repeat=Repeat.NEVER, edition=Edition.OSS
)
COMPLETE_EVENT_QUEUE_BY_ID: Operation[None] = Operation(
    "POST", "/queue/update/{workflowId}/task/{taskId}/{status}", repeat=Repeat.NEVER, edition=Edition.OSS
)


class QueueClient(Resource):
    """The server's event queues for WAIT tasks (``client.queues``). For task queues, see ``client.tasks``."""

    def list(self) -> dict[str, str]:
        """Return the queues that the server listens to (``GET /queue/``).

        Returns:
            A dict that maps each task status to the queue whose messages set it; it may be empty.
        """
        return self._call(LIST_EVENT_QUEUES)

    def get_sizes(self) -> dict[str, Any]:
        """Return the number of messages in each queue (``GET /queue/size``).

        Returns:
            A dict that maps each task status to the number of messages; on Orkes, to a dict of numbers by queue name.
        """
        return self._call(EVENT_QUEUE_SIZES)

    def complete_wait_task(
        self,
        workflow_id: str,
        reference_name: str,
        status: TaskStatus | str = TaskStatus.COMPLETED,
        output: Mapping[str, Any] | None = None,
    ) -> None:
        """Complete a WAIT task through an event queue.

        ``POST /queue/update/{workflowId}/{taskRefName}/{status}``, open-source server.
        ``client.tasks.update_by_reference_name`` does the same without a queue, on every server.

        Args:
            workflow_id: The id of the execution.
            reference_name: The reference name of the task.
            status: The new status of the task.
            output: The output of the task.

        Raises:
            BadRequestError: The server has no queue for this status, which is the default; see ``list``.
        """
        path = {"workflowId": workflow_id, "taskRefName": reference_name, "status": _status(status)}
        self._call(COMPLETE_EVENT_QUEUE, path, body=PayloadStorage(self._transport).inline(output, TASK_OUTPUT))

    def complete_wait_task_by_id(
        self,
        workflow_id: str,
        task_id: str,
        status: TaskStatus | str = TaskStatus.COMPLETED,
        output: Mapping[str, Any] | None = None,
    ) -> None:
        """Complete a WAIT task, identified by its id, through an event queue.

        ``POST /queue/update/{workflowId}/task/{taskId}/{status}``, open-source server.

        Args:
            workflow_id: The id of the execution.
            task_id: The id of the task.
            status: The new status of the task.
            output: The output of the task.

        Raises:
            BadRequestError: The server has no queue for this status, which is the default; see ``list``.
        """
        path = {"workflowId": workflow_id, "taskId": task_id, "status": _status(status)}
        self._call(COMPLETE_EVENT_QUEUE_BY_ID, path, body=PayloadStorage(self._transport).inline(output, TASK_OUTPUT))


def _status(status: TaskStatus | str) -> str:
    member = require_enum(status, TaskStatus, "status")
    return cast("TaskStatus", member).value  # None only for None


SEND: Operation[str] = Operation(
    "POST",
    "/workflow/{workflowId}/messages",
    str,
    Repeat.NEVER,
    Edition.OSS,
    advice="The message queue is disabled unless the server has conductor.workflow-message-queue.enabled=true.",
)
#: Bytes of JSON that the server accepts as a message.
_MAX_MESSAGE_BYTES = 5 * 1024 * 1024


class MessageClient(Resource):
    """Messages that PULL_WORKFLOW_MESSAGES tasks read (``client.messages``, open-source server)."""

    def send(self, workflow_id: str, message: Mapping[str, Any]) -> str:
        """Add a message to the queue of an execution (``POST /workflow/{workflowId}/messages``).

        Args:
            workflow_id: The id of the execution.
            message: The message.

        Returns:
            The id of the message.

        Raises:
            UnsupportedByServerError: The message queue is disabled, which is the server's default.
            NotFoundError: The execution does not exist.
            ConflictError: The execution is not RUNNING.
            RateLimitError: The queue is full (1,000 messages by default).
        """
        return self._call(
            SEND, {"workflowId": workflow_id}, body=require_max_bytes(message, _MAX_MESSAGE_BYTES, "message")
        )


CREATE_HANDLER: Operation[None] = Operation("POST", "/event", repeat=Repeat.NEVER)
UPDATE_HANDLER: Operation[None] = Operation("PUT", "/event")
LIST_HANDLERS: Operation[list[EventHandler]] = Operation("GET", "/event", list[EventHandler], on_empty=list)
LIST_HANDLER_FOR_EVENT: Operation[list[EventHandler]] = Operation(
    "GET", "/event/{event}", list[EventHandler], on_empty=list
)
GET_HANDLER: Operation[EventHandler] = Operation("GET", "/event/handler/{name}", EventHandler, edition=Edition.ORKES)
PROBE_HANDLER: Operation[EventHandler] = Operation("GET", "/event/handler/", EventHandler, edition=Edition.ORKES)
DELETE_HANDLER: Operation[None] = Operation("DELETE", "/event/{name}", repeat=Repeat.NEVER)
PUBLISH_HANDLER: Operation[None] = Operation(
    "POST", "/event/handleIncomingEvent", repeat=Repeat.NEVER, edition=Edition.ORKES
)
LIST_HANDLER_ACTIVE: Operation[SearchResult[HandledEvent]] = Operation(
    "GET", "/event/execution", SearchResult[HandledEvent], edition=Edition.ORKES, shadowed=True
)
LIST_HANDLER_EXECUTIONS: Operation[list[EventExecution]] = Operation(
    "GET", "/event/execution/{eventHandlerName}", list[EventExecution], edition=Edition.ORKES, on_empty=list
)
LIST_HANDLER_WITH_STATS: Operation[SearchResult[HandledEvent]] = Operation(
    "GET", "/event/message", SearchResult[HandledEvent], edition=Edition.ORKES, shadowed=True
)
LIST_HANDLER_MESSAGES: Operation[list[EventMessage]] = Operation(
    "GET", "/event/message/{event}", list[EventMessage], edition=Edition.ORKES, on_empty=list
)
LIST_HANDLER_TAGS, SET_HANDLER_TAGS, DELETE_HANDLER_TAGS = tag_operations("/event/{name}/tags")
#: Actions that the open-source server stores but does not execute.
_ORKES_ACTIONS = frozenset({EventActionType.TERMINATE_WORKFLOW, EventActionType.UPDATE_WORKFLOW_VARIABLES})


class EventClient(EventQueues, Tagged):
    """Event handlers, and the queues they receive events from (``client.events``)."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_HANDLER_TAGS, SET_HANDLER_TAGS, DELETE_HANDLER_TAGS

    def create_handler(self, handler: EventHandler | Mapping[str, Any]) -> None:
        """Create an event handler (``POST /event``).

        A handler whose ``active`` is None is created as active; the server's own default is inactive.

        Args:
            handler: The event handler.

        Raises:
            ConflictError: A handler with this name exists.
            ConfigurationError: The handler has no actions, or its event is not ``provider:queue``.
        """
        checked = self._checked_active(handler)
        self._call(CREATE_HANDLER, body=[checked] if self._accepts_lists() else checked)

    def create_handlers(self, handlers: Iterable[EventHandler | Mapping[str, Any]]) -> None:
        """Create several event handlers (``POST /event``; one request per handler on the open-source server).

        Handlers whose ``active`` is None are created as active.

        Args:
            handlers: The event handlers.

        Raises:
            ConflictError: A handler with one of the names exists.
            ConfigurationError: A handler has no actions, or its event is not ``provider:queue``; nothing was sent.
        """
        checked = [self._checked_active(handler) for handler in handlers]
        if self._accepts_lists():
            self._call(CREATE_HANDLER, body=checked)
            return
        for handler in checked:
            self._call(CREATE_HANDLER, body=handler)

    def update_handler(self, handler: EventHandler | Mapping[str, Any]) -> None:
        """Replace an event handler (``PUT /event``).

        Args:
            handler: The event handler, with ``active``.

        Raises:
            NotFoundError: No handler has this name.
            ConfigurationError: ``active`` is None; the server would disable the handler.
        """
        checked = self._checked(handler)
        if checked.active is None:
            raise ConfigurationError(
                f"active of the event handler {checked.name!r} is None; the server would disable the handler.",
                variable="active",
                allowed="true or false",
            )
        self._call(UPDATE_HANDLER, body=checked)

    def list_handlers(self) -> builtins.list[EventHandler]:
        """Return all event handlers (``GET /event``).

        Returns:
            The event handlers, or an empty list.
        """
        return self._call(LIST_HANDLERS)

    def list_handlers_for_event(self, event: str, *, active_only: bool = True) -> builtins.list[EventHandler]:
        """Return the handlers of an event (``GET /event/{event}``).

        Args:
            event: The event, such as ``conductor:orders``.
            active_only: Whether to leave out inactive handlers.

        Returns:
            The event handlers, or an empty list.
        """
        return self._call(LIST_HANDLER_FOR_EVENT, {"event": event}, query={"activeOnly": active_only})

    def get_handler(self, name: str) -> EventHandler:
        """Return an event handler (``GET /event/handler/{name}``; ``GET /event`` on the open-source server).

        Args:
            name: The name of the handler.

        Returns:
            The event handler.

        Raises:
            NotFoundError: No handler has this name.
        """
        try:
            return self._call(GET_HANDLER, {"name": name})
        except UnsupportedByServerError as error:
            for handler in self.list_handlers():
                if handler.name == name:
                    return handler
            raise NotFoundError(
                f"{GET_HANDLER}: event handler {name!r} not found",
                status=404,
                operation=str(GET_HANDLER),
                method="GET",
                path=GET_HANDLER.fill({"name": name}),
            ) from error

    def probe(self) -> EventHandler:
        """Return an example of an event handler (``GET /event/handler/``, Orkes)."""
        return self._call(PROBE_HANDLER)

    def delete_handler(self, name: str) -> None:
        """Delete an event handler (``DELETE /event/{name}``).

        Args:
            name: The name of the handler.

        Raises:
            NotFoundError: No handler has this name.
        """
        self._call(DELETE_HANDLER, {"name": name})

    def publish(self, event: Mapping[str, Any]) -> None:
        """Send an event to the server's event handlers (``POST /event/handleIncomingEvent``, Orkes).

        Args:
            event: The event.
        """
        self._call(PUBLISH_HANDLER, body=as_object(event, "event"))

    # -- statistics, Orkes only

    def list_active_handlers(self) -> SearchResult[HandledEvent]:
        """Return the handlers that have executed actions (``GET /event/execution``, Orkes).

        Returns:
            The handlers with their numbers of messages and actions.
        """
        return self._call(LIST_HANDLER_ACTIVE)

    def list_executions(self, handler_name: str, *, since: datetime | int | None = None) -> list[EventExecution]:
        """Return the actions that a handler has executed (``GET /event/execution/{eventHandlerName}``, Orkes).

        Args:
            handler_name: The name of the handler.
            since: Earliest time, as a datetime or in epoch milliseconds.

        Returns:
            The actions with their status, or an empty list.
        """
        return self._call(
            LIST_HANDLER_EXECUTIONS, {"eventHandlerName": handler_name}, query={"from": epoch_ms(since, "since")}
        )

    def list_handlers_with_stats(self, *, since: datetime | int | None = None) -> SearchResult[HandledEvent]:
        """Return all handlers with their numbers of messages and actions (``GET /event/message``, Orkes).

        Args:
            since: Earliest time, as a datetime or in epoch milliseconds.

        Returns:
            The handlers with their numbers of messages and actions.
        """
        return self._call(LIST_HANDLER_WITH_STATS, query={"from": epoch_ms(since, "since")})

    def list_messages(self, event: str, *, since: datetime | int | None = None) -> list[EventMessage]:
        """Return the messages of an event (``GET /event/message/{event}``, Orkes).

        Args:
            event: The event, such as ``kafka:payments``.
            since: Earliest time, as a datetime or in epoch milliseconds.

        Returns:
            The messages, or an empty list.
        """
        return self._call(LIST_HANDLER_MESSAGES, {"event": event}, query={"from": epoch_ms(since, "since")})

    def delete_tag(self, name: str, key: str, value: str) -> None:
        """Remove one tag from an event handler (``DELETE /event/{name}/tags``, Orkes).

        Args:
            name: The name of the handler.
            key: The key of the tag.
            value: The value of the tag.
        """
        self.delete_tags(name, {key: value})

    def _checked_active(self, handler: EventHandler | Mapping[str, Any]) -> EventHandler:
        checked = self._checked(handler)
        return evolve(checked, active=True) if checked.active is None else checked

    def _checked(self, handler: EventHandler | Mapping[str, Any]) -> EventHandler:
        """Return the handler as a model, after checking that the server can execute all its actions."""
        checked = _valid(as_model(handler, EventHandler))
        for action in checked.actions:
            kind = action.action
            if kind is not None and kind in _ORKES_ACTIONS and not self._accepts_lists():
                raise ConfigurationError(
                    f"The event handler {checked.name!r} has the action {kind.value}, which the open-source server "
                    "stores but does not execute; Orkes Conductor does.",
                    variable="actions",
                    value=kind.value,
                    allowed="start_workflow, complete_task, fail_task",
                )
        return checked

    def _accepts_lists(self) -> bool:
        """Return whether ``POST /event`` accepts a list (Orkes); the open-source server responds with 500."""
        return self._transport.server_info().edition is Edition.ORKES


def _valid(handler: EventHandler) -> EventHandler:
    require_name(handler.name, "event handler")
    if not handler.actions:
        raise ConfigurationError(
            f"The event handler {handler.name!r} has no actions.", variable="actions", allowed="at least one action"
        )
    provider, separator, queue = (handler.event or "").partition(":")
    if not (provider and separator and queue):
        raise ConfigurationError(
            f"The event handler {handler.name!r} has the event {handler.event!r}; it must be 'provider:queue', such as "
            "'conductor:orders' or 'kafka:payments'. The server would store the handler but never execute it.",
            variable="event",
            value=handler.event,
            allowed="provider:queue",
        )
    return handler
