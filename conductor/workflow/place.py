"""Where in the user's code something was written."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import FrameType

__all__ = ["here", "place_in", "user_frame"]

_PACKAGE = Path(__file__).parents[1]
_OWN = tuple(f"{_PACKAGE / name}{os.sep}" for name in ("workflow", "_renamed"))


def here() -> str:
    """The nearest line outside this package on the stack, as ``file:line``."""
    return place_in(user_frame())


def place_in(frame: FrameType) -> str:
    """The line that a frame is at, as ``file:line``."""
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def user_frame() -> FrameType:
    """The nearest frame outside this package on the stack."""
    frame = sys._getframe(1)  # noqa: SLF001  inspect.stack reads source files: far too slow for each reference
    while frame.f_back is not None and frame.f_code.co_filename.startswith((*_OWN, "<attrs generated")):
        frame = frame.f_back
    return frame
