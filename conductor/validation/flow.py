"""Checks of how steps follow each other: forks and joins, loops, what is never reached."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from itertools import pairwise
from typing import Any

from conductor.validation.problem import Problem
from conductor.validation.tree import Node, Tree, closest, listed

__all__ = ["Order", "check_flow", "order_of"]


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
        if holder.type == "FORK_JOIN" and not _is_joined_before(holder, inner, reader):
            return Order.UNJOINED, holder
    return Order.BEFORE, None


def _others_end(switch: Node, block: str) -> bool:
    """Whether every other way ends the workflow, so that who comes after has come this way."""
    others = {name: nodes for name, nodes in switch.blocks.items() if name != block}
    has_default = block == "defaultCase" or bool(switch.blocks.get("defaultCase"))
    return has_default and all(any(node.ends for node in nodes) for nodes in others.values())


def _is_joined_before(fork: Node, inner: Node, reader: Node) -> bool:
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


def check_flow(tree: Tree) -> Iterator[Problem]:
    """All steps in their order."""
    for node in tree.nodes:
        yield from _unreachable(node)
        yield from _empty_blocks(node)
        if node.type in {"FORK_JOIN", "FORK_JOIN_DYNAMIC"}:
            yield from _fork(node)
        if node.type == "FORK_JOIN_DYNAMIC":
            yield from _dynamic_fork(node)
        if node.type in {"JOIN", "EXCLUSIVE_JOIN"}:
            yield from _join(tree, node)
        if node.type == "DO_WHILE":
            yield from _loop(node)


def _unreachable(node: Node) -> Iterator[Problem]:
    before = node.siblings[node.index - 1] if node.index else None
    if before is not None and before.ends:
        yield node.problem(
            "UNREACHABLE",
            f"{node.label} is never reached: {before.label} before it ends the workflow"
            f"{' in every case' if before.type != 'TERMINATE' else ''}.",
        )


def _empty_blocks(node: Node) -> Iterator[Problem]:
    for name, block in node.blocks.items():
        if not block and name.startswith("forkTasks"):
            yield node.problem("EMPTY_BRANCH", f"A branch of {node.label} has no steps; the server fails on it.", name)
        if not block and node.type == "SWITCH" and name != "defaultCase" and node.blocks.get("defaultCase"):
            case = name.partition(".")[2]
            yield node.problem(
                "EMPTY_CASE",
                f"The case {case!r} of {node.label} has no steps: nothing is done then, not even the default's steps.",
                name,
                is_error=False,
            )


def _fork(node: Node) -> Iterator[Problem]:
    if node.next is None or node.next.type != "JOIN":
        after = f"comes {node.next.label}" if node.next else "comes nothing"
        yield node.problem(
            "NO_JOIN", f"After {node.label} {after}; the server demands a JOIN right after it. Use join(...)."
        )


_PARAMS = ("dynamicForkTasksParam", "dynamicForkTasksInputParamName")
_OLD_PARAM = "dynamicForkJoinTasksParam"


def _dynamic_fork(node: Node) -> Iterator[Problem]:
    if node.inputs.get("forkTaskInputs") is not None:
        if not {"forkTaskName", "forkTaskType", "forkTaskWorkflow"} & node.inputs.keys():
            yield node.problem(
                "DYNAMIC_FORK",
                f"{node.label} has inputs and nothing to run with them: give task=, task_type= or workflow=.",
                "inputParameters",
            )
        if isinstance(version := node.inputs.get("forkTaskWorkflowVersion"), int):
            yield node.problem(
                "DYNAMIC_FORK",
                f"forkTaskWorkflowVersion of {node.label} is the number {version}; the server takes it as text only.",
                "inputParameters.forkTaskWorkflowVersion",
            )
        return
    given = [name for name in (*_PARAMS, _OLD_PARAM) if node.wire.get(name)]
    if not given:
        yield node.problem(
            "DYNAMIC_FORK",
            f"{node.label} does not say what to run: give tasks and their inputs, or each= with a task, a task type or "
            "a workflow.",
        )
    elif _OLD_PARAM in given and len(given) > 1:
        yield node.problem("DYNAMIC_FORK", f"{node.label} has {listed(given)}; {_OLD_PARAM} stands alone.")
    elif missing := [name for name in _PARAMS if name not in given and _OLD_PARAM not in given]:
        yield node.problem("DYNAMIC_FORK", f"{node.label} has {given[0]} and no {missing[0]}.", missing[0])
    for name in given:
        param = node.wire[name]
        if isinstance(param, str) and node.inputs.get(param) is None:
            yield node.problem(
                "DYNAMIC_FORK",
                f"{name} of {node.label} names the input parameter {param!r}{closest(param, node.inputs)}",
                name,
            )


def _join(tree: Tree, node: Node) -> Iterator[Problem]:
    names = node.wire.get("joinOn")
    names = names if isinstance(names, list) else []
    before = node.siblings[node.index - 1] if node.index else None
    is_dynamic = before is not None and before.type == "FORK_JOIN_DYNAMIC"
    if not names and not is_dynamic and not node.wire.get("expression"):
        yield node.problem(
            "JOINS_NOTHING", f"{node.label} waits for nothing: it ends at once.", "joinOn", is_error=False
        )
    for name in names:
        yield from _joined(tree, node, name, is_dynamic)


def _joined(tree: Tree, node: Node, name: Any, is_dynamic: bool) -> Iterator[Problem]:
    source = tree.by_ref.get(name) if isinstance(name, str) else None
    if source is None:
        if not is_dynamic:
            known = [ref for ref in tree.by_ref if ref]
            yield node.problem(
                "UNKNOWN_JOIN",
                f"{node.label} waits for {name!r}, and no step has that name{closest(str(name), known)}",
                "joinOn",
            )
        return
    order, at = order_of(source, node)
    if order in {Order.LATER, Order.ITSELF, Order.AROUND, Order.PARALLEL, Order.OTHER_CASE}:
        yield node.problem(
            "JOIN_NEVER_ENDS",
            f"{node.label} waits for {name!r}, which does not come before it: it never ends.",
            "joinOn",
        )
    elif order is Order.MAYBE and node.type == "JOIN" and at is not None:
        yield node.problem(
            "JOIN_NEVER_ENDS",
            f"{node.label} waits for {name!r}, which runs only in some cases of {at.ref!r}: otherwise it never ends. "
            f"End the branch with a step that always runs, such as noop(), and wait for that.",
            "joinOn",
        )
    elif source.type in {"SWITCH", "DECISION"} and node.type == "JOIN" and any(source.blocks.values()):
        yield node.problem(
            "JOIN_ON_SWITCH",
            f"{node.label} waits for the switch {name!r}, and not for the steps of its cases. End the branch with a "
            "step that always runs, such as noop().",
            "joinOn",
            is_error=False,
        )


def _loop(node: Node) -> Iterator[Problem]:
    if any(above.type == "DO_WHILE" for above in node.above()):
        yield node.problem(
            "NESTED_LOOP",
            f"{node.label} is a loop in a loop, which the open-source server does not support: put the inner one into "
            "a sub-workflow.",
            is_error=False,
        )
