"""Definitions with something wrong in them, as far as they can be read: they are drawn to be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductor.errors import UnexpectedResponseError
from conductor.models import WorkflowDef, WorkflowTask
from conductor.models.wire import Model

__all__ = ["readable"]


def readable(wire: Mapping[str, Any]) -> dict[str, Any]:
    """The wire form of a definition without what is of another type than it should be."""
    return _fitting({**wire, "tasks": _tasks(wire.get("tasks"))}, WorkflowDef)


def _tasks(value: Any) -> list[dict[str, Any]]:
    return [_task(task) for task in value if isinstance(task, Mapping)] if isinstance(value, list) else []


def _task(wire: Mapping[str, Any]) -> dict[str, Any]:
    task = dict(wire)
    for key in {"defaultCase", "loopOver"} & task.keys():
        task[key] = _tasks(task[key])
    if isinstance(cases := task.get("decisionCases"), Mapping):
        task["decisionCases"] = {name: _tasks(case) for name, case in cases.items()}
    if isinstance(branches := task.get("forkTasks"), list):
        task["forkTasks"] = [_tasks(branch) for branch in branches]
    return _fitting(task, WorkflowTask)


def _fitting(wire: Mapping[str, Any], kind: type[Model]) -> dict[str, Any]:
    return {key: value for key, value in wire.items() if _fits({key: value}, kind)}


def _fits(wire: Mapping[str, Any], kind: type[Model]) -> bool:
    try:
        kind.from_dict(wire)
    except UnexpectedResponseError:
        return False
    return True
