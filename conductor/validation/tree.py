"""The data that the checks read: the tasks of a definition with their context, and their ``${...}`` references."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from attrs import define, field, frozen

from conductor._internal.suggestions import did_you_mean
from conductor.models.codec import MAX_DEPTH

__all__ = [
    "Definition",
    "Expression",
    "Node",
    "Problem",
    "Reference",
    "TaskSource",
    "Tree",
    "WorkerSignature",
    "as_list",
    "as_mapping",
    "closest",
    "declared_inputs",
    "expressions",
    "expressions_in",
    "listed",
]


@frozen
class Problem:
    """One problem of a workflow.

    Attributes:
        code: The kind of problem, such as ``UNKNOWN_REFERENCE``; stable, so that filters can use it.
        message: What is wrong, and how to fix it.
        place: The path in the definition (``tasks[2].inputParameters.total``), and for a workflow in Python, the source
            line.
        is_error: Whether the workflow cannot be registered or started; false for a warning.
    """

    code: str
    message: str
    place: str = ""
    is_error: bool = True

    def __str__(self) -> str:
        return f"{self.place}: {self.message} [{self.code}]" if self.place else f"{self.message} [{self.code}]"


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


class WorkerSignature(Protocol):
    """The inputs and outputs of a worker's function."""

    @property
    def name(self) -> str:
        """The task type, such as ``SIMPLE``."""

    @property
    def place(self) -> str:
        """The function's location, as ``file:line``."""

    @property
    def required(self) -> Sequence[str]:
        """Inputs without a default."""

    @property
    def accepted(self) -> Sequence[str] | None:
        """The names of all inputs; None if the function accepts any."""

    @property
    def outputs(self) -> Sequence[str] | None:
        """The keys of the output; None if they are unknown."""

    @property
    def worker(self) -> Any:
        """The declared worker, or None for a plain function."""


@frozen
class Reference:
    """A reference that Python code wrote into a definition.

    Attributes:
        path: The field that holds it, such as ``inputParameters.total``.
        text: Its text, such as ``${charge.output.total}``.
        place: The line that wrote it, as ``file:line``.
        foreign: The name of the workflow that the reference belongs to, if it is a different workflow; otherwise None.
    """

    path: str
    text: str
    place: str
    foreign: str | None = None


@frozen
class TaskSource:
    """Information about a task that its wire form does not contain.

    Attributes:
        place: The line that created the task, as ``file:line``; "" for a task that was loaded from a file.
        signature: The signature of the worker's function, or None.
        references: The references in its fields.
        unserializable: Path and reason of each value that has no JSON form.
        lifts_script: Whether references of its script become input parameters.
        option_names: Names that the builder takes as options, and that need the positional dict as inputs.
        callee: The workflow from which a SUB_WORKFLOW task was created, or None.
    """

    place: str = ""
    signature: WorkerSignature | None = None
    references: Sequence[Reference] = ()
    unserializable: Sequence[tuple[str, str]] = ()
    lifts_script: bool = False
    option_names: frozenset[str] = frozenset()
    callee: Definition | None = None


@frozen
class Definition:
    """A workflow definition with information about its source.

    Attributes:
        wire: The definition in its wire form.
        place: The line that created the workflow, as ``file:line``; "" for a workflow that was loaded from a file.
        lines: The lines that set some of its fields, by path.
        references: The references in its output parameters.
        unserializable: Path and reason of each value of its fields that has no JSON form.
        tasks: The sources of its tasks, by path.
        problems: Problems that were found while the workflow was built.
        is_cycle: Whether the definition embeds itself: it has no tasks here, and is not checked again.
    """

    wire: Mapping[str, Any]
    place: str = ""
    lines: Mapping[str, str] = field(factory=dict)
    references: Sequence[Reference] = ()
    unserializable: Sequence[tuple[str, str]] = ()
    tasks: Mapping[str, TaskSource] = field(factory=dict)
    problems: Sequence[Problem] = ()
    is_cycle: bool = False

    def line(self, path: str) -> str:
        """Return the line that set the field at a path; "" if it is unknown."""
        heads = (line for at, line in self.lines.items() if path == at or path.startswith((f"{at}.", f"{at}[")))
        return next(heads, self.place)


_LOADED = TaskSource()


@define(eq=False)
class Node:
    """A task with its context in the definition.

    Attributes:
        wire: Its wire form.
        path: Its path in the definition, such as ``tasks[1].decisionCases.A[0]``.
        source: Information that the wire form does not contain.
        parent: The task that contains it, or None.
        block: The name of the parent's block that contains it.
        index: Its position in the block.
        blocks: The nodes of its own blocks, by name.
        siblings: All nodes of the block that contains it.
        signature: The signature of its worker's function, or None.
    """

    wire: Mapping[str, Any]
    path: str
    source: TaskSource
    parent: Node | None
    block: str
    index: int
    blocks: dict[str, list[Node]] = field(factory=dict)
    siblings: list[Node] = field(factory=list)
    signature: WorkerSignature | None = None

    @property
    def type(self) -> str:
        """The task type, such as ``SIMPLE``."""
        return str(self.wire.get("type") or "SIMPLE")

    @property
    def ref(self) -> str:
        """The reference name, or ""."""
        ref = self.wire.get("taskReferenceName")
        return ref if isinstance(ref, str) else ""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The input parameters; empty if they are missing or not an object."""
        return as_mapping(self.wire.get("inputParameters"))

    @property
    def label(self) -> str:
        """The task's name in messages."""
        return f"{self.type} {self.ref or self.wire.get('name') or '?'!r}"

    def above(self) -> Iterator[Node]:
        """Yield the tasks that contain it, innermost first."""
        node = self.parent
        while node is not None:
            yield node
            node = node.parent

    def inside(self) -> Iterator[Node]:
        """Yield the tasks inside it, at any depth."""
        for block in self.blocks.values():
            for node in block:
                yield node
                yield from node.inside()

    @property
    def next(self) -> Node | None:
        """The task after it in its block."""
        return self.siblings[self.index + 1] if self.index + 1 < len(self.siblings) else None

    @property
    def ends(self) -> bool:
        """Whether the task always ends the workflow: a TERMINATE, or a switch or loop that always reaches one."""
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
        """Return a problem of this task.

        Args:
            code: The problem's code.
            message: Its message.
            at: The path of the field inside the task.
            text: The text of the invalid reference, whose source line the problem then contains.
            is_error: False for a warning.
        """
        line = self._line(at, text) if text else self.source.place
        path = f"{self.path}.{at}" if at else self.path
        return Problem(code, message, f"{path} ({line})" if self.source.place and line else path, is_error)

    def _line(self, at: str, text: str) -> str:
        lines = {one.path: one.place for one in reversed(self.source.references) if one.text == text}
        return lines.get(at) or next(iter(lines.values()), self.source.place)


