"""Calls of the builders that take their inputs in ways of their own."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

from conductor.workflow.python.call import Call, is_name, options_of, with_inputs
from conductor.workflow.python.marks import by_marks, call_of, places_of
from conductor.workflow.step import OPTIONS
from conductor.workflow.tasks.simple import simple

__all__ = ["SPECIAL"]

_SIMPLE_OPTIONS = set(inspect.signature(simple).parameters)


def _http(own: Mapping[str, Any]) -> Call | None:
    """Its parameters stand in ``http_request``, or are the input parameters themselves."""
    inputs = own.get("inputParameters") or {}
    if "http_request" in inputs or "uri" not in inputs:
        return call_of(own)
    keys = {path[1] for path in places_of("http") if len(path) > 1}
    request = {key: value for key, value in inputs.items() if key in keys}
    rest = {key: value for key, value in inputs.items() if key not in keys}
    call = by_marks("http", {**own, "inputParameters": {"http_request": request, **rest}})
    if "method" not in request:
        call.kwargs["method"] = None
    call.kwargs["flat"] = True
    return call


def _simple(own: Mapping[str, Any]) -> Call:
    inputs = own.get("inputParameters") or {}
    options = {**options_of(own, {"name"})}
    named = {key: value for key, value in inputs.items() if is_name(key) and key not in _SIMPLE_OPTIONS}
    rest = {key: value for key, value in inputs.items() if key not in named}
    return Call("simple", [own.get("name"), *([rest] if rest else [])], {**named, **options})


def _set_variable(own: Mapping[str, Any]) -> Call:
    inputs = own.get("inputParameters") or {}
    options = options_of(own, set())
    if options.keys() <= {"fields"} and all(is_name(key) and key not in OPTIONS for key in inputs):
        return Call("set_variable", [], {**inputs, **options})
    return Call("set_variable", [inputs], options)


def _first_then_inputs(name: str, first: str, *, more: Mapping[str, str] | None = None) -> Callable[..., Call]:
    """For builders of the form ``name(first, inputs, **options)``; ``more``: wire name to keyword."""

    def make(own: Mapping[str, Any]) -> Call:
        inputs = dict(own.get("inputParameters") or {})
        args = [inputs.pop(first, None)]
        kwargs = {keyword: inputs.pop(key) for key, keyword in (more or {}).items() if key in inputs}
        if kwargs.get("evaluator") == "javascript":
            del kwargs["evaluator"]
        return Call(name, [*args, *([inputs] if inputs else [])], {**kwargs, **options_of(own, set())})

    return make


def _inputs_first(name: str) -> Callable[..., Call]:
    def make(own: Mapping[str, Any]) -> Call:
        inputs = dict(own.get("inputParameters") or {})
        return Call(name, [inputs] if inputs else [], options_of(own, set()))

    return make


def _event(own: Mapping[str, Any]) -> Call:
    inputs = own.get("inputParameters")
    return Call("event", [own.get("sink"), *([inputs] if inputs else [])], options_of(own, {"sink"}))


def _human(own: Mapping[str, Any]) -> Call | None:
    if "__humanTaskDefinition" not in (own.get("inputParameters") or {}):
        return _inputs_first("human")(own)
    inputs = dict(own["inputParameters"])
    definition = inputs.pop("__humanTaskDefinition")
    if not isinstance(definition, Mapping):
        return None
    names = {
        "displayName": "display_name",
        "assignments": "assignments",
        "assignmentCompletionStrategy": "completion_strategy",
        "taskTriggers": "triggers",
        "autoClaim": "auto_claim",
    }
    kwargs = {names[key]: value for key, value in definition.items() if key in names}
    form = definition.get("userFormTemplate")
    if isinstance(form, Mapping):
        kwargs["form"] = (form.get("name"), form["version"]) if "version" in form else form.get("name")
    return Call("human", [inputs] if inputs else [], {**kwargs, **options_of(own, set())})


def _dynamic(own: Mapping[str, Any]) -> Call:
    inputs = dict(own.get("inputParameters") or {})
    param = own.get("dynamicTaskNameParam")
    args = [inputs.pop(param, None), *([inputs] if inputs else [])]
    kwargs = {} if param == "taskToExecute" else {"param": param}
    return Call("dynamic", args, {**kwargs, **options_of(own, {"dynamicTaskNameParam"})})


def _sub_workflow(own: Mapping[str, Any]) -> Call | None:
    param = own.get("subWorkflowParam")
    if not isinstance(param, Mapping):
        return None
    names = {
        "version": "version",
        "taskToDomain": "task_to_domain",
        "priority": "priority",
        "idempotencyKey": "idempotency_key",
        "idempotencyStrategy": "idempotency_strategy",
        "workflowDefinition": "definition",
    }
    inputs = own.get("inputParameters")
    kwargs = {names[key]: value for key, value in param.items() if key in names}
    args = [param.get("name"), *([inputs] if inputs else [])]
    return Call("sub_workflow", args, {**kwargs, **options_of(own, {"subWorkflowParam"})})


def _start_workflow(own: Mapping[str, Any]) -> Call | None:
    inputs = dict(own.get("inputParameters") or {})
    request = inputs.pop("startWorkflow", None)
    if not isinstance(request, Mapping):
        return None
    names = {
        "version": "version",
        "correlationId": "correlation_id",
        "taskToDomain": "task_to_domain",
        "priority": "priority",
        "idempotencyKey": "idempotency_key",
        "idempotencyStrategy": "idempotency_strategy",
    }
    kwargs = {names[key]: value for key, value in request.items() if key in names}
    args = [request.get("name"), *([request["input"]] if "input" in request else [])]
    return Call("start_workflow", args, {**kwargs, **with_inputs(inputs, options_of(own, set()))})


def _switch(own: Mapping[str, Any]) -> Call:
    inputs = dict(own.get("inputParameters") or {})
    evaluator, expression = own.get("evaluatorType"), own.get("expression")
    if evaluator == "value-param" and expression in inputs:
        args = [inputs.pop(expression)]
        kwargs = {} if expression == "switchCaseValue" else {"param": expression}
    else:
        args, kwargs = [], {"script": expression}
        if evaluator != "javascript":
            kwargs["evaluator"] = evaluator
    return Call("switch", args, {**kwargs, **with_inputs(inputs, options_of(own, {"evaluatorType", "expression"}))})


def _decision(own: Mapping[str, Any]) -> Call:
    inputs = dict(own.get("inputParameters") or {})
    param = own.get("caseValueParam")
    if own.get("caseExpression") is not None:
        args, kwargs = [], {"script": own["caseExpression"]}
    else:
        args, kwargs = [inputs.pop(param, None)], {} if param == "case" else {"param": param}
    options = with_inputs(inputs, options_of(own, {"caseValueParam", "caseExpression"}))
    return Call("decision", args, {**kwargs, **options})


def _fork(own: Mapping[str, Any]) -> Call:
    return Call("fork", [], with_inputs(own.get("inputParameters") or {}, options_of(own, set())))


def _dynamic_fork(own: Mapping[str, Any]) -> Call:
    inputs = dict(own.get("inputParameters") or {})
    names = {
        "dynamicTasks": "tasks",
        "dynamicTasksInput": "task_inputs",
        "forkTaskInputs": "each",
        "forkTaskName": "task",
        "forkTaskType": "task_type",
        "forkTaskWorkflow": "workflow",
        "forkTaskWorkflowVersion": "workflow_version",
    }
    kwargs = {keyword: inputs.pop(key) for key, keyword in names.items() if key in inputs}
    if isinstance(version := kwargs.get("workflow_version"), int):  # the builder makes it text
        inputs["forkTaskWorkflowVersion"] = version
        del kwargs["workflow_version"]
    known = {"dynamicForkTasksParam", "dynamicForkTasksInputParamName", "dynamicForkJoinTasksParam"}
    given = {key for key in known if key in own}
    if "dynamicForkJoinTasksParam" in given:
        kwargs["old_style"] = True
    elif "each" in kwargs:
        known = set()
    elif own.get("dynamicForkTasksParam") != "dynamicTasks" or own.get("dynamicForkTasksInputParamName") != (
        "dynamicTasksInput"
    ):
        kwargs = {}
        inputs, known = dict(own.get("inputParameters") or {}), set()
    return Call("dynamic_fork", [], {**kwargs, **with_inputs(inputs, options_of(own, known))})


def _join(own: Mapping[str, Any]) -> Call:
    names = {"expression": "script", "evaluatorType": "evaluator", "joinMode": "mode"}
    kwargs = {names[key]: value for key, value in own.items() if key in names and value is not None}
    on = own.get("joinOn")
    options = options_of(own, {"joinOn", *names})
    args = [on] if on or "joinOn" not in own else []
    return Call("join", args, {**kwargs, **with_inputs(own.get("inputParameters") or {}, options)})


def _exclusive_join(own: Mapping[str, Any]) -> Call:
    default = own.get("defaultExclusiveJoinTask")
    args = [own.get("joinOn") or [], *([default] if default is not None else [])]
    options = options_of(own, {"joinOn", "defaultExclusiveJoinTask"})
    return Call("exclusive_join", args, with_inputs(own.get("inputParameters") or {}, options))


def _loop(own: Mapping[str, Any]) -> Call:
    inputs = dict(own.get("inputParameters") or {})
    condition = own.get("loopCondition")
    kwargs: dict[str, Any] = {}
    if "_items" in inputs and condition == "":
        kwargs["items"] = inputs.pop("_items")
    elif match := re.fullmatch(rf"\$\.{re.escape(own['taskReferenceName'])}\.iteration < (\d+)", condition or ""):
        kwargs["count"] = int(match[1])
    else:
        kwargs["condition"] = condition
    if "keepLastN" in inputs:
        kwargs["keep_last"] = inputs.pop("keepLastN")
    if own.get("evaluatorType") is not None:
        kwargs["evaluator"] = own["evaluatorType"]
    options = options_of(own, {"loopCondition", "evaluatorType"})
    return Call("do_while", [], {**kwargs, **with_inputs(inputs, options)})


SPECIAL: dict[str, Callable[[Mapping[str, Any]], Call | None]] = {
    "DECISION": _decision,
    "DO_WHILE": _loop,
    "DYNAMIC": _dynamic,
    "EVENT": _event,
    "EXCLUSIVE_JOIN": _exclusive_join,
    "FORK_JOIN": _fork,
    "FORK_JOIN_DYNAMIC": _dynamic_fork,
    "HTTP": _http,
    "HUMAN": _human,
    "INLINE": _first_then_inputs("inline", "expression", more={"evaluatorType": "evaluator"}),
    "JOIN": _join,
    "JSON_JQ_TRANSFORM": _first_then_inputs("jq", "queryExpression"),
    "LAMBDA": _first_then_inputs("lambda_", "scriptExpression"),
    "SET_VARIABLE": _set_variable,
    "SIMPLE": _simple,
    "START_WORKFLOW": _start_workflow,
    "SUB_WORKFLOW": _sub_workflow,
    "SWITCH": _switch,
    "YIELD": _inputs_first("yield_"),
}
