"""Draw a workflow as SVG, HTML, Mermaid or a tree for terminals."""

from __future__ import annotations

import html
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from conductor.diagram import mermaid, svg, text
from conductor.diagram.graph import Graph
from conductor.diagram.labels import heading
from conductor.diagram.reader import graph_of

__all__ = ["Diagram", "draw"]


class Diagram:
    """A diagram of a workflow, which ``draw`` returns. Notebooks show it as SVG.

    Attributes:
        graph: The steps of the workflow.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __str__(self) -> str:
        return self.text(color=False)

    def __repr__(self) -> str:
        return f"Diagram({self.graph.name!r}, {sum(1 for _ in self.graph.walk())} steps)"

    def mermaid(self) -> str:
        """Return the diagram as a Mermaid flow chart."""
        return mermaid.mermaid(self.graph)

    def svg(self) -> str:
        """Return the diagram as an SVG document, for a file or for HTML, on light and on dark pages."""
        return svg.svg(self.graph)

    def _repr_html_(self) -> str:
        return f'<div style="overflow:auto;max-height:90vh">{self.svg()}</div>'

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the diagram to a file.

        Args:
            path: The file; its extension determines the format: ``.svg``, ``.html``, ``.mmd`` or ``.mermaid``
                (Mermaid), ``.txt`` (a tree).

        Raises:
            ValueError: The extension is unknown.
            OSError: The file cannot be written.
        """
        forms: dict[str, Callable[[], str]] = {
            ".svg": self.svg,
            ".html": self._page,
            ".mmd": self.mermaid,
            ".mermaid": self.mermaid,
            ".txt": self.__str__,
        }
        target = Path(path)
        form = forms.get(target.suffix.lower())
        if form is None:
            raise ValueError(f"Unknown file extension of {str(path)!r}; use one of {', '.join(forms)}.")
        target.write_text(form(), encoding="utf-8", newline="\n")

    def _page(self) -> str:
        name = html.escape(heading(self.graph))
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>\n'
            '<meta name="color-scheme" content="light dark"></head>\n'
            f"<body>{self.svg()}</body></html>\n"
        )

    def text(self, *, color: bool | None = None) -> str:
        """Return the diagram as a tree for terminals, with a line for each step.

        Args:
            color: Whether to use colors; by default, if standard output is a terminal and ``NO_COLOR`` is not set.
        """
        if color is None:
            color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        return text.text(self.graph, color=color)


def draw(subject: object, inside: Iterable[object] = ()) -> Diagram:
    """Draw a workflow definition, an execution, or a workflow builder.

    Args:
        subject: A ``WorkflowDef``, a ``WorkflowExecution`` with its tasks, the wire form of either as a dictionary, or
            an object with ``to_def()``. The diagram of an execution also shows statuses, retries and times.
        inside: Definitions and executions of sub-workflows, to draw inside the steps that run them.

    Returns:
        The diagram.

    Raises:
        TypeError: ``subject`` is of another type.
        UnexpectedResponseError: The wire form of an execution has values of a wrong type. Invalid values of a
            definition are ignored.
    """
    return Diagram(graph_of(subject, inside))
