"""All checks of a workflow."""

from conductor.validation.check import check

__all__ = ["check"]
