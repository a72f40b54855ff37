"""The server's defaults for each kind of object in a definition."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from attrs import field, fields, frozen

from conductor._internal.durations import to_whole_seconds
from conductor._internal.suggestions import suggest
from conductor.errors import ConfigurationError
from conductor.migration import field_successor
from conductor.models._base import AUDIT_FIELDS, refuse_unknown_values
from conductor.models.definition import TaskDef

__all__ = [
    "SHAPES",
    "TASK_DEF_DEFAULTS",
    "USER_DATA",
    "WRITE_ONLY",
    "Shape",
    "task_definition",
    "without_defaults",
    "without_overwritten",
]


#: Defaults of ``task_definition`` and of workers' definitions, in the JSON form; times in seconds. The timeouts are an
#: hour for the task and 10 minutes between updates; the server's defaults are no limit and an hour (see ``SHAPES``).
TASK_DEF_DEFAULTS: Mapping[str, Any] = {
    "retryCount": 3,
    "retryLogic": "FIXED",
    "retryDelaySeconds": 60,
    "timeoutSeconds": 3600,
    "timeoutPolicy": "TIME_OUT_WF",
    "responseTimeoutSeconds": 600,
    "pollTimeoutSeconds": 3600,
    "rateLimitFrequencyInSeconds": 1,
    "backoffScaleFactor": 1,
}
#: Attributes of ``TaskDef`` that are integers.
_INTEGERS = frozenset(a.name for a in fields(TaskDef) if a.type in {"int | None", int | None})


def task_definition(name: str, **values: Any) -> TaskDef:
    """Create a ``TaskDef`` with a value for every default.

    Three retries after 60 s each, 3,600 s for the task, 600 s between updates, 3,600 s in the queue; a task that times
    out fails its workflow.

    Args:
        name: The name of the task.
        **values: Attributes of ``TaskDef``. Those in seconds also accept a ``timedelta``, rounded up. The default of
            ``response_timeout_seconds`` is lowered if ``timeout_seconds`` is shorter.

    Returns:
        The task definition, which is not registered yet.

    Raises:
        ConfigurationError: ``TaskDef`` has no such attribute, or a value is invalid.
    """
    known = {a.name for a in fields(TaskDef)} - {"unknown_fields", "name"}
    for given in values:
        if given not in known:
            successor = field_successor(given, as_attribute=True)
            instead = f" Use {successor}." if successor else ""
            if not instead and (near := suggest(given, known)):
                instead = f" Did you mean {near!r}?"
            raise ConfigurationError(
                f"A task definition has no attribute {given!r}; the server would ignore it.{instead}",
                variable=given,
                allowed=", ".join(sorted(known)),
            )
    definition = TaskDef.from_dict({"name": name, **TASK_DEF_DEFAULTS})
    for given, value in values.items():
        setattr(definition, given, _attribute_value(given, value))
    timeout, response = definition.timeout_seconds or 0, definition.response_timeout_seconds or 0
    if "response_timeout_seconds" not in values and 1 < timeout <= response:
        definition.response_timeout_seconds = timeout - 1
    refuse_unknown_values(definition)
    return definition


def _attribute_value(name: str, value: Any) -> Any:
    if isinstance(value, timedelta) and name.endswith("_seconds"):
        return to_whole_seconds(value, name)
    if name in _INTEGERS and (isinstance(value, bool) or not isinstance(value, int | None)):
        durations = " or a timedelta" if name.endswith("_seconds") else ""
        raise ConfigurationError(
            f"{name} is {value!r}; it must be an integer{durations}.",
            variable=name,
            value=value,
            allowed=f"an integer{durations}",
        )
    return value


#: Fields that control how a definition is saved; servers do not return them.
WRITE_ONLY = frozenset({"overwriteTags"})
#: Values that mean "not set".
_EMPTY: tuple[Any, ...] = (None, {}, [])


@frozen
class Shape:
    """The fields of a kind of object with the server's defaults.

    Attributes:
        defaults: The server's defaults by JSON name. The default of all other fields is null.
        always_kept: Names that ``without_defaults`` keeps, because readers expect them.
        is_user_data: Whether the object is data of the user, in which every value counts.
        items: For a map of objects, the kind of the objects.
    """

    defaults: Mapping[str, Any] = field(factory=dict)
    always_kept: frozenset[str] = frozenset()
    is_user_data: bool = False
    items: str = ""

    def of_field(self, key: str) -> Shape:
        """Return the shape of a field; a list has the shape of its items."""
        return USER_DATA if self.is_user_data else SHAPES[self.items or _FIELD_SHAPES.get(key, "user data")]

    def is_default(self, key: str, value: Any) -> bool:
        """Whether the server uses the same value if the field is omitted."""
        if self.is_user_data or self.items:
            return False
        default = self.defaults.get(key)
        if value in _EMPTY:
            return default in _EMPTY or value is None
        return bool(value == default) and isinstance(value, bool) == isinstance(default, bool)


USER_DATA = Shape(is_user_data=True)
#: The defaults in the server's source (3.32.3). A field that may be null there has no default: a workflow task with
#: retryCount 0 is not retried, but without retryCount it is retried according to its task definition.
SHAPES: Mapping[str, Shape] = {
    "user data": USER_DATA,
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
        always_kept=frozenset({"version"}),
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
        always_kept=frozenset({"type"}),
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
#: The kind of object in each field, by JSON name; the objects in other fields are user data.
_FIELD_SHAPES = {
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
    """Return a definition without fields that have the server's defaults, and without its times and authors.

    Args:
        wire: The definition as a JSON object.
        kind: The class name of its model.
    """
    plain: dict[str, Any] = _plain(wire, SHAPES[kind])
    return plain


def _plain(value: Any, shape: Shape) -> Any:
    if shape.is_user_data:
        return value
    if isinstance(value, list):
        return [_plain(item, shape) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {key: _plain(item, shape.of_field(key)) for key, item in value.items() if _is_kept(key, item, shape, value)}


def _is_kept(key: str, value: Any, shape: Shape, within: Mapping[str, Any]) -> bool:
    if key == "joinOn" and within.get("type") == "JOIN":
        return value is not None
    if shape.items:
        return True
    return key not in AUDIT_FIELDS and (key in shape.always_kept or not shape.is_default(key, value))


def without_overwritten(param: Mapping[str, Any]) -> dict[str, Any]:
    """Return sub-workflow parameters without the name and version that the server takes from an inline definition."""
    if not isinstance(param.get("workflowDefinition"), Mapping):
        return dict(param)
    return {key: value for key, value in param.items() if key not in {"name", "version"}}
