"""``draw``: one picture, in the form that is asked for."""

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
    """A drawn workflow; made by ``draw``.

    Attributes:
        graph: What is drawn.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    def __str__(self) -> str:
        return self.text(color=False)

    def __repr__(self) -> str:
        return f"Diagram({self.graph.name!r}, {sum(1 for _ in self.graph.walk())} steps)"

    def mermaid(self) -> str:
        """Mermaid flow chart text."""
        return mermaid.mermaid(self.graph)

    def svg(self) -> str:
        """An SVG document, for a file or inside HTML; readable on light and on dark pages."""
        return svg.svg(self.graph)

    def _repr_html_(self) -> str:
        return f'<div style="overflow:auto;max-height:90vh">{self.svg()}</div>'

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture in the form of the name's ending: ``.svg``, ``.html``, ``.mmd`` (Mermaid) or ``.txt``.

        Raises:
            ValueError: The ending is another one.
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
            raise ValueError(f"{str(path)!r} does not end in one of {', '.join(forms)}, so its form is not known.")
        target.write_text(form(), encoding="utf-8")

    def _page(self) -> str:
        name = html.escape(heading(self.graph))
        return (
            f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title>\n'
            '<meta name="color-scheme" content="light dark"></head>\n'
            f"<body>{self.svg()}</body></html>\n"
        )

    def text(self, *, color: bool | None = None) -> str:
        """A tree for terminals.

        Args:
            color: With colours; None for what fits standard output (a terminal, and ``NO_COLOR`` not set).
        """
        if color is None:
            color = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        return text.text(self.graph, color=color)


def draw(subject: object, inside: Iterable[object] = ()) -> Diagram:
    """Draw a workflow definition, an execution, or a builder.

    Args:
        subject: A ``WorkflowDef``, an execution (``Workflow``) with its tasks, either's wire form as a dict, or
            anything with ``to_def()``. An execution shows status, retries and times on its definition's picture.
        inside: Definitions and executions of sub-workflows, to be drawn inside the steps that run them.

    Raises:
        TypeError: It is none of these.
        UnexpectedResponseError: The wire form of an execution has values of another type. What is wrong in a definition
            is left out of the picture.
    """
    return Diagram(graph_of(subject, inside))
