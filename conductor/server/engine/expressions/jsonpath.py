"""JSONPath as the real server understands it: what its Java library (Jayway) does, on Python values.

A definite path (names and single indices only) has one value; an indefinite one has `Matches`, a list, maybe empty.
Parsing stands in `jsonpath_parser`, filters in `jsonpath_filter`, functions in `jsonpath_function`.
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
    """The text is no JSONPath, or the path cannot be applied to this document."""


class _NotFoundError(PathError):
    """A definite part of the path is not in the document; only asked for by existence checks."""


@frozen
class Property:
    """`.name`, `['name']` or `['a', 'b']`."""

    names: tuple[str, ...]


@frozen
class Index:
    """`[0]`, `[-1]` or `[0, 2]`."""

    positions: tuple[int, ...]


@frozen
class Slice:
    """`[1:3]`, either end may be absent."""

    start: int | None
    stop: int | None


@frozen
class Wildcard:
    """`.*` or `[*]`."""


@frozen
class Scan:
    """`..`: the next step, at every depth."""


@frozen
class Filter:
    """`[?(...)]`; the predicate gets the item and the whole document."""

    matches: Callable[[Any, Any], bool]


@frozen
class Function:
    """`.length()`, `.sum(1, $.more)`: arguments are constants or paths into the whole document."""

    name: str
    arguments: tuple[Any, ...]


#: Steps of one path in one document, with all that its wildcards and scans visit; some tenths of a second.
MAX_STEPS = 200_000

_taken: ContextVar[list[int] | None] = ContextVar("_taken", default=None)
"""The steps taken by the outermost path that is being read; paths inside its filters count, too."""


class TooManyStepsError(Exception):
    """A path visits too much of a document. It is no PathError: the value is not missing, it is unknown."""


@contextmanager
def _counted() -> Iterator[None]:
    if _taken.get() is not None:
        yield
        return
    token = _taken.set([0])
    try:
        yield
    finally:
        _taken.reset(token)


def _take_step() -> None:
    taken = _taken.get()
    if taken is not None:
        taken[0] += 1
        if taken[0] > MAX_STEPS:
            raise TooManyStepsError(f"A JSONPath expression takes more than {MAX_STEPS} steps in its document")


Step = Property | Index | Slice | Wildcard | Scan | Filter | Function


@frozen
class Path:
    """A parsed path."""

    steps: tuple[Step, ...]
    definite: bool = field(init=False)

    @definite.default
    def _all_steps_definite(self) -> bool:
        last = len(self.steps) - 1
        return all(_is_definite(step, leaf=number == last) for number, step in enumerate(self.steps))

    def read(self, node: Any, root: Any) -> Any:
        """Return the value (None when absent), or the `Matches` of an indefinite path.

        Raises PathError when a step cannot be applied: a filter to a number, a sum to nothing.
        """
        with _counted():
            found = Matches(_Reading(self.steps, root, strict=False).run(node))
        if not self.definite:
            return found
        return found[-1] if found else None

    def exists(self, node: Any, root: Any) -> bool:
        """Say whether the path leads anywhere; null counts, and so does an indefinite path without matches."""
        try:
            with _counted():
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
    """One application of the steps to a document; strict makes a missing property an error."""

    steps: tuple[Step, ...]
    root: Any
    strict: bool

    def run(self, node: Any) -> Iterator[Any]:
        return self._from(0, node)

    def _from(self, number: int, node: Any) -> Iterator[Any]:
        """Yield what the steps from this number on find in the node."""
        _take_step()
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
        if number + 1 < len(self.steps):  # both the function's own result and what follows count, as in the library
            yield from self._from(number + 1, result)

    def _scan(self, number: int, node: Any) -> Iterator[Any]:
        """Apply the step to the node and to everything below it, the node's own children first."""
        _take_step()
        step = self.steps[number]
        leaf = number == len(self.steps) - 1
        if isinstance(node, Mapping) and _can_start(step, node, self.root, leaf=leaf):
            yield from self._from(number, node)
        elif isinstance(node, list) and not isinstance(step, Property) and _can_start(step, node, self.root, leaf=leaf):
            if leaf:
                yield from self._from(number, node)
            else:  # the library goes on with all elements, whatever index was asked for
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
