"""The engine's view of its surroundings, and the errors that it raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from conductor.server.engine.extensions import Extensions


@frozen
class Divergences:
    """The differences from the OSS server 3.32.3, where its behavior is a fault or contradicts its documentation.

    True selects the documented behavior, False that of the OSS server.

    Attributes:
        free_slots_at_once: A task over ``concurrentExecLimit`` can be polled as soon as a slot is free. The OSS server
            postpones it by 60 s.
        handlers_at_once: A new event handler receives messages immediately. The OSS server checks for new events every
            60 s.
        refuse_iteration_separators: ``__`` in the reference name of a task in a loop is refused. The OSS server accepts
            it, and the loop never ends.
        resolve_failure_workflow: ``failureWorkflow: ${workflow.input.x}`` starts the workflow that the input names. The
            OSS server starts nothing.
        answer_partial_batches: A batch poll returns as soon as there is a task. The OSS server waits for a full batch
            or the timeout.
        plain_objects: Maps in scripts are plain objects. On the OSS server they are Java maps, which
            ``JSON.stringify`` writes as ``{}``.
        trim_lists: ``IN (a, b)`` in a search finds both. The OSS server treats the space as a part of the second value.
        limit_rates: ``rateLimitPerFrequency`` of a task definition is enforced. The OSS server with SQLite ignores it.
        time_out_with_human: Timeouts of a workflow and its tasks fire while a HUMAN task is open. The OSS server does
            not evaluate such an execution before an update or ``PUT /workflow/decide/{id}``.
        rerun_completed_children: A rerun from a SUB_WORKFLOW task whose child has completed starts a new child. The OSS
            server attaches the completed child, so nothing runs again.
        keep_branches_on_rerun: A rerun from a task in a fork or a loop keeps the other branches and returns the loop to
            the task's iteration. The OSS server removes the branches, and the execution never ends.
        accept_numeric_versions: ``forkTaskWorkflowVersion`` of a dynamic fork can be a number, as in the documentation.
            The OSS server takes only a string.
        honor_idempotency_keys: A second start with the same idempotency key starts nothing. The OSS server ignores the
            key.
    """

    free_slots_at_once: bool = True
    handlers_at_once: bool = True
    refuse_iteration_separators: bool = True
    resolve_failure_workflow: bool = True
    answer_partial_batches: bool = True
    plain_objects: bool = True
    trim_lists: bool = True
    limit_rates: bool = True
    honor_idempotency_keys: bool = True
    rerun_completed_children: bool = True
    time_out_with_human: bool = True
    keep_branches_on_rerun: bool = True
    accept_numeric_versions: bool = True


#: The documented behavior, which is the default of the embedded server.
DOCUMENTED = Divergences()
#: The behavior of the OSS server, with ``strict``.
STRICT = Divergences(
    free_slots_at_once=False,
    handlers_at_once=False,
    refuse_iteration_separators=False,
    resolve_failure_workflow=False,
    answer_partial_batches=False,
    plain_objects=False,
    trim_lists=False,
    limit_rates=False,
    honor_idempotency_keys=False,
    rerun_completed_children=False,
    time_out_with_human=False,
    keep_branches_on_rerun=False,
    accept_numeric_versions=False,
)

Json = dict[str, Any]


class TerminateWorkflowError(Exception):
    """The execution must end.

    Attributes:
        reason: Why.
        status: The status to end with.
        task_id: The task that caused it.
    """

    def __init__(self, reason: str, status: str = "FAILED", task_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
        self.task_id = task_id


class ScriptFailedError(Exception):
    """A script or query failed; the message is its error."""


class RefusedError(Exception):
    """The server refuses a request.

    Attributes:
        status: The HTTP status of the response.
        message: The reason.
        errors: The violations, if validation failed.
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
class EngineContext:
    """The environment of the engine during one change, in addition to the execution.

    Attributes:
        now: The time of the change, epoch ms.
        new_id: Returns a new identifier.
        random_ms: Returns a random number between 0 and its argument, for jitter.
        task_def: Returns a registered task definition by name.
        latest_version: Returns the highest version of a workflow definition by name.
        secrets: The secrets by name.
        environment: The environment variables of workflows by name.
        javascript: Runs a script with bindings; raises ScriptFailedError.
        jq: Runs a jq query on a value; raises ScriptFailedError.
        last_poll: Returns when a task type was last polled in a domain, epoch ms; 0 for never.
        deadline_passed: Returns whether the change has taken too long, so that a later change must do the rest.
        warn: Logs the exception that is being handled, which the engine did not expect.
        retry_spacing_ms: Minimum number of milliseconds between two attempts, if the total time of all attempts is
            limited.
        divergences: The differences from the OSS server.
        extensions: The engine's extensions of the server's edition.
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
    deadline_passed: Callable[[], bool] = _never
    warn: Callable[[str], None] = _ignore
    retry_spacing_ms: int = 0
    divergences: Divergences = DOCUMENTED
    extensions: Extensions = field(factory=Extensions)
