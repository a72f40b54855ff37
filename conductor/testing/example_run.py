"""Example executions of workflows, as the server would return them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import evolve

from conductor.models import Workflow, WorkflowDef, WorkflowExecutionStatus
from conductor.models.codec import to_jsonable
from conductor.testing.executions import BEGAN, example_id

__all__ = ["example_workflow_run"]


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
    """Return an execution of a workflow with its tasks, whose outcomes the arguments determine.

    The engine of the embedded server runs it in memory, with a frozen clock. It needs no workers, people, requests or
    executions of sub-workflows: their tasks end as the arguments specify. Scripts are not run; ``cases`` and
    ``iterations`` replace their decisions.

    Args:
        definition: The workflow.
        input: The execution's input.
        status: The status of the execution. If it is not COMPLETED, the execution stops at one task.
        stops_at: The reference name of that task; by default the last task of the plan.
        reason: The reason why that task failed.
        outputs: The outputs of tasks, by reference name; by default a small output for each type.
        cases: The case that each SWITCH selects, by reference name; by default the case of its value, or the first case
            for a script.
        iterations: The number of iterations of loops, by reference name; by default one for each item, or one.
        retries: The number of failed attempts before the last one, by reference name. The next attempt starts after the
            retry delay of the task definition, which is 60 s by default.
        workflow_id: The execution's id.
        began: The start, in epoch milliseconds.
        milliseconds: The duration of each task that a worker or a request would take.
        fields: Any other field of ``Workflow``.

    Returns:
        The execution. If a TERMINATE task ends it, its status can differ from ``status``.

    Raises:
        ValueError: The execution does not reach ``stops_at``.
    """
    from conductor.testing.engine import reused_engine  # slow to import, and not needed for most test data
    from conductor.testing.planned_run import PlannedRun, RunPlan

    status = WorkflowExecutionStatus(str(status))
    plan = RunPlan(
        definition=definition,
        document=definition.to_dict(),
        workflow_id=workflow_id or example_id(definition.name),
        input=to_jsonable(dict(input or {})),
        outputs=to_jsonable(dict(outputs or {})),
        cases=dict(cases or {}),
        iterations=dict(iterations or {}),
        retries=dict(retries or {}),
        began=began,
        milliseconds=milliseconds,
        reason=reason,
        stops_at=stops_at,
        stops_as=status,
    )
    with reused_engine() as engine:
        if status is WorkflowExecutionStatus.COMPLETED:
            plan = evolve(plan, stops_at=None)
        elif stops_at is None:
            whole = PlannedRun(engine, plan)
            whole.finish()
            plan = evolve(plan, stops_at=next(reversed(whole.reached), None))
            whole.remove()
        planned = PlannedRun(engine, plan)
        planned.finish()
        run = planned.result()
        planned.remove()
    if plan.stops_at is not None and not planned.has_stopped:
        reached = ", ".join(planned.reached) or "nothing"
        raise ValueError(f"the execution does not reach {plan.stops_at!r}; it reaches: {reached}")
    return evolve(run, **fields) if fields else run
