"""Routes of the web page: its files, and the diagrams that it shows."""

from __future__ import annotations

from conductor.server.http.messages import Request, Response, error_answer, text_answer
from conductor.server.http.routing import Route
from conductor.server.ui.diagram import DIAGRAM_PATH, svg_of
from conductor.server.ui.files import HEADERS, page_file


def page_routes() -> list[Route]:
    """Return the routes of the web page: ``/``, ``/page/<name>``, and ``POST /page/diagram``."""
    return [Route("/", _file), Route("/page/{name}", _file), Route(DIAGRAM_PATH, _diagram, methods=["POST"])]


def _file(request: Request) -> Response:
    found = page_file(request.path)
    if found is None:
        return text_answer("File not found.", 404)
    return Response(found.content, media_type=found.media_type, headers=dict(HEADERS))


def _diagram(request: Request) -> Response:
    try:
        return Response(svg_of(request.body), media_type="image/svg+xml; charset=utf-8", headers=dict(HEADERS))
    except ValueError as error:
        return error_answer(400, str(error))
