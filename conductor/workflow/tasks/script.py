"""Small computations by the server: scripts, jq, variables."""

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
    """Run a script on the server (``INLINE``); its value is ``step.output.result``.

    Args:
        script: JavaScript sees the input parameters as ``$.name``, and its value is that of its last expression.
            Python sees them as variables, and gives its value with ``return``. A reference in it becomes a parameter.
        inputs: Its parameters.
        evaluator: ``javascript``, ``graaljs``, ``python`` (where the server has it) or ``value-param``.
        options: See ``Options``.
    """
    parameters = {"evaluatorType": evaluator, "expression": script, **as_inputs(inputs)}
    step: Step = make("INLINE", parameters, options, lifts="expression")
    return step


def jq(query: str, inputs: Mapping[str, Any] | None = None, /, **options: Unpack[Options]) -> Step:
    """Transform JSON with jq (``JSON_JQ_TRANSFORM``); ``result`` is the first value, ``resultList`` has all.

    Args:
        query: The jq expression; ``.`` is the whole input.
        inputs: Its data.
        options: See ``Options``.
    """
    parameters = {**as_inputs(inputs), "queryExpression": query}
    step: Step = make("JSON_JQ_TRANSFORM", parameters, options, base="jq")
    return step


def lambda_(script: str, inputs: Mapping[str, Any] | None = None, /, **options: Unpack[Options]) -> Step:
    """The task that came before INLINE (``LAMBDA``): deprecated, for old definitions.

    Args:
        script: The body of a JavaScript function, with ``return``.
        inputs: Its parameters.
        options: See ``Options``.
    """
    step: Step = make("LAMBDA", {**as_inputs(inputs), "scriptExpression": script}, options, base="lambda")
    return step


def set_variable(values: Mapping[str, Any] | None = None, /, *, ref: str | None = None, **more: Any) -> Step:
    """Set variables of the workflow (``SET_VARIABLE``), read as ``workflow.variables.name``.

    ``set_variable(total=3)`` and ``set_variable({"total": 3}, optional=True)``.

    Args:
        values: Name to value.
        more: Further variables by name, and options (see ``Options``), which need the variables as a mapping; but
            ``fields`` is one in any case.
        ref: See ``Options``.

    Raises:
        TypeError: There is no mapping, and a keyword is called as an option: it may be meant as either.
    """
    options: Any = {key: value for key, value in more.items() if key in OPTIONS}
    if values is None and (unclear := options.keys() - {"fields"}):
        name = min(unclear)
        raise TypeError(
            f"set_variable({name}=...) can mean a variable or the option {name!r}: give the variables as a mapping, "
            f"set_variable({{...}}, {name}=...) for the option and set_variable({{{name!r}: ...}}) for a variable."
        )
    variables = {key: value for key, value in more.items() if key not in OPTIONS}
    if ref is not None:
        options["ref"] = ref
    step: Step = make("SET_VARIABLE", {**as_inputs(values), **variables}, options)
    return step
