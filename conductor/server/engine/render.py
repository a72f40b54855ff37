"""Documents as clients see them: without the engine's own fields, with what is computed."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.state import Doc, Execution

Json = dict[str, Any]


def render_task(task: Doc) -> Json:
    """A task document."""
    seen = {key: value for key, value in task.items() if key[0] != "_" and value is not None}
    task_def = (task.get("workflowTask") or {}).get("taskDefinition")
    if task_def is not None:
        seen["taskDefinition"] = task_def
    seen["executionMetadata"] = {"additionalContext": {}, "empty": True, "additionalContextMap": {}}
    seen["loopOverTask"] = task["iteration"] > 0
    waited = task["startTime"] - task["scheduledTime"] if task["startTime"] and task["scheduledTime"] else 0
    seen["queueWaitTime"] = max(0, waited - task["callbackAfterSeconds"] * 1000)
    return seen


def render(execution: Execution, *, include_tasks: bool = True) -> Json:
    """A workflow document."""
    workflow = {key: value for key, value in execution.workflow.items() if key[0] != "_" and value is not None}
    return {
        **workflow,
        "tasks": [render_task(task) for task in execution.tasks] if include_tasks else [],
        "workflowDefinition": execution.definition,
        "history": [],
        "rateLimited": False,
        "startTime": workflow["createTime"],
    }
