"""The lines of searches: an execution or a task in short."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from conductor.server.engine.java_text import java_text
from conductor.server.engine.state import Doc
from conductor.server.engine.words import TERMINAL_WORKFLOW

Json = dict[str, Any]


def _iso(moment: int) -> str:
    when = datetime.fromtimestamp(moment / 1000, tz=timezone.utc)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{moment % 1000:03d}Z"


def summary(workflow: Doc | Json, definition: Json) -> Json:
    """A line of a search for executions."""
    given, output = java_text(workflow["input"]), java_text(workflow["output"])
    made = {
        "workflowType": workflow["workflowName"],
        "version": workflow["workflowVersion"],
        "workflowId": workflow["workflowId"],
        "correlationId": workflow.get("correlationId"),
        "startTime": _iso(workflow["createTime"]),
        "updateTime": _iso(workflow["updateTime"]),
        "endTime": _iso(workflow["endTime"]) if workflow["endTime"] else None,
        "status": workflow["status"],
        "input": given,
        "output": output,
        "reasonForIncompletion": workflow.get("reasonForIncompletion"),
        "executionTime": workflow["endTime"] - workflow["createTime"] if workflow["status"] in TERMINAL_WORKFLOW else 0,
        "event": workflow.get("event"),
        "failedReferenceTaskNames": ",".join(workflow["failedReferenceTaskNames"]),
        "priority": workflow["priority"],
        "failedTaskNames": workflow["failedTaskNames"],
        "taskToDomain": workflow["taskToDomain"],
        "parentWorkflowId": workflow.get("parentWorkflowId") or "",
        "classifier": (definition.get("metadata") or {}).get("classifier") or "workflow",
        "inputSize": len(given),
        "outputSize": len(output),
    }
    return {key: value for key, value in made.items() if value is not None}


def task_summary(task: Doc | Json) -> Json:
    """A line of a search for tasks."""
    waited = task["startTime"] - task["scheduledTime"] if task["startTime"] and task["scheduledTime"] else 0
    made = {
        "workflowId": task["workflowInstanceId"],
        "workflowType": task.get("workflowType"),
        "correlationId": task.get("correlationId"),
        "scheduledTime": _iso(task["scheduledTime"]),
        "startTime": _iso(task["startTime"]),
        "updateTime": _iso(task["updateTime"]),
        "endTime": _iso(task["endTime"]),
        "status": task["status"],
        "reasonForIncompletion": task.get("reasonForIncompletion"),
        "executionTime": task["endTime"] - task["startTime"] if task["endTime"] and task["startTime"] else 0,
        "queueWaitTime": max(0, waited - task["callbackAfterSeconds"] * 1000),
        "taskDefName": task.get("taskDefName"),
        "taskType": task["taskType"],
        "input": java_text(task["inputData"]),
        "output": java_text(task["outputData"]),
        "taskId": task["taskId"],
        "workflowPriority": task["workflowPriority"],
        "domain": task.get("domain"),
    }
    return {key: value for key, value in made.items() if value is not None}
