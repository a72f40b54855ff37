"""Checks of the definition's own fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from conductor.models import StartWorkflowRequest, WorkflowDef, WorkflowSchedule, WorkflowTimeoutPolicy
from conductor.models._base import Model
from conductor.validation.models import Shape, misfit, unknown_fields
from conductor.validation.problem import Problem
from conductor.validation.tree import Tree, listed
from conductor.workflow.expressions import expressions

__all__ = ["check_definition"]


_FIELDS: dict[str, Shape] = {
    "name": Shape.TEXT,
    "version": Shape.POSITIVE,
    "description": Shape.TEXT,
    "inputParameters": Shape.TEXTS,
    "outputParameters": Shape.OBJECT,
    "inputTemplate": Shape.OBJECT,
    "variables": Shape.OBJECT,
    "failureWorkflow": Shape.TEXT,
    "failureWorkflowVersion": Shape.POSITIVE,
    "restartable": Shape.FLAG,
    "workflowStatusListenerEnabled": Shape.FLAG,
    "timeoutSeconds": Shape.COUNT,
    "timeoutPolicy": Shape.TEXT,
    "rateLimitConfig": Shape.OBJECT,
    "maskedFields": Shape.TEXTS,
    "inputSchema": Shape.OBJECT,
    "outputSchema": Shape.OBJECT,
    "enforceSchema": Shape.FLAG,
    "ownerEmail": Shape.TEXT,
    "ownerApp": Shape.TEXT,
    "metadata": Shape.OBJECT,
    "schemaVersion": Shape.COUNT,
}
_SCHEMA_VERSION = 2
_SCHEDULED = "a schedule is stored by itself, with client.schedules.save(...)."
_ELSEWHERE: dict[type[Model], str] = {
    StartWorkflowRequest: "it is given when the workflow is started.",
    WorkflowSchedule: _SCHEDULED,
}


def check_definition(tree: Tree) -> Iterator[Problem]:
    """The fields of the definition: their types, and what the server refuses."""
    for name, shape in _FIELDS.items():
        if wrong := misfit(tree.fields.get(name), shape):
            yield tree.problem("WRONG_TYPE", f"{name} {wrong}.", name)
    yield from unknown_fields(tree.fields, WorkflowDef, tree.problem, _ELSEWHERE)
    yield from _schedule(tree)
    yield from _name(tree.fields.get("name"), tree)
    if not tree.top:
        yield tree.problem("NO_TASKS", "The workflow has no steps; the server refuses it. Add one: workflow >> step.")
    version = tree.fields.get("schemaVersion")
    if isinstance(version, int) and version != _SCHEMA_VERSION:
        yield tree.problem(
            "SCHEMA_VERSION", f"schemaVersion is {version}; the server takes {_SCHEMA_VERSION} only.", "schemaVersion"
        )
    yield from _timeout(tree)
    yield from _rate_limit(tree)
    for found in expressions(str(tree.fields.get("failureWorkflow") or "")):
        if found.root != "workflow":
            yield tree.problem(
                "FAILURE_WORKFLOW",
                f"failureWorkflow is {found.text}; it can be a name, or a reference to the workflow's input.",
                "failureWorkflow",
            )


def _schedule(tree: Tree) -> Iterator[Problem]:
    for name in sorted({"schedule", "schedules", "cron"} & tree.fields.keys()):
        message = f"{name!r} is no field here, and the server forgets it: {_SCHEDULED}"
        yield tree.problem("MISPLACED_FIELD", message, name, is_error=False)


def _name(name: Any, tree: Tree) -> Iterator[Problem]:
    if not name:
        yield tree.problem("NO_NAME", "The workflow has no name.", "name")
    elif isinstance(name, str) and "/" in name:
        yield tree.problem(
            "NAME", f"The workflow's name {name!r} has a slash: the server stores it and cannot find it again.", "name"
        )
    elif isinstance(name, str) and name != name.strip():
        yield tree.problem("NAME", f"The workflow's name {name!r} begins or ends with a space.", "name")


def _timeout(tree: Tree) -> Iterator[Problem]:
    policy = tree.fields.get("timeoutPolicy")
    if isinstance(policy, str) and not WorkflowTimeoutPolicy(policy).is_known:
        yield tree.problem(
            "TIMEOUT_POLICY",
            f"timeoutPolicy is {policy!r}; a workflow has {listed(list(WorkflowTimeoutPolicy))}.",
            "timeoutPolicy",
        )
    if policy == WorkflowTimeoutPolicy.TIME_OUT_WF and not tree.fields.get("timeoutSeconds"):
        yield tree.problem(
            "TIMEOUT_POLICY",
            "timeoutPolicy is TIME_OUT_WF, and there is no timeoutSeconds: the workflow never times out.",
            "timeoutPolicy",
            is_error=False,
        )


def _rate_limit(tree: Tree) -> Iterator[Problem]:
    limit = tree.fields.get("rateLimitConfig")
    if isinstance(limit, dict) and (wrong := misfit(limit.get("concurrentExecLimit"), Shape.COUNT)):
        yield tree.problem("WRONG_TYPE", f"concurrentExecLimit {wrong}.", "rateLimitConfig.concurrentExecLimit")
