"""Building an example task."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductor.models import TaskType, WorkflowTask

__all__ = ["made"]


def made(
    task_type: TaskType | str, reference_name: str, inputs: Mapping[str, Any], given: dict[str, Any], **fields: Any
) -> WorkflowTask:
    """A task with ``inputs`` and ``fields``, over which goes what the caller has ``given``.

    ``input_parameters`` that were given are added to ``inputs`` and win over them.

    Raises:
        TypeError: A task has no such field.
    """
    input_parameters = {**inputs, **(given.get("input_parameters") or {})}
    whole = {"name": reference_name, "type": str(task_type), **fields, **given, "input_parameters": input_parameters}
    return WorkflowTask(task_reference_name=reference_name, **whole)
