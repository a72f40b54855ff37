"""What the engine may use besides one execution: the moment, definitions, scripts and divergences; read only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen


@frozen
class Divergences:
    """A choice for each place where the real server 3.32.3 has a fault or a trap; the defaults are what is documented.

    Attributes:
        free_slots_at_once: A task beyond ``concurrentExecLimit`` can be polled as soon as a slot is free; the real
            server puts it off by 60 s.
        handlers_at_once: A new event handler works at once; the real server looks for new events every 60 s.
        refuse_loop_marks: ``__`` in a reference name of a loop's body is refused; the real server takes it, and never
            ends the loop.
        resolve_failure_workflow: ``failureWorkflow: ${workflow.input.x}`` starts what the input names; on the real
            server it starts nothing.
        answer_partial_batches: A batch poll answers with what is there; the real server waits until it has all that
            was asked for, or the time is over.
        plain_objects: Maps in scripts are plain objects; on the real server they are Java maps, which
            ``JSON.stringify`` writes as ``{}``.
        trim_lists: ``IN (a, b)`` of a search finds both; the real server takes the blank for a part of the second.
        limit_rates: ``rateLimitPerFrequency`` of a task definition holds; the real server with SQLite only stores it.
        time_out_beside_human: Timeouts of a workflow and its tasks fire while a HUMAN task is open; the open-source
            server does not evaluate such an execution until an update or ``PUT /workflow/decide/{id}`` does.
        rerun_completed_children: A rerun from a SUB_WORKFLOW task whose child has completed starts a new child; the
            open-source server attaches the completed one, so that nothing runs again.
        keep_branches_on_rerun: A rerun from a task in a fork or a loop keeps the other branches, and sets the loop to
            the task's iteration; the open-source server removes the branches, and the execution never ends.
        honor_idempotency_keys: A start with a key that was used makes no second execution; the real server ignores
            the key.
    """

    free_slots_at_once: bool = True
    handlers_at_once: bool = True
    refuse_loop_marks: bool = True
    resolve_failure_workflow: bool = True
    answer_partial_batches: bool = True
    plain_objects: bool = True
    trim_lists: bool = True
    limit_rates: bool = True
    honor_idempotency_keys: bool = True
    rerun_completed_children: bool = True
    time_out_beside_human: bool = True
    keep_branches_on_rerun: bool = True


DOCUMENTED = Divergences()
STRICT = Divergences(
    free_slots_at_once=False,
    handlers_at_once=False,
    refuse_loop_marks=False,
    resolve_failure_workflow=False,
    answer_partial_batches=False,
    plain_objects=False,
    trim_lists=False,
    limit_rates=False,
    honor_idempotency_keys=False,
    rerun_completed_children=False,
    time_out_beside_human=False,
    keep_branches_on_rerun=False,
)

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
class EngineContext:
    """The moment of a change, and what the engine may ask for.

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
        deadline_passed: Whether the work of this change has taken so long that the rest is left to a later one.
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
    deadline_passed: Callable[[], bool] = _never
    warn: Callable[[str], None] = _ignore
    divergences: Divergences = DOCUMENTED
