"""What lies outside one execution, as the engine sees it: read only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from conductor.server.engine.divergences import DOCUMENTED, Divergences

Json = dict[str, Any]


class TerminateWorkflowError(Exception):
    """The execution must end.

    Attributes:
        status: How it ends.
        task_id: The task that was the cause.
    """

    def __init__(self, reason: str, status: str = "FAILED", task_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.task_id = task_id


class ScriptFailedError(Exception):
    """A script or query ended with an error, which is the message."""


class RefusedError(Exception):
    """A request cannot be carried out.

    Attributes:
        status: The HTTP status that says so.
        errors: Single faults, as validation reports them.
    """

    def __init__(self, status: int, message: str, errors: list[Json] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.errors = errors


def _never() -> bool:
    return False


def _ignore(_: str) -> None:
    return None


@frozen
class World:
    """The present moment, and what the engine may ask.

    Attributes:
        now: Epoch ms.
        new_id: Makes an identifier.
        random_ms: A random number between 0 and its argument, for jitter.
        task_def: A registered task definition by name.
        latest_version: The highest version of a workflow definition by name.
        secrets: The secrets by name.
        environment: The values of the server's environment store by name.
        javascript: Runs a script with bindings; raises ScriptFailedError.
        jq: Runs a jq query on a value; raises ScriptFailedError.
        last_poll: When a task type was polled last in a domain, epoch ms.
        is_spent: Whether the work of this change has taken so long that the rest is left to a later one.
        warn: Tells whoever runs the server of an error that nobody foresaw, the one being handled.
        divergences: Where to do what is documented, and where what the real server does.
    """

    now: int
    new_id: Callable[[], str]
    random_ms: Callable[[int], int]
    task_def: Callable[[str], Json | None]
    latest_version: Callable[[str], int | None]
    secrets: Mapping[str, str]
    environment: Mapping[str, str]
    javascript: Callable[[str, Mapping[str, Any]], Any]
    jq: Callable[[str, Any], list[Any]]
    last_poll: Callable[[str, str], int]
    is_spent: Callable[[], bool] = _never
    warn: Callable[[str], None] = _ignore
    divergences: Divergences = DOCUMENTED
