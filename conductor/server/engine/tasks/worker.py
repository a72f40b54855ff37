"""Tasks that workers run: SIMPLE, DYNAMIC, and every type that the engine does not run."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.context import TerminateWorkflowError
from conductor.server.engine.definitions import default_task_def
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.state import SCHEDULED, Doc
from conductor.server.engine.tasks.planning import Plan

Json = dict[str, Any]


def plan_simple(plan: Plan) -> list[Doc]:
    """Plan a SIMPLE task, which workers poll by its name."""
    return [_document(plan, plan.task["name"], plan.task.get("taskDefinition") or {})]


def plan_other(plan: Plan) -> list[Doc]:
    """Plan a task of a type that the engine does not run, which workers poll by the type."""
    task_def = plan.task.get("taskDefinition") or plan.context.task_def(plan.task["name"])
    if task_def is None:
        raise TerminateWorkflowError(
            f"Invalid task specified. Cannot find task by name {plan.task['name']} in the task definitions"
        )
    made = _document(plan, plan.task["type"], task_def)
    made.update(responseTimeoutSeconds=0, startDelayInSeconds=0)
    return [made]


def plan_dynamic(plan: Plan) -> list[Doc]:
    """Plan a DYNAMIC task, whose name is an input."""
    parameter = plan.task.get("dynamicTaskNameParam") or ""
    given = plan.input()
    name = given.get(parameter)
    if name is None:
        raise TerminateWorkflowError(
            "Cannot map a dynamic task based on the parameter and input. "
            f"Parameter= {parameter}, input= {java_text(given)}"
        )
    name = java_text(name)
    task_def = plan.task.get("taskDefinition") or plan.context.task_def(name) or default_task_def(name, "DYNAMIC")
    named = {**plan.task, "name": name, "taskDefinition": task_def}
    made = _document(plan, name, task_def)
    made.update(taskDefName=name, workflowTask=named)
    return [made]


def _document(plan: Plan, kind: str, task_def: Json) -> Doc:
    delay = plan.task.get("startDelay") or 0
    return plan.document(
        kind,
        SCHEDULED,
        plan.input(task_def),
        startDelayInSeconds=delay,
        callbackAfterSeconds=delay,
        retryCount=plan.retry_count,
        responseTimeoutSeconds=task_def.get("responseTimeoutSeconds", 0),
        rateLimitPerFrequency=task_def.get("rateLimitPerFrequency", 0),
        rateLimitFrequencyInSeconds=task_def.get("rateLimitFrequencyInSeconds", 1),
    )
