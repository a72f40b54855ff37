"""Checks of values of which there are only some: words, and numbers with limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from conductor.errors import SerializationError
from conductor.models import (
    AssignmentCompletionStrategy,
    HumanTaskTriggerType,
    HumanTaskUserType,
    IdempotencyStrategy,
    TaskStatus,
)
from conductor.models.codec import MAX_DEPTH, to_jsonable
from conductor.validation.problem import Problem
from conductor.validation.tree import Node, Tree, like, listed
from conductor.workflow.refs import Ref
from conductor.workflow.step import Block, Step, StepNames

__all__ = ["check_choices", "check_values"]


@frozen
class _Words:
    words: tuple[str, ...]

    def wrong(self, value: Any) -> str | None:
        """What it must be, or None for a value that is one of the words."""
        if value in self.words:
            return None
        meant = like(value, self.words) if isinstance(value, str) else None
        hint = f" (did you mean {meant!r}?)" if meant else "."
        return f"there are {listed(self.words)}{hint}"


@frozen
class _Numbers:
    least: int
    most: int | None = None

    def wrong(self, value: Any) -> str | None:
        """What it must be, or None for a number inside of the limits."""
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = None
        if number is not None and self.least <= number <= (number if self.most is None else self.most):
            return None
        return f"it must be a number from {self.least}{'' if self.most is None else f' to {self.most}'}."


def _words(*words: Any) -> _Words:
    return _Words(tuple(str(word) for word in words))


_POLLING: dict[str, _Words | _Numbers] = {
    "pollingStrategy": _words("FIXED", "LINEAR_BACKOFF", "EXPONENTIAL_BACKOFF"),
    "pollingInterval": _Numbers(0),
    "maxPollCount": _Numbers(0),
}
_HUMAN = "inputParameters.__humanTaskDefinition"
_PRIORITY = _Numbers(0, 99)
# For each type what its fields may hold, by their paths; ``*`` is every entry of a list. The server takes other values,
# and does with them what it likes, so that these are warnings. What it refuses is in the models.
_BY_TYPE: dict[str, dict[str, _Words | _Numbers]] = {
    "BUSINESS_RULE": {
        "inputParameters.executionStrategy": _words("FIRE_FIRST", "FIRE_ALL"),
        "inputParameters.cacheTimeoutMinutes": _Numbers(0),
    },
    "GRPC": {
        "inputParameters.methodType": _words(
            "UNARY", "SERVER_STREAMING", "CLIENT_STREAMING", "BIDIRECTIONAL_STREAMING"
        ),
    },
    "HTTP_POLL": {
        **{f"inputParameters.{name}": allowed for name, allowed in _POLLING.items()},
        **{f"inputParameters.http_request.{name}": allowed for name, allowed in _POLLING.items()},
    },
    "HUMAN": {
        f"{_HUMAN}.assignmentCompletionStrategy": _words(*AssignmentCompletionStrategy),
        f"{_HUMAN}.assignments.*.assignee.userType": _words(*HumanTaskUserType),
        f"{_HUMAN}.assignments.*.slaMinutes": _Numbers(0),
        f"{_HUMAN}.taskTriggers.*.triggerType": _words(*HumanTaskTriggerType),
    },
    "JDBC": {"inputParameters.type": _words("SELECT", "UPDATE")},
    "QUERY_PROCESSOR": {"inputParameters.queryType": _words("CONDUCTOR_API", "METRICS", "CONDUCTOR_EVENTS")},
    "START_WORKFLOW": {
        "inputParameters.startWorkflow.priority": _PRIORITY,
        "inputParameters.startWorkflow.idempotencyStrategy": _words(*IdempotencyStrategy),
    },
    "SUB_WORKFLOW": {"subWorkflowParam.priority": _PRIORITY},
    "UPDATE_TASK": {"inputParameters.taskStatus": _words(*TaskStatus)},
}
_OF_ALL = {"cacheConfig.ttlInSecond": _Numbers(0)}
_OF_DEFINITION = {"cacheConfig.ttlInSecond": _Numbers(0), "rateLimitConfig.concurrentExecLimit": _Numbers(1)}


def check_choices(tree: Tree) -> Iterator[Problem]:
    """The definition's own fields, and those of all tasks."""
    for at, value, wrong in _wrong(tree.fields, _OF_DEFINITION):
        yield tree.problem("NOT_ALLOWED", f"{at} is {value!r}; {wrong}", at, is_error=False)
    for node in tree.nodes:
        yield from _task(node)


def _task(node: Node) -> Iterator[Problem]:
    for at, value, wrong in _wrong(node.wire, {**_OF_ALL, **_BY_TYPE.get(node.type, {})}):
        name = at.rpartition(".")[2]
        yield node.problem("NOT_ALLOWED", f"{name} of {node.label} is {value!r}; {wrong}", at, is_error=False)


def _wrong(wire: Mapping[str, Any], table: Mapping[str, _Words | _Numbers]) -> Iterator[tuple[str, Any, str]]:
    for path, allowed in table.items():
        for at, value in _at(wire, path.split(".")):
            is_reference = isinstance(value, str) and "${" in value
            if value is not None and not is_reference and (wrong := allowed.wrong(value)):
                yield at, value, wrong


def _at(value: Any, parts: list[str], path: str = "") -> Iterator[tuple[str, Any]]:
    """The values at a path, each with its place."""
    if not parts:
        yield path, value
    elif parts[0] == "*" and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _at(item, parts[1:], f"{path}[{index}]")
    elif isinstance(value, Mapping):
        yield from _at(value.get(parts[0]), parts[1:], f"{path}.{parts[0]}" if path else parts[0])


def check_values(tree: Tree) -> Iterator[Problem]:
    """The values of all steps, and those of the definition."""
    for path, why in _without_json(tree.given, ""):
        yield tree.problem("NO_JSON", _message(path, why), path)
    for node in tree.nodes:
        for path, why in _without_json(node.step.fields, ""):
            yield node.problem("NO_JSON", _message(path, why), path)


def _message(path: str, why: str) -> str:
    return f"{path} cannot be sent: {why}. Give a value of JSON: text, a number, true, false, None, a list or a dict."


def _without_json(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """The places of what has no JSON form, and why."""
    if isinstance(value, Ref | Step | Block | StepNames) or hasattr(value, "without_steps"):
        return
    if isinstance(value, Mapping | list | tuple) and depth <= MAX_DEPTH:
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, item in items:
            at = f"{path}.{key}" if path else str(key)
            yield from _without_json(item, at if isinstance(value, Mapping) else f"{path}[{key}]", depth + 1)
        return
    try:
        to_jsonable(value, path)
    except SerializationError as error:
        yield error.path_in_value, str(error).removeprefix(f"{error.path_in_value}: ")
