"""What definitions must be like to be registered, in the real server's words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from conductor.errors import UnexpectedResponseError
from conductor.models import TaskDef, WorkflowDef
from conductor.models.wire import structure
from conductor.server.engine.tree import walk
from conductor.server.engine.validation_inputs import check_inputs
from conductor.server.engine.validation_tasks import Rules, check_task
from conductor.server.engine.world import RefusedError

Json = dict[str, Any]
Fault = tuple[str, str, Any]  # path, message, the refused value or None

_FAILED = "Validation failed, check below errors for detail."
_DEFAULT_RESPONSE_TIMEOUT = 3600
_TASK_DEF_WORDS = {
    "timeoutPolicy": {"RETRY", "TIME_OUT_WF", "ALERT_ONLY"},
    "retryLogic": {"FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF"},
}
_WORKFLOW_WORDS = {"timeoutPolicy": {"TIME_OUT_WF", "ALERT_ONLY"}}


def refuse(faults: Sequence[Fault]) -> None:
    """Raise when there are faults, all of them together."""
    if faults:
        errors = []
        for path, message, value in faults:
            error = {"path": path, "message": message}
            errors.append(error if value is None else {**error, "invalidValue": str(value)})
        raise RefusedError(400, _FAILED, errors)


def _check_shape(given: Any, cls: type, words: dict[str, set[str]]) -> None:
    """Refuse wrong types and unknown words as unreadable, which the real server answers with 500."""
    try:
        structure(given if not isinstance(given, dict) else _without_names(given), cls)
    except UnexpectedResponseError as error:
        raise RefusedError(500, f"JSON parse error: {error}") from None
    for name, allowed in words.items():
        word = given.get(name)
        if word is not None and word not in allowed:
            raise RefusedError(500, f"JSON parse error: {name} is {word!r}, not one of {', '.join(sorted(allowed))}")


def _without_names(given: Json) -> Json:
    """The definition with names in place of missing ones: that they are missing is another kind of fault."""

    def named(task: Any) -> Any:
        if not isinstance(task, dict):
            return task
        return {**task, "name": task.get("name") or "-", "taskReferenceName": task.get("taskReferenceName") or "-"}

    tasks = given.get("tasks")
    more = {"tasks": [named(task) for task in tasks]} if isinstance(tasks, list) else {}
    return {**given, "name": given.get("name") or "-", **more}


# -- task definitions


def check_task_defs(given: Sequence[Any], path: str, *, is_list: bool = True) -> None:
    """Refuse task definitions that break the rules.

    Args:
        given: The definitions.
        path: Where they stand, as messages name it.
        is_list: Whether they came as a list, whose positions are named.
    """
    for one in given:
        _check_shape(one, TaskDef, _TASK_DEF_WORDS)
    faults: list[Fault] = [] if given else [(path, "TaskDefList is empty", None)]
    for position, one in enumerate(given):
        faults += _task_def_faults(one, f"{path}[{position}]" if is_list else path)
    refuse(faults)


def _task_def_faults(given: Json, path: str) -> Iterator[Fault]:
    name = given.get("name")
    if not name:
        yield f"{path}.name", "TaskDef name cannot be null or empty", name
    for field in ("retryCount", "pollTimeoutSeconds", "maxRetryDelaySeconds", "backoffJitterMs"):
        if (given.get(field) or 0) < 0:
            yield f"{path}.{field}", f"TaskDef {field}: 0 must be >= 0", given[field]
    response = given.get("responseTimeoutSeconds", _DEFAULT_RESPONSE_TIMEOUT)
    if response < 1:
        message = f"TaskDef responseTimeoutSeconds: {response} should be minimum 1 second"
        yield f"{path}.responseTimeoutSeconds", message, response
    if given.get("backoffScaleFactor", 1) < 1:
        field = f"{path}.backoffScaleFactor"
        yield field, "Backoff scale factor. Applicable for LINEAR_BACKOFF", given["backoffScaleFactor"]
    timeout, total = given.get("timeoutSeconds") or 0, given.get("totalTimeoutSeconds") or 0
    if 0 < timeout < response:
        message = f"TaskDef: {name} responseTimeoutSeconds: {response} must be less than timeoutSeconds: {timeout}"
        yield path, message, None
    if 0 < total < timeout:
        message = (
            f"TaskDef: {name} timeoutSeconds: {timeout} must be less than or equal to totalTimeoutSeconds: {total}"
        )
        yield path, message, None


# -- workflow definitions


def check_workflow_defs(given: Sequence[Any], path: str, rules: Rules, *, is_list: bool = False) -> None:
    """Refuse workflow definitions that break the rules.

    Args:
        given: The definitions.
        path: Where they stand, as messages name it.
        rules: What the rules of single tasks need to know.
        is_list: Whether they came as a list, whose positions are named.
    """
    for one in given:
        _check_shape(one, WorkflowDef, _WORKFLOW_WORDS)
    faults: list[Fault] = []
    for position, one in enumerate(given):
        faults += _workflow_def_faults(one, f"{path}[{position}]" if is_list else path, rules)
    refuse(faults)


def _workflow_def_faults(given: Json, path: str, rules: Rules) -> Iterator[Fault]:
    name, tasks = given.get("name"), given.get("tasks") or []
    if not name:
        yield f"{path}.name", "WorkflowDef name cannot be null or empty", name
    if not tasks:
        yield f"{path}.tasks", "WorkflowTask list cannot be empty", None
    version = given.get("schemaVersion")
    if version is not None and version != 2:  # noqa: PLR2004  the only one there is
        yield f"{path}.schemaVersion", "workflowDef schemaVersion: 2 is only supported", version
    for position, task in enumerate(tasks):
        yield from check_task(task, f"{path}.tasks[{position}]", rules)
    yield from _reference_faults(name, tasks, path)
    references = {task.get("taskReferenceName") for task in walk(tasks)}
    for task in tasks:
        for message in check_inputs(task, references):
            yield path, message, None


def _reference_faults(name: Any, tasks: list[Json], path: str) -> Iterator[Fault]:
    seen: set[str] = set()
    for task in walk(tasks):
        reference = task.get("taskReferenceName")
        if reference and reference in seen:
            message = (
                f"taskReferenceName: {reference} should be unique across tasks for a given workflowDefinition: {name}"
            )
            yield path, message, None
        seen.add(reference or "")
