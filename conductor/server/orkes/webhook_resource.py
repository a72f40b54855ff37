"""Routes of ``/metadata/webhook``, and of ``/webhook``, to which senders deliver."""

from __future__ import annotations

from functools import partial

from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    json_answer,
    read_object,
    text_answer,
)
from conductor.server.http.routing import Route
from conductor.server.orkes.webhook_verifiers import Delivery, UnverifiedError
from conductor.server.orkes.webhooks import UnreadableBodyError, Webhooks
from conductor.server.runtime.clock import Clock


class WebhookResource:
    """Handlers of webhooks.

    Args:
        webhooks: The webhooks.
        clock: The server's clock, for the age of signatures.
    """

    def __init__(self, webhooks: Webhooks, clock: Clock) -> None:
        self._webhooks, self._clock = webhooks, clock

    def routes(self) -> list[Route]:
        """Return the routes under ``/api``."""
        get, post, put, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "PUT", "DELETE"))
        return [
            get("/metadata/webhook", self.all),
            post("/metadata/webhook", self.create),
            get("/metadata/webhook/{id}", self.get),
            put("/metadata/webhook/{id}", self.update),
            delete("/metadata/webhook/{id}", self.remove),
        ]

    def root_routes(self) -> list[Route]:
        """Return the routes for senders, which have no token; the open-source server documents the second path."""
        return [Route(path, self.receive, methods=["GET", "POST"]) for path in ("/webhook/{id}", "/api/webhook/{id}")]

    def all(self, _: Request) -> Response:
        """``GET /metadata/webhook``."""
        return json_answer(self._webhooks.all())

    def create(self, request: Request) -> Response:
        """``POST /metadata/webhook``."""
        return json_answer(self._webhooks.create(read_object(request), request.principal))

    def get(self, request: Request) -> Response:
        """``GET /metadata/webhook/{id}``."""
        return json_answer(self._webhooks.get(request.path_params["id"]))

    def update(self, request: Request) -> Response:
        """``PUT /metadata/webhook/{id}``."""
        return json_answer(self._webhooks.update(request.path_params["id"], read_object(request)))

    def remove(self, request: Request) -> Response:
        """``DELETE /metadata/webhook/{id}``."""
        self._webhooks.remove(request.path_params["id"])
        return empty_answer()

    def receive(self, request: Request) -> Response:
        """``POST /webhook/{id}`` and ``GET /webhook/{id}``."""
        query, now = dict(request.query_params.items()), self._clock.now_ms()
        delivery = Delivery(request.method, request.headers, query, request.body, now)
        try:
            response = self._webhooks.receive(request.path_params["id"], delivery)
        except UnverifiedError:  # the sender is not told why
            return text_answer("The webhook could not be verified", 401)
        except UnreadableBodyError:
            return text_answer("The body of the webhook is not JSON", 400)
        return empty_answer() if response is None else json_answer(response)
