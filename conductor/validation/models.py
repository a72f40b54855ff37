"""Checks of the wire form against the models: what the server cannot read, it refuses as a whole."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

import attrs

from conductor.models import WorkflowDef, WorkflowTask
from conductor.models._base import Model, wire_name
from conductor.models.enums import WireEnum
from conductor.validation.problem import Problem
from conductor.validation.tree import Tree, listed

__all__ = ["Shape", "check_models", "field_names", "misfit", "unknown_fields"]


_LONG = {"timeoutSeconds", "responseTimeoutSeconds", "totalTimeoutSeconds", "createTime", "updateTime"}
_SKIPPED = {"tags", "overwriteTags", "workflowTaskType"}  # only Orkes reads the first two, and the last is never sent
_FLAGS = {"true", "True", "TRUE", "false", "False", "FALSE", ""}
_TOLD = {"timeoutPolicy"}  # of the workflow: its own check says more


def check_models(tree: Tree, told: Collection[str]) -> Iterator[Problem]:
    """The definition and all tasks.

    Args:
        tree: The workflow.
        told: The places of problems that there are already; nothing more is said of these.
    """
    for at, wrong in _fields(tree.fields, WorkflowDef, "", {"tasks", *_TOLD}):
        yield from _unless(told, tree.problem("WRONG_TYPE", f"{at} {wrong}.", at))
    for node in tree.nodes:
        for at, wrong in _fields(node.wire, WorkflowTask, "", node.blocks.keys()):
            yield from _unless(told, node.problem("WRONG_TYPE", f"{at} of {node.label} {wrong}.", at))


def _unless(told: Collection[str], problem: Problem) -> Iterator[Problem]:
    if problem.place not in told:
        yield problem


def _fields(wire: Mapping[str, Any], model: Any, path: str, but: Collection[str]) -> Iterator[tuple[str, str]]:
    """The places of what does not fit the model, each with what is wrong there; ``but``: without these places."""
    for name, kind in _kinds(model).items():
        at = f"{path}.{name}" if path else name
        if wire.get(name) is not None and at not in but:
            yield from _misfits(wire[name], kind, at, but)


@cache
def _kinds(model: Any) -> dict[str, Any]:
    attrs.resolve_types(model)
    named = {wire_name(a): a.type for a in attrs.fields(model) if a.name != "unknown_fields"}
    return {name: kind for name, kind in named.items() if name not in _SKIPPED}


def _misfits(value: Any, kind: Any, at: str, but: Collection[str]) -> Iterator[tuple[str, str]]:
    if at in but:
        return
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        if value is not None:
            yield from _misfits(value, next(one for one in arguments if one is not type(None)), at, but)
    elif origin is list:
        yield from _items(value, arguments[0], at, but)
    elif origin is dict:
        yield from _entries(value, arguments[1], at, but)
    elif isinstance(kind, type) and issubclass(kind, Model):
        if isinstance(value, Mapping):
            yield from _fields(value, kind, at, but)
        else:
            yield at, _wrong(value, "an object (a dict)")
    elif wrong := _scalar(value, kind, at.rpartition(".")[2]):
        yield at, wrong


def _items(value: Any, kind: Any, at: str, but: Collection[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(value, list):
        yield at, _wrong(value, "a list")
        return
    for index, item in enumerate(value):
        if item is not None or kind is WorkflowTask:
            yield from _misfits(item, kind, f"{at}[{index}]", but)


def _entries(value: Any, kind: Any, at: str, but: Collection[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Mapping):
        yield at, _wrong(value, "an object (a dict)")
        return
    for key, item in value.items():
        if item is not None or kind == list[WorkflowTask]:
            yield from _misfits(item, kind, f"{at}.{key}", but)


def _scalar(value: Any, kind: Any, name: str) -> str | None:
    if isinstance(kind, type) and issubclass(kind, WireEnum):
        is_word = not isinstance(value, str) or kind(value).is_known
        return None if is_word else _wrong(value, f"one of {listed(list(kind))}")
    fits = _FITS.get(kind)
    if fits is None or fits[0](value, name):
        return None
    return _wrong(value, fits[1])


def _wrong(value: Any, words: str) -> str:
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."  # noqa: PLR2004
    return f"is {shown}; it must be {words}"


def _is_whole(value: Any, name: str) -> bool:
    """What the server reads as a number: also text with one, and a fraction, which it cuts off."""
    if isinstance(value, str):
        if not value.strip():
            return True
        try:
            value = int(value)
        except ValueError:
            return False
    bits = 63 if name in _LONG else 31
    return isinstance(value, int | float) and not isinstance(value, bool) and -(2**bits) <= value < 2**bits


_FITS: dict[Any, tuple[Callable[[Any, str], bool], str]] = {
    int: (_is_whole, "a whole number that the server can hold"),
    str: (lambda value, _: not isinstance(value, Mapping | list), "text"),
    bool: (lambda value, _: value in _FLAGS if isinstance(value, str) else isinstance(value, int), "true or false"),
}


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
    if value is None or _SHAPE_CHECKS[shape](value):
        return None
    shown = repr(value)
    shown = shown if len(shown) <= 60 else f"{shown[:57]}..."  # noqa: PLR2004
    return f"is {shown}; it must be {shape.value}"


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_SHAPE_CHECKS: dict[Shape, Callable[[Any], bool]] = {
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
