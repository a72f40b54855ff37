"""Example executions of workflows, as the server would return them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve

from conductor.models import Task, TaskStatus, Workflow, WorkflowDef, WorkflowExecutionStatus
from conductor.models.codec import to_jsonable
from conductor.testing.executions import BEGAN, example_id
from conductor.testing.expressions import resolved
from conductor.testing.walk import Plan, Walk

__all__ = ["example_workflow_run"]

_STOPS = {
    WorkflowExecutionStatus.RUNNING: TaskStatus.IN_PROGRESS,
    WorkflowExecutionStatus.PAUSED: TaskStatus.IN_PROGRESS,
    WorkflowExecutionStatus.FAILED: TaskStatus.FAILED,
    WorkflowExecutionStatus.TIMED_OUT: TaskStatus.TIMED_OUT,
    WorkflowExecutionStatus.TERMINATED: TaskStatus.CANCELED,
}
_FAILED = {TaskStatus.FAILED, TaskStatus.FAILED_WITH_TERMINAL_ERROR}


def example_workflow_run(
    definition: WorkflowDef,
    input: Mapping[str, Any] | None = None,
    *,
    status: WorkflowExecutionStatus | str = WorkflowExecutionStatus.COMPLETED,
    stops_at: str | None = None,
    reason: str = "an example",
    outputs: Mapping[str, Mapping[str, Any]] | None = None,
    cases: Mapping[str, str] | None = None,
    iterations: Mapping[str, int] | None = None,
    retries: Mapping[str, int] | None = None,
    workflow_id: str | None = None,
    began: int = BEGAN,
    milliseconds: int = 1000,
    **fields: Any,
) -> Workflow:
    """Return an execution of a workflow with its tasks, each with the outcome that the arguments give it.

    Expressions in inputs are resolved if they refer to an input, an output or a variable. Scripts are not run:
    ``cases`` and ``iterations`` replace their decisions.

    Args:
        definition: The workflow.
        input: The execution's input.
        status: The status of the execution. If it is not COMPLETED, the execution has stopped at one task.
        stops_at: The reference name of that task; by default the last one that is reached.
        reason: Why that task failed.
        outputs: The outputs of tasks, by reference name; the default is that of a small success.
        cases: The case that a SWITCH takes, by reference name; by default that of its value, or the first for a script.
        iterations: The iterations of loops, by reference name; by default one for each item, or one.
        retries: The failed attempts of tasks before the last one, by reference name.
        workflow_id: The execution's id.
        began: The start, in epoch milliseconds.
        milliseconds: The duration of each task that a worker or a request would take.
        fields: Any other field of ``Workflow``.

    Raises:
        ValueError: The execution does not reach ``stops_at``.
    """
    status = WorkflowExecutionStatus(str(status))
    plan = Plan(
        definition=definition,
        workflow_id=workflow_id or example_id(definition.name),
        input=to_jsonable({**(definition.input_template or {}), **(input or {})}),
        outputs=to_jsonable(dict(outputs or {})),
        cases=dict(cases or {}),
        iterations=dict(iterations or {}),
        retries=dict(retries or {}),
        began=began,
        milliseconds=milliseconds,
    )
    walk = Walk(plan)
    if status in _STOPS:
        walk = _stopped(plan, walk, stops_at, _STOPS[status], reason)
    elif walk.terminated_as is not None:
        status = walk.terminated_as
    return _workflow(walk, status, reason, fields)


def _stopped(plan: Plan, whole: Walk, stops_at: str | None, status: TaskStatus, reason: str) -> Walk:
    names = [walk_name(task) for task in whole.tasks]
    at = stops_at if stops_at is not None else next(iter(reversed(names)), None)
    if at is None or at not in names:
        raise ValueError(
            f"the execution does not reach {at!r}; it reaches: {', '.join(dict.fromkeys(names)) or 'nothing'}"
        )
    return Walk(evolve(plan, stops_at=at, stops_as=status, reason=reason))


def walk_name(task: Task) -> str:
    """Return the reference name in the definition."""
    return task.workflow_task.task_reference_name if task.workflow_task is not None else ""


def _workflow(walk: Walk, status: WorkflowExecutionStatus, reason: str, fields: dict[str, Any]) -> Workflow:
    plan, tasks = walk.plan, walk.tasks
    end = max((task.end_time for task in tasks), default=plan.began) if status.is_terminal else 0
    failed = [task for task in tasks if task.status in _FAILED]
    made: dict[str, Any] = {
        "create_time": plan.began,
        "update_time": max((task.update_time for task in tasks), default=plan.began),
        "status": status,
        "end_time": end,
        "workflow_id": plan.workflow_id,
        "tasks": tasks,
        "input": plan.input,
        "output": _output(walk) if status.is_terminal else {},
        "reason_for_incompletion": _reason(walk, status, reason),
        "failed_reference_task_names": list(dict.fromkeys(str(task.reference_task_name) for task in failed)),
        "failed_task_names": list(dict.fromkeys(str(task.task_def_name) for task in failed)),
        "workflow_definition": plan.definition,
        "variables": walk.variables,
        "start_time": plan.began,
        "workflow_name": plan.definition.name,
        "workflow_version": plan.definition.version or 1,
    }
    return Workflow(**{**made, **fields})


def _output(walk: Walk) -> dict[str, Any]:
    if walk.terminated_as is not None and walk.terminated_as.is_successful:
        return walk.terminated_with
    parameters = walk.plan.definition.output_parameters
    if parameters:
        return {key: resolved(value, walk.document) for key, value in parameters.items()}
    return dict(walk.tasks[-1].output_data) if walk.tasks else {}


def _reason(walk: Walk, status: WorkflowExecutionStatus, reason: str) -> str | None:
    words: dict[str, Callable[[], str]] = {
        "FAILED": lambda: f"Task {walk.stopped_id} failed with status: FAILED and reason: '{reason}'",
        "TIMED_OUT": lambda: f"Task {walk.stopped_id} failed with status: TIMED_OUT and reason: '{reason}'",
        "TERMINATED": lambda: reason,
    }
    if walk.terminated_as is not None:
        return walk.terminated_reason
    return words[status.value]() if status.value in words else None
