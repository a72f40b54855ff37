"""Checks of fields: types, allowed values, misspelled names, and required fields of a workflow."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Collection, Iterator, Mapping
from enum import Enum
from functools import cache
from typing import Any

import attrs
from attrs import frozen

from conductor._internal.suggestions import suggest
from conductor.models import (
    AssignmentCompletionStrategy,
    HumanTaskTriggerType,
    HumanTaskUserType,
    IdempotencyStrategy,
    StartWorkflowRequest,
    TaskStatus,
    WorkflowDef,
    WorkflowSchedule,
    WorkflowTask,
    WorkflowTimeoutPolicy,
)
from conductor.models._base import Model, wire_name
from conductor.models.enums import WireEnum
from conductor.validation.tree import Node, Problem, Tree, expressions, listed

__all__ = ["Shape", "check_choices", "check_definition", "check_models", "field_names", "misfit", "unknown_fields"]


#: Integers with 64 bits on the server; all others have 32 bits.
_LONG = {"timeoutSeconds", "responseTimeoutSeconds", "totalTimeoutSeconds", "createTime", "updateTime"}
#: Fields that are not checked: only Orkes reads tags and overwriteTags, and workflowTaskType is never sent.
_SKIPPED = {"tags", "overwriteTags", "workflowTaskType"}
#: Strings that the server accepts as booleans.
_FLAGS = {"true", "True", "TRUE", "false", "False", "FALSE", ""}
#: Fields of the definition with a separate check that reports more detail.
_CHECKED_ELSEWHERE = {"timeoutPolicy"}
#: Maximum number of characters of an invalid value in a message.
_SHOWN = 60


def check_models(tree: Tree, reported: Collection[str]) -> Iterator[Problem]:
    """Check all fields against the models: the server rejects a definition that it cannot read.

    Args:
        tree: The workflow.
        reported: Places of problems that were already reported; they are not reported again.
    """
    for at, wrong in _fields(tree.fields, WorkflowDef, "", {"tasks", *_CHECKED_ELSEWHERE}):
        yield from _unless(reported, tree.problem("WRONG_TYPE", f"{at} {wrong}.", at))
    for node in tree.nodes:
        for at, wrong in _fields(node.wire, WorkflowTask, "", node.blocks.keys()):
            yield from _unless(reported, node.problem("WRONG_TYPE", f"{at} of {node.label} {wrong}.", at))


def _unless(reported: Collection[str], problem: Problem) -> Iterator[Problem]:
    if problem.place not in reported:
        yield problem


def _fields(wire: Mapping[str, Any], model: Any, path: str, but: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield path and error of each field that does not fit the model, except for the paths ``but``."""
    for name, kind in _kinds(model).items():
        at = f"{path}.{name}" if path else name
        if wire.get(name) is not None and at not in but:
            yield from _misfits(wire[name], kind, at, but)


@cache
def _kinds(model: Any) -> dict[str, Any]:
    attrs.resolve_types(model)
    named = {wire_name(a): a.type for a in attrs.fields(model) if a.name != "unknown_fields"}
    return {name: kind for name, kind in named.items() if name not in _SKIPPED}


def _misfits(value: Any, kind: Any, at: str, but: Collection[str]) -> Iterator[tuple[str, str]]:
    if at in but:
        return
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in {typing.Union, types.UnionType}:
        if value is not None:
            yield from _misfits(value, next(one for one in arguments if one is not type(None)), at, but)
    elif origin is list:
        yield from _items(value, arguments[0], at, but)
    elif origin is dict:
        yield from _entries(value, arguments[1], at, but)
    elif isinstance(kind, type) and issubclass(kind, Model):
        if isinstance(value, Mapping):
            yield from _fields(value, kind, at, but)
        else:
            yield at, _wrong(value, "an object (a dict)")
    elif wrong := _scalar(value, kind, at.rpartition(".")[2]):
        yield at, wrong


