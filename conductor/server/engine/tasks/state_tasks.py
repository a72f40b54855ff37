"""TERMINATE, SET_VARIABLE, NOOP and HUMAN: tasks that only change their execution."""

from __future__ import annotations

from typing import Any

from conductor.models.codec import dumps
from conductor.server.engine.state import COMPLETED, FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, TERMINATED, Doc
from conductor.server.engine.tasks.planning import Plan, Run

Json = dict[str, Any]

#: Kilobytes of an execution's variables, as on the OSS server.
_MAX_VARIABLES_KB = 256


def plan_plain(plan: Plan) -> list[Doc]:
    """Plan a system task that starts when it is scheduled."""
    return [plan.started(plan.task["type"], IN_PROGRESS, plan.input())]


def plan_noop(plan: Plan) -> list[Doc]:
    """Plan a NOOP task, which has no input."""
    return [plan.started("NOOP", IN_PROGRESS, {})]


def run_noop(run: Run) -> bool:
    """Complete a NOOP task."""
    return run.complete()


def run_human(_: Run) -> bool:
    """Leave a HUMAN task open; an update ends it."""
    return False


def run_terminate(run: Run) -> bool:
    """Complete a TERMINATE task with the workflow's output; deciding then ends the execution."""
    if run.input.get("terminationStatus") not in {COMPLETED, FAILED, TERMINATED}:
        run.fail("given termination status is not valid")
        return False
    output = run.input_with_secrets.get("workflowOutput")
    if output is None:
        return run.complete({})
    return run.complete(dict(output) if isinstance(output, dict) else {"output": output})


def run_set_variable(run: Run) -> bool:
    """Set the variables of the execution; fail, and set none of them, if they would be too large."""
    workflow = run.execution.workflow
    variables = {**workflow["variables"], **run.input_with_secrets}
    size = len(dumps(variables)) // 1024
    if size > _MAX_VARIABLES_KB:
        return run.fail(
            f"The variables payload size: {size} of workflow: {run.execution.id} is greater than the permissible "
            f"limit: {_MAX_VARIABLES_KB} kilobytes",
            FAILED_WITH_TERMINAL_ERROR,
        )
    workflow["variables"] = variables
    return run.complete()
