"""Find the call of a builder that reproduces a task."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from keyword import iskeyword
from typing import Any

from attrs import define, field

from conductor.workflow.load import raw
from conductor.workflow.render import Renderer
from conductor.workflow.step import OPTION_FIELDS, OPTIONS, Step
from conductor.workflow.tasks import branch, data, http, llm, media, script, subworkflow, tools, vectors, wait
from conductor.workflow.tasks import simple as workers
from conductor.workflow.tasks.simple import simple

__all__ = [
    "BLOCKS",
    "BUILDERS",
    "SPECIAL",
    "Call",
    "by_marks",
    "call_of",
    "gives",
    "is_name",
    "options_of",
    "places_of",
    "unbuild",
    "with_inputs",
]


@define
class Call:
    """The call of a builder.

    Attributes:
        name: The builder's name.
        args: Its positional arguments.
        kwargs: Its keyword arguments, without ``ref``.
        is_whole: Whether the call contains the blocks of the task (``raw``).
    """

    name: str
    args: list[Any] = field(factory=list)
    kwargs: dict[str, Any] = field(factory=dict)
    is_whole: bool = False


def options_of(own: Mapping[str, Any], known: set[str]) -> dict[str, Any]:
    """Return the options of a task, and its fields without an option."""
    options: dict[str, Any] = {}
    fields: dict[str, Any] = {}
    for key, value in own.items():
        if key in known or key in {"taskReferenceName", "type"}:
            continue
        if key == "name":
            if value != own["taskReferenceName"]:
                options["name"] = value
        elif key in OPTION_FIELDS and value is not None:
            options[OPTION_FIELDS[key]] = value
        elif key != "inputParameters" or not value:
            fields[key] = value
    return {**options, **({"fields": fields} if fields else {})}


def with_inputs(inputs: Mapping[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the input parameters for which the builder has no argument."""
    return {**({"inputs": dict(inputs)} if inputs else {}), **options}


def is_name(key: str) -> bool:
    """Return whether a key can be the name of an argument."""
    return key.isidentifier() and not iskeyword(key)


BLOCKS = {
    "SWITCH": ("decisionCases", "defaultCase"),
    "DECISION": ("decisionCases", "defaultCase"),
    "FORK_JOIN": ("forkTasks",),
    "DO_WHILE": ("loopOver",),
}
BUILDERS: dict[str, Callable[..., Any]] = {
    name: getattr(module, name)
    for module in (
        branch, data, http, llm, media, script, workers, subworkflow, tools, vectors, wait,
    )
    for name in module.__all__
    if name[0].islower()
}  # fmt: skip
BUILDERS["raw"] = raw
_BY_TYPE: dict[str, tuple[str, ...]] = {
    "HTTP": ("http",),
    "HTTP_POLL": ("http_poll",),
    "GRPC": ("grpc",),
    "WAIT": ("wait",),
    "TERMINATE": ("terminate",),
    "NOOP": ("noop",),
    "WAIT_FOR_WEBHOOK": ("wait_for_webhook",),
    "AGENT": ("agent", "conductor_agent"),
    "OPS_GENIE": ("opsgenie",),
    **{
        name.upper(): (name,)
        for name in (
            "kafka_publish", "pull_workflow_messages", "terminate_workflow", "get_workflow", "integration",
            "list_mcp_tools", "call_mcp_tool", "mcp_remote", "get_agent_card", "cancel_agent",
            *data.__all__, *llm.__all__, *media.__all__, *tools.__all__,
            *vectors.__all__, *(name for name in llm.__all__ if name.startswith("llm_")),
        )
        if name != "opsgenie"
    },
}  # fmt: skip


def gives(call: Call, own: Mapping[str, Any]) -> bool:
    """Return whether the call reproduces the wire form."""
    try:
        step: Step = BUILDERS[call.name](*call.args, **call.kwargs, ref=own["taskReferenceName"])
    except (TypeError, AttributeError):
        return False
    if step.fields.get("name") is None:
        step.fields["name"] = own["taskReferenceName"]
    made = Renderer([step]).step(step)
    blocks = BLOCKS.get(str(own.get("type")), ())
    return {key: value for key, value in made.items() if key not in blocks} == dict(own)


class _Mark:
    def __init__(self, parameter: str) -> None:
        self.parameter = parameter


@cache
def places_of(name: str) -> dict[tuple[str, ...], str]:
    """Return the paths in the input parameters to which a builder's parameters are written."""
    # The builder is called with marks as arguments, whose positions in the result show where it writes each argument. A
    # table would have to be updated with each change of a builder.
    builder = BUILDERS[name]
    names = [p.name for p in inspect.signature(builder).parameters.values() if _is_own(p) and p.name != "flat"]
    step = builder(**{parameter: _Mark(parameter) for parameter in names})
    return dict(_marks(step.fields.get("inputParameters") or {}, ()))


