"""Draw the definition or the execution that the page shows."""

from __future__ import annotations

from typing import Any

from conductor.errors import UnexpectedResponseError
from conductor.models.codec import loads


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
