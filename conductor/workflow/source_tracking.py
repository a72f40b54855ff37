"""Track the lines of the user's code that create steps and references, for messages."""

from __future__ import annotations

import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any

from attrs import frozen

from conductor.validation.tree import expressions_in

if TYPE_CHECKING:
    from conductor.workflow.refs import Ref

__all__ = ["WrittenReference", "caller_line", "collect_references", "record_reference"]

_PACKAGE = Path(__file__).parents[1]
#: Folders whose frames are not the user's code.
_OWN = tuple(f"{_PACKAGE / name}{os.sep}" for name in ("workflow", "validation", "migration"))
#: Maximum number of references per thread that are kept until they are collected. References that never become part of
#: a step, such as printed ones, are dropped when newer ones follow.
_MAX_PENDING = 256


def caller_line() -> str:
    """Return the nearest line outside this package on the stack, as ``file:line``."""
    return _line_of(_user_frame())


def _line_of(frame: FrameType) -> str:
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"


def _user_frame() -> FrameType:
    frame = sys._getframe(1)  # inspect.stack reads source files: far too slow for each reference
    while frame.f_back is not None and frame.f_code.co_filename.startswith((*_OWN, "<attrs generated")):
        frame = frame.f_back
    return frame


@frozen(eq=False)
class WrittenReference:
    """A reference that was converted to a string, usually by an f-string.

    Attributes:
        ref: The reference.
        text: Its string at that time.
        place: The line, as ``file:line``.
        code: The function or module that contains the line.
    """

    ref: Ref
    text: str
    place: str
    code: CodeType


class _Pending(threading.local):
    def __init__(self) -> None:
        self.references: deque[WrittenReference] = deque(maxlen=_MAX_PENDING)


_pending = _Pending()


def record_reference(ref: Ref, text: str) -> None:
    """Record that a reference was converted to a string on the caller's line."""
    frame = _user_frame()
    _pending.references.append(WrittenReference(ref, text, _line_of(frame), frame.f_code))


def collect_references(value: Any) -> dict[str, list[WrittenReference]]:
    """Return the recorded references of the calling function that appear in a value, by path, and forget them.

    A reference whose text is also a literal of the calling function is omitted, because the text may come from the
    literal.
    """
    if not _pending.references:
        return {}
    code = _user_frame().f_code
    paths: dict[str, list[str]] = {}
    for path, found in expressions_in(value):
        paths.setdefault(found.text, []).append(path)
    collected: dict[str, list[WrittenReference]] = {}
    for text, places in paths.items():
        if any(text in literal for literal in _literals(code)):
            continue
        recorded = [one for one in _pending.references if one.text == text and one.code is code][-len(places) :]
        for path, one in zip(places, recorded, strict=False):
            collected.setdefault(path, []).append(one)
            _pending.references.remove(one)
    return collected


def _literals(code: CodeType) -> Iterator[str]:
    return (constant for constant in code.co_consts if isinstance(constant, str) and "${" in constant)
