"""Filters and functions of JSONPath: ``@.price > 10 && @.tag in ['a', 'b']`` becomes a predicate."""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from math import sqrt
from typing import Any, NoReturn, Protocol

from attrs import define, frozen

from conductor.server.engine.expressions.java_text import scalar_text

_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def closing(text: str, opening: int, left: str, right: str) -> int:
    """Return the position of the bracket that closes the one at ``opening``, outside of quotes; -1 if there is none."""
    depth, quote, position = 0, "", opening
    while position < len(text):
        char = text[position]
        if quote:
            if char == "\\":
                position += 1
            elif char == quote:
                quote = ""
        elif char in "'\"":
            quote = char
        elif char == left:
            depth += 1
        elif char == right:
            depth -= 1
            if depth == 0:
                return position
        position += 1
    return -1


def unescape(text: str) -> str:
    r"""Replace escapes such as ``\'``, ``\n`` and ``\u00e4``."""
    return _ESCAPE.sub(lambda match: _character(match[1]), text)


def _character(code: str) -> str:
    if len(code) > 1:
        return chr(int(code[1:], 16))
    return _CONTROLS.get(code, code)


def equal(left: Any, right: Any) -> bool:
    """Compare as the library does: a number with a string as numbers, but a string with a number as strings."""
    kinds = _kind(left), _kind(right)
    if kinds == ("number", "string"):
        number = _as_number(right)
        return number is not None and bool(left == number)
    if kinds == ("string", "number"):
        return bool(left == scalar_text(right))
    return kinds[0] == kinds[1] and bool(left == right)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "null" if value is None else type(value).__name__


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def holds(left: Any, right: Any) -> bool:
        kind = _kind(left)
        return kind == _kind(right) and kind in {"number", "string"} and compare(left, right)

    return holds


def _same(left: Any, right: Any) -> bool:
    return _kind(left) == _kind(right) and equal(left, right)


def _among(left: Any, right: Any) -> bool:
    return isinstance(right, list) and any(equal(left, item) for item in right)


def _contains(left: Any, right: Any) -> bool:
    if isinstance(left, str) and isinstance(right, str):
        return right in left
    return isinstance(left, list) and _among(right, left)


def _size(left: Any, right: Any) -> bool:
    return isinstance(left, (str, list)) and _kind(right) == "number" and len(left) == right


def _empty(left: Any, right: Any) -> bool:
    return isinstance(left, (str, list, dict)) and (not left) is right


def _any_of(left: Any, right: Any) -> bool:
    return isinstance(left, list) and any(_among(item, right) for item in left)


def _none_of(left: Any, right: Any) -> bool:
    return isinstance(left, list) and isinstance(right, list) and not _any_of(left, right)


def _subset(left: Any, right: Any) -> bool:
    return isinstance(left, list) and all(_among(item, right) for item in left)


@frozen
class Regex:
    """A user's regular expression, not compiled yet, because both compiling and matching may never end."""

    source: str
    flags: int

    @property
    def is_simple(self) -> bool:
        """Whether it can be matched in this process: it has at most one repetition or alternative."""
        return len(self.source) < _LONG_REGEX and len(_COSTLY.findall(self.source)) <= 1

    def matches(self, text: str) -> bool:
        """Return whether the expression matches the whole text."""
        if not self.is_simple:
            return MATCHER.get()(self.source, self.flags, text)
        return match_here(self.source, self.flags, text)


#: Characters from which a regular expression is not compiled in this process.
_LONG_REGEX = 200
_COSTLY = re.compile(r"[*+?{|]|\\[0-9]")


def match_here(source: str, flags: int, text: str) -> bool:
    """Return whether a regular expression matches the whole text, without a time limit."""
    try:
        return re.compile(source, flags).fullmatch(text) is not None
    except re.error as error:
        raise FilterError(f"{source!r} is an invalid regular expression: {error}") from error


#: Matches expressions that may take long; the server sets a function that does so in a process with a time limit.
MATCHER: ContextVar[Callable[[str, int, str], bool]] = ContextVar("MATCHER", default=match_here)


def _regex(left: Any, right: Any) -> bool:
    if isinstance(left, Regex):
        left, right = right, left
    if not isinstance(right, Regex):
        return False
    text = scalar_text(left) if isinstance(left, (bool, int, float)) else left
    return right.matches(text if isinstance(text, str) else "")


def _never(_left: Any, _right: Any) -> bool:
    """Return False: the library has ALL and TYPE, but they are true for no value that a path can contain."""
    return False


OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "===": _same,
    "!==": lambda left, right: not _same(left, right),
    "<": _ordered(operator.lt),
    "<=": _ordered(operator.le),
    ">": _ordered(operator.gt),
    ">=": _ordered(operator.ge),
    "=~": _regex,
    "IN": _among,
    "NIN": lambda left, right: not _among(left, right),
    "CONTAINS": _contains,
    "SIZE": _size,
    "EMPTY": _empty,
    "ANYOF": _any_of,
    "NONEOF": _none_of,
    "SUBSETOF": _subset,
    "ALL": _never,
    "TYPE": _never,
}

