"""Event handlers of Orkes' edition: further actions, a log of handled messages, and events that clients send."""

from __future__ import annotations

import itertools
from typing import Any

from conductor.models.codec import dumps
from conductor.server.engine import control
from conductor.server.engine.context import RefusedError
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.tags import EVENT_HANDLER, Tags, read_tags
from conductor.server.runtime.kernel import Kernel
from conductor.server.services.all import Services
from conductor.server.services.events import Handled

Json = dict[str, Any]

#: Maximum number of messages, and of entries in the log of handled messages.
_MAX_ENTRIES = 1000


class EventLog:
    """Records handled messages, the oldest of which are dropped.

    Args:
        kernel: The server's state.
        kind: The kind of the documents.
    """

    def __init__(self, kernel: Kernel, kind: str) -> None:
        self._documents = Documents(kernel, kind)
        known = self._documents.all()
        self._numbers = itertools.count(known[-1]["_number"] + 1 if known else 0)

    def add(self, entry: Json) -> None:
        """Record an entry."""
        number = next(self._numbers)
        self._documents.put(f"{number:012}", {**entry, "_number": number})
        self._documents.drop(f"{number - _MAX_ENTRIES:012}")

    def entries(self, since: int) -> list[Json]:
        """Return the entries since a time (epoch ms), the newest first."""
        found = [one for one in self._documents.all() if one["_created"] >= since]
        return [{key: value for key, value in one.items() if not key.startswith("_")} for one in reversed(found)]


