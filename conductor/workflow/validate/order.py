"""Which of two steps runs first, as far as the definition tells."""

from __future__ import annotations

from enum import Enum
from itertools import pairwise

from conductor.workflow.validate.tree import Node

__all__ = ["Order", "order_of"]


class Order(Enum):
    """How a step stands to another that reads it."""

    BEFORE = "it has run"
    AROUND = "the reader is inside it"
    ITSELF = "it is the reader"
    LATER = "it has not run"
    PARALLEL = "it runs beside it"
    OTHER_CASE = "it runs instead of it"
    MAYBE = "it runs in some cases"
    UNJOINED = "nobody waited for it"


def order_of(source: Node, reader: Node) -> tuple[Order, Node | None]:
    """How ``source`` stands to ``reader``, and the step that makes it so.

    In a loop a step sees the last round's output of what comes later in the body, so that is no mistake there.
    """
    sources, readers = _line(source), _line(reader)
    depth = 0
    while depth < min(len(sources), len(readers)) and sources[depth] is readers[depth]:
        depth += 1
    in_loop = any(node.type == "DO_WHILE" for node in sources[:depth])
    if source is reader:
        return (Order.BEFORE if in_loop else Order.ITSELF), None
    if depth == len(sources):
        return Order.AROUND, None
    if depth < len(readers) and sources[depth].block == readers[depth].block:
        if sources[depth].index < readers[depth].index:
            return _certain(sources[depth:], readers[depth])
    elif depth < len(readers) and not in_loop:
        holder = sources[depth - 1]
        return (Order.PARALLEL if holder.type == "FORK_JOIN" else Order.OTHER_CASE), holder
    return (Order.BEFORE if in_loop else Order.LATER), None


def _line(node: Node) -> list[Node]:
    """The steps that it is inside of, outermost first, and itself."""
    return [*reversed(list(node.above())), node]


def _certain(sources: list[Node], reader: Node) -> tuple[Order, Node | None]:
    """Whether the last of ``sources`` has run for certain once the first of them is done."""
    pairs = list(pairwise(sources))
    for holder, inner in pairs:
        if holder.type in {"SWITCH", "DECISION"} and not _others_end(holder, inner.block):
            return Order.MAYBE, holder
    for holder, inner in pairs:
        if holder.type == "FORK_JOIN" and not _joined(holder, inner, reader):
            return Order.UNJOINED, holder
    return Order.BEFORE, None


def _others_end(switch: Node, block: str) -> bool:
    """Whether every other way ends the workflow, so that who comes after has come this way."""
    others = {name: nodes for name, nodes in switch.blocks.items() if name != block}
    has_default = block == "defaultCase" or bool(switch.blocks.get("defaultCase"))
    return has_default and all(any(node.ends for node in nodes) for nodes in others.values())


def _joined(fork: Node, inner: Node, reader: Node) -> bool:
    """Whether a JOIN before the reader waits for the step or one after it in its branch."""
    for node in fork.siblings[fork.index + 1 :]:
        if node.siblings is reader.siblings and node.index >= reader.index:
            return False
        if node.type == "JOIN":
            waited = node.wire.get("joinOn")
            names = set(waited) if isinstance(waited, list) else set()
            return bool(node.wire.get("expression")) or any(
                later.ref in names for later in inner.siblings[inner.index :]
            )
    return False
