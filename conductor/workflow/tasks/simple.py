"""Tasks of your workers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from typing_extensions import Unpack

from conductor.models import CacheConfig, TaskDef
from conductor.workflow.signature import Declared, declared
from conductor.workflow.step import Options, Step, as_inputs, make

__all__ = ["dynamic", "simple"]


def simple(
    task: str | Callable[..., Any] | Declared,
    inputs: Mapping[str, Any] | None = None,
    /,
    *,
    ref: str | None = None,
    description: str | None = None,
    optional: bool | None = None,
    permissive: bool | None = None,
    async_complete: bool | None = None,
    start_delay: int | timedelta | None = None,
    retry_count: int | None = None,
    cache: tuple[str, int] | CacheConfig | Mapping[str, Any] | None = None,
    rate_limited: bool | None = None,
    task_definition: TaskDef | Mapping[str, Any] | None = None,
    on_state_change: Mapping[str, Sequence[Any]] | None = None,
    metadata: Mapping[str, Any] | None = None,
    fields: Mapping[str, Any] | None = None,
    **more_inputs: Any,
) -> Step:
    """Run a task of a worker (``SIMPLE``).

    Args:
        task: A function decorated with ``@worker_task``, a ``Worker``, or the task's name. For a function, validation
            checks the inputs against its signature, and references to the output against its return type.
        inputs: Input parameters as a mapping, for names that are also options.
        more_inputs: Further input parameters.
        ref: See ``Options``.
        description: See ``Options``.
        optional: See ``Options``.
        permissive: See ``Options``.
        async_complete: See ``Options``.
        start_delay: See ``Options``.
        retry_count: See ``Options``.
        cache: See ``Options``.
        rate_limited: See ``Options``.
        task_definition: See ``Options``.
        on_state_change: See ``Options``.
        metadata: See ``Options``.
        fields: See ``Options``.
    """
    given = {
        "ref": ref,
        "description": description,
        "optional": optional,
        "permissive": permissive,
        "async_complete": async_complete,
        "start_delay": start_delay,
        "retry_count": retry_count,
        "cache": cache,
        "rate_limited": rate_limited,
        "task_definition": task_definition,
        "on_state_change": on_state_change,
        "metadata": metadata,
        "fields": fields,
    }
    options: Any = {key: value for key, value in given.items() if value is not None}
    signature = None if isinstance(task, str) else declared(task)
    name = signature.name if signature else str(task)
    options["name"] = name
    step: Step = make("SIMPLE", {**as_inputs(inputs), **more_inputs}, options, base=name)
    step.signature = signature
    return step


def dynamic(
    task_name: Any,
    inputs: Mapping[str, Any] | None = None,
    /,
    *,
    param: str = "taskToExecute",
    **options: Unpack[Options],
) -> Step:
    """Run a worker task whose name is known at run time (``DYNAMIC``).

    Args:
        task_name: The task's name, usually a reference.
        inputs: Further input parameters.
        param: The name of the input parameter for the task's name.
        options: See ``Options``.
    """
    parameters = {param: task_name, **as_inputs(inputs)}
    step: Step = make("DYNAMIC", parameters, options, dynamicTaskNameParam=param)
    return step
