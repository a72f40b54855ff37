"""Convert definitions in their wire form to steps, without losing any field."""

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
    """Return the wire form of a definition.

    Args:
        definition: A model, a mapping, or JSON.

    Raises:
        ConfigurationError: The value is not JSON, or not an object.
    """
    if isinstance(definition, WorkflowDef):
        return definition.to_dict()
    if isinstance(definition, str | bytes):
        try:
            definition = loads(_without_bom(definition))
        except ValueError as error:
            raise ConfigurationError(f"Invalid JSON: {error}", allowed="the JSON of a workflow definition") from None
    if not isinstance(definition, Mapping):
        raise ConfigurationError(
            f"A workflow definition must be an object, not a {type(definition).__name__}.", allowed="a JSON object"
        )
    return dict(definition)


def _without_bom(text: str | bytes) -> str:
    text = text.decode() if isinstance(text, bytes) else text
    return text.removeprefix("\ufeff")


def read_file(path: str | Path) -> Any:
    """Return the content of a JSON or YAML file (``.yaml`` and ``.yml`` need the extra ``yaml``).

    YAML is parsed as version 1.2: ``yes``, ``on`` and ``010`` are strings.

    Args:
        path: The file; its extension determines the format.

    Raises:
        ConfigurationError: The file is not valid JSON, YAML or UTF-8, or the extra is not installed.
        OSError: The file cannot be read.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")  # some editors write a byte order mark
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8: {error}", variable=str(path), allowed="UTF-8") from None
    if Path(path).suffix.lower() in {".yaml", ".yml"}:
        return _yaml(text, path)
    try:
        return json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{path} is not valid JSON: {error}", variable=str(path), allowed="JSON") from None


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
        raise ConfigurationError(f"{path} is not valid YAML: {error}", variable=str(path), allowed="YAML") from None


def block_from(tasks: Any) -> Block:
    """Return the steps of a list of tasks in their wire form."""
    block = Block()
    block.steps = [step_from(task) for task in tasks]
    return block


def step_from(wire: Mapping[str, Any]) -> Step:
    """Return a step with the fields of a task, in the same order; tasks inside become steps as well."""
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
    """Return a step of any type, including types that this SDK does not know.

    Args:
        task: The type, or the wire form of the task, which is used unchanged.
        inputs: The input parameters.
        options: Options of every step; pass other fields as ``fields={...}``.
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