def _items(value: Any, kind: Any, at: str, but: Collection[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(value, list):
        yield at, _wrong(value, "a list")
        return
    for index, item in enumerate(value):
        if item is not None or kind is WorkflowTask:
            yield from _misfits(item, kind, f"{at}[{index}]", but)


def _entries(value: Any, kind: Any, at: str, but: Collection[str]) -> Iterator[tuple[str, str]]:
    if not isinstance(value, Mapping):
        yield at, _wrong(value, "an object (a dict)")
        return
    for key, item in value.items():
        if item is not None or kind == list[WorkflowTask]:
            yield from _misfits(item, kind, f"{at}.{key}", but)


def _scalar(value: Any, kind: Any, name: str) -> str | None:
    if isinstance(kind, type) and issubclass(kind, WireEnum):
        is_word = not isinstance(value, str) or kind(value).is_known
        return None if is_word else _wrong(value, f"one of {listed(list(kind))}")
    fits = _FITS.get(kind)
    if fits is None or fits[0](value, name):
        return None
    return _wrong(value, fits[1])


def _wrong(value: Any, words: str) -> str:
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}..."
    return f"is {shown}; it must be {words}"


def _is_integer(value: Any, name: str) -> bool:
    """Return whether the server accepts the value as an integer. It also accepts strings, and truncates fractions."""
    if isinstance(value, str):
        if not value.strip():
            return True
        try:
            value = int(value)
        except ValueError:
            return False
    bits = 63 if name in _LONG else 31
    return isinstance(value, int | float) and not isinstance(value, bool) and -(2**bits) <= value < 2**bits


_FITS: dict[Any, tuple[Callable[[Any, str], bool], str]] = {
    int: (_is_integer, "an integer in the range of the server's type"),
    str: (lambda value, _: not isinstance(value, Mapping | list), "a string"),
    bool: (lambda value, _: value in _FLAGS if isinstance(value, str) else isinstance(value, int), "true or false"),
}


class Shape(Enum):
    """The type of a field; the value is its description in messages."""

    TEXT = "a string"
    FLAG = "true or false"
    COUNT = "an integer, 0 or greater"
    OBJECT = "an object (a dict)"
    STRINGS = "a list of strings"
    LIST = "a list"


def misfit(value: Any, shape: Shape) -> str | None:
    """Return ``is 'x'; it must be ...`` for a value of the wrong type; None for a valid value, and for None."""
    if value is None or _SHAPE_CHECKS[shape](value):
        return None
    return _wrong(value, shape.value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


_SHAPE_CHECKS: dict[Shape, Callable[[Any], bool]] = {
    Shape.TEXT: lambda v: isinstance(v, str),
    Shape.FLAG: lambda v: isinstance(v, bool),
    Shape.COUNT: _is_count,
    Shape.OBJECT: lambda v: isinstance(v, Mapping),
    Shape.STRINGS: lambda v: isinstance(v, list) and all(isinstance(item, str) for item in v),
    Shape.LIST: lambda v: isinstance(v, list),
}


#: Similarity from 0 to 1 at which an unknown field counts as misspelled.
_MISSPELT = 0.8


def unknown_fields(
    wire: Mapping[str, Any],
    model: type[Model],
    problem: Callable[..., Problem],
    elsewhere: Mapping[type[Model], str],
) -> Iterator[Problem]:
    """Warn of fields that are misspelled or belong to another object; others may be those of a newer server.

    Args:
        wire: The wire form.
        model: The model of the object.
        problem: Makes a problem.
        elsewhere: Models whose fields are often written here by mistake, each with a sentence about the correct place.
    """
    known = field_names(model)
    for name in [name for name in wire if name not in known]:
        home = next((sentence for other, sentence in elsewhere.items() if name in field_names(other)), None)
        if home is not None:
            message = f"{name!r} is not a field here, and the server ignores it: {home}"
            yield problem("MISPLACED_FIELD", message, name, is_error=False)
        elif similar := suggest(name, known, threshold=_MISSPELT):
            yield problem(
                "UNKNOWN_FIELD",
                f"There is no field {name!r}; did you mean {similar!r}? The server ignores unknown fields.",
                name,
                is_error=False,
            )


def field_names(model: type[Model]) -> tuple[str, ...]:
    """Return the names of a model's fields on the wire."""
    return tuple(wire_name(a) for a in attrs.fields(model) if a.name != "unknown_fields")


@frozen
class _Choice:
    words: tuple[str, ...]

    def wrong(self, value: Any) -> str | None:
        if value in self.words:
            return None
        meant = suggest(value, self.words) if isinstance(value, str) else None
        hint = f" (did you mean {meant!r}?)" if meant else "."
        return f"allowed: {listed(self.words)}{hint}"


@frozen
class _Range:
    least: int
    most: int | None = None

    def wrong(self, value: Any) -> str | None:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = None
        if number is not None and self.least <= number <= (number if self.most is None else self.most):
            return None
        return f"it must be a number from {self.least}{'' if self.most is None else f' to {self.most}'}."


def _choice(*words: Any) -> _Choice:
    return _Choice(tuple(str(word) for word in words))


_POLLING: dict[str, _Choice | _Range] = {
    "pollingStrategy": _choice("FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF"),
    "pollingInterval": _Range(0),
    "maxPollCount": _Range(0),
}
_HUMAN = "inputParameters.__humanTaskDefinition"
_PRIORITY = _Range(0, 99)
#: For each task type the allowed values of its fields, by path; ``*`` is every entry of a list. The server accepts
#: other values with undefined results, so these are warnings. Values that the server rejects are checked against the
#: models.
_BY_TYPE: dict[str, dict[str, _Choice | _Range]] = {
    "BUSINESS_RULE": {
        "inputParameters.executionStrategy": _choice("FIRE_FIRST", "FIRE_ALL"),
        "inputParameters.cacheTimeoutMinutes": _Range(0),
    },
    "GRPC": {
        "inputParameters.methodType": _choice(
            "UNARY", "SERVER_STREAMING", "CLIENT_STREAMING", "BIDIRECTIONAL_STREAMING"
        ),
    },
    "HTTP_POLL": {
        **{f"inputParameters.{name}": allowed for name, allowed in _POLLING.items()},
        **{f"inputParameters.http_request.{name}": allowed for name, allowed in _POLLING.items()},
    },
    "HUMAN": {
        f"{_HUMAN}.assignmentCompletionStrategy": _choice(*AssignmentCompletionStrategy),
        f"{_HUMAN}.assignments.*.assignee.userType": _choice(*HumanTaskUserType),
        f"{_HUMAN}.assignments.*.slaMinutes": _Range(0),
        f"{_HUMAN}.taskTriggers.*.triggerType": _choice(*HumanTaskTriggerType),
    },
    "JDBC": {"inputParameters.type": _choice("SELECT", "UPDATE")},
    "QUERY_PROCESSOR": {"inputParameters.queryType": _choice("CONDUCTOR_API", "METRICS", "CONDUCTOR_EVENTS")},
    "START_WORKFLOW": {
        "inputParameters.startWorkflow.priority": _PRIORITY,
        "inputParameters.startWorkflow.idempotencyStrategy": _choice(*IdempotencyStrategy),
    },
    "SUB_WORKFLOW": {"subWorkflowParam.priority": _PRIORITY},
    "UPDATE_TASK": {"inputParameters.taskStatus": _choice(*TaskStatus)},
}
_OF_ALL_TYPES = {"cacheConfig.ttlInSecond": _Range(0)}
_OF_DEFINITION = {"cacheConfig.ttlInSecond": _Range(0), "rateLimitConfig.concurrentExecLimit": _Range(1)}


def check_choices(tree: Tree) -> Iterator[Problem]:
    """Warn of values that are not allowed."""
    for at, value, wrong in _not_allowed(tree.fields, _OF_DEFINITION):
        yield tree.problem("NOT_ALLOWED", f"{at} is {value!r}; {wrong}", at, is_error=False)
    for node in tree.nodes:
        yield from _task_choices(node)


def _task_choices(node: Node) -> Iterator[Problem]:
    for at, value, wrong in _not_allowed(node.wire, {**_OF_ALL_TYPES, **_BY_TYPE.get(node.type, {})}):
        name = at.rpartition(".")[2]
        yield node.problem("NOT_ALLOWED", f"{name} of {node.label} is {value!r}; {wrong}", at, is_error=False)


def _not_allowed(wire: Mapping[str, Any], table: Mapping[str, _Choice | _Range]) -> Iterator[tuple[str, Any, str]]:
    for path, allowed in table.items():
        for at, value in _values_at(wire, path.split(".")):
            is_reference = isinstance(value, str) and "${" in value
            if value is not None and not is_reference and (wrong := allowed.wrong(value)):
                yield at, value, wrong


def _values_at(value: Any, parts: list[str], path: str = "") -> Iterator[tuple[str, Any]]:
    if not parts:
        yield path, value
    elif parts[0] == "*" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _values_at(item, parts[1:], f"{path}[{index}]")
    elif isinstance(value, Mapping):
        yield from _values_at(value.get(parts[0]), parts[1:], f"{path}.{parts[0]}" if path else parts[0])


_DEFINITION_FIELDS: dict[str, Shape] = {
    "name": Shape.TEXT,
    "version": Shape.COUNT,
    "description": Shape.TEXT,
    "inputParameters": Shape.STRINGS,
    "outputParameters": Shape.OBJECT,
    "inputTemplate": Shape.OBJECT,
    "variables": Shape.OBJECT,
    "failureWorkflow": Shape.TEXT,
    "failureWorkflowVersion": Shape.COUNT,
    "restartable": Shape.FLAG,
    "workflowStatusListenerEnabled": Shape.FLAG,
    "timeoutSeconds": Shape.COUNT,
    "timeoutPolicy": Shape.TEXT,
    "rateLimitConfig": Shape.OBJECT,
    "maskedFields": Shape.STRINGS,
    "inputSchema": Shape.OBJECT,
    "outputSchema": Shape.OBJECT,
    "enforceSchema": Shape.FLAG,
    "ownerEmail": Shape.TEXT,
    "ownerApp": Shape.TEXT,
    "metadata": Shape.OBJECT,
    "schemaVersion": Shape.COUNT,
}
#: The only version of the definition format that servers accept.
_SCHEMA_VERSION = 2
_SCHEDULED = "save a schedule with client.schedules.save(...)."
_ELSEWHERE: dict[type[Model], str] = {
    StartWorkflowRequest: "pass it when the workflow is started.",
    WorkflowSchedule: _SCHEDULED,
}


def check_definition(tree: Tree) -> Iterator[Problem]:
    """Check the fields of the definition itself."""
    for name, shape in _DEFINITION_FIELDS.items():
        if wrong := misfit(tree.fields.get(name), shape):
            yield tree.problem("WRONG_TYPE", f"{name} {wrong}.", name)
    yield from unknown_fields(tree.fields, WorkflowDef, tree.problem, _ELSEWHERE)
    yield from _check_schedule(tree)
    yield from _check_name(tree.fields.get("name"), tree)
    if not tree.top:
        yield tree.problem("NO_TASKS", "The workflow has no tasks; the server refuses it. Add one: workflow >> step.")
    version = tree.fields.get("schemaVersion")
    if isinstance(version, int) and version != _SCHEMA_VERSION:
        yield tree.problem(
            "SCHEMA_VERSION", f"schemaVersion is {version}; the server accepts only {_SCHEMA_VERSION}.", "schemaVersion"
        )
    yield from _check_timeout(tree)
    yield from _check_rate_limit(tree)
    for found in expressions(str(tree.fields.get("failureWorkflow") or "")):
        if found.root != "workflow":
            yield tree.problem(
                "FAILURE_WORKFLOW",
                f"failureWorkflow is {found.text}; use a workflow name, or a reference to the workflow's input.",
                "failureWorkflow",
            )


def _check_schedule(tree: Tree) -> Iterator[Problem]:
    for name in sorted({"schedule", "schedules", "cron"} & tree.fields.keys()):
        message = f"{name!r} is not a field here, and the server ignores it: {_SCHEDULED}"
        yield tree.problem("MISPLACED_FIELD", message, name, is_error=False)


def _check_name(name: Any, tree: Tree) -> Iterator[Problem]:
    if not name:
        yield tree.problem("NO_NAME", "The workflow has no name. Give it one: Workflow('name').", "name")
    elif isinstance(name, str) and "/" in name:
        yield tree.problem(
            "NAME",
            f"The workflow's name {name!r} contains a slash: the server would store the workflow, but could "
            "not find it by name.",
            "name",
        )
    elif isinstance(name, str) and name != name.strip():
        yield tree.problem("NAME", f"The workflow's name {name!r} begins or ends with a space. Remove it.", "name")


def _check_timeout(tree: Tree) -> Iterator[Problem]:
    policy = tree.fields.get("timeoutPolicy")
    if isinstance(policy, str) and not WorkflowTimeoutPolicy(policy).is_known:
        yield tree.problem(
            "TIMEOUT_POLICY",
            f"timeoutPolicy is {policy!r}; use {listed(list(WorkflowTimeoutPolicy))}.",
            "timeoutPolicy",
        )
    if policy == WorkflowTimeoutPolicy.TIME_OUT_WF and not tree.fields.get("timeoutSeconds"):
        yield tree.problem(
            "TIMEOUT_POLICY",
            "timeoutPolicy is TIME_OUT_WF without timeoutSeconds: the workflow never times out. Set timeoutSeconds.",
            "timeoutPolicy",
            is_error=False,
        )


def _check_rate_limit(tree: Tree) -> Iterator[Problem]:
    limit = tree.fields.get("rateLimitConfig")
    if isinstance(limit, dict) and (wrong := misfit(limit.get("concurrentExecLimit"), Shape.COUNT)):
        yield tree.problem("WRONG_TYPE", f"concurrentExecLimit {wrong}.", "rateLimitConfig.concurrentExecLimit")
