"""Validate definitions by the rules of the OSS server, with its messages."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from attrs import frozen

from conductor.errors import UnexpectedResponseError
from conductor.models import TaskDef, WorkflowDef
from conductor.models._base import structure
from conductor.models.defaults import SHAPES
from conductor.server.engine.context import DOCUMENTED, Divergences, RefusedError, ScriptFailedError
from conductor.server.engine.expressions.jsonpath import parse
from conductor.server.engine.expressions.references import SYSTEM_NAMES, expressions_in
from conductor.server.engine.state import ITERATION_SEPARATOR
from conductor.server.engine.tasks.wait import parse_duration, parse_until
from conductor.server.engine.tree import walk

Json = dict[str, Any]
_NAME = re.compile(r"[^.\[]+")


def check_inputs(task: Json, references: set[Any]) -> Iterator[str]:
    """Yield the faults in the parameters of a task."""
    for key, text in _strings("", task.get("inputParameters") or {}):
        for path in expressions_in(text):
            if "${" in path:
                continue
            if not _is_valid_path(path):
                yield f"key: {key} input parameter value: {path} is not valid"
            elif not _is_known(path, references):
                name = _NAME.match(path)
                yield (
                    f"taskReferenceName: {name.group() if name else path} for given task: {task.get('name')} input "
                    f"value: {key} of input parameter: {text} is not defined in workflow definition."
                )


def _strings(key: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _strings(name, one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(key, one)


def _is_valid_path(path: str) -> bool:
    if not path.strip():
        return False
    try:
        parse(path)
    except ValueError:
        return False
    return True


def _is_known(path: str, references: set[Any]) -> bool:
    name = _NAME.match(path)
    return name is None or name.group() == "workflow" or name.group() in references or path in SYSTEM_NAMES


#: A violation of a rule: its path, the message, and the invalid value or None.
Fault = tuple[str, str, Any]
TaskDefs = Callable[[str], Json | None]


@frozen
class Rules:
    """The surroundings that validation depends on.

    Attributes:
        task_def: Returns a registered task definition, whose input template may provide a required parameter.
        check_script: Raises ScriptFailedError for a script with a syntax error.
        divergences: The differences from the OSS server.
    """

    task_def: TaskDefs
    check_script: Callable[[str], None]
    divergences: Divergences = DOCUMENTED


def check_task(task: Json, path: str, rules: Rules) -> Iterator[Fault]:
    """Yield the faults of a task and of the tasks in its cases and branches; tasks in loops are not validated."""
    name, reference = task.get("name"), task.get("taskReferenceName")
    if not name:
        yield f"{path}.name", "WorkflowTask name cannot be empty or null", name
    if not reference:
        message = "WorkflowTask taskReferenceName name cannot be empty or null"
        yield f"{path}.taskReferenceName", message, reference
    if (task.get("startDelay") or 0) < 0:
        yield f"{path}.startDelay", "must be greater than or equal to 0", task["startDelay"]
    for message in _check_type(task, rules):
        yield path, message, None
    kind = task.get("type")
    if kind in {"SWITCH", "DECISION"}:
        for case, branch in (task.get("decisionCases") or {}).items():
            yield from _check_branch(branch, f"{path}.decisionCases[{case}].<map value>", rules)
        yield from _check_branch(task.get("defaultCase"), f"{path}.defaultCase", rules)
    elif kind == "FORK_JOIN":
        for position, branch in enumerate(task.get("forkTasks") or []):
            yield from _check_branch(branch, f"{path}.forkTasks[{position}].<list element>", rules)


def _check_branch(branch: list[Json] | None, path: str, rules: Rules) -> Iterator[Fault]:
    for position, task in enumerate(branch or []):
        yield from check_task(task, f"{path}[{position}]", rules)


def _check_type(task: Json, rules: Rules) -> Iterator[str]:
    kind = task.get("type") or "SIMPLE"
    if kind in _CHECKS:
        yield from _CHECKS[kind](task, rules)
    for field in _REQUIRED.get(kind, ()):
        if not task.get(field) and not (task.get(field) == "" and field == "loopCondition"):
            yield _required(field, task)
    parameter = _PARAMETERS.get(kind)
    if parameter is not None and not _has_parameter(task, parameter[1], rules):
        yield _required(parameter[0], task)


#: Required fields, by task type.
_REQUIRED = {
    "EVENT": ("sink",),
    "DYNAMIC": ("dynamicTaskNameParam",),
    "DO_WHILE": ("loopCondition", "loopOver"),
    "SUB_WORKFLOW": ("subWorkflowParam",),
}
#: Required parameters, by task type: the name in the message, and the parameters of which one is enough.
_PARAMETERS = {
    "HTTP": ("inputParameters.http_request or inputParameters.uri", ("http_request", "uri", "method")),
    "JSON_JQ_TRANSFORM": ("inputParameters.queryExpression", ("queryExpression",)),
    "KAFKA_PUBLISH": ("inputParameters.kafka_request", ("kafka_request",)),
}


def _required(field: str, task: Json) -> str:
    return f"{field} field is required for taskType: {task['type']} taskName: {task.get('name')}"


def _has_parameter(task: Json, names: tuple[str, ...], rules: Rules) -> bool:
    task_def = task.get("taskDefinition") or rules.task_def(task.get("name") or "") or {}
    template = task_def.get("inputTemplate") or {}
    return any(name in (task.get("inputParameters") or {}) for name in names) or names[0] in template


def _check_switch(task: Json, rules: Rules) -> Iterator[str]:
    if task.get("evaluatorType") is None:
        yield _required("evaluatorType", task)
    elif task.get("expression") is None:
        yield _required("expression", task)
    yield from _check_cases(task)
    if task.get("evaluatorType") == "javascript" and task.get("expression") is not None:
        yield from _check_expression(task, task["expression"], rules)


def _check_decision(task: Json, rules: Rules) -> Iterator[str]:
    if task.get("caseValueParam") is None and task.get("caseExpression") is None:
        yield _required("caseValueParam or caseExpression", task)
    yield from _check_cases(task)
    if task.get("caseExpression") is not None:
        yield from _check_expression(task, task["caseExpression"], rules)


def _check_cases(task: Json) -> Iterator[str]:
    if not task.get("decisionCases"):
        yield (f"decisionCases should have atleast one task for taskType: {task['type']} taskName: {task.get('name')}")


def _check_expression(task: Json, expression: str, rules: Rules) -> Iterator[str]:
    try:
        rules.check_script(expression)
    except ScriptFailedError as error:
        yield f"Expression is not well formatted: {error}, taskType: {task['type']} taskName {task.get('name')}"


def _check_fork(task: Json, _: Rules) -> Iterator[str]:
    if not task.get("forkTasks"):
        yield f"forkTasks should have atleast one task for taskType: FORK_JOIN taskName: {task.get('name')}"


def _check_dynamic_fork(task: Json, _: Rules) -> Iterator[str]:
    if "forkTaskInputs" in (task.get("inputParameters") or {}):
        return
    fields = ("dynamicForkTasksParam", "dynamicForkTasksInputParamName")
    missing = [field for field in fields if task.get(field) is None]
    if task.get("dynamicForkJoinTasksParam") is None:
        for field in missing:
            yield _required(field, task)
    elif len(missing) < len(fields):
        yield (
            "dynamicForkJoinTasksParam or combination of dynamicForkTasksInputParamName and dynamicForkTasksParam cam "
            f"be used for taskType: FORK_JOIN_DYNAMIC taskName: {task.get('name')}"
        )


def _check_terminate(task: Json, _: Rules) -> Iterator[str]:
    if task.get("optional"):
        yield f"terminate task cannot be optional, taskName: {task.get('name')}"
    if (task.get("inputParameters") or {}).get("terminationStatus") not in {"COMPLETED", "FAILED", "TERMINATED"}:
        yield (
            "terminate task must have an terminationStatus parameter and must be set to COMPLETED or FAILED, "
            f"taskName: {task.get('name')}"
        )


def _check_wait(task: Json, _: Rules) -> Iterator[str]:
    given = task.get("inputParameters") or {}
    duration, until = (_text(given.get(name)) for name in ("duration", "until"))
    if duration and until:
        yield "Both 'duration' and 'until' specified. Please provide only one input"
    if duration:
        if not duration.startswith("${") and parse_duration(duration) is None:
            yield "Either date or duration is passed as null "
    elif until and not until.startswith("${") and parse_until(until) is None:
        yield "Unable to parse date "


def _text(value: object) -> str:
    return "" if value is None or not str(value).strip() else str(value)


def _check_loop(task: Json, rules: Rules) -> Iterator[str]:
    """Refuse names with the separator. The OSS server accepts them, but its loop then never ends."""
    if not rules.divergences.refuse_iteration_separators:
        return
    for one in walk(task.get("loopOver") or []):
        reference = one.get("taskReferenceName") or ""
        if ITERATION_SEPARATOR in reference:
            yield f"taskReferenceName: {reference} must not contain {ITERATION_SEPARATOR} inside of a DO_WHILE"


_CHECKS: dict[str, Callable[[Json, Rules], Iterator[str]]] = {
    "SWITCH": _check_switch,
    "DECISION": _check_decision,
    "FORK_JOIN": _check_fork,
    "FORK_JOIN_DYNAMIC": _check_dynamic_fork,
    "TERMINATE": _check_terminate,
    "WAIT": _check_wait,
    "DO_WHILE": _check_loop,
}

_FAILED = "Validation failed, check below errors for detail."
_TASK_DEF_ENUMS = {
    "timeoutPolicy": {"RETRY", "TIME_OUT_WF", "ALERT_ONLY"},
    "retryLogic": {"FIXED", "EXPONENTIAL_BACKOFF", "LINEAR_BACKOFF"},
}
_WORKFLOW_DEF_ENUMS = {"timeoutPolicy": {"TIME_OUT_WF", "ALERT_ONLY"}}


def refuse(faults: Sequence[Fault]) -> None:
    """Raise RefusedError with all faults, if there are any."""
    if faults:
        errors = []
        for path, message, value in faults:
            error = {"path": path, "message": message}
            errors.append(error if value is None else {**error, "invalidValue": str(value)})
        raise RefusedError(400, _FAILED, errors)


def _check_types(given: Any, cls: type, enums: dict[str, set[str]]) -> None:
    """Refuse wrong types and unknown enum values with 500, as the OSS server's JSON parser does."""
    try:
        structure(given if not isinstance(given, dict) else _without_names(given), cls)
    except UnexpectedResponseError as error:
        raise RefusedError(500, f"JSON parse error: {error}") from None
    for name, allowed in enums.items():
        value = given.get(name)
        if value is not None and value not in allowed:
            raise RefusedError(500, f"JSON parse error: {name} is {value!r}, not one of {', '.join(sorted(allowed))}")


