"""Example tasks that wait: for a worker, a person, a time or a signal."""

from __future__ import annotations

from typing import Any

from conductor.models import TaskType, WorkflowTask
from conductor.testing.tasks.making import made

__all__ = [
    "dynamic_task",
    "human_task",
    "noop_task",
    "other_task",
    "pull_workflow_messages_task",
    "simple_task",
    "user_defined_task",
    "wait_for_webhook_task",
    "wait_task",
]


def simple_task(reference_name: str = "simple", name: str | None = None, **fields: Any) -> WorkflowTask:
    """Return a SIMPLE task of type ``name``, by default the reference name."""
    inputs = {"value": "${workflow.input.value}"}
    return made(TaskType.SIMPLE, reference_name, inputs, fields, name=name or reference_name)


def user_defined_task(reference_name: str = "user_defined", **fields: Any) -> WorkflowTask:
    """Return a USER_DEFINED task, an older name of SIMPLE."""
    return made(TaskType.USER_DEFINED, reference_name, {"value": "${workflow.input.value}"}, fields)


def dynamic_task(
    reference_name: str = "dynamic", task_name: str = "${workflow.input.task_name}", **fields: Any
) -> WorkflowTask:
    """Return a DYNAMIC task, whose task name is an input."""
    return made(TaskType.DYNAMIC, reference_name, {"task_name": task_name}, fields, dynamic_task_name_param="task_name")


def human_task(
    reference_name: str = "human", display_name: str = "Please approve", assignee: str = "someone", **fields: Any
) -> WorkflowTask:
    """Return a HUMAN task for one user."""
    definition = {
        "assignmentCompletionStrategy": "LEAVE_OPEN",
        "displayName": display_name,
        "assignments": [{"assignee": {"userType": "EXTERNAL_USER", "user": assignee}, "slaMinutes": 60}],
    }
    return made(TaskType.HUMAN, reference_name, {"__humanTaskDefinition": definition}, fields)


def wait_task(
    reference_name: str = "wait", duration: str | None = "1 seconds", *, until: str | None = None, **fields: Any
) -> WorkflowTask:
    """Return a WAIT for a duration, until a time (``yyyy-MM-dd HH:mm``), or with ``duration=None`` until a signal."""
    if until is not None:
        return made(TaskType.WAIT, reference_name, {"until": until}, fields)
    return made(TaskType.WAIT, reference_name, {} if duration is None else {"duration": duration}, fields)


def wait_for_webhook_task(reference_name: str = "wait_for_webhook", **fields: Any) -> WorkflowTask:
    """Return a WAIT_FOR_WEBHOOK for an event of the execution's own value (Orkes)."""
    inputs = {"matches": {"$['value']": "${workflow.input.value}"}}
    return made(TaskType.WAIT_FOR_WEBHOOK, reference_name, inputs, fields)


def pull_workflow_messages_task(
    reference_name: str = "pull_workflow_messages", batch_size: int = 1, **fields: Any
) -> WorkflowTask:
    """Return a PULL_WORKFLOW_MESSAGES, which waits for messages to the execution."""
    return made(TaskType.PULL_WORKFLOW_MESSAGES, reference_name, {"batchSize": batch_size}, fields)


def noop_task(reference_name: str = "noop", **fields: Any) -> WorkflowTask:
    """Return a NOOP task, which completes immediately."""
    return made(TaskType.NOOP, reference_name, {}, fields)


def other_task(task_type: str, reference_name: str | None = None, **fields: Any) -> WorkflowTask:
    """Return a task of a type without a generator: of Orkes, of a newer server, or of a worker."""
    name = reference_name if reference_name is not None else task_type.lower()
    return made(task_type, name, {"value": "${workflow.input.value}"}, fields)
