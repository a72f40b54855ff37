"""Read and write YAML 1.2.

PyYAML reads YAML 1.1, in which ``yes``, ``no``, ``on`` and ``off`` are booleans, ``010`` is 8, ``12:30:00`` is 45000
and ``2026-01-31`` is a date, which has no JSON form. Here they are strings, and so are all keys, as in JSON.

This is a separate module because PyYAML is an extra, and workflows can be read without it.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

__all__ = ["dump_yaml", "read_yaml"]

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


#: Maximum number of values in one file, including those that aliases repeat: a small file could expand to billions of
#: values.
_MAX_VALUES = 1_000_000


def _check_size(root: yaml.Node) -> None:
    """Reject aliases that multiply each other or contain themselves."""
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
