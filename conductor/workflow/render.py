"""From steps with references to the wire form, where references are text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from conductor.errors import SerializationError
from conductor.models.codec import MAX_DEPTH, to_jsonable
from conductor.workflow.lift import lift
from conductor.workflow.refs import Ref, text_of
from conductor.workflow.step import Block, Step, StepNames

__all__ = ["Renderer"]

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
        if self._is_lenient and callable(without_steps := getattr(value, "without_steps", None)):
            return without_steps()
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
