"""TERMINATE, SET_VARIABLE, NOOP and HUMAN: tasks that only touch the execution."""

from __future__ import annotations

from typing import Any

from conductor.models.codec import dumps
from conductor.server.engine.state import COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, TERMINATED, Doc
from conductor.server.engine.tasks.planning import Plan, Run

Json = dict[str, Any]

_LARGEST_VARIABLES_KB = 256


def plan_plain(plan: Plan) -> list[Doc]:
    """A task of the engine that begins at once, with its parameters."""
    return [plan.started(plan.task["type"], IN_PROGRESS, plan.input())]


def plan_noop(plan: Plan) -> list[Doc]:
    """A NOOP has no input."""
    return [plan.started("NOOP", IN_PROGRESS, {})]


def run_noop(run: Run) -> bool:
    """Nothing to do."""
    return run.complete()


def run_human(_: Run) -> bool:
    """Someone else ends it."""
    return False


def run_terminate(run: Run) -> bool:
    """Note the workflow's output; deciding ends the workflow."""
    if run.input.get("terminationStatus") not in {COMPLETED, FAILED, TERMINATED}:
        run.fail("given termination status is not valid")
        return False
    output = run.input_with_secrets.get("workflowOutput")
    if output is None:
        return run.complete({})
    return run.complete(dict(output) if isinstance(output, dict) else {"output": output})


def run_set_variable(run: Run) -> bool:
    """Set all, or none when they would become too large."""
    workflow = run.execution.workflow
    variables = {**workflow["variables"], **run.input_with_secrets}
    size = len(dumps(variables)) // 1024
    if size > _LARGEST_VARIABLES_KB:
        return run.fail(
            f"The variables payload size: {size} of workflow: {run.execution.id} is greater than the permissible "
            f"limit: {_LARGEST_VARIABLES_KB} kilobytes",
            FAILED_WITH_TERMINAL_ERROR,
        )
    workflow["variables"] = variables
    return run.complete()
