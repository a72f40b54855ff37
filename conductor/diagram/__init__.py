"""Pictures of definitions and executions: Mermaid text, SVG, and a tree for terminals."""

from conductor.diagram.draw import Picture, draw

__all__ = ["Picture", "draw"]
