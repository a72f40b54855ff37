"""A task definition with sensible values where nothing is said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from attrs import fields

from conductor.errors import ConfigurationError
from conductor.models.closed_sets import refuse_unknown_values
from conductor.models.enums import RetryLogic, TaskTimeoutPolicy
from conductor.models.task_def import TaskDef

__all__ = ["task_definition"]

_DEFAULTS: dict[str, Any] = {
    "retry_count": 3,
    "retry_logic": RetryLogic.FIXED,
    "retry_delay_seconds": 60,
    "timeout_seconds": 3600,
    "timeout_policy": TaskTimeoutPolicy.TIME_OUT_WF,
    "response_timeout_seconds": 600,
    "poll_timeout_seconds": 3600,
    "rate_limit_frequency_in_seconds": 1,
    "backoff_scale_factor": 1,
}
_NUMBERS = frozenset(a.name for a in fields(TaskDef) if a.type in {"int | None", int | None})
_WIRE_ONLY = {
    "maxConcurrentExecutions": "concurrent_exec_limit",
    "max_concurrent_executions": "concurrent_exec_limit",
    "outputTemplate": "output_keys",
    "output_template": "output_keys",
    "pollIntervalSeconds": "the worker's poll_interval_ms",
    "poll_interval_seconds": "the worker's poll_interval_ms",
}


def task_definition(name: str, **values: Any) -> TaskDef:
    """A ``TaskDef`` with all defaults filled in.

    Three retries after 60 s each; 3,600 s for the task, 600 s between updates, 3,600 s in the queue; a task that runs
    out of time fails its workflow.

    Args:
        name: The task's name.
        **values: Attributes of ``TaskDef``; those in seconds also as a ``timedelta``. A ``response_timeout_seconds``
            that does not fit a shorter ``timeout_seconds`` is lowered when it was not given.

    Raises:
        ConfigurationError: There is no such attribute, which the server would drop silently; or its value cannot be
            used.
    """
    known = {a.name for a in fields(TaskDef)} - {"unknown_fields", "name"}
    for given in values:
        if given not in known:
            instead = f" Use {_WIRE_ONLY[given]}." if given in _WIRE_ONLY else ""
            raise ConfigurationError(
                f"A task definition has no {given!r}; the server would drop it silently.{instead}",
                variable=given,
                allowed=", ".join(sorted(known)),
            )
    chosen = {**_DEFAULTS, **{given: _plain(given, value) for given, value in values.items()}}
    if (
        "response_timeout_seconds" not in values
        and 1 < (chosen["timeout_seconds"] or 0) <= chosen["response_timeout_seconds"]
    ):
        chosen["response_timeout_seconds"] = chosen["timeout_seconds"] - 1
    definition = TaskDef(name, **chosen)
    refuse_unknown_values(definition)
    return definition


def _plain(name: str, value: Any) -> Any:
    """A value as the attribute takes it: of a number, a whole one."""
    if isinstance(value, timedelta) and name.endswith("_seconds"):
        return -(-value // timedelta(seconds=1))
    if name in _NUMBERS and (isinstance(value, bool) or not isinstance(value, int | None)):
        durations = " or a timedelta" if name.endswith("_seconds") else ""
        raise ConfigurationError(
            f"{name} is {value!r}; it must be a whole number{durations}.",
            variable=name,
            value=value,
            allowed=f"a whole number{durations}",
        )
    return value
