"""The files of the web page, and the security headers of its responses."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType

from attrs import frozen

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