def _without_names(given: Json) -> Json:
    """Return the definition with placeholders for missing names, which a later rule reports."""
    tasks = given.get("tasks")
    more = {"tasks": [_named(task) for task in tasks]} if isinstance(tasks, list) else {}
    return {**given, "name": given.get("name") or "-", **more}


def _named(task: Any) -> Any:
    if not isinstance(task, dict):
        return task
    made = {**task, "name": task.get("name") or "-", "taskReferenceName": task.get("taskReferenceName") or "-"}
    parameters = task.get("subWorkflowParam")
    if isinstance(parameters, dict) and parameters.get("version") == "":
        made["subWorkflowParam"] = {**parameters, "version": None}
    return made


# -- task definitions


def check_task_defs(given: Sequence[Any], path: str, *, is_list: bool = True) -> None:
    """Validate task definitions.

    Args:
        given: The definitions.
        path: The path of the definitions in messages.
        is_list: Whether the request's body is a list, so that paths have an index.

    Raises:
        RefusedError: A definition is invalid; the error lists every violation.
    """
    for one in given:
        _check_types(one, TaskDef, _TASK_DEF_ENUMS)
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
    response = given.get("responseTimeoutSeconds", SHAPES["TaskDef"].defaults["responseTimeoutSeconds"])
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
    """Validate workflow definitions.

    Args:
        given: The definitions.
        path: The path of the definitions in messages.
        rules: The surroundings that validation depends on.
        is_list: Whether the request's body is a list, so that paths have an index.

    Raises:
        RefusedError: A definition is invalid; the error lists every violation.
    """
    for one in given:
        _check_types(one, WorkflowDef, _WORKFLOW_DEF_ENUMS)
        if isinstance(one, dict) and "tasks" in one and one["tasks"] is None:
            raise RefusedError(500, 'Cannot invoke "java.util.List.iterator()" because "tasks" is null')
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
    if version is not None and version != 2:  # the only schema version
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