@define(eq=False)
class Tree:
    """All tasks of a definition.

    Attributes:
        definition: The definition.
        top: The nodes of the first level.
        nodes: All nodes, in the order of the definition.
        by_ref: The nodes by reference name; for a duplicate name, the first.
        signatures: The known workers by task name; None if they are unknown.
    """

    definition: Definition
    top: list[Node]
    nodes: list[Node]
    by_ref: dict[str, Node] = field(factory=dict)
    signatures: Mapping[str, WorkerSignature] | None = None

    @classmethod
    def of(cls, definition: Definition, signatures: Mapping[str, WorkerSignature] | None = None) -> Tree:
        """Return the tree of a definition."""
        nodes: list[Node] = []
        tasks = [task for task in as_list(definition.wire.get("tasks")) if isinstance(task, Mapping)]
        top = _nodes(tasks, "tasks", None, "tasks", definition.tasks, nodes)
        tree = cls(definition, top, nodes, signatures=signatures)
        for node in nodes:
            tree.by_ref.setdefault(node.ref, node)
            named = (signatures or {}).get(str(node.wire.get("name"))) if node.type == "SIMPLE" else None
            node.signature = node.source.signature or named
        return tree

    @property
    def fields(self) -> Mapping[str, Any]:
        """The definition in its wire form."""
        return self.definition.wire

    @property
    def dynamic_fork(self) -> Node | None:
        """The first FORK_JOIN_DYNAMIC, which can create tasks that the definition does not contain."""
        return next((node for node in self.nodes if node.type == "FORK_JOIN_DYNAMIC"), None)

    def problem(
        self, code: str, message: str, at: str = "", *, text: str | None = None, is_error: bool = True
    ) -> Problem:
        """Return a problem of the definition itself; the arguments are those of ``Node.problem``."""
        lines = {one.path: one.place for one in self.definition.references if text is not None and one.text == text}
        line = lines.get(at) or self.definition.line(at)
        return Problem(code, message, f"{at} ({line})" if at and line else at or line, is_error)


def _nodes(
    tasks: Iterable[Mapping[str, Any]],
    path: str,
    parent: Node | None,
    name: str,
    sources: Mapping[str, TaskSource],
    found: list[Node],
) -> list[Node]:
    made: list[Node] = []
    for index, wire in enumerate(tasks):
        at = f"{path}[{index}]"
        node = Node(wire, at, sources.get(at, _LOADED), parent, name, index)
        found.append(node)
        made.append(node)
        for key, block in _blocks(wire):
            node.blocks[key] = _nodes(block, f"{at}.{key}", node, key, sources, found)
    for node in made:
        node.siblings = made
    return made


def _blocks(wire: Mapping[str, Any]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Yield the lists of tasks inside a task, each with its path."""
    for key, value in wire.items():
        if key in {"defaultCase", "loopOver"}:
            if _is_block(value):
                yield key, value
        elif key == "decisionCases":
            yield from ((f"{key}.{name}", block) for name, block in as_mapping(value).items() if _is_block(block))
        elif key == "forkTasks":
            yield from ((f"{key}[{index}]", block) for index, block in enumerate(as_list(value)) if _is_block(block))


def _is_block(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(task, Mapping) for task in value)


def as_mapping(value: Any) -> Mapping[str, Any]:
    """Return the value if it is an object, otherwise an empty dict. Another check reports the wrong type."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> list[Any]:
    """Return the value if it is a list, otherwise an empty list."""
    return value if isinstance(value, list) else []


def declared_inputs(definition: Mapping[str, Any]) -> list[str] | None:
    r"""Return the names in the definition's inputParameters; None if they are not a plain list of names.

    Definitions made with a form often have JSON text there instead of names: ``["{\"orderId\": \"\"}"]``.
    """
    names = definition.get("inputParameters")
    if not isinstance(names, list) or not names:
        return None
    return names if all(isinstance(name, str) and _INPUT_NAME.fullmatch(name) for name in names) else None


#: An input's name; text with braces, brackets, quotes or line breaks is JSON or an expression.
_INPUT_NAME = re.compile(r"[^{}\[\]\"'\n]*")


def closest(name: str, known: Iterable[str]) -> str:
    """Return the end of a message about an unknown name: the most similar known name, or all of them."""
    names = list(known)
    return did_you_mean(name, names) or f" (known: {listed(names)})."


def listed(names: Iterable[Any], most: int = 12) -> str:
    """Return names for a message, separated by commas."""
    all_names = [str(name) for name in names]
    shown = ", ".join(all_names[:most])
    return f"{shown}, ..." if len(all_names) > most else shown or "none"
