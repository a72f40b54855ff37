"""Routes of the web page's files."""

from __future__ import annotations

from conductor.server.http.messages import Request, Response, text_answer
from conductor.server.http.routing import Route
from conductor.server.ui.files import HEADERS, page_file


def page_routes() -> list[Route]:
    """Return the routes of the web page: ``/`` and ``/page/<name>``."""
    return [Route("/", _file), Route("/page/{name}", _file)]


def _file(request: Request) -> Response:
    found = page_file(request.path)
    if found is None:
        return text_answer("File not found.", 404)
    return Response(found.content, media_type=found.media_type, headers=dict(HEADERS))
