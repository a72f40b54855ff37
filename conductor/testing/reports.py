"""What the workers of a test raised, by the task that it ended."""

from __future__ import annotations

import difflib
import json
import threading
import traceback
from collections.abc import Callable
from typing import Any

from attrs import define, field

from conductor.models.execution import Workflow

_LONGEST_REASON = 100


def as_table(run: Workflow) -> str:
    """Return the execution's status, reason and tasks, a line for each attempt."""
    rows: list[tuple[str, ...]] = [("#", "task", "type", "status", "attempt", "reason")]
    for task in sorted(run.tasks, key=lambda one: one.seq):
        reason = " ".join((task.reason_for_incompletion or "").split())
        cells = (task.seq, task.reference_task_name, task.task_type, task.status, task.retry_count + 1)
        rows.append((*map(str, cells), _shortened(reason)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    lines = ["  ".join([*map(str.ljust, row, widths), row[-1]]).rstrip() for row in rows]
    status = f"status: {run.status}"
    if run.reason_for_incompletion:
        status += f", reason: {run.reason_for_incompletion}"
    return "\n".join([status, *(lines if len(rows) > 1 else ["no task was scheduled"])])


def difference(expected: Any, actual: Any) -> str:
    """Return the lines of both values as JSON: `-` only expected, `+` only there."""
    return "\n".join(line for line in difflib.ndiff(_lines(expected), _lines(actual)) if not line.startswith("?"))


def _lines(value: Any) -> list[str]:
    return json.dumps(value, indent=2, sort_keys=True, default=repr, ensure_ascii=False).splitlines()


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_REASON else f"{text[: _LONGEST_REASON - 1]}…"


_known: dict[str, BaseException] = {}


def failure_of(task_id: str | None) -> BaseException | None:
    """Return the exception that a worker of this process raised for the task; None when there is none."""
    return _known.get(task_id) if task_id else None


@define
class WorkerFailures:
    """Takes the exceptions of a test's workers; forgets them at its end.

    Args:
        report: Called with a title and a traceback, for the report of the test.
    """

    report: Callable[[str, str], None]
    _mine: list[str] = field(factory=list, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def take(self, task_id: str, title: str, error: BaseException) -> None:
        """Keep the exception that ended a task."""
        with self._lock:
            _known[task_id] = error
            self._mine.append(task_id)
        self.report(title, "".join(traceback.format_exception(error)))

    def forget(self) -> None:
        """Let go of all that was kept."""
        with self._lock:
            for task_id in self._mine:
                _known.pop(task_id, None)
            self._mine.clear()
