"""Computations on the server: scripts, jq and variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import Unpack

from conductor.workflow.step import OPTIONS, Options, Step, as_inputs, make

__all__ = ["inline", "jq", "lambda_", "set_variable"]


def inline(
    script: str,
    inputs: Mapping[str, Any] | None = None,
    /,
    *,
    evaluator: str = "javascript",
    **options: Unpack[Options],
) -> Step:
    """Run a script on the server (``INLINE``). Its result is ``step.output.result``.

    Args:
        script: The script. JavaScript reads input parameters as ``$.name``, and its result is the value of its last
            expression. Python reads them as variables, and returns its result with ``return``. A reference in the
            script becomes an input parameter.
        inputs: The input parameters.
        evaluator: ``javascript``, ``graaljs``, ``python`` (if the server supports it) or ``value-param``.
        options: See ``Options``.
    """
    parameters = {"evaluatorType": evaluator, "expression": script, **as_inputs(inputs)}
    step: Step = make("INLINE", parameters, options, lifts="expression")
    return step


def jq(query: str, inputs: Mapping[str, Any] | None = None, /, **options: Unpack[Options]) -> Step:
    """Transform JSON with jq (``JSON_JQ_TRANSFORM``).

    The output has the first result as ``result`` and all results as ``resultList``.

    Args:
        query: The jq expression; ``.`` is the whole input.
        inputs: The input parameters.
        options: See ``Options``.
    """
    parameters = {**as_inputs(inputs), "queryExpression": query}
    step: Step = make("JSON_JQ_TRANSFORM", parameters, options, base="jq")
    return step


def lambda_(script: str, inputs: Mapping[str, Any] | None = None, /, **options: Unpack[Options]) -> Step:
    """Run a script with the deprecated predecessor of INLINE (``LAMBDA``), for old definitions.

    Args:
        script: The body of a JavaScript function, with ``return``.
        inputs: The input parameters.
        options: See ``Options``.
    """
    step: Step = make("LAMBDA", {**as_inputs(inputs), "scriptExpression": script}, options, base="lambda")
    return step


def set_variable(values: Mapping[str, Any] | None = None, /, *, ref: str | None = None, **more: Any) -> Step:
    """Set variables of the workflow (``SET_VARIABLE``), which ``workflow.variables.name`` reads.

    Examples: ``set_variable(total=3)`` and ``set_variable({"total": 3}, optional=True)``.

    Args:
        values: Values by name.
        more: Further variables by name, and options (see ``Options``). Options other than ``fields`` require
            ``values``.
        ref: See ``Options``.

    Raises:
        TypeError: A keyword without ``values`` has the name of an option, so it is ambiguous.
    """
    options: Any = {key: value for key, value in more.items() if key in OPTIONS}
    if values is None and (unclear := options.keys() - {"fields"}):
        name = min(unclear)
        raise TypeError(
            f"set_variable({name}=...) is ambiguous, because {name!r} is also an option of the step. Write "
            f"set_variable({{...}}, {name}=...) for the option, or set_variable({{{name!r}: ...}}) for a variable."
        )
    variables = {key: value for key, value in more.items() if key not in OPTIONS}
    if ref is not None:
        options["ref"] = ref
    step: Step = make("SET_VARIABLE", {**as_inputs(values), **variables}, options)
    return step
