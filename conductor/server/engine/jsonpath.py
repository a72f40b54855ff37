"""JSONPath as the real server understands it: what its Java library (Jayway) does, on Python values.

A definite path (names and single indices only) has one value; an indefinite one has `Matches`, a list, maybe empty.
Parsing stands in `jsonpath_parser`, filters in `jsonpath_filter`, functions in `jsonpath_function`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import field, frozen

from conductor.server.engine.java_text import Matches
from conductor.server.engine.jsonpath_function import call


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
        found = Matches(_Reading(self.steps, root, strict=False).run(node))
        if not self.definite:
            return found
        return found[-1] if found else None

    def exists(self, node: Any, root: Any) -> bool:
        """Say whether the path leads anywhere; null counts, and so does an indefinite path without matches."""
        try:
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
