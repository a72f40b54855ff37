"""What is wrong with a workflow."""

from __future__ import annotations

from attrs import frozen

__all__ = ["Problem"]


@frozen
class Problem:
    """One mistake in a workflow.

    Attributes:
        code: Its kind, such as ``UNKNOWN_REFERENCE``; stable, for filters.
        message: What is wrong and what would be right.
        place: Where: the path in the definition (``tasks[2].inputParameters.total``), and the line where that was
            written, when it was written in Python.
        is_error: Whether it stops the workflow from being registered or started; a warning does not.
    """

    code: str
    message: str
    place: str = ""
    is_error: bool = True

    def __str__(self) -> str:
        return f"{self.place}: {self.message} [{self.code}]" if self.place else f"{self.message} [{self.code}]"
