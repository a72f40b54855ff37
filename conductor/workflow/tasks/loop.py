"""Loops."""

from __future__ import annotations

from typing import Any

from typing_extensions import Unpack

from conductor._renamed import explains
from conductor.workflow.blocks import LoopStep
from conductor.workflow.step import Block, Content, Options, make
from conductor.workflow.written import claim

__all__ = ["do_while", "for_each"]


@explains
def do_while(
    body: Content = None,
    *,
    count: Any = None,
    condition: str | None = None,
    items: Any = None,
    keep_last: int | None = None,
    evaluator: str | None = None,
    **options: Unpack[Options],
) -> LoopStep:
    """Repeat steps (``DO_WHILE``); the body runs at least once, except over no items.

    Args:
        body: A step, a list of them, or a function that adds or returns them; or the ``with`` block.
        count: How many rounds: a number, or a reference to one.
        condition: JavaScript; while it is true after a round, another follows. ``f"{step.output.done} != true"`` reads
            the output of a step of the body; any other ``${...}`` becomes an input parameter.
        items: A list, or a reference to one: one round for each, that finds it in ``loop.item``.
        keep_last: Of how many rounds the server keeps tasks and output.
        evaluator: What runs the condition (Orkes).
        options: See ``Options``; ``inputs`` are the condition's parameters.
    """
    inputs: dict[str, Any] = {}
    if items is not None:
        inputs["_items"] = items
    if keep_last is not None:
        inputs["keepLastN"] = keep_last
    step: LoopStep = make(
        "DO_WHILE",
        inputs,
        options,
        base="loop",
        cls=LoopStep,
        lifts="loopCondition",
        evaluatorType=evaluator,
        loopOver=Block(body),
    )
    conditions = []
    if count is not None:
        conditions.append(f"{step.iteration} < {count}")
    if condition is not None:
        conditions.append(f"({condition})" if conditions else condition)
    if conditions or items is not None:  # the server demands the field, also over items
        step.fields["loopCondition"] = " && ".join(conditions)
        step.written |= claim({"loopCondition": step.fields["loopCondition"]})
    return step


@explains
def for_each(items: Any, body: Content = None, **options: Unpack[Options]) -> LoopStep:
    """Repeat steps for each item of a list (``DO_WHILE`` over items); the item is ``loop.item``.

    Args:
        items: A list, or a reference to one.
        body: As for ``do_while``.
        options: See ``Options``.
    """
    return do_while(body, items=items, **options)
