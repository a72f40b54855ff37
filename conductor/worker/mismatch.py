"""Values that do not fit their annotation, and annotations that are not supported."""

from __future__ import annotations

import types
from enum import Enum
from typing import Annotated, Any, ForwardRef, Literal, Union

import typing_extensions
from attrs import define, field

from conductor.errors import TaskInputError

__all__ = ["Mismatch", "UnsupportedAnnotationError", "describe", "mismatch_of", "within"]

#: Characters of a value that an error shows.
_MAX_SHOWN = 80


class UnsupportedAnnotationError(TypeError):
    """An annotation that no JSON value can be converted to; the message has the annotation and the reason."""


@define(eq=False)
class Mismatch(Exception):  # noqa: N818  converter_for() turns each one into a TaskInputError
    """A value that does not fit: raised by a hook, and given the path to the value by the hooks around it.

    Attributes:
        expected: The annotation, or what to call it in the error.
        value: The value.
        why: The reason, if there is more to say than the type.
        is_missing: Whether the value is missing; ``why`` then names what needs it.
        steps: The path from the outermost value, the last step first.
    """

    expected: Any
    value: Any = None
    why: str = ""
    is_missing: bool = False
    steps: list[str] = field(factory=list)

    def to_error(self, root: str) -> TaskInputError:
        """Make the error for the input ``root``; an empty one stands for all inputs."""
        path = (root + "".join(reversed(self.steps))).removeprefix("" if root else ".")
        expected = describe(self.expected)
        if self.is_missing:
            message = f"input {path!r} is missing; {self.why} needs it"
        else:
            reason = f" ({self.why})" if self.why else ""
            message = f"input {path!r} must be {expected}, {self._given()}{reason}"
        return TaskInputError(message, parameter=path, expected=expected)

    def _given(self) -> str:
        if self.value is not None:
            return f"got {type(self.value).__name__} {_shown(self.value)}"
        return "but is null" if self.steps else "but is null: an expression that finds nothing gives null"


def mismatch_of(error: Exception, kind: Any, value: Any) -> Mismatch:
    """Return what a hook, a parser or a class raised, as a mismatch."""
    if isinstance(error, Mismatch):
        return error
    if isinstance(error, TaskInputError):
        return Mismatch(kind, value, error.message)
    try:
        why = str(error) or ("" if type(error) is TypeError else type(error).__name__)
    except Exception:  # a broken __str__ must not hide the mismatch
        why = type(error).__name__
    return Mismatch(kind, value, why)


def within(error: Exception, step: str, kind: Any, value: Any) -> Mismatch:
    """Return what was raised for a value inside another one, as a mismatch with the step that leads to it."""
    mismatch = mismatch_of(error, kind, value)
    mismatch.steps.append(step)
    return mismatch


def _shown(value: Any) -> str:
    try:
        shown = repr(value)
    except Exception:  # a broken __repr__, or an integer too long to print, must not hide the mismatch
        shown = "(not printable)"
    return shown if len(shown) <= _MAX_SHOWN else f"{shown[: _MAX_SHOWN - 3]}..."


def describe(kind: Any) -> str:  # one line for each form of annotation
    """Return an annotation as a programmer would write it, without module names and metadata."""
    origin, arguments = typing_extensions.get_origin(kind), typing_extensions.get_args(kind)
    if kind is None or kind is type(None):
        return "None"
    if isinstance(kind, ForwardRef):
        return kind.__forward_arg__
    if origin is Annotated:
        return describe(kind.__origin__)
    if origin in {Union, types.UnionType}:
        return " | ".join(describe(one) for one in arguments)
    if origin in {Literal, typing_extensions.Literal}:
        return f"Literal[{', '.join(str(one) if isinstance(one, Enum) else repr(one) for one in arguments)}]"
    if origin is not None and arguments and not any(isinstance(one, list | tuple) for one in arguments):
        inner = ", ".join("..." if one is Ellipsis else describe(one) for one in arguments)
        return f"{describe(origin)}[{inner}]"
    if origin is None and isinstance(kind, type):
        return kind.__name__
    return str(kind).replace("typing_extensions.", "").replace("typing.", "").replace("NoneType", "None")
