"""An ASGI application behind a guard: what pages of other origins send does not reach it."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from conductor.server.http.answers import error_answer
from conductor.server.page.guard import Guard, is_loopback


def guarded(app: ASGIApp, host: str) -> ASGIApp:
    """Return the application for a server on this address.

    On a loopback address it answers only to the names of this machine, so that no page can reach it under a name of its
    own; elsewhere to any name. Requests that a browser sends for pages of other origins are refused everywhere.
    """
    guard = Guard((host,) if is_loopback(host) else None)

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            refused = guard.refusal(scope["method"], scope["path"], headers)
            if refused:
                await error_answer(*refused)(scope, receive, send)
                return
        await app(scope, receive, send)

    return checked