def _marks(value: Any, path: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
    if isinstance(value, _Mark):
        return [(path, value.parameter)]
    if isinstance(value, Mapping):
        return [found for key, item in value.items() for found in _marks(item, (*path, key))]
    return []


def call_of(own: Mapping[str, Any]) -> Call | None:
    """Return the call of a type's builder; None if it does not reproduce the task."""
    # A candidate is used only if building it again results in exactly the same task. A wrong guess therefore leads to
    # raw(...), never to a different workflow.
    for name in _BY_TYPE.get(str(own.get("type")), ()):
        call = by_marks(name, own)
        if gives(call, own):
            return call
        parameters = inspect.signature(BUILDERS[name]).parameters.values()
        made = {
            p.name: None for p in parameters if p.default is not p.empty and p.default and p.name not in call.kwargs
        }
        without = Call(name, call.args, {**made, **call.kwargs})
        if gives(without, own):
            return without
    return None


def by_marks(name: str, own: Mapping[str, Any]) -> Call:
    """Return the call of a builder, with its arguments from the task's input parameters."""
    places = places_of(name)
    kwargs: dict[str, Any] = {}
    rest = _take(own.get("inputParameters") or {}, (), places, kwargs)
    # Input parameters that the builder derives from other arguments must not be written twice.
    made = _made_of_itself(name, kwargs)
    rest = {key: value for key, value in rest.items() if made.get(key) != value}
    parameters = inspect.signature(BUILDERS[name]).parameters
    kwargs |= {
        p.name: None for p in parameters.values() if p.default is p.empty and _is_own(p) and p.name not in kwargs
    }
    args = []
    for parameter in parameters.values():
        if parameter.kind is not parameter.POSITIONAL_OR_KEYWORD or parameter.name not in kwargs:
            break
        args.append(kwargs.pop(parameter.name))
    kwargs = {key: value for key, value in kwargs.items() if value != parameters[key].default}
    if args and len(args) > 1 and args[-1] == list(parameters.values())[len(args) - 1].default:
        args.pop()
    return Call(name, args, {**kwargs, **with_inputs(rest, options_of(own, {"sink"} if name == "event" else set()))})


def _is_own(parameter: inspect.Parameter) -> bool:
    return parameter.kind in {parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY}


def _take(
    value: Mapping[str, Any], path: tuple[str, ...], places: Mapping[tuple[str, ...], str], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Move values of parameters to ``kwargs``; returns the other values."""
    rest: dict[str, Any] = {}
    for key, item in value.items():
        at = (*path, key)
        if at in places and item is not None:
            kwargs[places[at]] = item
        elif not path and any(place[:1] == at for place in places) and isinstance(item, Mapping):
            if inner := _take(item, at, places, kwargs):
                rest[key] = item if inner else inner
        else:
            rest[key] = item
    return rest


def _made_of_itself(name: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the input parameters that the builder creates from these arguments."""
    try:
        step = BUILDERS[name](**kwargs)
    except TypeError:
        return {}
    return Renderer([step]).value(step.fields.get("inputParameters") or {})  # type: ignore[no-any-return]


_SIMPLE_OPTIONS = set(inspect.signature(simple).parameters)


def _http(own: Mapping[str, Any]) -> Call | None:
    """Return the call for an HTTP task, with its parameters in ``http_request`` or directly in the input."""
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
    """Return a function for builders of the form ``name(first, inputs, **options)``.

    Args:
        name: The builder.
        first: The input parameter of the first argument.
        more: Keywords by wire name.
    """

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
    if isinstance(version := kwargs.get("workflow_version"), int):  # the builder converts it to a string
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

_ALL_BLOCKS = {key for keys in BLOCKS.values() for key in keys}


def unbuild(wire: Mapping[str, Any]) -> Call:
    """Return the call that reproduces a task, without its blocks."""
    blocks = BLOCKS.get(str(wire.get("type")), ())
    own = {key: value for key, value in wire.items() if key not in blocks}
    if _blocks_are_plain(wire, blocks):
        try:
            call = _call(own)
        except (TypeError, AttributeError):  # a value has the wrong type
            call = None
        if call is not None and gives(call, own):
            return call
    return Call("raw", [dict(wire)], is_whole=True)


def _blocks_are_plain(wire: Mapping[str, Any], blocks: Sequence[str]) -> bool:
    """Return whether builders can write all blocks: those of the type are lists of tasks, and others are empty."""
    if any(wire.get(key) for key in _ALL_BLOCKS.difference(blocks)):
        return False
    for key in blocks:
        value = wire.get(key)
        if key == "decisionCases":
            value = list(value.values()) if isinstance(value, Mapping) else [None]
        elif key != "forkTasks":
            value = [value] if key in wire or key != "defaultCase" else []
        if not isinstance(value, list) or not all(_is_block(block) for block in value):
            return False
    return True


def _is_block(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(task, Mapping) for task in value)


def _call(own: Mapping[str, Any]) -> Call | None:
    if not isinstance(own.get("taskReferenceName"), str) or not isinstance(own.get("inputParameters", {}), Mapping):
        return None
    make = SPECIAL.get(str(own.get("type")), call_of)
    return make(own)
