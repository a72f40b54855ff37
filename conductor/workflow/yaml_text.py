"""YAML as people write it: a word is a text unless YAML 1.2 says that it is something else.

YAML 1.1, which the library reads by itself, takes ``yes``, ``no``, ``on`` and ``off`` for truth values, ``010`` for 8,
``12:30:00`` for 45000 and ``2026-01-31`` for a date, which has no JSON form. Keys are texts always, as in JSON.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

__all__ = ["dump_yaml", "read_yaml"]

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
    """Quotes what the loader, or one of YAML 1.1, would not read as a text."""


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
    """What a YAML text holds.

    Raises:
        yaml.YAMLError: It is no YAML.
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


#: Values in one file, with what its aliases repeat.
_MOST_VALUES = 1_000_000


def _check_size(root: yaml.Node) -> None:
    """Refuse aliases that multiply each other, or contain themselves: every reader would work on all copies."""
    sizes: dict[int, int | None] = {}
    stack = [(root, False)]
    while stack:
        node, is_counted = stack.pop()
        children = _children(node)
        if is_counted:
            sizes[id(node)] = size = 1 + sum(sizes[id(child)] or 0 for child in children)
            if size > _MOST_VALUES:
                raise yaml.YAMLError(f"its aliases repeat more than {_MOST_VALUES} values")
        elif id(node) not in sizes:
            sizes[id(node)] = None  # being counted
            stack.append((node, True))
            stack += [(child, False) for child in children]
        elif sizes[id(node)] is None:
            raise yaml.YAMLError("an alias stands inside of what it repeats")


def _children(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        return [one for pair in node.value for one in pair]
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def dump_yaml(value: Any) -> str:
    """A value as YAML text, in the order of its keys."""
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    return text
