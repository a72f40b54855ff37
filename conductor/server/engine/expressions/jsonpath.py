"""JSONPath as the OSS server evaluates it: the behavior of its Java library (Jayway), on Python values.

A definite path (names and single indices only) has one value. An indefinite path has ``Matches``, a list that may be
empty. Filters and functions are in ``jsonpath_filters``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any, NoReturn

from attrs import define, field, frozen

from conductor.server.engine.expressions.java_text import Matches
from conductor.server.engine.expressions.jsonpath_filters import call, closing, parse_filter, unescape


class PathError(ValueError):
    """The JSONPath is invalid, or cannot be applied to this document."""


class _NotFoundError(PathError):
    """The document lacks a definite part of the path; raised only to find out whether a path exists."""


@frozen
class Property:
    """``.name``, ``['name']`` or ``['a', 'b']``."""

    names: tuple[str, ...]


@frozen
class Index:
    """``[0]``, ``[-1]`` or ``[0, 2]``."""

    positions: tuple[int, ...]


@frozen
class Slice:
    """``[1:3]``; either end may be absent."""

    start: int | None
    stop: int | None


@frozen
class Wildcard:
    """``.*`` or ``[*]``."""


@frozen
class Scan:
    """``..``: applies the next step at every depth."""


@frozen
class Filter:
    """``[?(...)]``; the predicate takes the item and the whole document."""

    matches: Callable[[Any, Any], bool]


@frozen
class Function:
    """``.length()``, ``.sum(1, $.more)``; arguments are constants or paths into the whole document."""

    name: str
    arguments: tuple[Any, ...]


#: Steps of one path in one document, including everything that wildcards and scans visit; a few tenths of a second.
MAX_STEPS = 200_000

#: Steps between two calls of ``PAUSE``; about a millisecond.
_STEPS_TO_PAUSE = 1000
#: Called from time to time during long work; the server sets a function that lets other threads acquire its lock.
PAUSE: ContextVar[Callable[[], object]] = ContextVar("PAUSE", default=lambda: None)

#: The steps so far of the outermost path; paths inside its filters count as well.
_steps: ContextVar[list[int] | None] = ContextVar("_steps", default=None)


class TooManyStepsError(Exception):
    """A path visits too many values of a document. Not a PathError, which would make the value null."""


@contextmanager
def _count_steps() -> Iterator[None]:
    if _steps.get() is not None:
        yield
        return
    token = _steps.set([0])
    try:
        yield
    finally:
        _steps.reset(token)


def _count_step() -> None:
    steps = _steps.get()
    if steps is not None:
        steps[0] += 1
        if steps[0] % _STEPS_TO_PAUSE == 0:
            PAUSE.get()()
        if steps[0] > MAX_STEPS:
            raise TooManyStepsError(f"A JSONPath expression takes more than {MAX_STEPS} steps in its document")


Step = Property | Index | Slice | Wildcard | Scan | Filter | Function


@frozen
class Path:
    """A parsed path.

    Attributes:
        steps: The steps.
        definite: Whether the path has exactly one value.
    """

    steps: tuple[Step, ...]
    definite: bool = field(init=False)

    @definite.default
    def _all_steps_definite(self) -> bool:
        last = len(self.steps) - 1
        return all(_is_definite(step, leaf=number == last) for number, step in enumerate(self.steps))

    def read(self, node: Any, root: Any) -> Any:
        """Return the value (None if it is missing), or the ``Matches`` of an indefinite path.

        Raises:
            PathError: A step cannot be applied, such as a filter to a number or a sum to an empty list.
            TooManyStepsError: The path visits more than ``MAX_STEPS`` values.
        """
        with _count_steps():
            found = Matches(_Reading(self.steps, root, strict=False).run(node))
        if not self.definite:
            return found
        return found[-1] if found else None

    def exists(self, node: Any, root: Any) -> bool:
        """Return whether the path exists; null counts, and so does an indefinite path without matches."""
        try:
            with _count_steps():
                found = list(_Reading(self.steps, root, strict=True).run(node))
        except _NotFoundError:
            return False
        return bool(found) or not self.definite


def _is_definite(step: Step, *, leaf: bool) -> bool:
    if isinstance(step, Property):
        return leaf or len(step.names) == 1
    if isinstance(step, Index):
        return len(step.positions) == 1
    return isinstance(step, Function)


@frozen
class _Reading:
    """Applies the steps to a document; with ``strict``, a missing property is an error."""

    steps: tuple[Step, ...]
    root: Any
    strict: bool

    def run(self, node: Any) -> Iterator[Any]:
        return self._from(0, node)

    def _from(self, number: int, node: Any) -> Iterator[Any]:
        """Yield the values that the steps from this number on find in the node."""
        _count_step()
        if number == len(self.steps):
            yield node
            return
        step = self.steps[number]
        if isinstance(step, Property):
            yield from self._property(step, number, node)
        elif isinstance(step, (Index, Slice)):
            yield from self._elements(step, number, node)
        elif isinstance(step, Wildcard):
            for child in _children(node):
                yield from self._from(number + 1, child)
        elif isinstance(step, Filter):
            yield from self._filtered(step, number, node)
        elif isinstance(step, Function):
            yield from self._function(step, number, node)
        else:
            yield from self._scan(number + 1, node)

    def _property(self, step: Property, number: int, node: Any) -> Iterator[Any]:
        if not isinstance(node, Mapping):
            self._missing(number)
            return
        if len(step.names) > 1 and number == len(self.steps) - 1:
            yield {name: node[name] for name in step.names if name in node}
            return
        for name in step.names:
            if name in node:
                yield from self._from(number + 1, node[name])
            else:
                self._missing(number)

    def _elements(self, step: Index | Slice, number: int, node: Any) -> Iterator[Any]:
        if not isinstance(node, list):
            self._missing(number)
            return
        if isinstance(step, Slice):
            found = node[step.start : step.stop]
        else:
            found = [node[position] for position in step.positions if -len(node) <= position < len(node)]
        for child in found:
            yield from self._from(number + 1, child)

    def _filtered(self, step: Filter, number: int, node: Any) -> Iterator[Any]:
        if isinstance(node, Mapping):
            candidates = [node]
        elif isinstance(node, list):
            candidates = node
        elif self._definite_before(number):
            raise PathError("a filter cannot be applied to a primitive value")
        else:
            return
        for candidate in candidates:
            if step.matches(candidate, self.root):
                yield from self._from(number + 1, candidate)

    def _function(self, step: Function, number: int, node: Any) -> Iterator[Any]:
        arguments = [arg.read(self.root, self.root) if isinstance(arg, Path) else arg for arg in step.arguments]
        try:
            result = call(step.name, node, arguments)
        except ValueError as error:
            raise PathError(str(error)) from error
        yield result
        if number + 1 < len(self.steps):  # like the library, yield both the result and what the next steps find in it
            yield from self._from(number + 1, result)

    def _scan(self, number: int, node: Any) -> Iterator[Any]:
        """Apply the step to the node and to all its descendants, depth first."""
        _count_step()
        step = self.steps[number]
        leaf = number == len(self.steps) - 1
        if isinstance(node, Mapping) and _can_start(step, node, self.root, leaf=leaf):
            yield from self._from(number, node)
        elif isinstance(node, list) and not isinstance(step, Property) and _can_start(step, node, self.root, leaf=leaf):
            if leaf:
                yield from self._from(number, node)
            else:  # the library continues with all elements, whatever the index
                for child in node:
                    yield from self._from(number + 1, child)
        for child in _children(node):
            yield from self._scan(number, child)

    def _missing(self, number: int) -> None:
        if self.strict and self._definite_before(number):
            raise _NotFoundError("no such property")

    def _definite_before(self, number: int) -> bool:
        return all(_is_definite(step, leaf=False) for step in self.steps[:number])


def _can_start(step: Step, node: Any, root: Any, *, leaf: bool) -> bool:
    if isinstance(step, Property):
        return all(name in node for name in step.names) or (len(step.names) > 1 and not leaf)
    if isinstance(step, (Index, Slice)):
        return isinstance(node, list)
    if isinstance(step, Filter):
        return step.matches(node, root)
    return isinstance(step, Wildcard)


def _children(node: Any) -> list[Any]:
    if isinstance(node, Mapping):
        return list(node.values())
    return node if isinstance(node, list) else []


_NAME = re.compile(r"[^.\[( ]+")
_WILDCARD = re.compile(r"\[ *\* *\]|\*")
_ELEMENTS = re.compile(r"\[ *([0-9:-][0-9:, -]*)\]")
_QUOTED = re.compile(r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")\s*""", re.DOTALL)
_FILTER = re.compile(r"\[\s*\?\s*\(")


@lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """Parse a path; without a leading ``$`` or ``@`` it starts at the document.

    Raises:
        PathError: The path is invalid.
    """
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
        # After `name()` the library reads the closing parenthesis as a property that no value has, so the rest of the
        # path is ignored.
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
        raise PathError(f"Invalid JSONPath {self.text!r} at position {self.position}")


def _elements(text: str) -> Index | Slice:
    try:
        if ":" in text:
            ends = [int(end) if end else None for end in text.replace(" ", "").split(":")[:2]]
            if ends == [None, None]:
                raise PathError(f"[{text}] has neither a start nor an end")
            return Slice(ends[0], ends[1])
        return Index(tuple(int(number) for number in text.split(",")))
    except ValueError as error:
        raise PathError(f"[{text}] is neither an index nor a slice") from error


def _arguments(text: str) -> list[Any]:
    """Return the arguments of a function: JSON values and parsed paths; anything else is ignored."""
    found: list[Any] = []
    for piece in _split(text):
        if piece.startswith(("$", "@")):
            found.append(parse(piece))
        elif piece[:1] in set('{"-0123456789') and piece:
            try:
                found.append(json.loads(piece))
            except ValueError as error:
                raise PathError(f"{piece!r} is not JSON") from error
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
