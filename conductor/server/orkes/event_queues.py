"""Configurations of event queues. The server connects to no queue outside itself."""

from __future__ import annotations

from functools import partial
from typing import Any

from conductor.models.codec import dumps, loads
from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import mapping, read, string
from conductor.server.http.messages import Request, Response, empty_answer, json_answer, parse_json, read_object
from conductor.server.http.routing import Route
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.integration_kinds import masked, unmasked
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
        """Return the routes."""
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
