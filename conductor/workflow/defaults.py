"""What the server fills in when a definition leaves it out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["DEFAULTS", "STAMPS", "TASK_DEFAULTS", "without_defaults"]

STAMPS = {"createTime", "updateTime", "createdBy", "updatedBy"}
DEFAULTS: dict[str, Any] = {
    "version": 1,
    "schemaVersion": 2,
    "restartable": True,
    "timeoutPolicy": "ALERT_ONLY",
    "timeoutSeconds": 0,
    "enforceSchema": True,
    "workflowStatusListenerEnabled": False,
    "ownerApp": "",
}
TASK_DEFAULTS: dict[str, Any] = {
    "type": "SIMPLE",
    "startDelay": 0,
    "optional": False,
    "permissive": False,
    "asyncComplete": False,
    "rateLimited": False,
}

_BLOCKS = {"defaultCase", "loopOver"}


def without_defaults(wire: Mapping[str, Any]) -> dict[str, Any]:
    """A definition without what the server fills in, and without when and by whom it was stored."""
    plain = {
        key: value
        for key, value in wire.items()
        if key not in STAMPS and (key == "version" or (value not in (None, {}, []) and DEFAULTS.get(key) != value))
    }
    plain["tasks"] = _block(wire.get("tasks") or [])
    return plain


def _block(tasks: Any) -> Any:
    if not isinstance(tasks, list):
        return tasks
    return [_task(task) if isinstance(task, Mapping) else task for task in tasks]


def _task(task: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for key, value in task.items():
        if value in (None, {}, []) and not (key == "joinOn" and task.get("type") == "JOIN"):
            continue
        if key == "type" or TASK_DEFAULTS.get(key) != value:
            plain[key] = _field(key, value)
    return plain


def _field(key: str, value: Any) -> Any:
    if key in _BLOCKS:
        return _block(value)
    if key == "decisionCases" and isinstance(value, Mapping):
        return {name: _block(case) for name, case in value.items()}
    if key == "forkTasks" and isinstance(value, list):
        return [_block(branch) for branch in value]
    return value
