"""From a task's wire form back to the call of its builder; where no call gives the same, to ``raw``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conductor.workflow.python.call import Call
from conductor.workflow.python.marks import BLOCKS, call_of, gives
from conductor.workflow.python.special import SPECIAL

__all__ = ["unbuild"]

_ALL_BLOCKS = {key for keys in BLOCKS.values() for key in keys}


def unbuild(wire: Mapping[str, Any]) -> Call:
    """The call that makes a task of this wire form, blocks inside apart."""
    blocks = BLOCKS.get(str(wire.get("type")), ())
    own = {key: value for key, value in wire.items() if key not in blocks}
    if _blocks_are_plain(wire, blocks):
        try:
            call = _call(own)
        except (TypeError, AttributeError):  # a value is of another type than the type of task allows
            call = None
        if call is not None and gives(call, own):
            return call
    return Call("raw", [dict(wire)], is_whole=True)


def _blocks_are_plain(wire: Mapping[str, Any], blocks: Sequence[str]) -> bool:
    """Whether all blocks can be written as such: those of the type are lists of tasks, and others are empty."""
    if any(wire.get(key) for key in _ALL_BLOCKS.difference(blocks)):
        return False
    for key in blocks:
        value = wire.get(key)
        if key == "decisionCases":
            value = list(value.values()) if isinstance(value, Mapping) else [None]
        elif key != "forkTasks":
            value = [value] if key in wire or key != "defaultCase" else []
        if not isinstance(value, list) or not all(_is_block(block) for block in value):
            return False
    return True


def _is_block(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(task, Mapping) for task in value)


def _call(own: Mapping[str, Any]) -> Call | None:
    if not isinstance(own.get("taskReferenceName"), str) or not isinstance(own.get("inputParameters", {}), Mapping):
        return None
    make = SPECIAL.get(str(own.get("type")), call_of)
    return make(own)
