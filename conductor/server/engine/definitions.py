"""Complete definitions with their defaults, and render executions and tasks as the API returns them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import attrs

from conductor.errors import UnexpectedResponseError
from conductor.models import TaskDef, WorkflowDef, WorkflowTask
from conductor.models._base import structure, wire_name
from conductor.models.defaults import SHAPES
from conductor.server.engine.context import EngineContext, RefusedError, TerminateWorkflowError
from conductor.server.engine.json_fields import integer, read, string
from conductor.server.engine.masking import MASKS, hide
from conductor.server.engine.state import Doc, Execution, Snapshot
from conductor.server.engine.tree import walk

Json = dict[str, Any]


def render_task(task: Mapping[str, Any]) -> Json:
    """Return a task as the API returns it."""
    seen = {key: value for key, value in task.items() if key[0] != "_" and value is not None}
    for key in ("inputData", "outputData"):
        seen[key] = hide(seen[key], task.get(MASKS, ()))
    task_def = (task.get("workflowTask") or {}).get("taskDefinition")
    if task_def is not None:
        seen["taskDefinition"] = task_def
    if seen.get("subWorkflowId") is not None and "subWorkflowId" in seen["outputData"]:
        seen["outputData"] = {**seen["outputData"], "subWorkflowId": seen["subWorkflowId"]}  # not a grandchild's
    seen["executionMetadata"] = {"additionalContext": {}, "empty": True, "additionalContextMap": {}}
    seen["loopOverTask"] = task["iteration"] > 0
    waited = task["startTime"] - task["scheduledTime"] if task["startTime"] and task["scheduledTime"] else 0
    seen["queueWaitTime"] = max(0, waited - task["callbackAfterSeconds"] * 1000)
    return seen


def render(execution: Execution | Snapshot, *, include_tasks: bool = True) -> Json:
    """Return an execution as the API returns it."""
    workflow = {key: value for key, value in execution.workflow.items() if key[0] != "_" and value is not None}
    for key in ("input", "output", "variables"):
        workflow[key] = hide(workflow[key], execution.workflow.get(MASKS, ()))
    return {
        **workflow,
        "tasks": [render_task(task) for task in execution.tasks] if include_tasks else [],
        "workflowDefinition": execution.definition,
        "history": [],
        "rateLimited": bool(execution.workflow.get("_isHeld")),
        "startTime": workflow["createTime"],
    }


def render_failed(execution: Execution) -> Json:
    """Return an execution as a failure workflow gets it (``failedWorkflow``): in the OSS server's internal form."""
    own = ("history", "rateLimited", "startTime")
    made = {key: value for key, value in render(execution, include_tasks=False).items() if key not in own}
    made["updatedTime"] = made.pop("updateTime")
    made["previousStatus"] = "RUNNING"
    if execution.workflow.get("_failedTaskId") is not None:
        made["failedTaskId"] = execution.workflow["_failedTaskId"]
    made["tasks"] = [_render_failed_task(task) for task in execution.tasks]
    return made


def _render_failed_task(task: Doc) -> Json:
    made = {
        **render_task(task),
        "callbackAfterMs": task.get("_callbackAfterMs") or 0,
        "firstScheduledTime": task["_firstScheduledTime"],
        "waitTimeout": task.get("_waitTimeout") or 0,
        "onStateChange": {},
        "idempotent": False,
        "idempotentExecution": False,
        "cachedOutput": False,
        "notifications": {},
        "nonWorkflowEventTask": False,
        "asyncComplete": bool((task.get("workflowTask") or {}).get("asyncComplete")),
    }
    return {key: value for key, value in made.items() if key not in {"executionMetadata", "firstStartTime"}}


#: Fields of the models that only Orkes' edition has; like the OSS server, this server drops them.
_ORKES_FIELDS = {"tags", "overwriteTags", "workflowTaskType"}
_TASK_DEF_FIELDS = {wire_name(a) for a in attrs.fields(TaskDef)} - _ORKES_FIELDS - {"unknownFields"}
_WORKFLOW_DEF_FIELDS = {wire_name(a) for a in attrs.fields(WorkflowDef)} - _ORKES_FIELDS - {"unknownFields"}
_WORKFLOW_TASK_FIELDS = {wire_name(a) for a in attrs.fields(WorkflowTask)} - _ORKES_FIELDS - {"unknownFields"}


#: Defaults of ``conductor.models.defaults`` that this server stores as null and does not return.
_NULL_BY_DEFAULT = {"ownerApp", "concurrentExecLimit", "rateLimited"}


@lru_cache(maxsize=8)
def _defaults(kind: str) -> Json:
    return {name: value for name, value in SHAPES[kind].defaults.items() if name not in _NULL_BY_DEFAULT}


def _task_def_defaults() -> Json:
    return {
        "createTime": 0,
        "updateTime": 0,
        "inputKeys": [],
        "outputKeys": [],
        "runtimeMetadata": [],
        "inputTemplate": {},
        **_defaults("TaskDef"),
    }


