"""Tasks that evaluate expressions: INLINE, LAMBDA and JSON_JQ_TRANSFORM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from conductor.server.engine.context import EngineContext, RefusedError, ScriptFailedError
from conductor.server.engine.expressions.java_text import cast_error
from conductor.server.engine.state import FAILED, FAILED_WITH_TERMINAL_ERROR, IN_PROGRESS, Doc
from conductor.server.engine.tasks.planning import Plan, Run

#: The evaluators of the OSS server.
EVALUATORS = frozenset({"javascript", "graaljs", "value-param", "python"})
_EMPTY = "Empty '%s' in %s task's input parameters. A non-empty String value must be provided."


def evaluate(kind: str, expression: str, bindings: Mapping[str, Any], context: EngineContext) -> Any:
    """Evaluate an expression with the named evaluator.

    Raises:
        ScriptFailedError: The expression failed, or this server lacks the evaluator.
    """
    if kind == "value-param":
        return bindings.get(expression)
    if kind == "python":
        raise ScriptFailedError("The embedded server does not run Python expressions; use javascript")
    return context.javascript(expression, bindings)


def plan_script(plan: Plan) -> list[Doc]:
    """Plan an INLINE or LAMBDA task."""
    return [plan.started(plan.task["type"], IN_PROGRESS, plan.input(plan.task.get("taskDefinition")))]


def run_inline(run: Run) -> bool:
    """Run the expression of an INLINE task; an error in it is not retried."""
    try:
        result = _evaluate_inline(run)
    except ScriptFailedError as error:
        return run.fail(str(error), FAILED_WITH_TERMINAL_ERROR, {"error": str(error)})
    return run.complete({"result": result})


def _evaluate_inline(run: Run) -> Any:
    given = run.input_with_secrets
    kind, expression = given.get("evaluatorType"), given.get("expression")
    for value in (kind, expression):
        if value is not None and not isinstance(value, str):
            raise RefusedError(500, cast_error(value))
    kind = "javascript" if kind is None else kind
    if not kind.strip():
        raise ScriptFailedError(_EMPTY % ("evaluatorType", "INLINE"))
    if kind not in EVALUATORS:
        raise ScriptFailedError(f"Unknown evaluator '{kind}' in INLINE task.")
    if expression is None or not expression.strip():
        raise ScriptFailedError(_EMPTY % ("expression", "Inline"))
    return evaluate(kind, expression, given, run.context)


def run_lambda(run: Run) -> bool:
    """Run the script of a LAMBDA task, as the body of a function."""
    given = run.input_with_secrets
    body = given.get("scriptExpression")
    if body is not None and not isinstance(body, str):
        return run.fail(cast_error(body), FAILED, {"error": cast_error(body)})
    if not (body or "").strip():
        return run.fail(_EMPTY % ("scriptExpression", "Lambda"))
    try:
        # The OSS server uses the same function around the body, so line numbers in messages are equal.
        result = run.context.javascript(f"function scriptFun(){{{body}}} scriptFun();", given)
    except ScriptFailedError as error:
        return run.fail(str(error), FAILED, {"error": str(error)})
    return run.complete({"result": result})


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
