"""The filters of a JSONPath: `@.price > 10 && @.tag in ['a', 'b']` -> a predicate over an item and the document."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NoReturn, Protocol

from attrs import define

from conductor.server.engine.jsonpath_comparison import OPERATORS
from conductor.server.engine.jsonpath_text import closing, unescape

Predicate = Callable[[Any, Any], bool]
_Value = Callable[[Any, Any], Any]

_OPERATOR = re.compile(r"\s*([<>=~!]+|[A-Za-z]+(?=\s))")
_STRING = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""", re.DOTALL)
_PATTERN = re.compile(r"/((?:[^/\\]|\\.)+)/([dixsuU]*)")
_WORD = re.compile(r"(true|false|null)(?![\w.])")
_NUMBER = re.compile(r"-?[0-9.]+(?:[eE][+-]?[0-9]+)?")
_PATH_END = re.compile(r"[\s<>=~!)&|]")
_SINGLE_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")
_WORDS = {"true": True, "false": False, "null": None}
_FLAGS = {"i": re.IGNORECASE, "x": re.VERBOSE, "s": re.DOTALL, "u": re.IGNORECASE, "d": 0, "U": 0}


class FilterError(ValueError):
    """The text between `[?(` and `)]` is no filter."""


class _Path(Protocol):
    def read(self, node: Any, root: Any) -> Any: ...
    def exists(self, node: Any, root: Any) -> bool: ...


def parse_filter(text: str, parse_path: Callable[[str], _Path]) -> Predicate:
    """Return the predicate; raise ValueError when the text is no filter."""
    parser = _Parser(text, parse_path)
    predicate = parser.any_of()
    if parser.rest():
        parser.fail()
    return _forgiving(predicate)


def _forgiving(predicate: Predicate) -> Predicate:
    def matches(item: Any, root: Any) -> bool:
        try:
            return predicate(item, root)
        except ValueError:  # a path of the filter cannot be applied to this item: it does not match
            return False

    return matches


@define
class _Parser:
    text: str
    parse_path: Callable[[str], _Path]
    position: int = 0

    def any_of(self) -> Predicate:
        parts = [self._all_of()]
        while self._take("||"):
            parts.append(self._all_of())
        return parts[0] if len(parts) == 1 else lambda item, root: any(part(item, root) for part in parts)

    def _all_of(self) -> Predicate:
        parts = [self._operand()]
        while self._take("&&"):
            parts.append(self._operand())
        return parts[0] if len(parts) == 1 else lambda item, root: all(part(item, root) for part in parts)

    def _operand(self) -> Predicate:
        if self._take("!"):
            negated = self._operand()
            return lambda item, root: not negated(item, root)
        if self._take("("):
            inner = self.any_of()
            if not self._take(")"):
                self.fail()
            return inner
        return self._comparison()

    def _comparison(self) -> Predicate:
        start = self._skip_blanks()
        left = self._value()
        match = _OPERATOR.match(self.text, self.position)
        compare = OPERATORS.get(match[1].upper()) if match else None
        if match and compare:
            self.position = match.end()
            right = self._value()
            return lambda item, root: compare(left(item, root), right(item, root))
        if self.text[start] not in "$@":
            self.fail()
        return self.parse_path(self.text[start : self.position]).exists

    def _value(self) -> _Value:
        start = self._skip_blanks()
        char = self.text[start : start + 1]
        if char and char in "$@":
            return self._path_value(start)
        return _constant(self._literal(char))

    def _path_value(self, start: int) -> _Value:
        self.position = self._path_end(start)
        path = self.parse_path(self.text[start : self.position])
        if self.text[start] == "$":
            return lambda _, root: path.read(root, root)
        return path.read

    def _path_end(self, start: int) -> int:
        position = start + 1
        while position < len(self.text) and not _PATH_END.match(self.text, position):
            char = self.text[position]
            if char in "([":
                position = closing(self.text, position, char, ")" if char == "(" else "]")
                if position < 0:
                    self.fail()
            position += 1
        return position

    def _literal(self, char: str) -> Any:
        if char and char in "{[":
            return self._json(char)
        for pattern, read in _LITERALS:
            if match := pattern.match(self.text, self.position):
                self.position = match.end()
                return read(match)
        return self.fail()

    def _json(self, char: str) -> Any:
        end = closing(self.text, self.position, char, "]" if char == "[" else "}")
        source = self.text[self.position : end + 1]
        self.position = end + 1
        try:
            return json.loads(_SINGLE_QUOTED.sub(lambda match: json.dumps(unescape(match[1])), source))
        except ValueError:
            self.fail()

    def rest(self) -> str:
        return self.text[self.position :].strip()

    def _take(self, mark: str) -> bool:
        start = self._skip_blanks()
        if not self.text.startswith(mark, start):
            return False
        self.position = start + len(mark)
        return True

    def _skip_blanks(self) -> int:
        while self.text[self.position : self.position + 1].isspace():
            self.position += 1
        return self.position

    def fail(self) -> NoReturn:
        raise FilterError(f"{self.text!r} is no filter (position {self.position})")


def _constant(value: Any) -> _Value:
    return lambda _item, _root: value


def _string(match: re.Match[str]) -> str:
    return unescape(match[1] if match[1] is not None else match[2])


def _pattern(match: re.Match[str]) -> re.Pattern[str]:
    flags = re.RegexFlag(0)
    for letter in match[2]:
        flags |= _FLAGS[letter]
    return re.compile(match[1], flags)


def _number(match: re.Match[str]) -> float:
    text = match[0]
    return int(text) if text.lstrip("-").isdigit() else float(text)


_LITERALS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], Any]]] = [
    (_STRING, _string),
    (_PATTERN, _pattern),
    (_WORD, lambda match: _WORDS[match[1]]),
    (_NUMBER, _number),
]
