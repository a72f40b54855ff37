"""The extensions that an edition of the server adds to the engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

if TYPE_CHECKING:
    from conductor.server.engine.state import Doc, Execution
    from conductor.server.engine.tasks.planning import Plan, Run

Json = dict[str, Any]


@frozen
class TaskKind:
    """A type of system tasks, which the engine starts after deciding.

    Attributes:
        plan: Returns new documents of a task.
        start: Starts a scheduled task. Its outcome may arrive later.
        run: Runs a started task at the time in its ``_nextRun``, epoch ms; returns whether the task changed.
        cancel: Is called when the task is canceled.
        answer: Receives the response to the task's HTTP call, or None and the reason of the call's failure.
        is_ended_by_update: Whether an update through the API ends the task, so that it has no response timeout.
    """

    plan: Callable[[Plan], list[Doc]]
    start: Callable[[Run], None]
    run: Callable[[Run], bool] | None = None
    cancel: Callable[[Run], None] | None = None
    answer: Callable[[Run, Json | None, str], None] | None = None
    is_ended_by_update: bool = False


def _always(_: Execution) -> bool:
    return True


def _no_fault(_: Json, __: Any) -> str | None:
    return None


def _nothing_cached(_: str, __: str) -> Json | None:
    return None


def _keep_nothing(_: str, __: str, ___: Json, ____: int) -> None:
    return None


def _no_masks(_: Json) -> list[str]:
    return []


@define
class Extensions:
    """The additions of an edition. The default edition adds nothing.

    Attributes:
        kinds: Further types of system tasks, by name; they take precedence over the engine's own.
        admits: Returns whether an execution may schedule tasks now.
        schema_fault: Returns why a value violates a schema, which is given as a reference (name, version and type);
            None if it does not.
        cached: Returns the output of an earlier task of a definition with a key; None if there is none.
        cache: Keeps an output of a task by definition and key, until a time in epoch ms.
        enforces_schemas: Whether the schemas of a task definition are enforced unless the definition says otherwise.
        skips_content: Whether skipping an operator also skips the tasks inside it, and its JOIN.
        records_creators: Whether executions have a ``createdBy``.
        idempotent_children: Whether START_WORKFLOW and SUB_WORKFLOW tasks use idempotency keys.
        unknown_execution: The message for an execution that does not exist, before its id.
        masks: Returns the names whose values are hidden in an execution of a definition.
    """

    kinds: dict[str, TaskKind] = field(factory=dict)
    admits: Callable[[Execution], bool] = _always
    schema_fault: Callable[[Json, Any], str | None] = _no_fault
    cached: Callable[[str, str], Json | None] = _nothing_cached
    cache: Callable[[str, str, Json, int], None] = _keep_nothing
    enforces_schemas: bool = False
    skips_content: bool = False
    records_creators: bool = False
    idempotent_children: bool = False
    unknown_execution: str = "No such workflow found by id:"
    masks: Callable[[Json], list[str]] = _no_masks
