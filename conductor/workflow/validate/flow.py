"""Checks of how steps follow each other: forks and joins, loops, what is never reached."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conductor.workflow.problem import Problem
from conductor.workflow.validate.order import Order, order_of
from conductor.workflow.validate.tree import Node, Tree, closest, listed

__all__ = ["check_flow"]


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
