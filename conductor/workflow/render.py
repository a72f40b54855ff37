"""Convert steps to their wire form, in which references are strings, and collect what validation needs."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from attrs import define

from conductor.errors import SerializationError
from conductor.models.codec import MAX_DEPTH, to_jsonable
from conductor.validation import Definition, Problem, Reference, TaskSource
from conductor.validation.tree import Expression, expressions
from conductor.workflow.refs import Ref, path_text, place_of, root_of, text_of
from conductor.workflow.source_tracking import WrittenReference
from conductor.workflow.step import OPTIONS, Block, Step, StepNames

__all__ = ["EmbeddedWorkflow", "Renderer", "SourceReader", "find_cycle", "lift"]


def lift(
    script: str, inputs: Mapping[str, Any], inside: Collection[str] = (), *, prefix: str = "$."
) -> tuple[str, dict[str, str]]:
    """Replace each ``${...}`` in a script by an input parameter, ``$.name``.

    Args:
        script: The script.
        inputs: The existing input parameters.
        inside: Reference names whose outputs the script can access directly: a loop and the tasks of its body.
        prefix: The prefix of a parameter in the script; "" for Python.

    Returns:
        The script, and the input parameters to add.
    """
    added: dict[str, str] = {}
    pieces, position = [], 0
    for found in expressions(script):
        if found.start < position or not found.is_closed:
            continue  # nested in an expression that has been replaced
        name = _own(found, inside) or f"{prefix}{_parameter(found, inputs, added)}"
        start, end = found.start, found.start + len(found.text)
        quote = _quote_at(script, start)
        if quote and script[start - 1] == quote and script[end : end + 1] == quote:
            start, end = start - 1, end + 1  # the string consists of the expression only
        elif quote:  # also in a template literal, because the server would replace its ${}
            name = f"{quote} + {name} + {quote}"
        pieces.append(script[position:start])
        pieces.append(name)
        position = end
    return "".join([*pieces, script[position:]]), added


def _quote_at(script: str, end: int) -> str:
    """Return the quote of the string that contains this position of a script; "" outside of strings."""
    quote, position = "", 0
    while position < end:
        character = script[position]
        if character == "\\":
            position += 1
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"`":
            quote = character
        position += 1
    return quote


def _own(found: Expression, inside: Collection[str]) -> str | None:
    if found.root not in inside or not found.path.startswith(".output"):
        return None
    rest = found.path[len(".output") :]
    return f"${path_text(found.root)}{rest}"


def _parameter(found: Expression, inputs: Mapping[str, Any], added: dict[str, str]) -> str:
    for name, text in (*inputs.items(), *added.items()):
        if text == found.text and name.isidentifier():
            return name
    base = next((part for part in reversed(found.parts) if part.isidentifier()), found.root)
    base = base if base.isidentifier() else "value"
    name, number = base, 2
    while name in inputs or name in added:
        name, number = f"{base}_{number}", number + 1
    added[name] = found.text
    return name


_TOKEN = re.compile(r"(?<=\$\{)([^.\[\]{}$]*)@(\d+)(?=[.\[}])")


class Renderer:
    """Converts steps to JSON values.

    Args:
        steps: All steps of the workflow, to replace provisional reference names in strings.
        is_lenient: Whether to succeed for any workflow, for validation: values without a JSON form become strings, and
            a sub-workflow is written without its steps, which are validated separately.
    """

    def __init__(self, steps: Iterable[Step], *, is_lenient: bool = False) -> None:
        self._names = {step.token: step for step in steps if not step.is_loaded}
        self._is_lenient = is_lenient

    def step(self, step: Step) -> dict[str, Any]:
        """Return the wire form of a step, including the steps inside it."""
        wire = {key: self._field(value) for key, value in step.fields.items()}
        if step.lifts:
            _lift(step, wire, step.lifts)
        return wire

    def _field(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {str(key): self._item(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._item(item) for item in value]
        return self._item(value)

    def _item(self, value: Any) -> Any:
        return [self.step(step) for step in value] if isinstance(value, Block) else self.value(value)

    def value(self, value: Any, depth: int = 0) -> Any:
        """Return the wire form of an input value: references become strings, and models become JSON values."""
        if isinstance(value, Step):
            value = value.output
        if isinstance(value, str | Ref):
            return self._text(text_of(value) if isinstance(value, Ref) else str(value))
        if depth > MAX_DEPTH:
            return self._without_json(value, f"nested more than {MAX_DEPTH} levels deep, or it contains itself")
        if isinstance(value, Mapping):
            return {str(self.value(key, depth + 1)): self.value(item, depth + 1) for key, item in value.items()}
        if isinstance(value, list | tuple | StepNames):
            return [self.value(item, depth + 1) for item in value]
        return self._plain(value, depth)

    def _plain(self, value: Any, depth: int) -> Any:
        if self._is_lenient and callable(without_tasks := getattr(value, "without_tasks", None)):
            return without_tasks()
        try:
            plain = to_jsonable(value)
        except SerializationError as error:
            return self._without_json(value, error)
        return plain if plain is value else self.value(plain, depth + 1)

    def _without_json(self, value: Any, why: SerializationError | str) -> str:
        if self._is_lenient:
            return f"<{type(value).__name__}>"
        raise why if isinstance(why, SerializationError) else SerializationError(why)

    def _text(self, text: str) -> str:
        return _TOKEN.sub(self._root, text) if "@" in text else text

    def _root(self, match: re.Match[str]) -> str:
        step = self._names.get(int(match[2]))
        return str(step.ref) if step is not None and step.base == match[1] else match[0]


def _lift(step: Step, wire: dict[str, Any], key: str) -> None:
    """Replace the expressions in a script, which is a field or an input parameter, by new input parameters."""
    inputs = wire.get("inputParameters") or {}
    holder = wire if key in wire else inputs
    if not isinstance(holder.get(key), str) or "${" not in holder[key]:
        return
    inside = {inner.root for inner in step.walk()} if step.type == "DO_WHILE" else ()
    is_python = "python" in {wire.get("evaluatorType"), inputs.get("evaluatorType")}
    others = {name: None if name == key else value for name, value in inputs.items()}
    holder[key], added = lift(holder[key], others, inside, prefix="" if is_python else "$.")
    if added:
        wire["inputParameters"] = {**inputs, **added}


@runtime_checkable
class EmbeddedWorkflow(Protocol):
    """A ``Workflow`` that is a sub-workflow of another."""

    def as_definition(self, inside: tuple[Any, ...] = ()) -> Definition:
        """Return the definition with its source lines; ``inside`` are the workflows that contain it."""


@define
class SourceReader:
    """Collects the source lines and references of a workflow's steps and fields.

    Attributes:
        workflow: The workflow.
        inside: The workflows that embed it, outermost first, and the workflow itself.
    """

    workflow: Any
    inside: tuple[Any, ...]

    def tasks(self, block: Block, path: str = "tasks") -> Iterator[tuple[str, TaskSource]]:
        """Yield the source of each step of a block and of the blocks inside, by path."""
        for index, step in enumerate(block):
            at = f"{path}[{index}]"
            yield at, self._task(step)
            for key, inner in step.blocks():
                yield from self.tasks(inner, f"{at}.{key}")

    def _task(self, step: Step) -> TaskSource:
        return TaskSource(
            place="" if step.is_loaded else step.place,
            signature=step.signature,
            references=self.references(step.fields, step.written),
            unserializable=list(_unserializable(step.fields, "")),
            lifts_script=step.lifts is not None,
            option_names=OPTIONS,
            callee=self._callee(step.target),
        )

    def _callee(self, target: Any) -> Definition | None:
        if isinstance(target, EmbeddedWorkflow):
            return target.as_definition(self.inside)
        return None if target is None else Definition(target.to_dict())

    def references(self, value: Any, written: Mapping[str, list[WrittenReference]]) -> list[Reference]:
        """Return the references in a value, and those that were converted to strings, with their lines."""
        found = [(path, ref, place_of(ref)) for path, ref in _refs_in(value)]
        found += [(path, one.ref, one.place) for path, references in written.items() for one in references]
        return [Reference(path, text_of(ref), place, self._foreign(ref)) for path, ref, place in found]

    def _foreign(self, ref: Ref) -> str | None:
        """Return the name of the workflow that a reference belongs to, if it is a different workflow."""
        root = root_of(ref)
        owner = root.workflow if isinstance(root, Step) else root
        return None if owner is None or owner is self.workflow else str(getattr(owner, "name", "?"))

    @staticmethod
    def unserializable(fields: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return path and reason of each value that has no JSON form."""
        return list(_unserializable(fields, ""))


