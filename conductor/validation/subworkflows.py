"""Checks of sub-workflows: those that are sent along, and circles."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from conductor.validation.models import Shape, misfit
from conductor.validation.problem import Problem
from conductor.validation.tree import Node, Tree, as_mapping, closest, definition_of

__all__ = ["check_subworkflows", "moved"]


def check_subworkflows(tree: Tree, check: Callable[[Mapping[str, Any], str], Iterator[Problem]]) -> Iterator[Problem]:
    """All SUB_WORKFLOW and START_WORKFLOW tasks.

    Args:
        tree: The workflow.
        check: What checks a definition that stands inside, with the path that it stands at.
    """
    for node in tree.nodes:
        if node.type == "SUB_WORKFLOW":
            yield from _sub_workflow(tree, node, check)
        elif node.type == "START_WORKFLOW":
            yield from _start_workflow(tree, node)


def _start_workflow(tree: Tree, node: Node) -> Iterator[Problem]:
    started = as_mapping(node.inputs.get("startWorkflow"))
    if _is_self(tree, started) and _is_in_every_case(node):
        yield node.problem(
            "ENDLESS",
            f"{node.label} starts the workflow that it is in, in every case: there is always one more. Put it into a "
            "case of a switch.",
            "inputParameters.startWorkflow.name",
            is_error=False,
        )


def _is_in_every_case(node: Node) -> bool:
    return not any(above.type in {"SWITCH", "DECISION"} for above in node.above())


def _sub_workflow(
    tree: Tree, node: Node, check: Callable[[Mapping[str, Any], str], Iterator[Problem]]
) -> Iterator[Problem]:
    param = node.wire.get("subWorkflowParam")
    if not isinstance(param, Mapping):
        return
    definition = param.get("workflowDefinition")
    if not (definition is None or isinstance(definition, Mapping) or str(definition).startswith("${")):
        yield node.problem(
            "WRONG_TYPE",
            f"workflowDefinition of {node.label} is {str(definition)[:60]!r}; it must be a definition, or a reference "
            "to one.",
            "subWorkflowParam.workflowDefinition",
        )
    if not param.get("name") and definition is None:
        yield node.problem(
            "MISSING_FIELD",
            f"{node.label} does not name a workflow; its parent cannot even start.",
            "subWorkflowParam.name",
        )
    version = param.get("version")
    if not isinstance(version, str) and (wrong := misfit(version, Shape.COUNT)):
        yield node.problem("WRONG_TYPE", f"version of {node.label} {wrong}.", "subWorkflowParam.version")
    if isinstance(definition, Mapping):
        prefix = f"{node.path}.subWorkflowParam.workflowDefinition."
        problems_with = getattr(node.step.target, "problems_with", None)
        if callable(problems_with):  # it knows the functions and the lines
            yield from (moved(problem, prefix) for problem in problems_with(tree.signatures, tree.inside))
        else:
            yield from check(definition, prefix)
        yield from _inputs(node, definition)
    elif node.step.target is not None:
        yield from _inputs(node, definition_of(node.step.target))
    if not isinstance(definition, Mapping) and _is_self(tree, param) and _is_in_every_case(node):
        yield node.problem(
            "ENDLESS",
            f"{node.label} runs the workflow that it is in, in every case: that never ends. Put it into a case of a "
            "switch.",
            "subWorkflowParam.name",
        )


def moved(problem: Problem, prefix: str) -> Problem:
    """The problem of a definition that stands inside another, with its whole path."""
    place = problem.place if problem.place.startswith(prefix) else f"{prefix}{problem.place}"
    return Problem(problem.code, problem.message, place, problem.is_error)


def _is_self(tree: Tree, param: Mapping[str, Any]) -> bool:
    return param.get("name") == tree.fields.get("name") and param.get("version") in {None, tree.fields.get("version")}


def _inputs(node: Node, definition: Mapping[str, Any]) -> Iterator[Problem]:
    declared = definition.get("inputParameters")
    if not isinstance(declared, list) or not declared:
        return
    template = as_mapping(definition.get("inputTemplate"))
    for name in declared:
        if name not in node.inputs and name not in template:
            yield node.problem(
                "MISSING_INPUT",
                f"The workflow {definition.get('name')!r} has the input {name!r}, and {node.label} does not give it.",
                "inputParameters",
                is_error=False,
            )
    for name in node.inputs:
        if name not in declared:
            yield node.problem(
                "UNKNOWN_INPUT",
                f"The workflow {definition.get('name')!r} has no input {name!r}{closest(name, declared)}",
                f"inputParameters.{name}",
                is_error=False,
            )
