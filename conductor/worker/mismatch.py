"""A value that does not fit its annotation, and an annotation that is not understood."""

from __future__ import annotations

import typing
from typing import Any

from attrs import define, field

from conductor.errors import TaskInputError

__all__ = ["Mismatch", "UnsupportedAnnotationError", "describe"]

#: Characters of a value that an error shows.
_MAX_SHOWN = 80


class UnsupportedAnnotationError(TypeError):
    """An annotation that cannot be converted to; ``str`` is the annotation and the reason."""


@define(eq=False)
class Mismatch(Exception):  # noqa: N818  it never leaves this module but as a TaskInputError
    """A value that does not fit, raised by hooks and completed with the path by those around them."""

    expected: Any
    value: Any = None
    why: str = ""
    is_missing: bool = False
    steps: list[str] = field(factory=list)

    def to_error(self, root: str) -> TaskInputError:
        """Make the error for the input ``root``."""
        path = root + "".join(reversed(self.steps))
        expected = describe(self.expected)
        if self.is_missing:
            message = f"input {path!r} is missing; {self.why} needs it"
        else:
            shown = _shown(self.value)
            reason = f" ({self.why})" if self.why else ""
            message = f"input {path!r} must be {expected}, got {type(self.value).__name__} {shown}{reason}"
        return TaskInputError(message, parameter=path, expected=expected)


def _shown(value: Any) -> str:
    try:
        shown = repr(value)
    except Exception:  # noqa: BLE001  a broken __repr__, or an integer too long to print, must not hide the mismatch
        shown = "(not printable)"
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[: _MAX_SHOWN - 3]}..."


def describe(kind: Any) -> str:
    """Return a type in words."""
    if kind is type(None):
        return "None"
    if typing.get_origin(kind) is None and isinstance(kind, type):
        return kind.__name__
    return str(kind).replace("typing.", "").replace("NoneType", "None")
