"""Checks of inputs against the signatures of workers' functions."""

from __future__ import annotations

from collections.abc import Iterator

from conductor.validation.problem import Problem
from conductor.validation.tree import Node, Tree, as_mapping, closest
from conductor.workflow.expressions import expressions_in
from conductor.workflow.signature import Signature
from conductor.workflow.step import Options

__all__ = ["check_workers"]


_OPTIONS = Options.__annotations__.keys()


def check_workers(tree: Tree) -> Iterator[Problem]:
    """The tasks whose functions are known; and with all workers known, those that nobody works on."""
    for node in tree.nodes:
        if node.signature is not None:
            yield from _inputs(node, node.signature)
            yield from _literals(node, node.signature)
        elif tree.signatures is not None and node.type == "SIMPLE":
            name = str(node.wire.get("name"))
            yield node.problem(
                "NO_WORKER",
                f"No worker is given for the task {name!r}{closest(name, tree.signatures)}",
                "name",
                is_error=False,
            )


def _inputs(node: Node, signature: Signature) -> Iterator[Problem]:
    template = as_mapping(as_mapping(node.wire.get("taskDefinition")).get("inputTemplate"))
    for name in signature.required:
        if name not in node.inputs and name not in template:
            hint = (
                f" {name!r} is an option of steps too: give it as simple(f, {{{name!r}: ...}})."
                if name in _OPTIONS
                else ""
            )
            yield node.problem(
                "MISSING_INPUT",
                f"{signature.name}() needs {name!r}, and {node.label} does not give it.{hint} "
                f"The function is at {signature.place}.",
                "inputParameters",
            )
    if signature.accepted is None:
        return
    for name in node.inputs:
        if name not in signature.accepted:
            yield node.problem(
                "UNKNOWN_INPUT",
                f"{signature.name}() takes no {name!r}{closest(name, signature.accepted)}",
                f"inputParameters.{name}",
            )


def _literals(node: Node, signature: Signature) -> Iterator[Problem]:
    """Inputs that are written out, and that the worker would refuse as the task's own input."""
    refusal = getattr(signature.worker, "refusal", None)
    if not callable(refusal):
        return
    literals = {name: value for name, value in node.inputs.items() if not any(expressions_in(value))}
    for name, why in sorted(refusal(literals).items()):
        yield node.problem(
            "WRONG_INPUT",
            f"{signature.name}() cannot take this: {why}. The function is at {signature.place}.",
            f"inputParameters.{name}",
        )
