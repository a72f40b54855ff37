"""Reports of failing tests: executions as tables, differences of values, and exceptions of workers."""

from __future__ import annotations

import difflib
import json
import threading
import traceback
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from attrs import define, field

from conductor.models.execution import WorkflowExecution

#: Characters of a reason in a table.
_MAX_REASON = 100
_OWN_MODULES = "conductor."


def as_table(run: WorkflowExecution) -> str:
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


def as_execution(run: object, caller: str) -> WorkflowExecution:
    """Return an execution unchanged; reject anything else, such as an id.

    Raises:
        TypeError: It is not an execution.
    """
    if not isinstance(run, WorkflowExecution):
        raise TypeError(
            f"{caller} needs an execution, as run_workflow or client.workflows.get(workflow_id) returns it, "
            f"and not {run!r}"
        )
    return run


def difference(expected: Any, actual: Any) -> str:
    """Return a diff of both values as JSON: `-` marks expected lines, `+` actual ones."""
    return "\n".join(line for line in difflib.ndiff(_lines(expected), _lines(actual)) if not line.startswith("?"))


def without(value: Any, names: frozenset[str]) -> Any:
    """Return a JSON value without the fields of these names, at any depth."""
    if isinstance(value, Mapping):
        return {key: without(inner, names) for key, inner in value.items() if key not in names}
    return [without(inner, names) for inner in value] if isinstance(value, list) else value


def _lines(value: Any) -> list[str]:
    return json.dumps(value, indent=2, sort_keys=True, default=repr, ensure_ascii=False).splitlines()


def _shortened(text: str) -> str:
    return text if len(text) <= _MAX_REASON else f"{text[: _MAX_REASON - 1]}…"


_errors: dict[str, BaseException] = {}  # by task


def failure_of(task_id: str | None) -> BaseException | None:
    """Return the exception that a worker of this process raised for the task; None if there is none."""
    return _errors.get(task_id) if task_id else None


@define
class WorkerFailures:
    """Keeps the exceptions of a test's workers until the test has ended.

    Args:
        report: Called with a title and a traceback, for the report of the test.
    """

    report: Callable[[str, str], None]
    _task_ids: list[str] = field(factory=list, init=False)
    _lock: threading.Lock = field(factory=threading.Lock, init=False)

    def take(self, task_id: str, title: str, error: BaseException) -> None:
        """Keep the exception that ended a task, with the traceback from the worker's function on."""
        error.__traceback__ = _from_function_on(error.__traceback__)
        with self._lock:
            _errors[task_id] = error
            self._task_ids.append(task_id)
        self.report(title, "".join(traceback.format_exception(error)))

    def forget(self) -> None:
        """Discard all exceptions."""
        with self._lock:
            for task_id in self._task_ids:
                _errors.pop(task_id, None)
            self._task_ids.clear()


def _from_function_on(trace: TracebackType | None) -> TracebackType | None:
    """Return the traceback without the worker's frames around the function."""
    inner = trace
    while inner is not None and str(inner.tb_frame.f_globals.get("__name__")).startswith(_OWN_MODULES):
        inner = inner.tb_next
    return inner or trace
