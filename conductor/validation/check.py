"""All checks of a workflow, one after another."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from conductor.validation.choices import check_choices, check_values
from conductor.validation.definition import check_definition
from conductor.validation.flow import check_flow
from conductor.validation.models import check_models
from conductor.validation.problem import Problem
from conductor.validation.references import check_references
from conductor.validation.scripts import check_scripts
from conductor.validation.subworkflows import check_subworkflows, moved
from conductor.validation.tasks import check_task, check_unique
from conductor.validation.tree import Tree
from conductor.validation.workers import check_workers
from conductor.workflow.load import block_from
from conductor.workflow.refs import Origin
from conductor.workflow.signature import Signature
from conductor.workflow.step import Block

__all__ = ["check"]


_UNKNOWN = Origin()


def check(
    fields: Mapping[str, Any],
    block: Block,
    origin: Origin = _UNKNOWN,
    prefix: str = "",
    *,
    signatures: Mapping[str, Signature] | None = None,
    inside: tuple[Any, ...] = (),
) -> Iterator[Problem]:
    """Every problem of a definition.

    Args:
        fields: The definition's fields.
        block: Its steps.
        origin: Where it comes from.
        prefix: What paths begin with, for one that stands inside another.
        signatures: The workers that there are, by task name; None when that is not known.
        inside: The workflows that it is checked as a part of, and itself, where it is a ``Workflow``.
    """
    tree = Tree.of(fields, block, origin, prefix, signatures, inside)
    yield from check_values(tree)
    found = [*check_definition(tree), *check_unique(tree), *(one for node in tree.nodes for one in check_task(node))]
    yield from found
    yield from check_models(tree, {problem.place for problem in found})
    yield from check_choices(tree)
    yield from check_flow(tree)
    yield from check_references(tree)
    yield from check_scripts(tree)
    yield from check_workers(tree)
    yield from check_subworkflows(tree, partial(_inner, signatures))


def _inner(signatures: Mapping[str, Signature] | None, definition: Mapping[str, Any], prefix: str) -> Iterator[Problem]:
    tasks = definition.get("tasks")
    block = block_from([task for task in tasks if isinstance(task, Mapping)] if isinstance(tasks, list) else [])
    for problem in check({**definition, "tasks": block}, block, prefix=prefix, signatures=signatures):
        yield moved(problem, prefix)
