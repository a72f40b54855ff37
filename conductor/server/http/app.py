"""The application: its routes, and the responses for errors."""

from __future__ import annotations

import logging
from collections.abc import Callable

from conductor.server.engine.context import RefusedError
from conductor.server.http.admin import AdminResource, SecretResource, storage_routes
from conductor.server.http.bulk import BulkResource
from conductor.server.http.edition import Edition
from conductor.server.http.events import EventResource
from conductor.server.http.messages import Outcome, Request, Response, Wait, error_answer, json_answer, text_answer
from conductor.server.http.metadata import MetadataResource
from conductor.server.http.middleware import Faults, Middleware
from conductor.server.http.page import page_routes
from conductor.server.http.routing import Route, Router
from conductor.server.http.runs import RunResource
from conductor.server.http.schedules import ScheduleResource
from conductor.server.http.search import SearchResource
from conductor.server.http.tasks import TaskResource
from conductor.server.http.workflows import WorkflowResource
from conductor.server.origin_check import OriginCheck
from conductor.server.runtime.clock import Clock
from conductor.server.runtime.transactions import ServerStoppingError
from conductor.server.services.all import Services

logger = logging.getLogger(__name__)

#: The OSS release whose behavior the server has; ``GET /version`` returns it.
VERSION = "3.32.3"
#: Paths whose handlers neither wait nor compute: they are served on the event loop.
_QUICK = frozenset({"/health", "/api/health", "/api/version"})


class App:
    """Serves the API under ``/api``, ``/health``, and the web page.

    Args:
        services: The services.
        origins: The hosts and origins that may use the server.
        faults: The injected faults.
        edition: The edition whose API it serves.
        clock: The server's clock, which the page can move.
    """

    def __init__(
        self, services: Services, origins: OriginCheck, faults: Faults, edition: Edition, clock: Clock
    ) -> None:
        others = [*edition.root_routes, Route("/health", _health), *page_routes(clock)]
        self._router = Router([*_api_routes(services, edition), *others])
        self._faults, self._fallback = faults, edition.fallback
        self._middleware = Middleware(self._call, origins, faults, edition.check)

    def serve(self, request: Request) -> Outcome:
        """Serve a request. This may take long, so it must not run on the event loop."""
        return _catch_errors(request, lambda: self._middleware(request))

    def quick(self, request: Request) -> Response | None:
        """Serve a request that neither waits nor computes; returns None for any other request."""
        if request.path not in _QUICK or any(self._faults):
            return None
        outcome = self.serve(request)
        return outcome if isinstance(outcome, Response) else None

    def _call(self, request: Request) -> Outcome:
        route = self._router.match(request)
        if isinstance(route, Route):
            return route.handler(request)
        return self._fallback(request) or route


def _catch_errors(request: Request, function: Callable[[], Outcome]) -> Outcome:
    """Return the outcome of the function, or the response for its error."""
    try:
        outcome = function()
    except RefusedError as error:
        return error_answer(error.status, error.message, error.errors)
    except ServerStoppingError:
        return error_answer(503, "The server is stopping")
    except Exception as error:  # the client must get a response
        logger.exception("event=server.request_failed method=%s path=%s", request.method, request.path)
        return error_answer(500, f"{type(error).__name__}: {error}")
    return _catch_errors_of_wait(request, outcome) if isinstance(outcome, Wait) else outcome


def _catch_errors_of_wait(request: Request, wait: Wait) -> Wait:
    def look() -> Outcome | None:
        missing = Response()
        found = _catch_errors(request, lambda: wait.look() or missing)
        return None if found is missing else found

    return Wait(wait.seconds, look, wait.subscribe, lambda: _catch_errors(request, wait.expired))


def _api_routes(services: Services, edition: Edition) -> list[Route]:
    workflows = WorkflowResource(services.executions, services.recovery, services.metadata)
    routes = [
        *edition.routes,
        *TaskResource(services.tasks).routes(),
        *workflows.routes(),
        *RunResource(services, workflows).routes(),
        *SearchResource(services.search).routes(),
        *BulkResource(services.executions, services.recovery).routes(),
        *MetadataResource(services.metadata).routes(),
        *EventResource(services.events, services.messages).routes(),
        *ScheduleResource(services.schedules).routes(),
        *SecretResource(services.secrets, services.environment).routes(),
        *AdminResource(services, VERSION).routes(),
        *storage_routes(),
        Route("/version", lambda _: text_answer(edition.version)),
        Route("/health", _health),
    ]
    routes = [edition.guard(route) for route in routes]
    for route in routes:
        route.path = f"/api{route.path}"
    return routes


def _health(_: Request) -> Response:
    return json_answer({"healthResults": [], "suppressedHealthResults": [], "healthy": True})
