"""Routes of ``/event`` on the Orkes edition, and the configurations of event queues."""

from __future__ import annotations

from functools import partial
from typing import Any

from conductor.models.codec import dumps, loads
from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import long, mapping, read, string
from conductor.server.http.events import HANDLER
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    flag,
    invalid,
    json_answer,
    optional_number,
    parse_json,
    read_json,
    read_object,
)
from conductor.server.http.routing import Route
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.event_handlers import EventHandlers
from conductor.server.orkes.integration_kinds import masked, unmasked
from conductor.server.orkes.principals import ADMINISTRATOR_ID
from conductor.server.orkes.vault import Vault
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

#: The sinks that this server serves itself: queues inside the server.
_OWN_SINK = "conductor"
_QUEUE = "/event/queue/config/{type}/{name}"


class EventQueues:
    """Stores the configurations of event queues, encrypted.

    Args:
        kernel: The server's state.
        vault: Encrypts the configurations.
    """

    def __init__(self, kernel: Kernel, vault: Vault) -> None:
        self._kernel, self._vault = kernel, vault
        self._documents = Documents(kernel, "orkes_event_queue")

    def save(self, kind: str, name: str, given: Json) -> None:
        """Create or replace a configuration; ``***`` keeps a secret."""
        with self._kernel.change():
            settings = unmasked(given, self._find(kind, name))
            self._documents.put(f"{kind}\n{name}", {"sealed": self._vault.seal(dumps(settings).decode())})

    def _find(self, kind: str, name: str) -> Json | None:
        found = self._documents.get(f"{kind}\n{name}")
        settings: Json | None = None if found is None else loads(self._vault.open(found["sealed"]))
        return settings

    def get(self, kind: str, name: str) -> Json:
        """Return a configuration, without its secrets.

        Raises:
            RefusedError: It does not exist (404).
        """
        found = self._find(kind, name)
        if found is None:
            raise RefusedError(404, f"No such event queue found: {kind}:{name}")
        shown: Json = masked(found)
        return shown

    def remove(self, kind: str, name: str) -> None:
        """Delete a configuration, if it exists."""
        self._documents.drop(f"{kind}\n{name}")


class EventQueueResource:
    """Handlers of ``/event/queue``."""

    def __init__(self, queues: EventQueues) -> None:
        self._queues = queues

    def routes(self) -> list[Route]:
        get, post, put, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "PUT", "DELETE"))
        return [
            get("/event/queue/config", self.all),
            get(_QUEUE, self.get),
            put(_QUEUE, self.save),
            delete(_QUEUE, self.remove),
            post("/event/queue/connectivity", self.test),
        ]

    def all(self, _: Request) -> Response:
        """``GET /event/queue/config``: always empty, as on Orkes."""
        return json_answer({})

    def get(self, request: Request) -> Response:
        """``GET /event/queue/config/{queueType}/{queueName}``."""
        return json_answer(self._queues.get(*_path(request)))

    def save(self, request: Request) -> Response:
        """``PUT /event/queue/config/{queueType}/{queueName}``: an object, or a string that contains one."""
        given = parse_json(request.body) if request.body else None
        if isinstance(given, str):
            given = parse_json(given.encode())
        if not isinstance(given, dict):
            raise RefusedError(400, "The configuration of an event queue must be an object")
        self._queues.save(*_path(request), given)
        return empty_answer()

    def remove(self, request: Request) -> Response:
        """``DELETE /event/queue/config/{queueType}/{queueName}``."""
        self._queues.remove(*_path(request))
        return empty_answer()

    def test(self, request: Request) -> Response:
        """``POST /event/queue/connectivity``: only the server's own queues can be reached."""
        sink = read(read_object(request), {"sink": string, "input": mapping}).get("sink") or ""
        if not sink.strip():
            raise RefusedError(400, "The sink must not be empty")
        if sink.partition(":")[0] == _OWN_SINK:
            return json_answer({"successful": True, "reason": ""})
        reason = f"The embedded server does not connect to queues of the type {sink.partition(':')[0]}"
        return json_answer({"successful": False, "reason": reason})


