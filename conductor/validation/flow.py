"""Checks of the order of tasks: forks and joins, loops, and tasks that are never reached."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from itertools import pairwise
from typing import Any

from conductor.validation.tree import Node, Problem, Tree, closest, listed

__all__ = ["Order", "check_flow", "order_of"]


class Order(Enum):
    """Whether a task has run when another task reads its output."""

    BEFORE = "it has run"
    AROUND = "it contains the reader"
    ITSELF = "it is the reader"
    LATER = "it runs later"
    PARALLEL = "it runs in a parallel branch"
    OTHER_CASE = "it is in another case of the same switch"
    MAYBE = "it runs only in some cases"
    UNJOINED = "no JOIN waits for it"


def order_of(source: Node, reader: Node) -> tuple[Order, Node | None]:
    """Return whether ``source`` has run when ``reader`` runs, and the fork or switch that decides it.

    In a loop a task can read a later task of the body: it gets the output of the previous iteration.
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
    """Return the tasks that contain a task, outermost first, and the task itself."""
    return [*reversed(list(node.above())), node]


def _certain(sources: list[Node], reader: Node) -> tuple[Order, Node | None]:
    """Return whether the last of ``sources`` has certainly run once the first of them is done."""
    pairs = list(pairwise(sources))
    for holder, inner in pairs:
        if holder.type in {"SWITCH", "DECISION"} and not _others_end(holder, inner.block):
            return Order.MAYBE, holder
    for holder, inner in pairs:
        if holder.type == "FORK_JOIN" and not _is_joined_before(holder, inner, reader):
            return Order.UNJOINED, holder
    return Order.BEFORE, None


def _others_end(switch: Node, block: str) -> bool:
    """Whether every other case ends the workflow, so that the tasks after the switch imply this case."""
    others = {name: nodes for name, nodes in switch.blocks.items() if name != block}
    has_default = block == "defaultCase" or bool(switch.blocks.get("defaultCase"))
    return has_default and all(any(node.ends for node in nodes) for nodes in others.values())


def _is_joined_before(fork: Node, inner: Node, reader: Node) -> bool:
    """Whether a JOIN before the reader waits for the task, or for a later one in its branch."""
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
    """Check the order of all tasks."""
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
            f"{node.label} is never reached: {before.label} before it always ends the workflow.",
        )


def _empty_blocks(node: Node) -> Iterator[Problem]:
    for name, block in node.blocks.items():
        if not block and node.type == "FORK_JOIN" and name.startswith("forkTasks"):
            yield node.problem(
                "EMPTY_BRANCH", f"A branch of {node.label} has no tasks, and the server fails on it. Remove it.", name
            )
        if not block and node.type == "SWITCH" and name.startswith("decisionCases.") and node.blocks.get("defaultCase"):
            case = name.partition(".")[2]
            yield node.problem(
                "EMPTY_CASE",
                f"The case {case!r} of {node.label} has no tasks: nothing runs for it, not even the default case.",
                name,
                is_error=False,
            )


def _fork(node: Node) -> Iterator[Problem]:
    if node.next is None or node.next.type != "JOIN":
        after = node.next.label if node.next else "nothing"
        yield node.problem(
            "NO_JOIN", f"{node.label} is followed by {after}; the server requires a JOIN. Add join(...) after it."
        )


#: The two fields that name the inputs of a dynamic fork: the list of tasks, and their inputs.
_PARAMS = ("dynamicForkTasksParam", "dynamicForkTasksInputParamName")
#: The field that old definitions have instead of the two.
_OLD_PARAM = "dynamicForkJoinTasksParam"


