"""Checks of the inputs that tasks pass to workers and sub-workflows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import evolve

from conductor.validation.fields import Shape, misfit
from conductor.validation.tree import (
    Definition,
    Node,
    Problem,
    Tree,
    WorkerSignature,
    as_mapping,
    closest,
    declared_inputs,
    expressions_in,
)

__all__ = ["check_subworkflows", "check_workers"]


def check_workers(tree: Tree) -> Iterator[Problem]:
    """Check inputs against the signatures of workers; with a list of workers, warn of tasks that none of them runs."""
    for node in tree.nodes:
        if node.signature is not None:
            yield from _worker_inputs(node, node.signature)
            yield from _literals(node, node.signature)
        elif tree.signatures is not None and node.type == "SIMPLE":
            name = str(node.wire.get("name"))
            yield node.problem(
                "NO_WORKER",
                f"No worker runs the task {name!r}{closest(name, tree.signatures)}",
                "name",
                is_error=False,
            )


def _worker_inputs(node: Node, signature: WorkerSignature) -> Iterator[Problem]:
    template = as_mapping(as_mapping(node.wire.get("taskDefinition")).get("inputTemplate"))
    for name in signature.required:
        if name not in node.inputs and name not in template:
            hint = f" Pass it as simple(f, {{{name!r}: ...}})." if name in node.source.option_names else ""
            option = f" {name!r} is also an option of steps." if hint else ""
            yield node.problem(
                "MISSING_INPUT",
                f"{signature.name}() requires {name!r}, and {node.label} does not pass it.{option}{hint} "
                f"The function is at {signature.place}.",
                "inputParameters",
            )
    if signature.accepted is None:
        return
    for name in node.inputs:
        if name not in signature.accepted:
            yield node.problem(
                "UNKNOWN_INPUT",
                f"{signature.name}() has no parameter {name!r}{closest(name, signature.accepted)}",
                f"inputParameters.{name}",
            )


def _literals(node: Node, signature: WorkerSignature) -> Iterator[Problem]:
    """Check inputs without references by the worker's own conversion."""
    refusal = getattr(signature.worker, "refusal", None)
    if not callable(refusal):
        return
    literals = {name: value for name, value in node.inputs.items() if not any(expressions_in(value))}
    for name, why in sorted(refusal(literals).items()):
        yield node.problem(
            "WRONG_INPUT",
            f"{signature.name}() cannot accept this input: {why}. The function is at {signature.place}.",
            f"inputParameters.{name}",
        )


def check_subworkflows(tree: Tree, check: Callable[[Definition], Iterator[Problem]]) -> Iterator[Problem]:
    """Check all SUB_WORKFLOW and START_WORKFLOW tasks.

    Args:
        tree: The workflow.
        check: Checks a definition that is embedded in a task.
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
            f"{node.label} always starts another execution of its own workflow, without end. Put it into a case of a "
            "switch.",
            "inputParameters.startWorkflow.name",
            is_error=False,
        )


def _is_in_every_case(node: Node) -> bool:
    return not any(above.type in {"SWITCH", "DECISION"} for above in node.above())


def _sub_workflow(tree: Tree, node: Node, check: Callable[[Definition], Iterator[Problem]]) -> Iterator[Problem]:
    param = node.wire.get("subWorkflowParam")
    if not isinstance(param, Mapping):
        return
    wire = param.get("workflowDefinition")
    callee = node.source.callee
    if not (wire is None or isinstance(wire, Mapping) or str(wire).startswith("${")):
        yield node.problem(
            "WRONG_TYPE",
            f"workflowDefinition of {node.label} is {str(wire)[:60]!r}; it must be a definition, or a reference to "
            "one.",
            "subWorkflowParam.workflowDefinition",
        )
    if not param.get("name") and wire is None:
        yield node.problem(
            "MISSING_FIELD",
            f"{node.label} names no workflow, so that its parent cannot start. Set subWorkflowParam.name.",
            "subWorkflowParam.name",
        )
    version = param.get("version")
    if not isinstance(version, str) and (wrong := misfit(version, Shape.COUNT)):
        yield node.problem("WRONG_TYPE", f"version of {node.label} {wrong}.", "subWorkflowParam.version")
    if isinstance(wire, Mapping):
        embedded = Definition(wire) if callee is None else callee
        if not embedded.is_cycle:
            prefix = f"{node.path}.subWorkflowParam.workflowDefinition."
            for problem in check(embedded):
                yield evolve(problem, place=f"{prefix}{problem.place}")
        yield from _workflow_inputs(node, embedded.wire)
    elif callee is not None:
        yield from _workflow_inputs(node, callee.wire)
    if not isinstance(wire, Mapping) and _is_self(tree, param) and _is_in_every_case(node):
        yield node.problem(
            "ENDLESS",
            f"{node.label} always runs its own workflow, without end. Put it into a case of a switch.",
            "subWorkflowParam.name",
        )


def _is_self(tree: Tree, param: Mapping[str, Any]) -> bool:
    return param.get("name") == tree.fields.get("name") and param.get("version") in {None, tree.fields.get("version")}


def _workflow_inputs(node: Node, definition: Mapping[str, Any]) -> Iterator[Problem]:
    declared = declared_inputs(definition)
    if not declared:
        return
    template = as_mapping(definition.get("inputTemplate"))
    for name in declared:
        if name not in node.inputs and name not in template:
            yield node.problem(
                "MISSING_INPUT",
                f"The workflow {definition.get('name')!r} has the input {name!r}, and {node.label} does not pass it.",
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