Predicate = Callable[[Any, Any], bool]
_Value = Callable[[Any, Any], Any]
_OPERATOR = re.compile(r"\s*([<>=~!]+|[A-Za-z]+(?=\s))")
_STRING = re.compile(r"""'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)\"""", re.DOTALL)
_PATTERN = re.compile(r"/((?:[^/\\]|\\.)+)/([dixsuU]*)")
_KEYWORD = re.compile(r"(true|false|null)(?![\w.])")
_NUMBER = re.compile(r"-?[0-9.]+(?:[eE][+-]?[0-9]+)?")
_PATH_END = re.compile(r"[\s<>=~!)&|]")
_SINGLE_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")
_KEYWORDS = {"true": True, "false": False, "null": None}
_FLAGS = {"i": re.IGNORECASE, "x": re.VERBOSE, "s": re.DOTALL, "u": re.IGNORECASE, "d": 0, "U": 0}


class FilterError(ValueError):
    """The filter between ``[?(`` and ``)]`` is invalid."""


class _Path(Protocol):
    def read(self, node: Any, root: Any) -> Any: ...
    def exists(self, node: Any, root: Any) -> bool: ...


def parse_filter(text: str, parse_path: Callable[[str], _Path]) -> Predicate:
    """Parse a filter to a predicate over an item and the document.

    Raises:
        FilterError: The filter is invalid.
    """
    parser = _Parser(text, parse_path)
    predicate = parser.any_of()
    if parser.rest():
        parser.fail()
    return _false_on_errors(predicate)


def _false_on_errors(predicate: Predicate) -> Predicate:
    def matches(item: Any, root: Any) -> bool:
        try:
            return predicate(item, root)
        except ValueError:  # a path of the filter cannot be applied to this item, so the item does not match
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
        raise FilterError(f"Invalid filter {self.text!r} at position {self.position}")


def _constant(value: Any) -> _Value:
    return lambda _item, _root: value


def _string(match: re.Match[str]) -> str:
    return unescape(match[1] if match[1] is not None else match[2])


def _pattern(match: re.Match[str]) -> Regex:
    flags = 0
    for letter in match[2]:
        flags |= _FLAGS[letter]
    return Regex(match[1], flags)


def _number(match: re.Match[str]) -> float:
    text = match[0]
    return int(text) if text.lstrip("-").isdigit() else float(text)


_LITERALS: list[tuple[re.Pattern[str], Callable[[re.Match[str]], Any]]] = [
    (_STRING, _string),
    (_PATTERN, _pattern),
    (_KEYWORD, lambda match: _KEYWORDS[match[1]]),
    (_NUMBER, _number),
]


def call(name: str, value: Any, arguments: list[Any]) -> Any:
    """Apply a function to a value.

    Raises:
        ValueError: The function is unknown, or cannot be applied to the value.
    """
    if name in _AGGREGATES:
        numbers = _numbers(value if isinstance(value, list) else []) + _numbers(_flat(arguments))
        if not numbers:
            raise ValueError(f"{name}() has no numbers")
        return float(_AGGREGATES[name](numbers))
    if name not in _FUNCTIONS:
        raise ValueError(f"unknown function {name}()")
    return _FUNCTIONS[name](value, arguments)


def _flat(arguments: list[Any]) -> list[Any]:
    return [item for argument in arguments for item in (argument if isinstance(argument, list) else [argument])]


def _numbers(values: list[Any]) -> list[float]:
    return [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]


def _average(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def _deviation(numbers: list[float]) -> float:
    count = len(numbers)
    squares = sum(number * number for number in numbers)
    return sqrt(squares / count - sum(numbers) * sum(numbers) / count / count)


def _length(value: Any, _: list[Any]) -> int | None:
    return len(value) if isinstance(value, (list, Mapping)) else None


def _keys(value: Any, _: list[Any]) -> list[str] | None:
    return list(value) if isinstance(value, Mapping) else None


def _concat(value: Any, arguments: list[Any]) -> str:
    strings = [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
    return "".join(strings + [str(item) for item in _flat(arguments) if item is not None])


def _append(value: Any, arguments: list[Any]) -> Any:
    """Return a longer copy. The library modifies the document instead, which later expressions would see."""
    return [*value, *arguments] if isinstance(value, list) else value


def _element(value: Any, position: int) -> Any:
    if not isinstance(value, list) or not -len(value) <= position < len(value):
        raise ValueError(f"no element at index {position}")
    return value[position]


def _index(value: Any, arguments: list[Any]) -> Any:
    if not _numbers(arguments[:1]):
        raise ValueError("index() needs a number")
    return _element(value, int(arguments[0]))


_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "avg": _average,
    "max": max,
    "min": min,
    "stddev": _deviation,
    "sum": sum,
}
_FUNCTIONS: dict[str, Callable[[Any, list[Any]], Any]] = {
    "append": _append,
    "concat": _concat,
    "first": lambda value, _: _element(value, 0),
    "index": _index,
    "keys": _keys,
    "last": lambda value, _: _element(value, -1),
    "length": _length,
    "size": _length,
}
