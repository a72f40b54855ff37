"""Schemas of tasks and workflows: what violates one fails. Only an edition with schemas enforces them."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.context import EngineContext
from conductor.server.engine.state import FAILED_WITH_TERMINAL_ERROR, Doc, is_done

Json = dict[str, Any]

#: Key of a task that was refused when it was scheduled.
_REFUSED = "_isRefused"


def fault_of(definition: Json, key: str, value: Any, context: EngineContext) -> str | None:
    """Return why a value violates a schema of a definition; None if it does not, or if the schema is not enforced.

    Args:
        definition: The definition of a task or a workflow.
        key: The schema's key in it: ``inputSchema`` or ``outputSchema``.
        value: The input or output.
        context: The engine's context.
    """
    schema = definition.get(key)
    if not isinstance(schema, dict) or definition.get("enforceSchema") is False:
        return None
    return context.extensions.schema_fault(schema, value)


def with_enforcement(task_def: Json) -> Json:
    """Return a task definition that enforces its schemas, unless it says otherwise."""
    has_schema = any(task_def.get(key) is not None for key in ("inputSchema", "outputSchema"))
    return {**task_def, "enforceSchema": True} if has_schema and task_def.get("enforceSchema") is None else task_def


def refuse_input(task: Doc, context: EngineContext) -> None:
    """Fail a new task whose input violates the schema of its definition."""
    fault = None if is_done(task) else fault_of(_task_def(task), "inputSchema", task["inputData"], context)
    if fault is not None:
        reason = f"Invalid input of the task: {fault}"
        task.update({"status": FAILED_WITH_TERMINAL_ERROR, "reasonForIncompletion": reason, _REFUSED: True})


def is_refused(task: Doc) -> bool:
    """Return whether the input of a task has been refused, so that there is more to decide."""
    return _REFUSED in task


def refuse_output(task: Doc, context: EngineContext) -> None:
    """Fail a completed task whose output violates the schema of its definition."""
    fault = fault_of(_task_def(task), "outputSchema", task["outputData"], context)
    if fault is not None:
        task["status"] = FAILED_WITH_TERMINAL_ERROR
        task["reasonForIncompletion"] = f"Invalid output of the task: {fault}"


def _task_def(task: Doc) -> Json:
    found: Json = (task.get("workflowTask") or {}).get("taskDefinition") or {}
    return found
