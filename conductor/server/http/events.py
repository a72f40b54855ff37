"""Routes of ``/event`` (event handlers) and ``/workflow/{id}/messages`` (messages to an execution)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import Reader, boolean, list_of, mapping, one_of, read, record, string
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    flag,
    invalid,
    json_answer,
    read_object,
    text_answer,
)
from conductor.server.http.routing import Route
from conductor.server.services.events import Events, Messages

Json = dict[str, Any]


_ACTIONS = ("start_workflow", "complete_task", "fail_task", "terminate_workflow", "update_workflow_variables")
#: The fields of an event handler.
HANDLER: Mapping[str, Reader] = {
    "name": string,
    "event": string,
    "condition": string,
    "evaluatorType": string,
    "active": boolean,
    "actions": list_of(
        record({"action": one_of(*_ACTIONS), "expandInlineJSON": boolean, **dict.fromkeys(_ACTIONS, mapping)})
    ),
}


class EventResource:
    """Handlers of event handlers and messages."""

    def __init__(self, events: Events, messages: Messages) -> None:
        self._events, self._messages = events, messages

    def routes(self) -> list[Route]:
        get, post, put, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "PUT", "DELETE"))
        return [
            get("/event", self.all),
            post("/event", self.add),
            put("/event", self.update),
            delete("/event/{name}", self.remove),
            get("/event/{event}", self.of_event),
            post("/workflow/{workflow_id}/messages", self.send),
        ]

    def all(self, _: Request) -> Response:
        """``GET /event``."""
        return json_answer(self._events.all())

    def add(self, request: Request) -> Response:
        """``POST /event``."""
        self._events.add(_checked(read_object(request), "addEventHandler"))
        return empty_answer()

    def update(self, request: Request) -> Response:
        """``PUT /event``."""
        self._events.update(_checked(read_object(request), "updateEventHandler"))
        return empty_answer()

    def remove(self, request: Request) -> Response:
        """``DELETE /event/{name}``."""
        self._events.remove(request.path_params["name"])
        return empty_answer()

    def of_event(self, request: Request) -> Response:
        """``GET /event/{event}``."""
        active = flag(request, "activeOnly", default=True)
        return json_answer(self._events.of_event(request.path_params["event"], active_only=active))

    def send(self, request: Request) -> Response:
        """``POST /workflow/{workflowId}/messages``."""
        payload = read_object(request)
        try:
            return text_answer(self._messages.send(request.path_params["workflow_id"], payload))
        except RefusedError as error:
            return text_answer(error.message, error.status)  # plain text, as the OSS server answers only here


def _checked(given: Json, operation: str) -> Json:
    handler = read(given, HANDLER)
    faults = []
    if not handler.get("name"):
        faults.append((f"{operation}.arg0.name", "Missing event handler name"))
    if not handler.get("event"):
        faults.append((f"{operation}.arg0.event", "Missing event location"))
    if not handler.get("actions"):
        faults.append((f"{operation}.arg0.actions", "No actions specified. Please specify at-least one action"))
    if faults:
        raise invalid(*faults)
    return handler
