"""From the wire form to steps, with nothing lost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typing_extensions import Unpack

from conductor._internal.installation import install_command
from conductor.errors import ConfigurationError
from conductor.models import WorkflowDef
from conductor.models.codec import loads
from conductor.workflow.source_tracking import collect_references
from conductor.workflow.step import Block, ForkStep, LoopStep, Options, Step, SwitchStep, make

__all__ = ["block_from", "definition_from", "raw", "read_file", "step_from"]

_CLASSES: dict[str, type[Step]] = {
    "SWITCH": SwitchStep,
    "DECISION": SwitchStep,
    "FORK_JOIN": ForkStep,
    "FORK_JOIN_DYNAMIC": ForkStep,
    "DO_WHILE": LoopStep,
}


def definition_from(definition: WorkflowDef | Mapping[str, Any] | str | bytes) -> dict[str, Any]:
    """The wire form of a definition: of a model, of a mapping, or of JSON text.

    Raises:
        ConfigurationError: The text is no JSON, or no object.
    """
    if isinstance(definition, WorkflowDef):
        return definition.to_dict()
    if isinstance(definition, str | bytes):
        try:
            definition = loads(_without_mark(definition))
        except ValueError as error:
            raise ConfigurationError(f"This is no JSON: {error}", allowed="the JSON of a workflow definition") from None
    if not isinstance(definition, Mapping):
        raise ConfigurationError(
            f"A workflow definition is an object, and not a {type(definition).__name__}.", allowed="a JSON object"
        )
    return dict(definition)


def _without_mark(text: str | bytes) -> str:
    text = text.decode() if isinstance(text, bytes) else text
    return text.removeprefix("\ufeff")


def read_file(path: str | Path) -> Any:
    """What a JSON or YAML file holds; ``.yaml`` and ``.yml`` need the extra ``yaml``.

    YAML is read as its version 1.2: ``yes``, ``on`` and ``010`` are texts.

    Raises:
        ConfigurationError: The file cannot be read as what its name says.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")  # some editors begin a file with a mark
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is no UTF-8 text: {error}", variable=str(path), allowed="UTF-8") from None
    if Path(path).suffix.lower() in {".yaml", ".yml"}:
        return _yaml(text, path)
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{path} is no JSON: {error}", variable=str(path), allowed="JSON") from None


def _yaml(text: str, path: str | Path) -> Any:
    try:
        import yaml  # an extra

        from conductor.workflow.yaml_text import read_yaml  # needs the extra
    except ImportError:
        raise ConfigurationError(
            f"{path} is YAML, which needs PyYAML. Install the extra yaml: {install_command('yaml')}", variable=str(path)
        ) from None
    try:
        return read_yaml(text)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is no YAML: {error}", variable=str(path), allowed="YAML") from None


def block_from(tasks: Any) -> Block:
    """The steps of a list of tasks in their wire form."""
    block = Block()
    block.steps = [step_from(task) for task in tasks]
    return block


def step_from(wire: Mapping[str, Any]) -> Step:
    """A step with the fields that a task has, in their order; tasks inside become steps too."""
    fields = dict(wire)
    kind = str(fields.get("type") or "SIMPLE")
    for key in ("defaultCase", "loopOver"):
        if _is_block(fields.get(key)):
            fields[key] = block_from(fields[key])
    if isinstance(cases := fields.get("decisionCases"), Mapping):
        fields["decisionCases"] = {k: block_from(v) if _is_block(v) else v for k, v in cases.items()}
    if isinstance(branches := fields.get("forkTasks"), list):
        fields["forkTasks"] = [block_from(branch) if _is_block(branch) else branch for branch in branches]
    base = str(fields.get("taskReferenceName") or fields.get("name") or kind.lower())
    return _CLASSES.get(kind, Step)(fields=fields, base=base, is_loaded=True)


def _is_block(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(task, Mapping) for task in value)


def raw(task: str | Mapping[str, Any], inputs: Mapping[str, Any] | None = None, /, **options: Unpack[Options]) -> Step:
    """A task of any type, also of one that this SDK does not know.

    Args:
        task: The type, or the task's whole wire form, which is taken as it is.
        inputs: Its input parameters.
        options: As for every step; wire fields go into ``fields={...}``.
    """
    if isinstance(task, str):
        step: Step = make(task, inputs, options)
        return step
    made: Step = make(str(task.get("type") or "SIMPLE"), inputs, options)
    added = made.fields
    given = {key: value for key, value in added.items() if value is not None and key not in {"type", "inputParameters"}}
    step = step_from({**task, **given})
    step.written = {**made.written, **collect_references(step.fields)}
    if "inputParameters" in added:
        step.fields["inputParameters"] = {**(task.get("inputParameters") or {}), **added["inputParameters"]}
    return step
