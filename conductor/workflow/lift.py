"""Expressions inside scripts: they are moved to input parameters, which the script reads as ``$.name``.

In some scripts the server replaces nothing; in others it would put the value into the text of the script, where a text
value is no string, and may be anything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from conductor.workflow.expressions import Expression, expressions
from conductor.workflow.refs import path_text

__all__ = ["lift"]


def lift(
    script: str, inputs: Mapping[str, Any], inside: Collection[str] = (), *, prefix: str = "$."
) -> tuple[str, dict[str, str]]:
    """Replace each ``${...}`` of a script by ``$.name``, and say which input parameters that needs.

    Args:
        script: The script.
        inputs: The parameters that are there.
        inside: Reference names whose outputs the script sees by itself (a loop's own and those of its body).
        prefix: What stands before a parameter's name; nothing in Python.

    Returns:
        The script, and the parameters to add.
    """
    added: dict[str, str] = {}
    pieces, position = [], 0
    for found in expressions(script):
        if found.start < position or not found.is_closed:
            continue  # an inner one went with the one that holds it
        name = _own(found, inside) or f"{prefix}{_parameter(found, inputs, added)}"
        start, end = found.start, found.start + len(found.text)
        quote = _quote_at(script, start)
        if quote and script[start - 1] == quote and script[end : end + 1] == quote:
            start, end = start - 1, end + 1  # nothing else is in the string
        elif quote:  # also in `...`: a ${} of JavaScript's own is taken by the server
            name = f"{quote} + {name} + {quote}"
        pieces.append(script[position:start])
        pieces.append(name)
        position = end
    return "".join([*pieces, script[position:]]), added


def _quote_at(script: str, end: int) -> str:
    """The quote of the string that this place of a script is in, or nothing."""
    quote, position = "", 0
    while position < end:
        character = script[position]
        if character == "\\":
            position += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"`":
            quote = character
        position += 1
    return quote


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