def _refs_in(value: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, Ref]]:
    if isinstance(value, Ref):
        yield path, value
    elif isinstance(value, Step):
        yield path, value.output
    elif depth > MAX_DEPTH:
        return  # the value may contain itself
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _refs_in(item, f"{path}.{key}" if path else str(key), depth + 1)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _refs_in(item, f"{path}[{index}]", depth + 1)


def _unserializable(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(value, Ref | Step | Block | StepNames):
        return
    if not isinstance(value, str | int | float | Mapping | list) and isinstance(value, EmbeddedWorkflow):
        return
    if isinstance(value, Mapping | list | tuple) and depth <= MAX_DEPTH:
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            at = f"{path}.{key}" if path else str(key)
            yield from _unserializable(item, at if isinstance(value, Mapping) else f"{path}[{key}]", depth + 1)
        return
    try:
        to_jsonable(value, path)
    except SerializationError as error:
        yield error.path_in_value, str(error).removeprefix(f"{error.path_in_value}: ")


def find_cycle(workflow: Any, parents: tuple[Any, ...] = ()) -> Problem | None:
    """Return the problem of a workflow that contains itself: it has no wire form, or it never ends.

    Args:
        workflow: The workflow.
        parents: The workflows that contain it, outermost first.
    """
    if workflow in parents:
        names = " -> ".join(one.name for one in (*parents[parents.index(workflow) :], workflow))
        return Problem(
            "CIRCLE",
            f"The sub-workflows contain each other: {names}. Refer to one of them by its name, in a case of a switch.",
            workflow.place,
        )
    always = set(_outside_switches(workflow.steps))
    for step in workflow.walk():
        param = step.fields.get("subWorkflowParam")
        is_inline = isinstance(param, dict) and isinstance(param.get("workflowDefinition"), EmbeddedWorkflow)
        if (
            isinstance(step.target, EmbeddedWorkflow)
            and (is_inline or step in always)
            and (cycle := find_cycle(step.target, (*parents, workflow)))
        ):
            return cycle
    return None


def _outside_switches(steps: Any) -> Iterator[Step]:
    for step in steps:
        yield step
        if step.type not in {"SWITCH", "DECISION"}:
            for _, inner in step.blocks():
                yield from _outside_switches(inner)
