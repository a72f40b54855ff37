"""Replay a recorded execution as a test: call the functions of workers again with the recorded inputs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from conductor.errors import ConfigurationError
from conductor.models.enums import TaskStatus
from conductor.models.execution import WorkflowExecution
from conductor.models.task import Task, TaskResult
from conductor.testing.reports import difference, without
from conductor.testing.single_task import run_task
from conductor.worker.discovery import as_worker, find_workers
from conductor.worker.worker import Worker

__all__ = ["ReplayedTask", "replay_execution"]

__tracebackhide__ = True

#: Outcomes that depend only on the function; other failures may be those of the network.
_DECIDED = frozenset({TaskStatus.COMPLETED, TaskStatus.FAILED_WITH_TERMINAL_ERROR})


@frozen
class ReplayedTask:
    """A recorded task, and the present result of its function for the same input."""

    task: Task
    result: TaskResult


def replay_execution(
    recorded: WorkflowExecution | Mapping[str, Any] | str | os.PathLike[str],
    *workers: Worker | Callable[..., Any],
    ignore: Iterable[str] = (),
) -> list[ReplayedTask]:
    """Call the functions of workers with the inputs of a recorded execution, and check that the results are the same.

    No server is needed. The function replays tasks that the workers completed or failed permanently, but not failed
    attempts that were retried. `conductor workflow get ID -o json > order.json` records an execution.

    Args:
        recorded: The execution that `client.workflows.get` returned, its dict, or a file with its JSON.
        workers: Decorated functions or `Worker` objects; by default all registered workers.
        ignore: Names of output fields that may differ, at any depth, such as generated ids.

    Returns:
        Each task that was replayed, with its result, in the order of the recording.

    Raises:
        AssertionError: A status or an output differs, or the execution has no task of these workers.
        ConfigurationError: The file does not contain an execution.
    """
    run = _execution(recorded)
    found = [as_worker(one) for one in workers] or find_workers(None, None, ())
    replayed, problems = [], []
    for task in sorted(run.tasks, key=lambda one: one.seq):
        worker = _worker_of(task, found)
        if worker is None or task.status not in _DECIDED:
            continue
        replayed.append(ReplayedTask(task, run_task(worker, task=_as_polled(task))))
        if problem := _difference(replayed[-1], frozenset(ignore)):
            problems.append(f"Task {task.reference_task_name!r} {problem}")
    if not replayed:
        types = ", ".join(sorted({task.task_def_name or task.task_type or "?" for task in run.tasks})) or "none"
        names = ", ".join(sorted(worker.name for worker in found))
        raise AssertionError(
            f"nothing was replayed: the recorded tasks are of the types {types}; the workers are for {names}"
        )
    if problems:
        raise AssertionError(
            f"{len(problems)} of {len(replayed)} replayed tasks of {run.workflow_name} differ from the recording\n\n"
            + "\n\n".join(problems)
        )
    return replayed


def _execution(recorded: WorkflowExecution | Mapping[str, Any] | str | os.PathLike[str]) -> WorkflowExecution:
    if isinstance(recorded, WorkflowExecution):
        return recorded
    if isinstance(recorded, Mapping):
        return WorkflowExecution.from_dict(recorded)
    wire = json.loads(Path(recorded).read_text(encoding="utf-8"))
    if not isinstance(wire, dict) or "tasks" not in wire:
        raise ConfigurationError(
            f"{os.fspath(recorded)} holds no execution with its tasks; record one: "
            "conductor workflow get ID -o json > FILE"
        )
    return WorkflowExecution.from_dict(wire)


def _worker_of(task: Task, workers: Iterable[Worker]) -> Worker | None:
    of_type = [worker for worker in workers if worker.name == (task.task_def_name or task.task_type)]
    same_domain = [worker for worker in of_type if (worker.domain or None) == (task.domain or None)]
    return next(iter(same_domain or of_type), None)


def _as_polled(task: Task) -> Task:
    return evolve(task, status=TaskStatus.IN_PROGRESS, output_data={}, reason_for_incompletion=None)


def _difference(replayed: ReplayedTask, ignored: frozenset[str]) -> str:
    task, result = replayed.task, replayed.result
    if str(result.status) != str(task.status):
        reason = f": {result.reason_for_incompletion}" if result.reason_for_incompletion else ""
        return f"is {result.status} now, and was {task.status}{reason}"
    before, now = without(task.output_data, ignored), without(result.output_data, ignored)
    return f"has another output (- recorded, + now):\n{difference(before, now)}" if before != now else ""
