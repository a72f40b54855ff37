"""INLINE and LAMBDA: scripts; and the evaluators that SWITCH shares with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductor.server.engine.expressions.inputs import with_secrets
from conductor.server.engine.state import FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, Doc
from conductor.server.engine.tasks.family import Plan, Run
from conductor.server.engine.world import ScriptFailedError, World

EVALUATORS = frozenset({"javascript", "graaljs", "value-param", "python"})
_EMPTY_LAMBDA = "Empty 'scriptExpression' in Lambda task's input parameters. A non-empty String value must be provided."
_EMPTY = "Empty '%s' in Inline task's input parameters. A non-empty String value must be provided."


def evaluate(kind: str, expression: str, bindings: Mapping[str, Any], world: World) -> Any:
    """Evaluate an expression with the evaluator of this name.

    Raises:
        ScriptFailedError: It ended with an error.
    """
    if kind == "value-param":
        return bindings.get(expression)
    if kind == "python":
        raise ScriptFailedError("The embedded server does not run Python expressions; use javascript")
    return world.javascript(expression, bindings)


def plan_script(plan: Plan) -> list[Doc]:
    """An INLINE or LAMBDA task, which runs at once."""
    return [plan.started(plan.task["type"], IN_PROGRESS, plan.input(plan.task.get("taskDefinition")))]


def run_inline(run: Run) -> bool:
    """Run the expression; a fault in it cannot be helped by trying again."""
    try:
        result = _evaluate_inline(run)
    except ScriptFailedError as error:
        return run.fail(str(error), FAILED_WITH_TERMINAL_ERROR, {"error": str(error)})
    return run.complete({"result": result})


def _evaluate_inline(run: Run) -> Any:
    kind, expression = run.input.get("evaluatorType", "javascript"), run.input.get("expression")
    for name, value in (("evaluatorType", kind), ("expression", expression)):
        if not isinstance(value, str) or not value.strip():
            raise ScriptFailedError(_EMPTY % name)
    if kind not in EVALUATORS:
        raise ScriptFailedError(f"Unknown evaluator '{kind}' in INLINE task.")
    return evaluate(kind, str(expression), with_secrets(run.input, run.world), run.world)


def run_lambda(run: Run) -> bool:
    """Run the body of a function."""
    body = run.input.get("scriptExpression")
    if not isinstance(body, str) or not body.strip():
        message = (
            "Empty 'scriptExpression' in Lambda task's input parameters. A non-empty String value must be provided."
        )
        return run.fail(message, FAILED, {"error": message})
    try:
        # Written around the body as the server does it, so that lines in messages agree.
        result = run.world.javascript(
            f"function scriptFun(){{{body}}} scriptFun();", with_secrets(run.input, run.world)
        )
    except ScriptFailedError as error:
        return run.fail(str(error), FAILED, {"error": str(error)})
    return run.complete({"result": result})
