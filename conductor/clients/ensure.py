"""Idempotent writes: compare what is wanted with what the server has, write only a difference, say what changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from conductor.models.wire import Model

__all__ = ["Change", "Ensured", "compare"]

_BOOKKEEPING = frozenset(
    {"createTime", "updateTime", "updatedTime", "createdBy", "updatedBy", "ownerApp", "nextRunTime", "pausedReason"}
)
_SERVER_DEFAULTS: dict[str, Any] = {
    # what a server writes where a definition says nothing (TaskDef, WorkflowDef and WorkflowTask of its source)
    "backoffScaleFactor": 1,
    "joinStatus": None,
    "onStateChange": {},
    "ownerEmail": None,
    "permissive": False,
    "pollTimeoutSeconds": None,
    "priority": 0,
    "rateLimitFrequencyInSeconds": 1,
    "responseTimeoutSeconds": 3600,
    "restartable": True,
    "retryCount": 3,
    "retryDelaySeconds": 60,
    "retryLogic": "FIXED",
    "schemaVersion": 2,
    "taskStatusListenerEnabled": True,
    "type": "SIMPLE",
    "version": 1,
    "zoneId": "UTC",
}
_OF_WORKFLOWS: dict[str, Any] = {"enforceSchema": True, "timeoutPolicy": "ALERT_ONLY"}
_OF_TASKS: dict[str, Any] = {"enforceSchema": False, "timeoutPolicy": "TIME_OUT_WF"}
_NOTHING: tuple[Any, ...] = (None, False, 0, "", [], {})  # 0 equals False
_FREE = frozenset({"inputParameters", "outputParameters", "inputTemplate", "variables", "input", "data"})
_OVERWRITTEN = frozenset({"name", "version"})  # of a sub-workflow, by those of the definition that stands there


@frozen
class Change:
    """One place where the server had something else.

    Attributes:
        path: Where, in the wire form: ``tasks[0].inputParameters.url``.
        before: What the server had; None for nothing.
        after: What was wanted; None for nothing.
    """

    path: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.path}: {self.before!r} -> {self.after!r}"


@frozen
class Ensured:
    """What an ``ensure`` call did; true when it wrote something.

    Attributes:
        name: Of what.
        created: It was not there.
        changes: Where it differed; empty when it was created, or was as wanted.
    """

    name: str
    created: bool
    changes: tuple[Change, ...] = ()

    def __bool__(self) -> bool:
        return self.created or bool(self.changes)

    def __str__(self) -> str:
        if self.created:
            return f"{self.name}: created"
        return f"{self.name}: " + ("; ".join(str(change) for change in self.changes) or "unchanged")


def compare(name: str, wanted: Model, found: Model | None) -> Ensured:
    """What writing ``wanted`` over ``found`` would change; a server's defaults and bookkeeping are no change."""
    if found is None:
        return Ensured(name, created=True)
    return Ensured(name, created=False, changes=tuple(_differences(wanted.to_dict(), found.to_dict(), "")))


def _differences(wanted: Any, found: Any, path: str, *, free: bool = False) -> Iterator[Change]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key in {**wanted, **found}:
            if key in _BOOKKEEPING and key not in wanted:
                continue
            if key in _OVERWRITTEN and not free and isinstance(wanted.get("workflowDefinition"), Mapping):
                continue
            place = f"{path}.{key}" if path else key
            if key in wanted and key in found:
                yield from _differences(wanted[key], found[key], place, free=free or key in _FREE)
            elif free or not _says_nothing(key, wanted, found):
                yield Change(place, found.get(key), wanted.get(key))
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for index, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from _differences(one, other, f"{path}[{index}]", free=free)
    elif wanted != found:
        yield Change(path, found, wanted)


def _says_nothing(key: str, wanted: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Whether the value that only one side has is what a server uses where none is given."""
    defaults = {**_SERVER_DEFAULTS, **(_OF_WORKFLOWS if "tasks" in found else _OF_TASKS)}
    if key in wanted:
        return wanted[key] in _NOTHING or (key in defaults and wanted[key] == defaults[key])
    if found[key] is None or key not in defaults:
        return found[key] in _NOTHING
    return bool(found[key] == defaults[key])
