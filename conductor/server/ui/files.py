"""The files of the web page, the security headers of its responses, and the diagrams that it shows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from attrs import frozen

from conductor.errors import UnexpectedResponseError
from conductor.models.codec import loads

#: POST with a definition or an execution as JSON; returns its SVG.
DIAGRAM_PATH = "/page/diagram"
#: GET returns the embedded server's clock; POST moves it forward.
CLOCK_PATH = "/page/clock"
#: The paths that the page requests outside ``/api``.
GUARDED_PATHS = (DIAGRAM_PATH, CLOCK_PATH)


_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
#: Headers of every response: no content from other hosts, no inline code, and no embedding into other pages.
HEADERS: Mapping[str, str] = MappingProxyType(
    {
        "Content-Security-Policy": (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-cache",
    }
)


@frozen
class PageFile:
    """One file of the page.

    Attributes:
        content: The content.
        media_type: The Content-Type, with the charset.
    """

    content: bytes
    media_type: str


def page_file(path: str) -> PageFile | None:
    """Return the file for a URL path; None if it does not exist.

    Args:
        path: ``/`` (the page itself) or ``/page/<name>``.
    """
    if path == "/":
        return _files()["index.html"]
    folder, _, name = path.removeprefix("/").partition("/")
    return _files().get(name) if folder == "page" else None


@lru_cache(maxsize=1)
def _files() -> dict[str, PageFile]:
    found = {}
    for file in files("conductor.server.ui").joinpath("static").iterdir():
        media_type = _TYPES.get("." + file.name.rpartition(".")[2])
        if media_type:
            found[file.name] = PageFile(file.read_bytes(), f"{media_type}; charset=utf-8")
    return found


def svg_of(body: bytes) -> bytes:
    """Return the SVG of a workflow.

    Args:
        body: A definition or an execution, as JSON.

    Raises:
        ValueError: The body is not JSON, or neither a definition nor an execution.
    """
    from conductor.diagram import draw  # the server starts faster without it
    from conductor.diagram.svg import svg

    workflow: Any = loads(body)
    try:
        return svg(draw(workflow).graph, has_style=False).encode()  # the page's policy forbids inline styles
    except (TypeError, UnexpectedResponseError, RecursionError) as error:
        raise ValueError(f"The workflow cannot be drawn: {error}") from None
