"""``draw``: one picture, in the form that is asked for."""

from __future__ import annotations

import os
import sys

from conductor.workflow.draw import mermaid, text
from conductor.workflow.draw.graph import Graph, graph_of

__all__ = ["Picture", "draw"]


class Picture:
    """A drawn workflow; made by ``draw``.

    Attributes:
        graph: What is drawn.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __str__(self) -> str:
        return self.text(color=False)

    def __repr__(self) -> str:
        return f"Picture({self.graph.name!r}, {sum(1 for _ in self.graph.walk())} steps)"

    def mermaid(self) -> str:
        """Mermaid flow chart text."""
        return mermaid.mermaid(self.graph)

    def text(self, *, color: bool | None = None) -> str:
        """A tree for terminals.

        Args:
            color: With colours; None for what fits standard output (a terminal, and ``NO_COLOR`` not set).
        """
        if color is None:
            color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        return text.text(self.graph, color=color)


def draw(subject: object) -> Picture:
    """Draw a workflow definition, an execution, or a builder.

    Args:
        subject: A ``WorkflowDef``, an execution (``Workflow``) with its tasks, either's wire form as a dict, or
            anything with ``to_def()``. An execution shows status, retries and times on its definition's picture.

    Raises:
        TypeError: It is none of these.
        UnexpectedResponseError: A dict has values of another type than the wire form.
    """
    return Picture(graph_of(subject))
