"""Convert definitions in their wire form to steps, without losing any field."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from typing_extensions import Unpack

from conductor._internal.installation import install_command
from conductor.errors import ConfigurationError
from conductor.models import WorkflowDef
from conductor.models.codec import loads
from conductor.workflow.source_tracking import collect_references
from conductor.workflow.step import Block, ForkStep, LoopStep, Options, Step, SwitchStep, make

__all__ = ["block_from", "definition_from", "dump_yaml", "raw", "read_file", "read_yaml", "step_from"]

#: The types of plain scalars in YAML 1.2, with their patterns and first characters.
_KINDS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)|0x[0-9a-fA-F]+|0o[0-7]+", "-+0123456789"),
    "float": (r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", "-+.0123456789"),
    "merge": (r"<<", "<"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
}


class _Loader(yaml.SafeLoader):
    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        text = str(self.construct_scalar(node))
        return int(text, 0) if text[:2] in {"0x", "0o"} else int(text)

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        return float(str(self.construct_scalar(node)))

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        node.value = [(_as_text(key), value) for key, value in node.value]


class _Dumper(yaml.SafeDumper):
    """Quotes strings that YAML 1.2 or YAML 1.1 would read as another type."""


_Loader.yaml_implicit_resolvers = {}
for _kind, (_pattern, _first) in _KINDS.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(rf"^(?:{_pattern})$"), list(_first))
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _Loader.construct_yaml_float)


def _as_text(key: yaml.Node) -> yaml.Node:
    if not isinstance(key, yaml.ScalarNode):
        return key
    return yaml.ScalarNode("tag:yaml.org,2002:str", key.value, key.start_mark, key.end_mark)


def read_yaml(text: str) -> Any:
    """Parse YAML.

    Raises:
        yaml.YAMLError: The text is not valid YAML, or its aliases repeat too many values.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _check_size(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


#: Values in one file, including those that aliases repeat; a small file can expand to billions of values.
_MAX_VALUES = 1_000_000


def _check_size(root: yaml.Node) -> None:
    """Refuse aliases that multiply each other or contain themselves."""
    sizes: dict[int, int | None] = {}
    stack = [(root, False)]
    while stack:
        node, is_counted = stack.pop()
        children = _children(node)
        if is_counted:
            sizes[id(node)] = size = 1 + sum(sizes[id(child)] or 0 for child in children)
            if size > _MAX_VALUES:
                raise yaml.YAMLError(f"its aliases repeat more than {_MAX_VALUES} values")
        elif id(node) not in sizes:
            sizes[id(node)] = None  # being counted
            stack.append((node, True))
            stack += [(child, False) for child in children]
        elif sizes[id(node)] is None:
            raise yaml.YAMLError("an alias contains itself")


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def dump_yaml(value: Any) -> str:
    """Return a value as YAML, with keys in their order."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text


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

        from conductor.workflow.load import read_yaml  # needs the extra
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
