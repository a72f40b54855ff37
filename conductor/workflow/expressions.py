"""The ``${...}`` expressions in texts: where they are, and what they name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from conductor.models.codec import MAX_DEPTH

__all__ = ["Expression", "expressions", "expressions_in"]

_ROOT = re.compile(r"[^.\[]+")
_PART = re.compile(r"\.?\[\s*(?:'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"|([^\]]*))\s*\]|\.?([^.\[\]]+)|\.\.")


@frozen
class Expression:
    """One ``${...}``.

    Attributes:
        text: With the braces.
        body: What stands between them.
        start: Where it begins in the whole text.
        is_closed: Whether there is a closing brace.
    """

    text: str
    body: str
    start: int
    is_closed: bool = True

    @property
    def root(self) -> str:
        """The part before the first dot or bracket: ``workflow``, or a step's reference name."""
        match = _ROOT.match(self.body)
        return match[0].strip() if match else ""

    @property
    def path(self) -> str:
        """What follows the root, as it is written."""
        match = _ROOT.match(self.body)
        return self.body[match.end() :] if match else self.body

    @property
    def parts(self) -> list[str]:
        """The names after the root, up to the first that is no plain name (an index, a filter, ``..``)."""
        found = []
        position, path = 0, self.path
        while position < len(path):
            match = _PART.match(path, position)
            if match is None or match[0] == ".." or match[3] is not None:
                break
            name = next(group for group in (match[1], match[2], match[4]) if group is not None)
            if "${" in name or "*" in name:
                break
            found.append(name.strip())
            position = match.end()
        return found


def expressions(text: str, offset: int = 0) -> Iterator[Expression]:
    """The expressions in a text, inner ones after the one that holds them; ``$${`` is no expression."""
    position = text.find("${")
    while position >= 0:
        if position > 0 and text[position - 1] == "$":
            position = text.find("${", position + 2)
            continue
        end = _closing(text, position + 2)
        if end < 0:
            yield Expression(text[position:], text[position + 2 :], offset + position, is_closed=False)
            return
        body = text[position + 2 : end]
        yield Expression(text[position : end + 1], body, offset + position)
        yield from expressions(body, offset + position + 2)
        position = text.find("${", end + 1)


def _closing(text: str, position: int) -> int:
    depth = 1
    while position < len(text):
        if text.startswith("${", position):
            depth += 1
            position += 2
            continue
        if text[position] == "}":
            depth -= 1
            if not depth:
                return position
        position += 1
    return -1


def expressions_in(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Expression]]:
    """The expressions in all texts of a JSON value, each with the path of its text; keys are never expressions."""
    if isinstance(value, str):
        if "${" in value:
            for found in expressions(value):
                yield path, found
    elif depth > MAX_DEPTH:
        return  # it may contain itself
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from expressions_in(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from expressions_in(item, f"{path}[{index}]", depth + 1)
