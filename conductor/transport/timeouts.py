"""Timeouts of calls: not given is not None."""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

__all__ = ["NOT_GIVEN", "NotGiven", "seconds"]


class NotGiven(Enum):
    """The type of ``NOT_GIVEN``, by which an argument says that it was left out; None means "no limit"."""

    NOT_GIVEN = "not given"

    def __repr__(self) -> str:
        return "NOT_GIVEN"


NOT_GIVEN = NotGiven.NOT_GIVEN


def seconds(value: float | timedelta) -> float:
    """A duration in seconds."""
    return value.total_seconds() if isinstance(value, timedelta) else float(value)
