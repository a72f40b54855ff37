"""Event handlers: what an event from outside does to workflows."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from attrs import evolve

from conductor.clients._tagged import Tagged, tag_operations
from conductor.clients.checks import addressable, as_model, as_object
from conductor.clients.event_queues import EventQueues
from conductor.errors import ConfigurationError, NotFoundError, UnsupportedByServerError
from conductor.models import EventActionType, EventExecution, EventHandler, EventMessage, HandledEvent, SearchResult
from conductor.models.codec import epoch_ms
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["EventClient"]

CREATE: Operation[None] = Operation("POST", "/event", repeat=Repeat.NEVER)
UPDATE: Operation[None] = Operation("PUT", "/event")
LIST: Operation[list[EventHandler]] = Operation("GET", "/event", list[EventHandler], on_empty=list)
LIST_FOR_EVENT: Operation[list[EventHandler]] = Operation("GET", "/event/{event}", list[EventHandler], on_empty=list)
GET: Operation[EventHandler] = Operation("GET", "/event/handler/{name}", EventHandler, edition=Edition.ORKES)
PROBE: Operation[EventHandler] = Operation("GET", "/event/handler/", EventHandler, edition=Edition.ORKES)
DELETE: Operation[None] = Operation("DELETE", "/event/{name}", repeat=Repeat.NEVER)
PUBLISH: Operation[None] = Operation("POST", "/event/handleIncomingEvent", repeat=Repeat.NEVER, edition=Edition.ORKES)
LIST_ACTIVE: Operation[SearchResult[HandledEvent]] = Operation(
    "GET", "/event/execution", SearchResult[HandledEvent], edition=Edition.ORKES, shadowed=True
)
LIST_EXECUTIONS: Operation[list[EventExecution]] = Operation(
    "GET", "/event/execution/{eventHandlerName}", list[EventExecution], edition=Edition.ORKES, on_empty=list
)
LIST_WITH_STATS: Operation[SearchResult[HandledEvent]] = Operation(
    "GET", "/event/message", SearchResult[HandledEvent], edition=Edition.ORKES, shadowed=True
)
LIST_MESSAGES: Operation[list[EventMessage]] = Operation(
    "GET", "/event/message/{event}", list[EventMessage], edition=Edition.ORKES, on_empty=list
)
LIST_TAGS, SET_TAGS, DELETE_TAGS = tag_operations("/event/{name}/tags")

_ACTIONS_OF_ORKES = frozenset({EventActionType.TERMINATE_WORKFLOW, EventActionType.UPDATE_WORKFLOW_VARIABLES})


class EventClient(EventQueues, Tagged):
    """Event handlers and the queues they listen to (``client.events``)."""

    _LIST_TAGS, _SET_TAGS, _DELETE_TAGS = LIST_TAGS, SET_TAGS, DELETE_TAGS

    def create_handler(self, handler: EventHandler | Mapping[str, Any]) -> None:
        """Create an event handler (``POST /event``); it is active unless ``active`` is false.

        The server's own default is a handler that is stored and does nothing.

        Raises:
            ConflictError: There is one of that name.
            ConfigurationError: It has no actions, or its event is not ``provider:queue``.
        """
        checked = self._new(handler)
        self._call(CREATE, body=[checked] if self._takes_lists() else checked)

    def create_handlers(self, handlers: Iterable[EventHandler | Mapping[str, Any]]) -> None:
        """Create several event handlers (``POST /event``), active ones unless they say otherwise.

        The open-source server takes one per request.
        """
        checked = [self._new(one) for one in handlers]
        if self._takes_lists():
            self._call(CREATE, body=checked)
            return
        for one in checked:
            self._call(CREATE, body=one)

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
        self._call(UPDATE, body=checked)

    def list_handlers(self) -> builtins.list[EventHandler]:
        """All event handlers (``GET /event``)."""
        return self._call(LIST)

    def list_handlers_for_event(self, event: str, *, active_only: bool = True) -> builtins.list[EventHandler]:
        """The handlers of one event, as ``conductor:orders`` (``GET /event/{event}``)."""
        return self._call(LIST_FOR_EVENT, {"event": event}, query={"activeOnly": active_only})

    def get_handler(self, name: str) -> EventHandler:
        """An event handler (``GET /event/handler/{name}``; open-source server: found in ``GET /event``).

        Raises:
            NotFoundError: There is none of that name.
        """
        try:
            return self._call(GET, {"name": name})
        except UnsupportedByServerError as error:
            for handler in self.list_handlers():
                if handler.name == name:
                    return handler
            raise NotFoundError(
                f"{GET}: there is no event handler {name!r}",
                status=404,
                operation=str(GET),
                method="GET",
                path=GET.fill({"name": name}),
            ) from error

    def probe(self) -> EventHandler:
        """An example of an event handler (``GET /event/handler/``, Orkes)."""
        return self._call(PROBE)

    def delete_handler(self, name: str) -> None:
        """Delete an event handler (``DELETE /event/{name}``).

        Raises:
            NotFoundError: There is none of that name.
        """
        self._call(DELETE, {"name": name})

    def publish(self, event: Mapping[str, Any]) -> None:
        """Hand an event to the server's handlers (``POST /event/handleIncomingEvent``, Orkes)."""
        self._call(PUBLISH, body=as_object(event, "event"))

    # -- what became of events (Orkes)

    def list_active_handlers(self) -> SearchResult[HandledEvent]:
        """The handlers that have run (``GET /event/execution``, Orkes)."""
        return self._call(LIST_ACTIVE)

    def list_executions(self, handler_name: str, *, since: datetime | int | None = None) -> list[EventExecution]:
        """What a handler did (``GET /event/execution/{eventHandlerName}``, Orkes).

        Args:
            handler_name: The handler's name.
            since: From this moment on.
        """
        return self._call(LIST_EXECUTIONS, {"eventHandlerName": handler_name}, query={"from": epoch_ms(since, "since")})

    def list_handlers_with_stats(self, *, since: datetime | int | None = None) -> SearchResult[HandledEvent]:
        """The handlers with numbers of actions and messages (``GET /event/message``, Orkes)."""
        return self._call(LIST_WITH_STATS, query={"from": epoch_ms(since, "since")})

    def list_messages(self, event: str, *, since: datetime | int | None = None) -> list[EventMessage]:
        """The messages of an event (``GET /event/message/{event}``, Orkes)."""
        return self._call(LIST_MESSAGES, {"event": event}, query={"from": epoch_ms(since, "since")})

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
    addressable(handler.name, "event handler")
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
