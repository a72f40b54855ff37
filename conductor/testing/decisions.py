"""Default decisions and outputs of the tasks of an example execution."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductor.models import WorkflowTask
from conductor.testing.executions import example_id

__all__ = ["case_of", "entries_of", "usual_output"]


def case_of(task: WorkflowTask, inputs: Mapping[str, Any]) -> str:
    """Return the case of a switch: that of its input's value, or the first if a script decides."""
    name = task.case_value_param or (task.expression if task.evaluator_type == "value-param" else None)
    if name is None:
        return next(iter(task.decision_cases or {}), "null")
    value = inputs.get(name)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def entries_of(task: WorkflowTask, inputs: Mapping[str, Any]) -> list[WorkflowTask]:
    """Return the tasks in the input of a dynamic fork, each with its own input."""
    listed = inputs.get(task.dynamic_fork_tasks_param or "")
    given = inputs.get(task.dynamic_fork_tasks_input_param_name or "")
    entries = [WorkflowTask.from_dict(entry) for entry in listed or [] if isinstance(entry, Mapping)]
    if isinstance(given, Mapping):
        for entry in entries:
            entry.input_parameters = {**(entry.input_parameters or {}), **(given.get(entry.task_reference_name) or {})}
    return entries


def usual_output(task: WorkflowTask, inputs: Mapping[str, Any], workflow_id: str) -> dict[str, Any]:
    """Return the output of a small success."""
    response = {"statusCode": 200, "reasonPhrase": "OK", "headers": {}, "body": {}}
    usual: dict[str, dict[str, Any]] = {
        "HTTP": {"response": response},
        "HTTP_POLL": {"response": response},
        "INLINE": {"result": None},
        "LAMBDA": {"result": None},
        "JSON_JQ_TRANSFORM": {"result": None, "resultList": []},
        "SUB_WORKFLOW": {"subWorkflowId": example_id(workflow_id, task.task_reference_name)},
        "START_WORKFLOW": {"workflowId": example_id(workflow_id, task.task_reference_name)},
        "EVENT": {**inputs, "event_produced": task.sink},
    }
    return usual.get(str(task.type), {})
