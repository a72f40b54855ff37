"""The rules of each type of task in a definition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

from conductor.server.engine.divergences import DOCUMENTED, Divergences
from conductor.server.engine.state import LOOP_MARK
from conductor.server.engine.tasks.wait import parse_duration, parse_until
from conductor.server.engine.tree import walk
from conductor.server.engine.world import ScriptFailedError

Json = dict[str, Any]
Fault = tuple[str, str, Any]
TaskDefs = Callable[[str], Json | None]


@frozen
class Rules:
    """What the rules need to know.

    Attributes:
        task_def: Finds a registered task definition, whose input template may have what a task lacks.
        check_script: Raises ScriptFailedError for a script that cannot be read.
        divergences: Where to do what is documented, and where what the real server does.
    """

    task_def: TaskDefs
    check_script: Callable[[str], None]
    divergences: Divergences = DOCUMENTED


def check_task(task: Json, path: str, rules: Rules) -> Iterator[Fault]:
    """What is wrong with a task, and with those in its cases and branches; loops' bodies are not looked into."""
    name, reference = task.get("name"), task.get("taskReferenceName")
    if not name:
        yield f"{path}.name", "WorkflowTask name cannot be empty or null", name
    if not reference:
        message = "WorkflowTask taskReferenceName name cannot be empty or null"
        yield f"{path}.taskReferenceName", message, reference
    if (task.get("startDelay") or 0) < 0:
        yield f"{path}.startDelay", "must be greater than or equal to 0", task["startDelay"]
    for message in _of_kind(task, rules):
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


def _of_kind(task: Json, rules: Rules) -> Iterator[str]:
    kind = task.get("type") or "SIMPLE"
    if kind in _CHECKS:
        yield from _CHECKS[kind](task, rules)
    for field in _REQUIRED.get(kind, ()):
        if not task.get(field) and not (task.get(field) == "" and field == "loopCondition"):
            yield _required(field, task)
    parameter = _PARAMETERS.get(kind)
    if parameter is not None and not _has_parameter(task, parameter[1], rules):
        yield _required(parameter[0], task)


_REQUIRED = {
    "EVENT": ("sink",),
    "DYNAMIC": ("dynamicTaskNameParam",),
    "DO_WHILE": ("loopCondition", "loopOver"),
    "SUB_WORKFLOW": ("subWorkflowParam",),
}
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
    """The real server takes such names, and never ends the loop."""
    if not rules.divergences.refuse_loop_marks:
        return
    for one in walk(task.get("loopOver") or []):
        reference = one.get("taskReferenceName") or ""
        if LOOP_MARK in reference:
            yield f"taskReferenceName: {reference} must not contain {LOOP_MARK} inside of a DO_WHILE"


_CHECKS: dict[str, Callable[[Json, Rules], Iterator[str]]] = {
    "SWITCH": _check_switch,
    "DECISION": _check_decision,
    "FORK_JOIN": _check_fork,
    "FORK_JOIN_DYNAMIC": _check_dynamic_fork,
    "TERMINATE": _check_terminate,
    "WAIT": _check_wait,
    "DO_WHILE": _check_loop,
}
