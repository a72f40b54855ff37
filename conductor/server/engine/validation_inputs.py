"""Expressions in the parameters of a definition's tasks: whether they can be read, and what they refer to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from conductor.server.engine.expressions import SYSTEM_NAMES, expressions_in
from conductor.server.engine.jsonpath_parser import parse

Json = dict[str, Any]

_NAME = re.compile(r"[^.\[]+")


def check_inputs(task: Json, references: set[Any]) -> Iterator[str]:
    """What is wrong with the parameters of a task."""
    for key, text in _texts("", task.get("inputParameters") or {}):
        for path in expressions_in(text):
            if "${" in path:
                continue
            if not _is_readable(path):
                yield f"key: {key} input parameter value: {path.strip()} is not valid"
            elif not _is_known(path, references):
                name = _NAME.match(path)
                yield (
                    f"taskReferenceName: {name.group() if name else path} for given task: {task.get('name')} input "
                    f"value: {key} of input parameter: {text} is not defined in workflow definition."
                )


def _texts(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _texts(name, one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(key, one)


def _is_readable(path: str) -> bool:
    if not path.strip():
        return False
    try:
        parse(path)
    except ValueError:
        return False
    return True


def _is_known(path: str, references: set[Any]) -> bool:
    name = _NAME.match(path)
    return name is None or name.group() == "workflow" or name.group() in references or path in SYSTEM_NAMES
