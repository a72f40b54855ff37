"""Pictures of definitions and executions: Mermaid text, SVG, and a tree for terminals."""

from conductor.diagram.draw import Diagram, draw

__all__ = ["Diagram", "draw"]