def _workflow_task_defaults() -> Json:
    return {
        "inputParameters": {},
        "decisionCases": {},
        "defaultCase": [],
        "forkTasks": [],
        "joinOn": [],
        "defaultExclusiveJoinTask": [],
        "loopOver": [],
        "onStateChange": {},
        "metadata": {},
        **_defaults("WorkflowTask"),
    }


def _workflow_def_defaults() -> Json:
    return {
        "createTime": 0,
        "updateTime": 0,
        "tasks": [],
        "inputParameters": [],
        "outputParameters": {},
        "variables": {},
        "inputTemplate": {},
        "metadata": {},
        "maskedFields": [],
        **_defaults("WorkflowDef"),
    }


def _known(given: Json, fields: set[str]) -> Json:
    return {key: value for key, value in given.items() if value is not None and key in fields}


def complete_task_def(given: Json) -> Json:
    """Return a task definition with its defaults."""
    return {**_task_def_defaults(), **_known(given, _TASK_DEF_FIELDS)}


def default_task_def(name: str, kind: str) -> Json:
    """Return the default definition of a task. The engine's own types are not retried and do not time out."""
    made = {**_task_def_defaults(), "name": name}
    if kind != "SIMPLE":
        made.update(retryCount=0, responseTimeoutSeconds=0)
    return made


def complete_workflow_def(given: Json) -> Json:
    """Return a workflow definition with its defaults and those of its tasks."""
    made = {**_workflow_def_defaults(), **_known(given, _WORKFLOW_DEF_FIELDS)}
    made["tasks"] = [complete_workflow_task(task) for task in made["tasks"]]
    return made


def complete_workflow_task(given: Json) -> Json:
    """Return a task of a workflow definition with its defaults and those of its children."""
    made = {**_workflow_task_defaults(), **_known(given, _WORKFLOW_TASK_FIELDS)}
    parameters = made.get("subWorkflowParam")
    if parameters and isinstance(parameters.get("version"), str):
        made["subWorkflowParam"] = {**parameters, "version": integer(parameters["version"])}
    made["decisionCases"] = {
        case: [complete_workflow_task(task) for task in tasks or []] for case, tasks in made["decisionCases"].items()
    }
    made["forkTasks"] = [[complete_workflow_task(task) for task in branch] for branch in made["forkTasks"]]
    for key in ("defaultCase", "loopOver"):
        made[key] = [complete_workflow_task(task) for task in made[key]]
    if made.get("taskDefinition") is not None:
        made["taskDefinition"] = complete_task_def(made["taskDefinition"])
    return made


def parse_workflow_def(given: Any) -> Json:
    """Parse a workflow definition that is an input, and complete it with its defaults.

    Raises:
        RefusedError: A field has the wrong type. Violations of other rules show when the workflow runs.
    """
    return complete_workflow_def(_parse(given, WorkflowDef))


def parse_workflow_task(given: Json) -> Json:
    """Parse a task of a workflow definition that is an input, and complete it with its defaults.

    Raises:
        RefusedError: A field has the wrong type.
    """
    return complete_workflow_task(_parse(given, WorkflowTask))


def _parse(given: Any, cls: type) -> Json:
    if not isinstance(given, dict):
        raise RefusedError(500, f"JSON parse error: {given!r} is not an object")
    named = read(given, {"name": string, "taskReferenceName": string, "type": string})
    try:
        structure(named, cls)
    except UnexpectedResponseError as error:
        raise RefusedError(500, f"JSON parse error: {error}") from None
    return named


def populate(definition: Json, context: EngineContext) -> Json:
    """Return a copy of a definition for an execution, with the task definitions and the versions of children.

    Raises:
        RefusedError: A sub-workflow has no definition (500, as on the OSS server).
    """
    made = complete_workflow_def(definition)
    for task in walk(made["tasks"]):
        populate_task(task, context.task_def)
        if task["type"] == "SUB_WORKFLOW":
            _resolve_version(task, context)
    return made


def populate_task(task: Json, task_def: Callable[[str], Json | None]) -> None:
    """Put the task definition into a task of a workflow definition."""
    if task.get("taskDefinition") is None and task.get("name"):
        task["taskDefinition"] = task_def(task["name"]) or default_task_def(task["name"], task["type"])


def _resolve_version(task: Json, context: EngineContext) -> None:
    parameters = task.get("subWorkflowParam")
    if not parameters or parameters.get("version") is not None or parameters.get("workflowDefinition") is not None:
        return
    name = parameters.get("name") or ""
    version = context.latest_version(name)
    if version is None:
        message = f"The Task {name} defined as a sub-workflow has no workflow definition available "
        raise RefusedError(500, message) from TerminateWorkflowError(message)
    task["subWorkflowParam"] = {**parameters, "version": version}
