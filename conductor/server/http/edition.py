"""The edition of Conductor whose API a server has."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import frozen

from conductor.server.http.messages import Outcome, Request, Response
from conductor.server.http.routing import Route

#: Sets ``request.principal`` and returns None, or returns the response without calling a handler.
Check = Callable[[Request], Response | None]


@frozen
class Edition:
    """The additions of an edition to the API of the open-source server.

    Attributes:
        version: The text of ``GET /version``.
        check: Checks the token of a request.
        routes: Routes under ``/api``, which take precedence over those of the open-source server.
        root_routes: Routes next to ``/api``, with full paths.
        fallback: Serves a request that has no route; returns None for any other request.
        guard: Returns a route under ``/api`` whose handler checks permissions first.
    """

    version: str
    check: Check
    routes: Sequence[Route] = ()
    root_routes: Sequence[Route] = ()
    fallback: Callable[[Request], Outcome | None] = lambda _: None
    guard: Callable[[Route], Route] = lambda route: route
