"""Configuration of Sphinx; ``make docs`` treats warnings as errors."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

from conductor import __version__
from pygments.lexers.special import TextLexer

import reference_pages

if TYPE_CHECKING:
    from sphinx.application import Sphinx

project = "conductor-sdk"
author = "The conductor-sdk authors"
copyright = author  # noqa: A001  Sphinx reads this name
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
source_suffix = {".md": "markdown"}
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]

autodoc_class_signature = "mixed"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
suppress_warnings = [
    "ref.python"
]  # Workflow is a model and a builder: an annotation that could mean both gets no link
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 100

html_theme = "furo"
html_title = f"conductor-sdk {release}"
html_show_sphinx = False
html_copy_source = False

#: Former addresses of pages that moved; each becomes a page that redirects, so that old links work.
MOVED = {
    "cli": "reference/cli",
    "drawing": "howto/diagrams",
    "first-run": "tutorials/first-worker",
    "howto-embedded-server": "howto/embedded-server",
    "howto-server": "howto/oss-server",
    "howto-testing": "howto/testing",
    "howto-web-page": "howto/web-page",
    "howto/examples-of-peers": "howto/other-sdk-examples",
    "howto/observing": "howto/observability",
    "howto/scaling": "howto/domains",
    "licences": "reference/licences",
    "performance": "explanations/performance",
    "test-data": "howto/test-data",
    "tutorials/saga": "howto/saga",
    "tutorials/scheduled-jobs": "howto/schedules",
    "workflows": "howto/workflows",
}


def write_redirects(app: Sphinx, error: Exception | None) -> None:
    """Write a redirecting page for each former address."""
    if error is not None or app.builder.format != "html":
        return
    for old, new in MOVED.items():
        target = "../" * old.count("/") + new + ".html"
        page = f'<!doctype html><meta http-equiv="refresh" content="0; url={target}"><a href="{target}">Moved</a>\n'
        (Path(app.outdir) / f"{old}.html").write_text(page, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the generated pages, the redirects and a lexer for Mermaid."""
    app.connect(
        "builder-inited",
        lambda app: reference_pages.write(
            Path(app.srcdir) / "reference" / "generated"
        ),
    )
    app.connect("build-finished", write_redirects)
    app.add_lexer("mermaid", TextLexer)
    return {"parallel_read_safe": True}