def _path(request: Request) -> tuple[str, str]:
    return request.path_params["type"], request.path_params["name"]


class OrkesEventResource:
    """Handlers of event handlers and of events."""

    def __init__(self, handlers: EventHandlers) -> None:
        self._handlers = handlers

    def routes(self) -> list[Route]:
        get, post, put, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "PUT", "DELETE"))
        return [
            get("/event", self.all),
            post("/event", self.add),
            put("/event", self.update),
            delete("/event/{name}", self.remove),
            get("/event/{event}", self.of_event),
            get("/event/handler/", self.probe),
            get("/event/handler/{name}", self.get),
            post("/event/handleIncomingEvent", self.receive),
            get("/event/execution", self.active),
            get("/event/execution/{name}", self.executions),
            get("/event/message", self.statistics),
            get("/event/message/{event}", self.messages),
        ]

    def all(self, _: Request) -> Response:
        """``GET /event``."""
        return json_answer(self._handlers.all())

    def add(self, request: Request) -> Response:
        """``POST /event``: a list of handlers, or one."""
        given = read_json(request)
        handlers = [_checked(one) for one in (given if isinstance(given, list) else [given])]
        self._handlers.save_all(handlers, _author(request))
        return empty_answer()

    def update(self, request: Request) -> Response:
        """``PUT /event``."""
        self._handlers.update(_checked(read_object(request)), _author(request))
        return empty_answer()

    def remove(self, request: Request) -> Response:
        """``DELETE /event/{name}``."""
        self._handlers.remove(request.path_params["name"])
        return empty_answer()

    def of_event(self, request: Request) -> Response:
        """``GET /event/{event}``."""
        active_only = flag(request, "activeOnly", default=True)
        return json_answer(self._handlers.of_event(request.path_params["event"], active_only=active_only))

    def probe(self, _: Request) -> Response:
        """``GET /event/handler/``: a handler that is not stored, for a test of the connection."""
        return json_answer({"name": "test", "event": "test", "active": False, "actions": []})

    def get(self, request: Request) -> Response:
        """``GET /event/handler/{name}``: the body is empty if the handler does not exist, as on Orkes."""
        found = self._handlers.find(request.path_params["name"])
        return empty_answer() if found is None else json_answer(found)

    def receive(self, request: Request) -> Response:
        """``POST /event/handleIncomingEvent``."""
        self._handlers.receive(read_object(request))
        return empty_answer()

    def active(self, _: Request) -> Response:
        """``GET /event/execution``."""
        return json_answer(self._handlers.statistics(active_only=True))

    def executions(self, request: Request) -> Response:
        """``GET /event/execution/{eventHandlerName}``."""
        return json_answer(self._handlers.executions(request.path_params["name"], _since(request)))

    def statistics(self, request: Request) -> Response:
        """``GET /event/message``."""
        return json_answer(self._handlers.statistics(_since(request)))

    def messages(self, request: Request) -> Response:
        """``GET /event/message/{event}``."""
        return json_answer(self._handlers.messages(request.path_params["event"], _since(request)))


def _author(request: Request) -> str:
    """Return the author of a handler; on Orkes, keys belong to applications, including those of the administrator."""
    author = request.principal.id
    return f"app:{author}" if author == ADMINISTRATOR_ID else author


def _since(request: Request) -> int:
    return optional_number(request, "from", long) or 0


def _checked(given: Any) -> Json:
    """Return a handler; unlike on the open-source server, it needs no action."""
    if not isinstance(given, dict):
        raise RefusedError(500, "JSON parse error: An event handler must be an object")
    handler = read(read(given, {"body": mapping}), HANDLER)
    faults = []
    if not (handler.get("name") or "").strip():
        faults.append(("addEventHandler.arg0.name", "Missing event handler name"))
    if not (handler.get("event") or "").strip():
        faults.append(("addEventHandler.arg0.event", "Missing event location"))
    if faults:
        raise invalid(*faults)
    return {key: value for key, value in handler.items() if value is not None}
