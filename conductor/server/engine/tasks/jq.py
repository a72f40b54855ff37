"""JSON_JQ_TRANSFORM: apply a jq query to the task's input."""

from __future__ import annotations

from conductor.server.engine.context import ScriptFailedError
from conductor.server.engine.state import FAILED, IN_PROGRESS, Doc
from conductor.server.engine.tasks.planning import Plan, Run


def plan_jq(plan: Plan) -> list[Doc]:
    """Plan a JSON_JQ_TRANSFORM task."""
    return [plan.started("JSON_JQ_TRANSFORM", IN_PROGRESS, plan.input(plan.task.get("taskDefinition")))]


def run_jq(run: Run) -> bool:
    """Run the query of a JSON_JQ_TRANSFORM task."""
    given = run.input_with_secrets
    query = given.get("queryExpression")
    if query is None:
        return run.fail("Missing 'queryExpression' in input parameters")
    try:
        found = run.context.jq(str(query), given)
    except ScriptFailedError as error:
        return run.fail(str(error), FAILED, {"error": str(error)})
    return run.complete({"result": found[0] if found else None, "resultList": found})
