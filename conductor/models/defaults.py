"""What the server fills in where a definition leaves it out: each kind of object with its own defaults."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from attrs import field, fields, frozen

from conductor.errors import ConfigurationError
from conductor.models.definition import TaskDef
from conductor.models.enum_validation import refuse_unknown_values
from conductor.models.enums import RetryLogic, TaskTimeoutPolicy

__all__ = [
    "FREE",
    "SHAPES",
    "STAMPS",
    "WRITE_ONLY",
    "Shape",
    "task_definition",
    "without_defaults",
    "without_overwritten",
]


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
    chosen = {**_DEFAULTS, **{given: _attribute_value(given, value) for given, value in values.items()}}
    if (
        "response_timeout_seconds" not in values
        and 1 < (chosen["timeout_seconds"] or 0) <= chosen["response_timeout_seconds"]
    ):
        chosen["response_timeout_seconds"] = chosen["timeout_seconds"] - 1
    definition = TaskDef(name, **chosen)
    refuse_unknown_values(definition)
    return definition


def _attribute_value(name: str, value: Any) -> Any:
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


STAMPS = frozenset({"createTime", "updateTime", "updatedTime", "createdBy", "updatedBy"})
WRITE_ONLY = frozenset({"overwriteTags"})  # how to write, which no server gives back
_EMPTY: tuple[Any, ...] = (None, {}, [])


@frozen
class Shape:
    """A kind of object, in its wire form.

    Attributes:
        defaults: What the server writes where nothing is given, by name. For what is not in it, that is nothing.
        kept: Names that stay in a definition without defaults, because people look for them.
        is_free: Whether it is data of the user, in which each value means something.
        items: For a map of objects: what they are.
    """

    defaults: Mapping[str, Any] = field(factory=dict)
    kept: frozenset[str] = frozenset()
    is_free: bool = False
    items: str = ""

    def inside(self, key: str) -> Shape:
        """What stands under a name; lists of it, and lists of lists, look like one."""
        return FREE if self.is_free else SHAPES[self.items or _PLACES.get(key, "free")]

    def is_default(self, key: str, value: Any) -> bool:
        """Whether the server has the same when the value is left out."""
        if self.is_free or self.items:
            return False
        default = self.defaults.get(key)
        if value in _EMPTY:
            return default in _EMPTY or value is None
        return bool(value == default) and isinstance(value, bool) == isinstance(default, bool)


FREE = Shape(is_free=True)
# What the classes of the server's source begin with (3.32.3). A field that may be null there has no default: a task of
# a workflow with retryCount 0 is not retried, one without it as often as its task definition says.
SHAPES: Mapping[str, Shape] = {
    "free": FREE,
    "WorkflowDef": Shape(
        {
            "version": 1,
            "schemaVersion": 2,
            "restartable": True,
            "timeoutPolicy": "ALERT_ONLY",
            "timeoutSeconds": 0,
            "enforceSchema": True,
            "workflowStatusListenerEnabled": False,
            "ownerApp": "",
        },
        kept=frozenset({"version"}),
    ),
    "WorkflowTask": Shape(
        {
            "type": "SIMPLE",
            "startDelay": 0,
            "optional": False,
            "permissive": False,
            "asyncComplete": False,
            "rateLimited": False,
        },
        kept=frozenset({"type"}),
    ),
    "cases": Shape(items="WorkflowTask"),
    "TaskDef": Shape(
        {
            "retryCount": 3,
            "timeoutSeconds": 0,
            "timeoutPolicy": "TIME_OUT_WF",
            "retryLogic": "FIXED",
            "retryDelaySeconds": 60,
            "responseTimeoutSeconds": 3600,
            "concurrentExecLimit": 0,
            "rateLimitPerFrequency": 0,
            "rateLimitFrequencyInSeconds": 1,
            "backoffScaleFactor": 1,
            "maxRetryDelaySeconds": 0,
            "backoffJitterMs": 0,
            "totalTimeoutSeconds": 0,
            "taskStatusListenerEnabled": True,
            "enforceSchema": False,
            "ownerApp": "",
        }
    ),
    "SchemaDef": Shape({"version": 1}),
    "RateLimitConfig": Shape({"concurrentExecLimit": 0, "policy": "QUEUE"}),
    "CacheConfig": Shape({"ttlInSecond": 0}),
    "WorkflowSchedule": Shape({"zoneId": "UTC", "paused": False, "runCatchupScheduleInstances": False}),
    "CronSchedule": Shape({"zoneId": "UTC"}),
    "StartWorkflowRequest": Shape({"priority": 0}),
    "EventHandler": Shape({"active": False}),
    "EventAction": Shape({"expandInlineJSON": False}),
    "object": Shape(),
}
_PLACES = {
    "actions": "EventAction",
    "cacheConfig": "CacheConfig",
    "complete_task": "object",
    "cronSchedules": "CronSchedule",
    "decisionCases": "cases",
    "defaultCase": "WorkflowTask",
    "fail_task": "object",
    "forkTasks": "WorkflowTask",
    "inputSchema": "SchemaDef",
    "loopOver": "WorkflowTask",
    "outputSchema": "SchemaDef",
    "rateLimitConfig": "RateLimitConfig",
    "startWorkflowRequest": "StartWorkflowRequest",
    "start_agent": "object",
    "start_workflow": "StartWorkflowRequest",
    "subWorkflowParam": "object",
    "taskDefinition": "TaskDef",
    "tasks": "WorkflowTask",
    "terminate_workflow": "object",
    "update_workflow_variables": "object",
    "workflowDef": "WorkflowDef",
    "workflowDefinition": "WorkflowDef",
}


def without_defaults(wire: Mapping[str, Any], kind: str = "WorkflowDef") -> dict[str, Any]:
    """A definition without what the server fills in, and without when and by whom it was stored."""
    plain: dict[str, Any] = _plain(wire, SHAPES[kind])
    return plain


def _plain(value: Any, shape: Shape) -> Any:
    if shape.is_free:
        return value
    if isinstance(value, list):
        return [_plain(item, shape) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {key: _plain(item, shape.inside(key)) for key, item in value.items() if _stays(key, item, shape, value)}


def _stays(key: str, value: Any, shape: Shape, within: Mapping[str, Any]) -> bool:
    if key == "joinOn" and within.get("type") == "JOIN":
        return value is not None
    if shape.items:
        return True
    return key not in STAMPS and (key in shape.kept or not shape.is_default(key, value))


def without_overwritten(param: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a sub-workflow without what the server takes from the definition that stands in them."""
    if not isinstance(param.get("workflowDefinition"), Mapping):
        return dict(param)
    return {key: value for key, value in param.items() if key not in {"name", "version"}}
