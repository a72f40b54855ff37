"""Resolve the inputs and outputs of an execution: input templates and expressions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from conductor.server.engine.context import EngineContext
from conductor.server.engine.expressions.references import expressions_in, substitute, substitute_secrets
from conductor.server.engine.state import Doc, Execution, name_in_expressions

Json = dict[str, Any]
_FIRST_NAME = re.compile(r"[^.\[\]{}$*@?()\s]+(?=[.\[]|$)")
#: The fields of an execution that expressions can read.
_WORKFLOW_FIELDS = (
    "input", "output", "status", "workflowId", "parentWorkflowId", "parentWorkflowTaskId", "correlationId",
    "reasonForIncompletion", "variables",
)  # fmt: skip
#: The fields of a task that expressions can read, in addition to ``input`` and ``output``.
_TASK_FIELDS = (
    "taskType", "status", "referenceTaskName", "retryCount", "correlationId", "pollCount", "taskDefName",
    "scheduledTime", "startTime", "endTime", "workflowInstanceId", "taskId", "reasonForIncompletion",
    "callbackAfterSeconds", "workerId", "iteration",
)  # fmt: skip


def task_input(
    execution: Execution,
    parameters: Mapping[str, Any] | None,
    context: EngineContext,
    *,
    task_def: Json | None = None,
    task_id: str | None = None,
) -> Json:
    """Resolve the parameters of a task, including the input template of its definition."""
    template = (task_def or {}).get("inputTemplate") or {}
    resolved: Json = resolve(execution, {**template, **(parameters or {})}, context, task_id)
    return {key: template.get(key) if value is None else value for key, value in resolved.items()}


def resolve(execution: Execution, value: Any, context: EngineContext, task_id: str | None = None) -> Any:
    """Resolve the expressions anywhere in ``value``."""
    strings = list(_strings_with_expressions(value))
    if not strings:
        return value
    scope = _scope(execution, _first_names(strings))
    system = {"CPEWF_TASK_ID": task_id} if task_id is not None else {}
    return substitute(value, scope, system=system, environment=context.environment)


def _strings_with_expressions(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        if "${" in value:
            yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings_with_expressions(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings_with_expressions(one)


def _first_names(strings: Iterable[str]) -> set[str] | None:
    """Return the reference names that the expressions begin with; None if this needs more than a regex to find."""
    names = set()
    for one in strings:
        for path in expressions_in(one):
            found = _FIRST_NAME.match(path)
            if found is None or "${" in path:
                return None
            names.add(found.group())
    return names


def _scope(execution: Execution, names: set[str] | None) -> Json:
    """Return the document that expressions read: only tasks with these names, because executions can be long."""
    scope: Json = {}
    if names is None or "workflow" in names:
        scope["workflow"] = _workflow(execution)
    if names is not None and names <= {"workflow"}:
        return scope
    for name in {name_in_expressions(task): None for task in execution.tasks} if names is None else names:
        newest = execution.newest_by_name(name)
        if newest is not None:
            fields = {key: newest.get(key) for key in _TASK_FIELDS}
            scope[name] = {"input": newest["inputData"], "output": newest["outputData"], **fields}
    return scope


def _workflow(execution: Execution) -> Json:
    workflow = execution.workflow
    return {
        **{key: workflow.get(key) for key in _WORKFLOW_FIELDS},
        "workflowType": workflow["workflowName"],
        "version": workflow["workflowVersion"],
        "schemaVersion": execution.definition["schemaVersion"],
    }


def workflow_input(definition: Json, given: Json) -> Json:
    """Return the input of a start, completed with the definition's template; an empty input stays empty."""
    template = definition.get("inputTemplate") or {}
    if not given:
        return {}
    return {**given, **{key: value for key, value in template.items() if given.get(key) is None}}


def with_secrets(value: Any, context: EngineContext) -> Any:
    """Return a value with the expressions of secrets replaced, for a worker or the engine's own task."""
    return substitute_secrets(value, context.secrets)


def bound_input(task: Doc, context: EngineContext) -> Json:
    """Return a task's input with the values of its secrets."""
    resolved: Json = with_secrets(task["inputData"], context)
    return resolved
