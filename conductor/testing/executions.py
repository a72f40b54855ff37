"""Example tasks of executions, as a worker receives them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from conductor.models import Task, TaskDef, TaskStatus, TaskType, WorkflowTask
from conductor.models.codec import to_jsonable

__all__ = ["BEGAN", "example_id", "example_task"]

#: Milliseconds since 1970 (14 November 2023): a fixed start, so that examples are the same in every run.
BEGAN = 1_700_000_000_000
"""Default start of examples in epoch milliseconds: 2023-11-14 22:13:20 UTC."""

_SPACE = uuid.UUID("6c1f3a52-8a3e-5a0e-9d3b-2f1f6f7c9a10")
_SCHEDULED_BY_NAME = {TaskType.SIMPLE, TaskType.DYNAMIC, TaskType.USER_DEFINED}
_SHOWN_AS = {"FORK_JOIN": "FORK", "FORK_JOIN_DYNAMIC": "FORK"}
_NAMED_BY_TYPE = {"FORK", "JOIN", "SWITCH", "DECISION", "EXCLUSIVE_JOIN"}


def example_id(*parts: object) -> str:
    """Return an id in the server's form, which is the same for the same parts."""
    return str(uuid.uuid5(_SPACE, "/".join(map(str, parts))))


def example_task(
    name: str = "task",
    input: Mapping[str, Any] | None = None,
    *,
    status: TaskStatus | str = TaskStatus.IN_PROGRESS,
    output: Mapping[str, Any] | None = None,
    reference_name: str | None = None,
    definition: WorkflowTask | None = None,
    workflow_type: str = "workflow",
    workflow_id: str | None = None,
    retry_count: int = 0,
    iteration: int = 0,
    seq: int = 1,
    scheduled_time: int = BEGAN,
    milliseconds: int = 1000,
    **fields: Any,
) -> Task:
    """Return a task of an execution with consistent fields; by default as a worker receives it.

    Args:
        name: The task definition's name.
        input: Its input, which must have a JSON form.
        status: Its status: SCHEDULED (not yet polled), IN_PROGRESS, or a final one.
        output: Its output.
        reference_name: As in the definition, without ``__n``; the default is ``name``.
        definition: The task in the workflow's definition; by default a SIMPLE task of that name.
        workflow_type: The name of its workflow.
        workflow_id: The execution's id.
        retry_count: The number of earlier attempts.
        iteration: The iteration of its loop, from 1; 0 outside loops.
        seq: Its position in the execution, from 1.
        scheduled_time: When it was scheduled, in epoch milliseconds.
        milliseconds: Its duration, if it has ended.
        fields: Any other field of ``Task``.

    Raises:
        SerializationError: Input or output has no JSON form.
        TypeError: A task has no such field.
    """
    status = TaskStatus(str(status))
    if definition is None:
        definition = WorkflowTask(name, reference_name or name, type=TaskType.SIMPLE.value)
    plain = reference_name or definition.task_reference_name
    ref = f"{plain}__{iteration}" if iteration else plain
    workflow_id = workflow_id or example_id(workflow_type)
    task_type, definition_name = _type_and_name(definition)
    is_worked_on = definition.type in _SCHEDULED_BY_NAME
    polled = status is not TaskStatus.SCHEDULED
    end = scheduled_time + milliseconds if status.is_terminal else 0
    made: dict[str, Any] = {
        "task_type": task_type,
        "status": status,
        "input_data": to_jsonable(dict(input or {})),
        "reference_task_name": ref,
        "retry_count": retry_count,
        "seq": seq,
        "poll_count": int(polled and is_worked_on),
        "task_def_name": definition_name,
        "scheduled_time": scheduled_time,
        "start_time": scheduled_time if polled else 0,
        "end_time": end,
        "update_time": end or scheduled_time,
        "executed": status.is_terminal,
        "retried_task_id": example_id(workflow_id, ref, retry_count - 1) if retry_count else None,
        "response_timeout_seconds": 3600 if is_worked_on else 0,
        "workflow_instance_id": workflow_id,
        "workflow_type": workflow_type,
        "task_id": example_id(workflow_id, ref, retry_count),
        "worker_id": "worker" if polled and is_worked_on else None,
        "output_data": to_jsonable(dict(output or {})),
        "workflow_task": definition,
        "rate_limit_frequency_in_seconds": int(is_worked_on),
        "iteration": iteration,
        "first_start_time": scheduled_time if polled else 0,
        "task_definition": definition.task_definition or TaskDef(definition_name),
        "loop_over_task": iteration > 0,
    }
    return Task(**{**made, **fields})


def _type_and_name(definition: WorkflowTask) -> tuple[str, str]:
    """Return the server's ``taskType`` and ``taskDefName``."""
    given = str(definition.type or TaskType.SIMPLE.value)
    if given in _SCHEDULED_BY_NAME:
        return definition.name, definition.name
    shown = _SHOWN_AS.get(given, given)
    return shown, shown if shown in _NAMED_BY_TYPE else definition.name