class EventHandlers:
    """Stores event handlers, and records their actions.

    Args:
        kernel: The server's state.
        services: The services of the default edition.
        tags: The tags.
    """

    def __init__(self, kernel: Kernel, services: Services, tags: Tags) -> None:
        self._kernel, self._events, self._tags = kernel, services.events, tags
        self._executions = EventLog(kernel, "orkes_event_execution")
        self._messages = EventLog(kernel, "orkes_event_message")
        self._seen: str | None = None  # the message that was recorded last
        self._events.start = services.executions.start_in_change
        self._events.observe = self._record
        self._events.actions["terminate_workflow"] = self._terminate
        self._events.actions["update_workflow_variables"] = self._update_variables

    # -- handlers

    def save_all(self, handlers: list[Json], author: str) -> None:
        """Create or replace handlers, with their tags."""
        with self._kernel.change():
            for given in handlers:
                known = self._events.find(given["name"]) or {}
                made = {key: value for key, value in given.items() if key not in {"tags", "createdBy"}}
                self._events.save({"actions": [], **made, "createdBy": known.get("createdBy", author)})
                if given.get("tags") is not None:
                    self._tags.replace(EVENT_HANDLER, given["name"], read_tags(given["tags"]))

    def update(self, handler: Json, author: str) -> None:
        """Replace a handler.

        Raises:
            RefusedError: It does not exist (404).
        """
        with self._kernel.change():
            self._require(handler["name"])
            self.save_all([handler], author)

    def remove(self, name: str) -> None:
        """Delete a handler with its tags.

        Raises:
            RefusedError: It does not exist (404).
        """
        with self._kernel.change():
            self._require(name)
            self._events.remove(name)
            self._tags.forget(EVENT_HANDLER, name)

    def _require(self, name: str) -> None:
        if self._events.find(name) is None:
            raise RefusedError(404, f"No such event handler found by name: {name}")

    def find(self, name: str) -> Json | None:
        """Return a handler with its tags; None if it does not exist."""
        found = self._events.find(name)
        return None if found is None else self._shown(found)

    def all(self) -> list[Json]:
        """Return all handlers with their tags."""
        return [self._shown(one) for one in self._events.all()]

    def of_event(self, event: str, *, active_only: bool) -> list[Json]:
        """Return the handlers of an event with their tags."""
        return [self._shown(one) for one in self._events.of_event(event, active_only=active_only)]

    def _shown(self, handler: Json) -> Json:
        return self._tags.shown(EVENT_HANDLER, handler["name"], handler)

    # -- messages

    def receive(self, message: Json) -> None:
        """Let the handlers of an event handle a message that a client sends; its ``event`` names the event.

        Raises:
            RefusedError: The message has no event (400).
        """
        event = message.get("event")
        if not isinstance(event, str) or not event.strip():
            raise RefusedError(400, "The message must have an event")
        with self._kernel.change() as context:
            message_id = context.new_id()
            self._record_message(event, message_id, message)
            self._events.dispatch(event, message_id, message)

    def _record_message(self, event: str, message_id: str, payload: Json) -> None:
        now = self._kernel.context.now
        self._seen = message_id
        self._messages.add({
            "id": message_id,
            "createdAt": now,
            "eventTarget": event,
            "eventType": "MESSAGE",
            "fullPayload": payload,
            "payload": dumps(payload).decode(),
            "status": "HANDLED" if self._events.of_event(event, active_only=True) else "RECEIVED",
            "_created": now,
        })  # fmt: skip

    def _record(self, handled: Handled) -> None:
        context, handler = self._kernel.context, handled.handler
        if handled.message_id != self._seen:
            self._record_message(handler["event"], handled.message_id, handled.payload)
        status = "SKIPPED" if handled.action is None else ("COMPLETED" if handled.reason is None else "FAILED")
        entry = {
            "id": context.new_id(),
            "messageId": handled.message_id,
            "name": handler["name"],
            "event": handler["event"],
            "created": context.now,
            "action": handled.action,
            "status": status,
            "statusDescription": handled.reason,
            "output": handled.output,
            "payload": handled.payload,
            "fullMessagePayload": handled.payload,
            "eventHandler": handler,
        }
        known = {key: value for key, value in entry.items() if value is not None}
        self._executions.add({**known, "_created": context.now})

    def executions(self, name: str, since: int) -> list[Json]:
        """Return the actions of a handler since a time (epoch ms), the newest first."""
        return [one for one in self._executions.entries(since) if one["name"] == name]

    def messages(self, event: str, since: int) -> list[Json]:
        """Return the messages of an event since a time (epoch ms), newest first, with the actions of handlers."""
        done = self._executions.entries(0)
        return [
            {**one, "eventExecutions": [entry for entry in done if entry["messageId"] == one["id"]]}
            for one in self._messages.entries(since)
            if one["eventTarget"] == event
        ]

    def statistics(self, since: int = 0, *, active_only: bool = False) -> Json:
        """Return the actions and messages of each handler since a time (epoch ms)."""
        found = []
        for handler in self._events.all():
            if active_only and not handler["active"]:
                continue
            done = self.executions(handler["name"], since)
            found.append({
                "name": handler["name"],
                "event": handler["event"],
                "active": handler["active"],
                "numberOfActions": sum(one["status"] != "SKIPPED" for one in done),
                "numberOfMessages": len({one["messageId"] for one in done}),
            })  # fmt: skip
        return {"results": found, "totalHits": len(found)}

    # -- actions

    def _terminate(self, action: Json, _: Json, handler: Json) -> Json:
        execution = self._kernel.get(str(action.get("workflowId")))
        self._events.check(handler, execution.workflow["workflowName"])
        self._kernel.touch(execution)
        control.terminate_by_request(execution, action.get("terminationReason"), self._kernel.context)
        return {"workflowId": execution.id}

    def _update_variables(self, action: Json, _: Json, handler: Json) -> Json:
        execution = self._kernel.get(str(action.get("workflowId")))
        self._events.check(handler, execution.workflow["workflowName"])
        if execution.is_terminal:
            raise RefusedError(409, f"Workflow {execution.label} is in terminal state")
        variables = dict(execution.workflow["variables"])
        for name, given in (action.get("variables") or {}).items():
            known, value = variables.get(name), given
            if action.get("appendArray") and isinstance(known, list):
                value = [*known, *(given if isinstance(given, list) else [given])]
            variables[name] = value
        self._kernel.touch(execution).workflow["variables"] = variables
        self._kernel.advance(execution)
        return {"workflowId": execution.id}
