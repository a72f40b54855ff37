"""The text of a JSONPath -> its steps."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, NoReturn

from attrs import define

from conductor.server.engine.jsonpath import (
    Filter,
    Function,
    Index,
    Path,
    PathError,
    Property,
    Scan,
    Slice,
    Step,
    Wildcard,
)
from conductor.server.engine.jsonpath_filter import parse_filter
from conductor.server.engine.jsonpath_text import closing, unescape

_NAME = re.compile(r"[^.\[( ]+")
_WILDCARD = re.compile(r"\[ *\* *\]|\*")
_ELEMENTS = re.compile(r"\[ *([0-9:-][0-9:, -]*)\]")
_QUOTED = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*""", re.DOTALL)
_FILTER = re.compile(r"\[\s*\?\s*\(")


@lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """Return the path; without a leading `$` or `@` it starts at the document. Raise PathError when it is none."""
    trimmed = text.strip(" ")
    if not trimmed.startswith(("$", "@")):
        trimmed = "$." + text.rstrip(" ")
    if trimmed.endswith("."):
        raise PathError(f"{text!r} ends with a dot")
    if len(trimmed) > 1 and trimmed[1] not in ".[":
        raise PathError(f"{text!r}: expected '.' or '[' after {trimmed[0]!r}")
    return Path(tuple(_Parser(trimmed).steps()))


@define
class _Parser:
    text: str
    position: int = 1

    def steps(self) -> list[Step]:
        found: list[Step] = []
        while self.position < len(self.text):
            found.extend(self._next())
        return found

    def _next(self) -> list[Step]:
        if self._take("."):
            scan: list[Step] = [Scan()] if self._take(".") else []
            if self._peek(".") or self.position == len(self.text):
                self._fail()
            return [*scan, self._step()]
        return [self._step()]

    def _step(self) -> Step:
        if match := _WILDCARD.match(self.text, self.position):
            self.position = match.end()
            return Wildcard()
        if match := _ELEMENTS.match(self.text, self.position):
            self.position = match.end()
            return _elements(match[1])
        if match := _FILTER.match(self.text, self.position):
            return self._filter(match.end() - 1)
        if self._take("["):
            return Property(tuple(self._names()))
        return self._name_or_function()

    def _names(self) -> list[str]:
        names = []
        while True:
            match = _QUOTED.match(self.text, self.position)
            if not match:
                self._fail()
            names.append(unescape(match[1] if match[1] is not None else match[2]))
            self.position = match.end()
            if self._take("]"):
                return names
            if not self._take(","):
                self._fail()

    def _filter(self, opening: int) -> Filter:
        end = closing(self.text, opening, "(", ")")
        tail = re.compile(r"\s*\]").match(self.text, end + 1) if end >= 0 else None
        if tail is None:
            self._fail()
        self.position = tail.end()
        return Filter(parse_filter(self.text[opening + 1 : end], parse))

    def _name_or_function(self) -> Step:
        match = _NAME.match(self.text, self.position)
        if not match:
            self._fail()
        self.position = match.end()
        if self._peek(" "):
            self._fail()
        if not self._peek("("):
            return Property((match[0],))
        end = closing(self.text, self.position, "(", ")")
        if end < 0:
            self._fail()
        inside = self.text[self.position + 1 : end]
        # After `name()` the library takes the closing parenthesis for a property, which nothing has: the rest is void.
        self.position = end + 1 if inside.strip() else len(self.text)
        return Function(match[0], tuple(_arguments(inside)))

    def _peek(self, char: str) -> bool:
        return self.text.startswith(char, self.position)

    def _take(self, char: str) -> bool:
        if not self._peek(char):
            return False
        self.position += 1
        return True

    def _fail(self) -> NoReturn:
        raise PathError(f"{self.text!r} is no JSONPath (position {self.position})")


def _elements(text: str) -> Index | Slice:
    try:
        if ":" in text:
            ends = [int(end) if end else None for end in text.replace(" ", "").split(":")[:2]]
            if ends == [None, None]:
                raise PathError(f"[{text}] has no ends")
            return Slice(ends[0], ends[1])
        return Index(tuple(int(number) for number in text.split(",")))
    except ValueError as error:
        raise PathError(f"[{text}] is no index and no slice") from error


def _arguments(text: str) -> list[Any]:
    """Return the arguments of a function: JSON as values, paths parsed; anything else is passed over."""
    found: list[Any] = []
    for piece in _split(text):
        if piece.startswith(("$", "@")):
            found.append(parse(piece))
        elif piece[:1] in set('{"-0123456789') and piece:
            try:
                found.append(json.loads(piece))
            except ValueError as error:
                raise PathError(f"{piece!r} is no JSON") from error
    return found


def _split(text: str) -> list[str]:
    pieces, depth, quoted, start = [], 0, False, 0
    for position, char in enumerate(text):
        if char == '"' and text[position - 1 : position] != "\\":
            quoted = not quoted
        elif not quoted and char in "([{":
            depth += 1
        elif not quoted and char in ")]}":
            depth -= 1
        elif not quoted and char == "," and depth == 0:
            pieces.append(text[start:position])
            start = position + 1
    return [piece.strip() for piece in [*pieces, text[start:]]]
