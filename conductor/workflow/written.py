"""Which references were written into texts, and where: an f-string keeps nothing of them but the text."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from types import CodeType
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from conductor.workflow.expressions import expressions_in
from conductor.workflow.place import place_in, user_frame

if TYPE_CHECKING:
    from conductor.workflow.refs import Ref

__all__ = ["Origin", "Written", "claim", "note"]

_MOST = 256  # texts that nobody claims, as those that are printed, are forgotten


@frozen(eq=False)
class Written:
    """A reference that was written into a text.

    Attributes:
        ref: The reference.
        text: Its text at that time.
        place: Where that was, ``file:line``.
        code: The function, or module, that did it.
    """

    ref: Ref
    text: str
    place: str
    code: CodeType


@frozen(eq=False)
class Origin:
    """Where a definition comes from.

    Attributes:
        place: Where the workflow was written, or "".
        lines: Where some of its fields were, by their path.
        written: What was written into texts of its fields, by their path.
    """

    place: str = ""
    lines: Mapping[str, str] = field(factory=dict)
    written: Mapping[str, list[Written]] = field(factory=dict)

    def line(self, path: str) -> str:
        """Where the field at a path was written, or "" when that is not known."""
        heads = (line for at, line in self.lines.items() if path == at or path.startswith((f"{at}.", f"{at}[")))
        return next(heads, self.place)


class _Recent(threading.local):
    def __init__(self) -> None:
        self.written: deque[Written] = deque(maxlen=_MOST)


_recent = _Recent()


def note(ref: Ref, text: str) -> None:
    """Remember that a reference became text."""
    frame = user_frame()
    _recent.written.append(Written(ref, text, place_in(frame), frame.f_code))


def claim(value: Any) -> dict[str, list[Written]]:
    """Take what the calling function has written into the texts of a value, by the paths of these texts.

    Where the same text also stands in the function's source as it is, it cannot be told which of them a value has: then
    nothing is said of it.
    """
    if not _recent.written:
        return {}
    code = user_frame().f_code
    paths: dict[str, list[str]] = {}
    for path, found in expressions_in(value):
        paths.setdefault(found.text, []).append(path)
    claimed: dict[str, list[Written]] = {}
    for text, places in paths.items():
        if any(text in literal for literal in _literals(code)):
            continue
        there = [one for one in _recent.written if one.text == text and one.code is code][-len(places) :]
        for path, one in zip(places, there, strict=False):
            claimed.setdefault(path, []).append(one)
            _recent.written.remove(one)
    return claimed


def _literals(code: CodeType) -> Iterator[str]:
    return (constant for constant in code.co_consts if isinstance(constant, str) and "${" in constant)
