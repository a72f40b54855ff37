"""Checks of values: that they have a JSON form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from conductor.errors import SerializationError
from conductor.models.codec import MAX_DEPTH, to_jsonable
from conductor.workflow.problem import Problem
from conductor.workflow.refs import Ref
from conductor.workflow.step import Block, Step, StepNames
from conductor.workflow.validate.tree import Tree

__all__ = ["check_values"]


def check_values(tree: Tree) -> Iterator[Problem]:
    """The values of all steps, and those of the definition."""
    for path, why in _without_json(tree.given, ""):
        yield tree.problem("NO_JSON", _message(path, why), path)
    for node in tree.nodes:
        for path, why in _without_json(node.step.fields, ""):
            yield node.problem("NO_JSON", _message(path, why), path)


def _message(path: str, why: str) -> str:
    return f"{path} cannot be sent: {why}. Give a value of JSON: text, a number, true, false, None, a list or a dict."


def _without_json(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """The places of what has no JSON form, and why."""
    if isinstance(value, Ref | Step | Block | StepNames) or hasattr(value, "without_steps"):
        return
    if isinstance(value, Mapping | list | tuple) and depth <= MAX_DEPTH:
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            at = f"{path}.{key}" if path else str(key)
            yield from _without_json(item, at if isinstance(value, Mapping) else f"{path}[{key}]", depth + 1)
        return
    try:
        to_jsonable(value, path)
    except SerializationError as error:
        yield error.path_in_value, str(error).removeprefix(f"{error.path_in_value}: ")
