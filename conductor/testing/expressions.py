"""Resolving ``${...}`` in example executions: names and indexes, which most definitions use."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["resolved"]

_EXPRESSION = re.compile(r"\$\{([^{}]*)\}")
_PART = re.compile(r"\[['\"]?([^\]'\"]*)['\"]?\]|([^.\[\]]+)")


def resolved(value: Any, document: Mapping[str, Any]) -> Any:
    """Return a value with its expressions replaced; what does not exist is null, as on the server.

    Args:
        value: Any JSON value. A string that is a single expression becomes its value, with its type.
        document: ``workflow`` and the tasks by reference name, each with ``input``, ``output`` and so on.
    """
    if isinstance(value, Mapping):
        return {key: resolved(inner, document) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner, document) for inner in value]
    if not isinstance(value, str):
        return value
    whole = _EXPRESSION.fullmatch(value)
    if whole is not None:
        return _look_up(whole[1], document)
    return _EXPRESSION.sub(lambda found: _as_text(_look_up(found[1], document)), value)


def _look_up(path: str, document: Mapping[str, Any]) -> Any:
    here: Any = document
    for index, name in _PART.findall(path.strip()):
        part = index or name
        if isinstance(here, Mapping):
            here = here.get(part)
        elif isinstance(here, list) and part.isdigit() and int(part) < len(here):
            here = here[int(part)]
        else:
            return None
    return here


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
