"""SWITCH and its predecessor DECISION: run one of several branches."""

from __future__ import annotations

from typing import Any

from conductor.server.engine.context import ScriptFailedError, TerminateWorkflowError
from conductor.server.engine.expressions.java_text import java_text
from conductor.server.engine.state import FAILED, IN_PROGRESS, Doc
from conductor.server.engine.tasks.planning import Plan, Run
from conductor.server.engine.tasks.script import EVALUATORS, evaluate

Json = dict[str, Any]


def plan_switch(plan: Plan) -> list[Doc]:
    """Plan a SWITCH and the first task of the selected branch."""
    kind, given = plan.task.get("evaluatorType"), plan.input()
    if kind not in EVALUATORS:
        raise TerminateWorkflowError(f"No evaluator registered for type: {'null' if kind is None else kind}")
    try:
        chosen = java_text(evaluate(kind, plan.task.get("expression") or "", given, plan.context))
    except ScriptFailedError as error:
        return [plan.started("SWITCH", FAILED, given, taskDefName="SWITCH", reasonForIncompletion=str(error))]
    return plan_switch_to(plan, given, chosen)


def plan_switch_to(plan: Plan, given: Json, chosen: str) -> list[Doc]:
    """Plan a SWITCH that selects a case, and the first task of its branch."""
    cases = plan.task["decisionCases"]
    branch = cases[chosen] if chosen in cases else plan.task["defaultCase"]
    output = {"evaluationResult": [chosen], "selectedCase": chosen}
    return _with_branch(plan, "SWITCH", {**given, "case": chosen}, output, branch)


def plan_decision(plan: Plan) -> list[Doc]:
    """Plan a DECISION and the first task of the selected branch."""
    return plan_decision_to(plan, _decide(plan, plan.input()))


def plan_decision_to(plan: Plan, chosen: str) -> list[Doc]:
    """Plan a DECISION that selects a case, and the first task of its branch."""
    branch = plan.task["decisionCases"].get(chosen) or plan.task["defaultCase"]
    return _with_branch(plan, "DECISION", {"case": chosen}, {"caseOutput": [chosen]}, branch)


def _with_branch(plan: Plan, kind: str, given: Json, output: Json, branch: list[Json]) -> list[Doc]:
    if branch:
        given["hasChildren"] = "true"
    own = plan.started(kind, IN_PROGRESS, given, taskDefName=kind, outputData=output)
    return [own, *plan.plan_with(branch[0], plan.retry_count)] if branch else [own]


def _decide(plan: Plan, given: Json) -> str:
    expression = plan.task.get("caseExpression") or ""
    if not expression.strip():
        return java_text(given.get(plan.task.get("caseValueParam") or ""))
    try:
        return java_text(plan.context.javascript(expression, given))
    except ScriptFailedError:
        raise TerminateWorkflowError(f"Error while evaluating script: {expression}") from None


def run_branch(run: Run) -> bool:
    """Complete a SWITCH or DECISION; its branch was selected when it was scheduled."""
    return run.complete()
