"""Diagrams of workflow definitions and executions: Mermaid, SVG, and a tree for terminals."""

from conductor.diagram.draw import Diagram, draw

__all__ = ["Diagram", "draw"]
