"""Calls of any builder: what each of its arguments becomes is found by giving it marks."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from conductor.workflow.load import raw
from conductor.workflow.python.call import Call, options_of, with_inputs
from conductor.workflow.render import Renderer
from conductor.workflow.step import Step
from conductor.workflow.tasks import (
    branch,
    data,
    documents,
    event,
    http,
    human,
    llm,
    loop,
    media,
    planning,
    script,
    simple,
    subworkflow,
    tools,
    vectors,
    wait,
)

__all__ = ["BLOCKS", "BUILDERS", "by_marks", "call_of", "gives", "places_of"]

BLOCKS = {
    "SWITCH": ("decisionCases", "defaultCase"),
    "DECISION": ("decisionCases", "defaultCase"),
    "FORK_JOIN": ("forkTasks",),
    "DO_WHILE": ("loopOver",),
}

BUILDERS: dict[str, Callable[..., Any]] = {
    name: getattr(module, name)
    for module in (
        branch, data, documents, event, http, human, llm, loop,
        media, planning, script, simple, subworkflow, tools, vectors, wait,
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
            *data.__all__, *documents.__all__, *media.__all__, *planning.__all__,
            *vectors.__all__, *(name for name in llm.__all__ if name.startswith("llm_")),
        )
        if name != "opsgenie"
    },
}  # fmt: skip


def gives(call: Call, own: Mapping[str, Any]) -> bool:
    """Whether the call, made, gives the wire form."""
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
    """Where in the input parameters each parameter of a builder goes."""
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
    """The call of the builder of a type; None when it does not give the same."""
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
    """The call of a builder with what of a task's inputs its arguments stand for."""
    places = places_of(name)
    kwargs: dict[str, Any] = {}
    rest = _take(own.get("inputParameters") or {}, (), places, kwargs)
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
    """Move what belongs to parameters into ``kwargs``; the rest comes back."""
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
    """The input parameters that the builder makes of these arguments."""
    try:
        step = BUILDERS[name](**kwargs)
    except TypeError:
        return {}
    return Renderer([step]).value(step.fields.get("inputParameters") or {})  # type: ignore[no-any-return]
