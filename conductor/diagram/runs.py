"""What an execution says of each step: its status, how long it took, how often it was tried."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from attrs import frozen

from conductor.models import Task, Workflow

__all__ = ["Run", "Runs"]


_ITERATION = re.compile(r"__\d+$")


@frozen
class Run:
    """What became of a step, all its attempts and rounds taken together.

    Attributes:
        status: Of the last attempt; empty when the server gave none.
        milliseconds: The time that ended attempts took, added up; None when none has ended.
        retries: Attempts beyond the first, in all rounds.
        rounds: How often a loop came by; 0 outside loops.
        reason: Why the last attempt did not succeed.
    """

    status: str
    milliseconds: int | None = None
    retries: int = 0
    rounds: int = 0
    reason: str = ""


class Runs:
    """The tasks of an execution by reference name, those of all rounds of a loop under the name in the definition."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks: dict[str, list[Task]] = {}
        for task in tasks:
            self._tasks.setdefault(plain_name(task), []).append(task)
        for attempts in self._tasks.values():
            attempts.sort(key=lambda task: (task.iteration, task.retry_count, task.seq))

    def names(self) -> list[str]:
        """The reference names, in the order of their first tasks."""
        return list(self._tasks)

    def last(self, ref: str) -> Task | None:
        """The last attempt of a step; None when it has not been reached."""
        attempts = self._tasks.get(ref)
        return attempts[-1] if attempts else None

    def all(self, ref: str) -> Sequence[Task]:
        """All attempts of a step, by round."""
        return self._tasks.get(ref, ())

    def of(self, ref: str) -> Run | None:
        """What became of a step; None when it has not been reached."""
        attempts = self._tasks.get(ref)
        if not attempts:
            return None
        last = attempts[-1]
        return Run(
            status=str(last.status or ""),
            milliseconds=_total(attempts),
            retries=len(attempts) - len({task.iteration for task in attempts}),
            rounds=last.iteration,
            reason=last.reason_for_incompletion or "",
        )


def of_workflow(execution: Workflow) -> Run:
    """What became of the execution itself."""
    began, ended = execution.start_time or execution.create_time or 0, execution.end_time
    return Run(
        status=str(execution.status or ""),
        milliseconds=max(0, ended - began) if began and ended else None,
        reason=execution.reason_for_incompletion or "",
    )


def summary(runs: Iterable[Run]) -> Run:
    """One for many: the statuses counted, the times added up."""
    many = list(runs)
    counts = Counter(run.status for run in many)
    times = [run.milliseconds for run in many if run.milliseconds is not None]
    return Run(
        status=", ".join(f"{number} {status}" for status, number in counts.most_common()),
        milliseconds=sum(times) if times else None,
        retries=sum(run.retries for run in many),
    )


def plain_name(task: Task) -> str:
    """The reference name as the definition has it, without the ``__n`` of a loop's round."""
    name = task.reference_task_name or ""
    return _ITERATION.sub("", name) if task.iteration > 0 else name


def _total(attempts: Sequence[Task]) -> int | None:
    times = [
        max(0, task.end_time - begun)
        for task in attempts
        if (begun := task.start_time or task.scheduled_time) and task.end_time
    ]
    return sum(times) if times else None
