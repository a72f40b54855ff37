"""From steps with references to the wire form, where references are text."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from conductor.errors import SerializationError
from conductor.models.codec import MAX_DEPTH, to_jsonable
from conductor.validation.expressions import Expression, expressions
from conductor.workflow.refs import Ref, path_text, text_of
from conductor.workflow.step import Block, Step, StepNames

__all__ = ["Renderer", "lift"]


def lift(
    script: str, inputs: Mapping[str, Any], inside: Collection[str] = (), *, prefix: str = "$."
) -> tuple[str, dict[str, str]]:
    """Replace each ``${...}`` of a script by ``$.name``, and say which input parameters that needs.

    Args:
        script: The script.
        inputs: The parameters that are there.
        inside: Reference names whose outputs the script sees by itself (a loop's own and those of its body).
        prefix: What stands before a parameter's name; nothing in Python.

    Returns:
        The script, and the parameters to add.
    """
    added: dict[str, str] = {}
    pieces, position = [], 0
    for found in expressions(script):
        if found.start < position or not found.is_closed:
            continue  # an inner one went with the one that holds it
        name = _own(found, inside) or f"{prefix}{_parameter(found, inputs, added)}"
        start, end = found.start, found.start + len(found.text)
        quote = _quote_at(script, start)
        if quote and script[start - 1] == quote and script[end : end + 1] == quote:
            start, end = start - 1, end + 1  # nothing else is in the string
        elif quote:  # also in `...`: a ${} of JavaScript's own is taken by the server
            name = f"{quote} + {name} + {quote}"
        pieces.append(script[position:start])
        pieces.append(name)
        position = end
    return "".join([*pieces, script[position:]]), added


def _quote_at(script: str, end: int) -> str:
    """The quote of the string that this place of a script is in, or nothing."""
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
    """Turns steps into plain JSON values.

    Args:
        steps: All steps of the workflow: texts that name one before it had its reference name are put right.
        is_lenient: For a check, that comes to an end with any workflow: what has no JSON form stays as text, and a
            workflow inside is without its steps, which are checked by themselves.
    """

    def __init__(self, steps: Iterable[Step], *, is_lenient: bool = False) -> None:
        self._names = {step.token: step for step in steps if not step.is_loaded}
        self._is_lenient = is_lenient

    def step(self, step: Step) -> dict[str, Any]:
        """The wire form of one step with all that is inside it."""
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
        """A value of an input: references become text, models and other Python values plain ones."""
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
    """Move the expressions of a script, a field or else an input parameter, to input parameters of their own."""
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
