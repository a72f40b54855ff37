"""Parser of ``${...}`` references in strings."""

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
        text: The whole reference, with the braces.
        body: The text between the braces.
        start: Its position in the string.
        is_closed: Whether it has a closing brace.
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
        """The text after the root."""
        match = _ROOT.match(self.body)
        return self.body[match.end() :] if match else self.body

    @property
    def parts(self) -> list[str]:
        """The names after the root, up to the first index, filter or ``..``."""
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
    """Yield the references in a string, nested ones after the outer one; ``$${`` escapes a reference."""
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
    """Yield the references in all strings of a JSON value, each with its path; keys are not searched."""
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
