"""Convert definitions to Python source."""

from conductor.workflow.codegen.write import to_python

__all__ = ["to_python"]
