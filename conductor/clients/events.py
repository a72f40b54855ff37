"""Event handlers: what an event from outside does to workflows."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import evolve

from conductor.clients._base import Resource, Tagged, tag_operations
from conductor.clients.bodies import as_model, as_object, require_enum, require_max_bytes, require_name
from conductor.clients.payloads import TASK_OUTPUT, PayloadStorage
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
        """Name to type of all configured queues (``GET /event/queue/config``, Orkes)."""
        return self._call(LIST_QUEUE_CONFIGS)

    def get_queue_config(self, queue_type: str, queue_name: str) -> dict[str, Any]:
        """A queue's configuration (``GET /event/queue/config/{queueType}/{queueName}``, Orkes)."""
        return self._call(GET_QUEUE_CONFIG, {"queueType": queue_type, "queueName": queue_name})

    def save_queue_config(self, queue_type: str, queue_name: str, config: Mapping[str, Any]) -> None:
        """Configure a queue (``PUT /event/queue/config/{queueType}/{queueName}``, Orkes).

        Args:
            queue_type: ``kafka``, ``sqs``, ``amqp`` and so on.
            queue_name: The queue or topic.
            config: The provider's properties; the server takes them as one text, which is made here.
        """
        text = dumps(to_jsonable(as_object(config, "configuration of a queue"))).decode()
        self._call(SAVE_QUEUE_CONFIG, {"queueType": queue_type, "queueName": queue_name}, body=text)

    def delete_queue_config(self, queue_type: str, queue_name: str) -> None:
        """Remove a queue's configuration (``DELETE /event/queue/config/{queueType}/{queueName}``, Orkes)."""
        self._call(DELETE_QUEUE_CONFIG, {"queueType": queue_type, "queueName": queue_name})

    def test_connectivity(self, test: ConnectivityTestInput | Mapping[str, Any]) -> ConnectivityTestResult:
        """Send a message through a queue and see whether it arrives (``POST /event/queue/connectivity``, Orkes)."""
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
    """The server's event queues (``client.queues``). Queues of tasks are in ``client.tasks``."""

    def list(self) -> dict[str, str]:
        """The queue for each status (``GET /queue/``)."""
        return self._call(LIST_EVENT_QUEUES)

    def get_sizes(self) -> dict[str, Any]:
        """How many messages each queue holds (``GET /queue/size``); Orkes' document has numbers by name for each."""
        return self._call(EVENT_QUEUE_SIZES)

    def complete_wait_task(
        self,
        workflow_id: str,
        reference_name: str,
        status: TaskStatus | str = TaskStatus.COMPLETED,
        output: Mapping[str, Any] | None = None,
    ) -> None:
        """Send the message that ends a WAIT task (``POST /queue/update/{workflowId}/{taskRefName}/{status}``, OSS).

        ``client.tasks.update_by_reference_name`` does the same without a queue, on every server.

        Raises:
            BadRequestError: The server has no queue for this status, as the open-source server by default: ``list``
                says for which it has one.
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
        """The same by the task's id (``POST /queue/update/{workflowId}/task/{taskId}/{status}``, OSS)."""
        path = {"workflowId": workflow_id, "taskId": task_id, "status": _status(status)}
        self._call(COMPLETE_EVENT_QUEUE_BY_ID, path, body=PayloadStorage(self._transport).inline(output, TASK_OUTPUT))


def _status(status: TaskStatus | str) -> str:
    member = require_enum(status, TaskStatus, "status")
    assert member is not None  # noqa: S101  a status was given
    return member.value


SEND: Operation[str] = Operation(
    "POST",
    "/workflow/{workflowId}/messages",
    str,
    Repeat.NEVER,
    Edition.OSS,
    advice="The queue is off unless the server has conductor.workflow-message-queue.enabled=true.",
)
_LARGEST = 5 * 1024 * 1024


class MessageClient(Resource):
    """Messages to running workflows (``client.messages``), which PULL_WORKFLOW_MESSAGES tasks take."""

    def send(self, workflow_id: str, message: Mapping[str, Any]) -> str:
        """Put a message into a workflow's queue, and answer its id (``POST /workflow/{workflowId}/messages``).

        Raises:
            UnsupportedByServerError: The server has its message queue switched off, as it has by default.
            NotFoundError: There is no such workflow.
            ConflictError: The workflow is not running.
            RateLimitError: The queue is full (1,000 messages by default).
        """
        return self._call(SEND, {"workflowId": workflow_id}, body=require_max_bytes(message, _LARGEST, "message"))


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
_ACTIONS_OF_ORKES = frozenset({EventActionType.TERMINATE_WORKFLOW, EventActionType.UPDATE_WORKFLOW_VARIABLES})