def _dynamic_fork(node: Node) -> Iterator[Problem]:
    if node.inputs.get("forkTaskInputs") is not None:
        if not {"forkTaskName", "forkTaskType", "forkTaskWorkflow"} & node.inputs.keys():
            yield node.problem(
                "DYNAMIC_FORK",
                f"{node.label} has inputs, but no task to run with them: pass task=, task_type= or workflow=.",
                "inputParameters",
            )
        if isinstance(version := node.inputs.get("forkTaskWorkflowVersion"), int):
            yield node.problem(
                "DYNAMIC_FORK",
                f"forkTaskWorkflowVersion of {node.label} is the number {version}; the server accepts only a string.",
                "inputParameters.forkTaskWorkflowVersion",
            )
        return
    given = [name for name in (*_PARAMS, _OLD_PARAM) if node.wire.get(name)]
    if not given:
        yield node.problem(
            "DYNAMIC_FORK",
            f"{node.label} does not say what to run: pass tasks and their inputs, or each= with a task, a task type or "
            "a workflow.",
        )
    elif _OLD_PARAM in given and len(given) > 1:
        yield node.problem("DYNAMIC_FORK", f"{node.label} has {listed(given)}; {_OLD_PARAM} excludes the others.")
    elif missing := [name for name in _PARAMS if name not in given and _OLD_PARAM not in given]:
        yield node.problem("DYNAMIC_FORK", f"{node.label} has {given[0]}, but no {missing[0]}.", missing[0])
    for name in given:
        param = node.wire[name]
        if isinstance(param, str) and node.inputs.get(param) is None:
            yield node.problem(
                "DYNAMIC_FORK",
                f"{name} of {node.label} names the input parameter {param!r}, which is "
                f"missing{closest(param, node.inputs)}",
                name,
            )


def _join(tree: Tree, node: Node) -> Iterator[Problem]:
    names = node.wire.get("joinOn")
    names = names if isinstance(names, list) else []
    before = node.siblings[node.index - 1] if node.index else None
    is_dynamic = before is not None and before.type == "FORK_JOIN_DYNAMIC"
    if not names and not is_dynamic and not node.wire.get("expression"):
        yield node.problem("JOINS_NOTHING", f"{node.label} waits for nothing. Set joinOn.", "joinOn", is_error=False)
    if is_dynamic:
        return  # the server replaces joinOn by the tasks that the fork made
    for name in names:
        yield from _joined(tree, node, name)


def _joined(tree: Tree, node: Node, name: Any) -> Iterator[Problem]:
    source = tree.by_ref.get(name) if isinstance(name, str) else None
    if source is None:
        known = [ref for ref in tree.by_ref if ref]
        yield node.problem(
            "UNKNOWN_JOIN",
            f"{node.label} waits for {name!r}, and no task has that name{closest(str(name), known)}",
            "joinOn",
            is_error=tree.dynamic_fork is None,
        )
        return
    order, at = order_of(source, node)
    if order in {Order.LATER, Order.ITSELF, Order.AROUND, Order.PARALLEL, Order.OTHER_CASE}:
        yield node.problem(
            "JOIN_NEVER_ENDS",
            f"{node.label} waits for {name!r}, which does not run before it: it never completes.",
            "joinOn",
        )
    elif order is Order.MAYBE and node.type == "JOIN" and at is not None:
        yield node.problem(
            "JOIN_NEVER_ENDS",
            f"{node.label} waits for {name!r}, which runs only in some cases of {at.ref!r}: in the others it never "
            "completes. "
            "End the branch with a task that always runs, such as noop(), and wait for that.",
            "joinOn",
        )
    elif source.type in {"SWITCH", "DECISION"} and node.type == "JOIN" and any(source.blocks.values()):
        yield node.problem(
            "JOIN_ON_SWITCH",
            f"{node.label} waits for the switch {name!r}, but not for the tasks of its cases. End the branch with a "
            "task that always runs, such as noop().",
            "joinOn",
            is_error=False,
        )


def _loop(node: Node) -> Iterator[Problem]:
    if any(above.type == "DO_WHILE" for above in node.above()):
        yield node.problem(
            "NESTED_LOOP",
            f"{node.label} is a loop inside a loop, which the open-source server does not support: put the inner one "
            "into a sub-workflow.",
            is_error=False,
        )
