"""The steps of a workflow with what a check needs to know of each: its wire form, its place, its surroundings."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from attrs import define, field

from conductor.models.codec import MAX_DEPTH
from conductor.validation.problem import Problem
from conductor.workflow.refs import Origin, Ref, Written, place_of, text_of
from conductor.workflow.render import Renderer
from conductor.workflow.signature import Signature
from conductor.workflow.step import Block, Step

__all__ = ["Node", "Tree", "as_list", "as_mapping", "closest", "definition_of", "like", "listed"]


@define(eq=False)
class Node:
    """A step in its surroundings.

    Attributes:
        step: The step.
        wire: Its wire form, without what stands in its blocks.
        path: Where it is in the definition, as ``tasks[1].decisionCases.A[0]``.
        parent: The step whose block it is in, or None.
        block: Which block of the parent.
        index: Its place in the block.
        blocks: The nodes of its own blocks, by name.
        siblings: All nodes of the block that it is in.
        signature: What is known of its worker's function, or None.
    """

    step: Step
    wire: dict[str, Any]
    path: str
    parent: Node | None
    block: str
    index: int
    blocks: dict[str, list[Node]] = field(factory=dict)
    siblings: list[Node] = field(factory=list)
    signature: Signature | None = None

    @property
    def type(self) -> str:
        """The task type."""
        return self.step.type

    @property
    def ref(self) -> str:
        """The reference name, or ""."""
        ref = self.wire.get("taskReferenceName")
        return ref if isinstance(ref, str) else ""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The input parameters."""
        given = self.wire.get("inputParameters")
        return given if isinstance(given, Mapping) else {}

    @property
    def label(self) -> str:
        """How messages name it."""
        return f"{self.type} {self.ref or self.wire.get('name') or '?'!r}"

    def above(self) -> Iterator[Node]:
        """The steps that it is inside of, innermost first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def inside(self) -> Iterator[Node]:
        """The steps inside it, at any depth."""
        for block in self.blocks.values():
            for node in block:
                yield node
                yield from node.inside()

    @property
    def next(self) -> Node | None:
        """The step after it in its block."""
        return self.siblings[self.index + 1] if self.index + 1 < len(self.siblings) else None

    @property
    def ends(self) -> bool:
        """Whether nothing comes after it: a TERMINATE, a switch all of whose ways end so, or a loop whose body does."""
        if self.type == "TERMINATE":
            return True
        if self.type == "DO_WHILE":
            over_items = self.wire.get("items") is not None or bool({"items", "_items"} & self.inputs.keys())
            return not over_items and any(node.ends for node in self.blocks.get("loopOver", ()))
        if self.type not in {"SWITCH", "DECISION"} or not self.blocks.get("defaultCase"):
            return False
        return all(any(node.ends for node in block) for block in self.blocks.values())

    def problem(
        self, code: str, message: str, at: str = "", *, text: str | None = None, is_error: bool = True
    ) -> Problem:
        """A problem of this step, or of the field ``at``; ``text``: of that reference."""
        line = self._line(at, text) if text else self.step.place
        path = f"{self.path}.{at}" if at else self.path
        place = path if self.step.is_loaded or not line else f"{path} ({line})"
        return Problem(code, message, place, is_error)

    def _line(self, at: str, text: str) -> str:
        lines = {path: line for path, ref, line in reversed(self.written()) if text_of(ref) == text}
        return lines.get(at) or next(iter(lines.values()), self.step.place)

    def written(self) -> list[tuple[str, Ref, str]]:
        """The references in its fields, each with its path and the line where it was written."""
        return written_in(self.step.fields, self.step.written)


def written_in(value: Any, texts: Mapping[str, list[Written]]) -> list[tuple[str, Ref, str]]:
    """The references in a value, and those in its texts, each with its path and the line where it was written."""
    return [
        *((path, ref, place_of(ref)) for path, ref in refs_in(value)),
        *((path, one.ref, one.place) for path, written in texts.items() for one in written),
    ]


def refs_in(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Ref]]:
    """The references in a value that is not rendered yet, each with its path."""
    if isinstance(value, Ref):
        yield path, value
    elif isinstance(value, Step):
        yield path, value.output
    elif depth > MAX_DEPTH:
        return  # it may contain itself
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from refs_in(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from refs_in(item, f"{path}[{index}]", depth + 1)


@define(eq=False)
class Tree:
    """A whole workflow.

    Attributes:
        fields: The definition's wire form, without its tasks.
        top: The nodes of the first level.
        nodes: All nodes, in the order of the definition.
        given: The definition's fields as they were given, without its tasks.
        origin: Where the definition comes from.
        by_ref: The nodes by reference name; of several, the first.
        signatures: The workers that there are, by task name; None when that is not known.
        inside: The workflows that it is checked as a part of, and itself, where it is a ``Workflow``.
    """

    fields: dict[str, Any]
    top: list[Node]
    nodes: list[Node]
    given: Mapping[str, Any] = field(factory=dict)
    origin: Origin = field(factory=Origin)
    by_ref: dict[str, Node] = field(factory=dict)
    signatures: Mapping[str, Signature] | None = None
    inside: tuple[Any, ...] = ()

    @classmethod
    def of(
        cls,
        fields: Mapping[str, Any],
        block: Block,
        origin: Origin,
        prefix: str = "",
        signatures: Mapping[str, Signature] | None = None,
        inside: tuple[Any, ...] = (),
    ) -> Tree:
        """The tree of a definition's fields and its steps."""
        steps = [inner for step in block for inner in step.walk()]
        renderer = Renderer(steps, is_lenient=True)
        given = {key: value for key, value in fields.items() if value is not block}
        plain = {key: renderer.value(value) for key, value in given.items()}
        nodes: list[Node] = []
        top = _nodes(block, f"{prefix}tasks", None, "tasks", renderer.step, nodes)
        tree = cls(plain, top, nodes, given, origin, signatures=signatures, inside=inside)
        for node in nodes:
            tree.by_ref.setdefault(node.ref, node)
            named = (signatures or {}).get(str(node.wire.get("name"))) if node.type == "SIMPLE" else None
            node.signature = node.step.signature or named
        return tree

    @property
    def workflow(self) -> Any:
        """The ``Workflow`` whose definition it is, or None."""
        return next((node.step.workflow for node in self.top), None)

    def problem(
        self, code: str, message: str, at: str = "", *, text: str | None = None, is_error: bool = True
    ) -> Problem:
        """A problem of the definition itself, or of the field ``at``; ``text``: of that reference."""
        lines = {path: line for path, ref, line in self.written() if text is not None and text_of(ref) == text}
        line = lines.get(at) or self.origin.line(at)
        return Problem(code, message, f"{at} ({line})" if at and line else at or line, is_error)

    def written(self) -> list[tuple[str, Ref, str]]:
        """The references in its outputs, each with its path and the line where it was written."""
        outputs = {"outputParameters": self.given.get("outputParameters")}
        return written_in(outputs, self.origin.written)


