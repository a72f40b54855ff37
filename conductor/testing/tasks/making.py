"""Building an example task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductor.models import TaskType, WorkflowTask

__all__ = ["made"]


def made(
    task_type: TaskType | str, reference_name: str, inputs: Mapping[str, Any], given: dict[str, Any], **fields: Any
) -> WorkflowTask:
    """Return a task with ``inputs`` and ``fields``, which the caller's ``given`` fields override.

    ``input_parameters`` in ``given`` are added to ``inputs`` and take precedence over them.

    Raises:
        TypeError: A task has no such field.
    """
    input_parameters = {**inputs, **(given.get("input_parameters") or {})}
    whole = {"name": reference_name, "type": str(task_type), **fields, **given, "input_parameters": input_parameters}
    return WorkflowTask(task_reference_name=reference_name, **whole)
