"""The ``draw()`` methods of definitions and executions: the only import of models from a layer above them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conductor.diagram import Diagram

__all__ = ["diagram_of"]


def diagram_of(subject: object, inside: Iterable[object] = ()) -> Diagram:
    """Return the diagram of a definition or an execution; see ``conductor.diagram.draw``."""
    from conductor.diagram import draw  # models are complete without it, and few programs draw

    return draw(subject, inside)