def _nodes(
    block: Iterable[Step],
    path: str,
    parent: Node | None,
    name: str,
    render: Callable[[Step], dict[str, Any]],
    found: list[Node],
) -> list[Node]:
    made: list[Node] = []
    for index, step in enumerate(block):
        node = Node(step, render(step), f"{path}[{index}]", parent, name, index)
        found.append(node)
        made.append(node)
        for key, inner in step.blocks():
            node.blocks[key] = _nodes(inner, f"{node.path}.{key}", node, key, render, found)
    for node in made:
        node.siblings = made
    return made


def like(name: str, known: Iterable[str]) -> str | None:
    """The known name that this one may be meant to be."""
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.65)
    return found[0] if found else None


def as_mapping(value: Any) -> Mapping[str, Any]:
    """The value, if it is an object; an empty one otherwise: its type is another check's matter."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> list[Any]:
    """The value, if it is a list; an empty one otherwise."""
    return value if isinstance(value, list) else []


def definition_of(workflow: Any) -> Mapping[str, Any]:
    """The fields of a workflow that a step was made of, which is mostly a ``Workflow``."""
    without_steps = getattr(workflow, "without_steps", None)
    definition: Mapping[str, Any] = without_steps() if callable(without_steps) else workflow.to_dict()
    return definition


def closest(name: str, known: Iterable[str]) -> str:
    """The end of a sentence about a name that is not there: what may be meant, or what there is."""
    names = list(known)
    found = like(name, names)
    return f"; did you mean {found!r}?" if found else f"; there is {listed(names)}."


def listed(names: Iterable[Any], most: int = 12) -> str:
    """Names for a message."""
    all_names = [str(name) for name in names]
    shown = ", ".join(all_names[:most])
    return f"{shown}, ..." if len(all_names) > most else shown or "none"
