"""YIELD, which waits for a signal, and the tasks that end the wait of clients for an execution."""

from __future__ import annotations

from conductor.server.engine.extensions import TaskKind
from conductor.server.engine.state import IN_PROGRESS, Doc, is_done
from conductor.server.engine.tasks.external import leave_open
from conductor.server.engine.tasks.planning import Plan


def _plan_yield(plan: Plan) -> list[Doc]:
    given = plan.input(plan.task.get("taskDefinition"))
    return [plan.started("YIELD", IN_PROGRESS, given, retryCount=plan.retry_count)]


YIELD = TaskKind(_plan_yield, leave_open, is_ended_by_update=True)


def takes_signals(task: Doc) -> bool:
    """Return whether a signal can end the task: an open YIELD or WAIT."""
    return task["taskType"] in {"YIELD", "WAIT"} and not is_done(task)


def is_blocking(task: Doc) -> bool:
    """Return whether the task ends the wait of clients: an open YIELD, or a WAIT without a time or with yield.

    A WAIT with a time does so only if its input has ``yield: true``.
    """
    if not takes_signals(task):
        return False
    return task["taskType"] == "YIELD" or not task.get("_waitTimeout") or task["inputData"].get("yield") is True
