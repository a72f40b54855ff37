"""Routes of the web page: its files, the diagrams that it shows, and the clock."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from conductor.server.http.messages import Request, Response, error_answer, json_answer, read_object, text_answer
from conductor.server.http.routing import Route
from conductor.server.runtime.clock import Clock
from conductor.server.ui.files import CLOCK_PATH, DIAGRAM_PATH, HEADERS, page_file, svg_of

#: Maximum number of days by which one request can move the clock.
_MAX_DAYS = 3660


def page_routes(clock: Clock) -> list[Route]:
    """Return the routes of the web page: ``/``, ``/page/<name>``, ``POST /page/diagram``, and ``/page/clock``."""
    return [
        Route("/", _file),
        Route(CLOCK_PATH, partial(_clock, clock), methods=["GET"]),
        Route(CLOCK_PATH, partial(_move, clock), methods=["POST"]),
        Route(DIAGRAM_PATH, _diagram, methods=["POST"]),
        Route("/page/{name}", _file),
    ]


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


def _clock(clock: Clock, _: Request) -> Response:
    return json_answer({"now": clock.now_ms(), "offsetMs": clock.offset_ms, "frozen": clock.is_frozen})


def _move(clock: Clock, request: Request) -> Response:
    """Move the clock by ``seconds``, or to the next timer with ``{"next": true}``."""
    body = read_object(request)
    seconds = body.get("seconds")
    if body.get("next") is True:
        clock.skip_to_next_event()
        return _clock(clock, request)
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= _MAX_DAYS * 86400:
        return error_answer(400, f"seconds must be a number from 0 to {_MAX_DAYS * 86400}")
    clock.advance(timedelta(seconds=seconds))
    return _clock(clock, request)
