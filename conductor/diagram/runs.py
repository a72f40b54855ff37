"""The state of each step of an execution: its status, its duration and its retries."""

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
    """The state of a step, over all its attempts and iterations.

    Attributes:
        status: The status of the last attempt; "" if the server returned none.
        milliseconds: The total duration of the attempts that have ended; None if no attempt has ended.
        retries: The number of attempts after the first, in all iterations.
        iterations: The number of iterations; 0 outside of loops.
        reason: Why the last attempt did not succeed.
        task_id: The id of the last attempt; None for a summary of several steps.
    """

    status: str
    milliseconds: int | None = None
    retries: int = 0
    iterations: int = 0
    reason: str = ""
    task_id: str | None = None


class Runs:
    """The tasks of an execution by reference name; all iterations of a loop have the name of the definition."""

    def __init__(self, tasks: Iterable[Task]) -> None:
        self._tasks: dict[str, list[Task]] = {}
        for task in tasks:
            self._tasks.setdefault(plain_name(task), []).append(task)
        for attempts in self._tasks.values():
            attempts.sort(key=lambda task: (task.iteration, task.retry_count, task.seq))

    def names(self) -> list[str]:
        """Return the reference names, in the order of their first tasks."""
        return list(self._tasks)

    def last(self, ref: str) -> Task | None:
        """Return the last attempt of a step; None if the execution has not reached it."""
        attempts = self._tasks.get(ref)
        return attempts[-1] if attempts else None

    def all(self, ref: str) -> Sequence[Task]:
        """Return all attempts of a step, sorted by iteration."""
        return self._tasks.get(ref, ())

    def of(self, ref: str) -> Run | None:
        """Return the state of a step; None if the execution has not reached it."""
        attempts = self._tasks.get(ref)
        if not attempts:
            return None
        last = attempts[-1]
        return Run(
            status=str(last.status or ""),
            milliseconds=_total(attempts),
            retries=len(attempts) - len({task.iteration for task in attempts}),
            iterations=last.iteration,
            reason=last.reason_for_incompletion or "",
            task_id=last.task_id,
        )


def of_workflow(execution: Workflow) -> Run:
    """Return the state of the execution itself."""
    began, ended = execution.start_time or execution.create_time or 0, execution.end_time
    return Run(
        status=str(execution.status or ""),
        milliseconds=max(0, ended - began) if began and ended else None,
        reason=execution.reason_for_incompletion or "",
    )


def summary(runs: Iterable[Run]) -> Run:
    """Return a summary of several steps: the number of each status, and the total time."""
    many = list(runs)
    counts = Counter(run.status for run in many)
    times = [run.milliseconds for run in many if run.milliseconds is not None]
    return Run(
        status=", ".join(f"{number} {status}" for status, number in counts.most_common()),
        milliseconds=sum(times) if times else None,
        retries=sum(run.retries for run in many),
    )


def plain_name(task: Task) -> str:
    """Return the reference name in the definition, without the ``__n`` of a loop's iteration."""
    name = task.reference_task_name or ""
    return _ITERATION.sub("", name) if task.iteration > 0 else name


def _total(attempts: Sequence[Task]) -> int | None:
    times = [
        max(0, task.end_time - begun)
        for task in attempts
        if (begun := task.start_time or task.scheduled_time) and task.end_time
    ]
    return sum(times) if times else None
