"""Checks of workflow definitions, before anything is sent to a server.

The package reads definitions in their wire form. Further information, such as source lines and the signatures of
workers, is passed as data (``Definition``), so that the package does not depend on the builders of
``conductor.workflow``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from conductor.validation.callees import check_scripts, check_subworkflows, check_workers
from conductor.validation.fields import check_choices, check_definition, check_models
from conductor.validation.references import check_flow, check_references
from conductor.validation.tasks import check_tasks
from conductor.validation.tree import Definition, Problem, Reference, TaskSource, Tree, WorkerSignature

__all__ = ["Definition", "Problem", "Reference", "TaskSource", "WorkerSignature", "check"]


def check(definition: Definition, *, signatures: Mapping[str, WorkerSignature] | None = None) -> Iterator[Problem]:
    """Yield every problem of a definition.

    Args:
        definition: The definition.
        signatures: The available workers by task name; None if they are unknown.
    """
    tree = Tree.of(definition, signatures)
    yield from definition.problems
    for path, why in definition.unserializable:
        yield tree.problem("NO_JSON", _no_json(path, why), path)
    for node in tree.nodes:
        for path, why in node.source.unserializable:
            yield node.problem("NO_JSON", _no_json(path, why), path)
    found = [*check_definition(tree), *check_tasks(tree)]
    yield from found
    yield from check_models(tree, {problem.place for problem in found})
    yield from check_choices(tree)
    yield from check_flow(tree)
    yield from check_references(tree)
    yield from check_scripts(tree)
    yield from check_workers(tree)
    yield from check_subworkflows(tree, lambda inner: check(inner, signatures=signatures))


def _no_json(path: str, why: str) -> str:
    return f"{path} cannot be sent: {why}. Use a JSON value: a string, a number, true, false, None, a list or a dict."
