"""Definitions as Python source."""

from conductor.workflow.python.write import to_python

__all__ = ["to_python"]
