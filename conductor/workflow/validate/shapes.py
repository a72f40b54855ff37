"""The types that fields of the wire form have, in words."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any

import attrs

from conductor.models.wire import Model, wire_name
from conductor.workflow.problem import Problem

__all__ = ["Shape", "field_names", "misfit", "unknown_fields"]


class Shape(Enum):
    """What a field can hold; the value is how a message says it."""

    TEXT = "text"
    FLAG = "true or false"
    COUNT = "a whole number from 0"
    POSITIVE = "a whole number from 1"
    OBJECT = "an object (a dict)"
    TEXTS = "a list of texts"
    LIST = "a list"


def misfit(value: Any, shape: Shape) -> str | None:
    """``is 'x'; it must be ...`` for a value of another type; None for one that fits, or is None."""
    if value is None or _FITS[shape](value):
        return None
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."  # noqa: PLR2004
    return f"is {shown}; it must be {shape.value}"


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_FITS: dict[Shape, Callable[[Any], bool]] = {
    Shape.TEXT: lambda v: isinstance(v, str),
    Shape.FLAG: lambda v: isinstance(v, bool),
    Shape.COUNT: _is_count,
    Shape.POSITIVE: lambda v: _is_count(v) and v > 0,
    Shape.OBJECT: lambda v: isinstance(v, Mapping),
    Shape.TEXTS: lambda v: isinstance(v, list) and all(isinstance(item, str) for item in v),
    Shape.LIST: lambda v: isinstance(v, list),
}


def unknown_fields(
    wire: Mapping[str, Any],
    model: type[Model],
    problem: Callable[..., Problem],
    elsewhere: Mapping[type[Model], str],
) -> Iterator[Problem]:
    """A warning for each field that is a known one misspelt, or one of ``elsewhere``; others may be a newer server's.

    Args:
        wire: The wire form.
        model: What it is read as.
        problem: Makes a problem.
        elsewhere: Models whose fields people write here, with a sentence that says where these belong.
    """
    known = field_names(model)
    for name in [name for name in wire if name not in known]:
        home = next((sentence for other, sentence in elsewhere.items() if name in field_names(other)), None)
        if home is not None:
            message = f"{name!r} is no field here, and the server forgets it: {home}"
            yield problem("MISPLACED_FIELD", message, name, is_error=False)
        elif like := difflib.get_close_matches(name, known, n=1, cutoff=0.8):
            yield problem(
                "UNKNOWN_FIELD",
                f"There is no field {name!r}; did you mean {like[0]!r}? The server forgets what it does not know.",
                name,
                is_error=False,
            )


def field_names(model: type[Model]) -> tuple[str, ...]:
    """The names of a model's fields on the wire."""
    return tuple(wire_name(a) for a in attrs.fields(model) if a.name != "unknown_fields")
