"""Load ``conductor.diagram`` for the ``draw()`` methods of definitions and executions."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conductor.diagram import Diagram

__all__ = ["diagram_of"]


def diagram_of(subject: object, inside: Iterable[object] = ()) -> Diagram:
    """Return the diagram of a definition or an execution; see ``conductor.diagram.draw``."""
    # By name and on first use: models do not depend on diagrams, and programs without diagrams do not load them.
    diagram: Diagram = import_module("conductor.diagram").draw(subject, inside)
    return diagram
