"""Convert steps with references to their wire form, in which references are strings."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from conductor.errors import SerializationError
from conductor.models.codec import MAX_DEPTH, to_jsonable
from conductor.validation.tree import Expression, expressions
from conductor.workflow.refs import Ref, path_text, text_of
from conductor.workflow.step import Block, Step, StepNames

__all__ = ["Renderer", "lift"]


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
