"""All checks of a workflow."""

from conductor.workflow.validate.check import check

__all__ = ["check"]
