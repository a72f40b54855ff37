"""The page inside a Starlette application."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conductor.server.ui.files import HEADERS, page_file


def page_routes() -> list[Route]:
    """Return the routes of the page: `/` and `/page/<name>`."""
    return [
        Route("/", _file, methods=["GET"]),
        Route("/page/{name}", _file, methods=["GET"]),
    ]


async def _file(request: Request) -> Response:
    found = page_file(request.url.path)
    if found is None:
        return Response("There is no such file.", 404, media_type="text/plain")
    return Response(found.content, headers={**HEADERS, "Content-Type": found.media_type})