class EventClient(EventQueues, Tagged):
    """Event handlers and the queues they listen to (``client.events``)."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_HANDLER_TAGS, SET_HANDLER_TAGS, DELETE_HANDLER_TAGS

    def create_handler(self, handler: EventHandler | Mapping[str, Any]) -> None:
        """Create an event handler (``POST /event``); it is active unless ``active`` is false.

        The server's own default is a handler that is stored and does nothing.

        Raises:
            ConflictError: There is one of that name.
            ConfigurationError: It has no actions, or its event is not ``provider:queue``.
        """
        checked = self._new(handler)
        self._call(CREATE_HANDLER, body=[checked] if self._takes_lists() else checked)

    def create_handlers(self, handlers: Iterable[EventHandler | Mapping[str, Any]]) -> None:
        """Create several event handlers (``POST /event``), active ones unless they say otherwise.

        The open-source server takes one per request.
        """
        checked = [self._new(one) for one in handlers]
        if self._takes_lists():
            self._call(CREATE_HANDLER, body=checked)
            return
        for one in checked:
            self._call(CREATE_HANDLER, body=one)

    def update_handler(self, handler: EventHandler | Mapping[str, Any]) -> None:
        """Replace an event handler (``PUT /event``).

        Raises:
            NotFoundError: There is none of that name.
            ConfigurationError: It does not say whether it is ``active``; the server would switch it off.
        """
        checked = self._possible(handler)
        if checked.active is None:
            raise ConfigurationError(
                f"The event handler {checked.name!r} does not say whether it is active; the server would switch it "
                "off without a word.",
                variable="active",
                allowed="true or false",
            )
        self._call(UPDATE_HANDLER, body=checked)

    def list_handlers(self) -> builtins.list[EventHandler]:
        """All event handlers (``GET /event``)."""
        return self._call(LIST_HANDLERS)

    def list_handlers_for_event(self, event: str, *, active_only: bool = True) -> builtins.list[EventHandler]:
        """The handlers of one event, as ``conductor:orders`` (``GET /event/{event}``)."""
        return self._call(LIST_HANDLER_FOR_EVENT, {"event": event}, query={"activeOnly": active_only})

    def get_handler(self, name: str) -> EventHandler:
        """An event handler (``GET /event/handler/{name}``; open-source server: found in ``GET /event``).

        Raises:
            NotFoundError: There is none of that name.
        """
        try:
            return self._call(GET_HANDLER, {"name": name})
        except UnsupportedByServerError as error:
            for handler in self.list_handlers():
                if handler.name == name:
                    return handler
            raise NotFoundError(
                f"{GET_HANDLER}: there is no event handler {name!r}",
                status=404,
                operation=str(GET_HANDLER),
                method="GET",
                path=GET_HANDLER.fill({"name": name}),
            ) from error

    def probe(self) -> EventHandler:
        """An example of an event handler (``GET /event/handler/``, Orkes)."""
        return self._call(PROBE_HANDLER)

    def delete_handler(self, name: str) -> None:
        """Delete an event handler (``DELETE /event/{name}``).

        Raises:
            NotFoundError: There is none of that name.
        """
        self._call(DELETE_HANDLER, {"name": name})

    def publish(self, event: Mapping[str, Any]) -> None:
        """Hand an event to the server's handlers (``POST /event/handleIncomingEvent``, Orkes)."""
        self._call(PUBLISH_HANDLER, body=as_object(event, "event"))

    # -- what became of events (Orkes)

    def list_active_handlers(self) -> SearchResult[HandledEvent]:
        """The handlers that have run (``GET /event/execution``, Orkes)."""
        return self._call(LIST_HANDLER_ACTIVE)

    def list_executions(self, handler_name: str, *, since: datetime | int | None = None) -> list[EventExecution]:
        """What a handler did (``GET /event/execution/{eventHandlerName}``, Orkes).

        Args:
            handler_name: The handler's name.
            since: From this moment on.
        """
        return self._call(
            LIST_HANDLER_EXECUTIONS, {"eventHandlerName": handler_name}, query={"from": epoch_ms(since, "since")}
        )

    def list_handlers_with_stats(self, *, since: datetime | int | None = None) -> SearchResult[HandledEvent]:
        """The handlers with numbers of actions and messages (``GET /event/message``, Orkes)."""
        return self._call(LIST_HANDLER_WITH_STATS, query={"from": epoch_ms(since, "since")})

    def list_messages(self, event: str, *, since: datetime | int | None = None) -> list[EventMessage]:
        """The messages of an event (``GET /event/message/{event}``, Orkes)."""
        return self._call(LIST_HANDLER_MESSAGES, {"event": event}, query={"from": epoch_ms(since, "since")})

    def delete_tag(self, name: str, key: str, value: str) -> None:
        """Remove one tag of an event handler (``DELETE /event/{name}/tags``, Orkes)."""
        self.delete_tags(name, {key: value})

    def _new(self, handler: EventHandler | Mapping[str, Any]) -> EventHandler:
        checked = self._possible(handler)
        return evolve(checked, active=True) if checked.active is None else checked

    def _possible(self, handler: EventHandler | Mapping[str, Any]) -> EventHandler:
        """A handler whose actions the server in use carries out."""
        checked = _checked(as_model(handler, EventHandler))
        for action in checked.actions:
            kind = action.action
            if kind is not None and kind in _ACTIONS_OF_ORKES and not self._takes_lists():
                raise ConfigurationError(
                    f"The event handler {checked.name!r} has the action {kind.value}, which the open-source server "
                    "stores and does not carry out; it is one of Orkes Conductor.",
                    variable="actions",
                    value=kind.value,
                    allowed="start_workflow, complete_task, fail_task",
                )
        return checked

    def _takes_lists(self) -> bool:
        """Orkes documents a list as the body of ``POST /event``, to which the open-source server answers 500."""
        return self._transport.server_info().edition is Edition.ORKES


def _checked(handler: EventHandler) -> EventHandler:
    require_name(handler.name, "event handler")
    if not handler.actions:
        raise ConfigurationError(
            f"The event handler {handler.name!r} has no actions.", variable="actions", allowed="at least one action"
        )
    provider, separator, queue = (handler.event or "").partition(":")
    if not (provider and separator and queue):
        raise ConfigurationError(
            f"The event handler {handler.name!r} listens to {handler.event!r}; events are named 'provider:queue', as "
            "'conductor:orders' or 'kafka:payments'. The server would store it and never call it.",
            variable="event",
            value=handler.event,
            allowed="provider:queue",
        )
    return handler
