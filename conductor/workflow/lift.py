"""Expressions inside scripts: the server replaces ``${...}`` in input parameters only, so they are moved there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from conductor.workflow.expressions import Expression, expressions
from conductor.workflow.refs import path_text

__all__ = ["lift"]


def lift(script: str, inputs: Mapping[str, Any], inside: Collection[str]) -> tuple[str, dict[str, str]]:
    """Replace each ``${...}`` of a script by ``$.name``, and say which input parameters that needs.

    Args:
        script: JavaScript.
        inputs: The parameters that are there.
        inside: Reference names whose outputs the script sees by itself (a loop's own and those of its body).

    Returns:
        The script, and the parameters to add.
    """
    added: dict[str, str] = {}
    pieces, position = [], 0
    for found in expressions(script):
        if found.start < position or not found.is_closed:
            continue  # an inner one went with the one that holds it
        start, end = _without_quotes(script, found)
        pieces.append(script[position:start])
        pieces.append(_own(found, inside) or f"$.{_parameter(found, inputs, added)}")
        position = end
    return "".join([*pieces, script[position:]]), added


def _without_quotes(script: str, found: Expression) -> tuple[int, int]:
    start, end = found.start, found.start + len(found.text)
    if start > 0 and end < len(script) and script[start - 1] == script[end] and script[end] in "'\"`":
        return start - 1, end + 1
    return start, end


def _own(found: Expression, inside: Collection[str]) -> str | None:
    if found.root not in inside or not found.path.startswith(".output"):
        return None
    rest = found.path[len(".output") :]
    return f"${path_text(found.root)}{rest}"


def _parameter(found: Expression, inputs: Mapping[str, Any], added: dict[str, str]) -> str:
    for name, text in (*inputs.items(), *added.items()):
        if text == found.text and name.isidentifier():
            return name
    base = next((part for part in reversed(found.parts) if part.isidentifier()), found.root)
    base = base if base.isidentifier() else "value"
    name, number = base, 2
    while name in inputs or name in added:
        name, number = f"{base}_{number}", number + 1
    added[name] = found.text
    return name
