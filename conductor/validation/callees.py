"""Checks of what tasks call: the inputs of workers and sub-workflows, and the syntax and names of scripts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from attrs import evolve

from conductor.validation.fields import Shape, misfit
from conductor.validation.tree import (
    Definition,
    Node,
    Problem,
    Tree,
    WorkerSignature,
    as_mapping,
    closest,
    declared_inputs,
    expressions,
    expressions_in,
)

__all__ = ["check_scripts", "check_subworkflows", "check_workers", "is_uncalled", "syntax_error"]

#: Prefix of a script, so that it is parsed but not run.
_NEVER_RUN = "throw 0;"
_RETURN = re.compile(r"\s*return\b")
_HEAD = re.compile(r"(?:async\s+)?function\b[^{]*(?=\{)")
_ARROW = re.compile(r"(?:async\s+)?(?:\([^()]*\)|[A-Za-z_$][\w$]*)\s*=>\s*")
_SKIPPED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`|//[^\n]*|/\*.*?\*/", re.DOTALL)
_CLOSING = {"{": "}", "(": ")"}


@lru_cache(maxsize=512)
def syntax_error(script: str) -> str | None:
    """Return the syntax error of a script, or None.

    The parser needs the extra ``server``. Without it, only a return outside a function is found.
    """
    if _RETURN.match(script):
        return "return outside of a function; the result of a script is its last expression"
    try:
        quickjs = import_module("_quickjs")
    except ImportError:
        return None
    try:
        quickjs.Context().eval(_NEVER_RUN + script)
    except quickjs.JSException as error:
        first = str(error).partition("\n")[0]
        return first.removeprefix("SyntaxError: ") if first.startswith("SyntaxError") else None
    return None


def is_uncalled(script: str) -> bool:
    """Return whether the script is only a function that is never called."""
    rest = _SKIPPED.sub(lambda match: "" if match[0][0] == "/" else "''", script).strip(" \t\r\n;")
    if rest.startswith("(") and _end(rest, 0) == len(rest) - 1:
        rest = rest[1:-1].strip()
    if arrow := _ARROW.match(rest):
        body = rest[arrow.end() :]
        return _end(body, 0) == len(body) - 1 if body.startswith("{") else ";" not in body and "\n" not in body
    found = 0
    while head := _HEAD.match(rest):
        end = _end(rest, head.end())
        if end < 0:
            return False
        rest, found = rest[end + 1 :].lstrip(" \t\r\n;"), found + 1
    return found > 0 and not rest


def _end(text: str, start: int) -> int:
    """Return the position where the bracket at ``start`` is closed, or -1."""
    opening, depth = text[start : start + 1], 0
    for position in range(start, len(text)):
        if text[position] == opening:
            depth += 1
        elif text[position] == _CLOSING.get(opening):
            depth -= 1
            if not depth:
                return position
    return -1


_NAME = re.compile(r"""(?<![\w$'"])\$(?:\.([A-Za-z_]\w*)|\[\s*(?:'([^']+)'|"([^"]+)")\s*\])""")
_WORKFLOW = re.compile(r"(?<![\w.$'\"])workflow\.(?:input|variables|output)")
_OUTPUT = re.compile(
    r"""(?<![\w$'"])\$(?:\.([A-Za-z_]\w*)|\[\s*['"]([^'"]+)['"]\s*\])(?:\.output\b|\[\s*['"]output['"]\s*\])"""
)
_JAVASCRIPT = {"javascript", "graaljs", "ecmascript", "js"}


def check_scripts(tree: Tree) -> Iterator[Problem]:
    """Check the scripts of switches, loops and inline tasks, and jq queries."""
    for node in tree.nodes:
        if check := _BY_TYPE.get(node.type):
            yield from check(node)


def _switch(node: Node) -> Iterator[Problem]:
    evaluator = str(node.wire.get("evaluatorType"))
    if evaluator in _JAVASCRIPT:
        yield from _script(node, node.wire.get("expression"), "expression", set(node.inputs))
        yield from _syntax(node, node.wire.get("expression"), "expression", is_error=evaluator == "javascript")


def _decision(node: Node) -> Iterator[Problem]:
    yield from _syntax(node, node.wire.get("caseExpression"), "caseExpression", is_error=True)


def _loop(node: Node) -> Iterator[Problem]:
    inside = {inner.ref for inner in node.inside()} | {node.ref, "loopIndex", "loopItem"}
    condition = node.wire.get("loopCondition")
    yield from _script(node, condition, "loopCondition", set(node.inputs) | inside)
    yield from _syntax(node, condition, "loopCondition", is_error=False)
    for match in _OUTPUT.finditer(condition if isinstance(condition, str) else ""):
        name = match[1] or match[2]
        if name in inside and name not in node.inputs:
            yield node.problem(
                "LOOP_OUTPUT",
                f"The condition of {node.label} reads {match[0]}, but $.{name} is already the output of that task: "
                f"remove .output, as in $.{name}['done'].",
                "loopCondition",
                is_error=False,
            )


def _inline(node: Node) -> Iterator[Problem]:
    script, at = node.inputs.get("expression"), "inputParameters.expression"
    if str(node.inputs.get("evaluatorType", "javascript")) not in _JAVASCRIPT:
        return
    yield from _names(node, script, at, set(node.inputs))
    yield from _syntax(node, script, at, is_error=False)
    if isinstance(script, str) and is_uncalled(script):
        yield node.problem(
            "UNCALLED_FUNCTION",
            f"The script of {node.label} is a function that is never called, so it has no result. Call it: "
            "(function () { return ...; })()",
            at,
            is_error=False,
        )


def _jq(node: Node) -> Iterator[Problem]:
    query = node.inputs.get("queryExpression")
    found = list(expressions(query)) if isinstance(query, str) else []
    if found and found[0].text != query:
        yield node.problem(
            "SCRIPT_REFERENCE",
            f"The query of {node.label} contains {found[0].text}, and the server inserts the bare value into the "
            "query: "
            "pass it as an input parameter and read that as .name.",
            "inputParameters.queryExpression",
            text=found[0].text,
            is_error=False,
        )


_BY_TYPE = {
    "DECISION": _decision,
    "DO_WHILE": _loop,
    "INLINE": _inline,
    "JSON_JQ_TRANSFORM": _jq,
    "SWITCH": _switch,
}


def _syntax(node: Node, script: object, at: str, *, is_error: bool) -> Iterator[Problem]:
    """Check the syntax; ``is_error`` means that the server rejects a definition with a syntax error."""
    if isinstance(script, str) and "${" not in script and (why := syntax_error(script)):
        yield node.problem(
            "SCRIPT_SYNTAX", f"The script of {node.label} is not valid JavaScript: {why}.", at, is_error=is_error
        )


def _script(node: Node, script: object, at: str, known: set[str]) -> Iterator[Problem]:
    if isinstance(script, str) and "${" in script and "`" not in script:
        yield node.problem(
            "SCRIPT_REFERENCE",
            f"The script of {node.label} contains ${{...}}, which the server does not replace in scripts: pass it as "
            "an "
            "input parameter and read that as $.name.",
            at,
        )
        return
    if isinstance(script, str) and (match := _WORKFLOW.search(script)):
        yield node.problem(
            "SCRIPT_WORKFLOW",
            f"The script of {node.label} reads {match[0]}, which scripts cannot access; use ${{{match[0]}...}} with "
            "the builder, or an input parameter.",
            at,
        )
    yield from _names(node, script, at, known, is_error=True)


def _names(node: Node, script: object, at: str, known: set[str], *, is_error: bool = False) -> Iterator[Problem]:
    if not isinstance(script, str) or "${" in script:
        return
    unknown = {name for match in _NAME.finditer(script) if (name := match[1] or match[2] or match[3]) not in known}
    names = sorted(known - {"expression", "evaluatorType"})
    for name in sorted(unknown):
        yield node.problem(
            "UNKNOWN_SCRIPT_NAME",
            f"The script of {node.label} reads $.{name}, which is not an input parameter{closest(name, names)}",
            at,
            is_error=is_error,
        )


def check_workers(tree: Tree) -> Iterator[Problem]:
    """Check inputs against the signatures of workers; with a list of workers, warn of tasks without a worker."""
    for node in tree.nodes:
        if node.signature is not None:
            yield from _worker_inputs(node, node.signature)
            yield from _literals(node, node.signature)
        elif tree.signatures is not None and node.type == "SIMPLE":
            name = str(node.wire.get("name"))
            yield node.problem(
                "NO_WORKER",
                f"No worker runs the task {name!r}{closest(name, tree.signatures)}",
                "name",
                is_error=False,
            )


def _worker_inputs(node: Node, signature: WorkerSignature) -> Iterator[Problem]:
    template = as_mapping(as_mapping(node.wire.get("taskDefinition")).get("inputTemplate"))
    for name in signature.required:
        if name not in node.inputs and name not in template:
            hint = f" Pass it as simple(f, {{{name!r}: ...}})." if name in node.source.option_names else ""
            option = f" {name!r} is also an option of steps." if hint else ""
            yield node.problem(
                "MISSING_INPUT",
                f"{signature.name}() requires {name!r}, but {node.label} does not pass it.{option}{hint} "
                f"The function is at {signature.place}.",
                "inputParameters",
            )
    if signature.accepted is None:
        return
    for name in node.inputs:
        if name not in signature.accepted:
            yield node.problem(
                "UNKNOWN_INPUT",
                f"{signature.name}() has no parameter {name!r}{closest(name, signature.accepted)}",
                f"inputParameters.{name}",
            )


def _literals(node: Node, signature: WorkerSignature) -> Iterator[Problem]:
    """Check inputs without references with the worker's conversion."""
    refusal = getattr(signature.worker, "refusal", None)
    if not callable(refusal):
        return
    literals = {name: value for name, value in node.inputs.items() if not any(expressions_in(value))}
    for name, why in sorted(refusal(literals).items()):
        yield node.problem(
            "WRONG_INPUT",
            f"{signature.name}() cannot accept this input: {why}. The function is at {signature.place}.",
            f"inputParameters.{name}",
        )


def check_subworkflows(tree: Tree, check: Callable[[Definition], Iterator[Problem]]) -> Iterator[Problem]:
    """Check all SUB_WORKFLOW and START_WORKFLOW tasks.

    Args:
        tree: The workflow.
        check: Checks a definition that is embedded in a task.
    """
    for node in tree.nodes:
        if node.type == "SUB_WORKFLOW":
            yield from _sub_workflow(tree, node, check)
        elif node.type == "START_WORKFLOW":
            yield from _start_workflow(tree, node)


def _start_workflow(tree: Tree, node: Node) -> Iterator[Problem]:
    started = as_mapping(node.inputs.get("startWorkflow"))
    if _is_self(tree, started) and _is_in_every_case(node):
        yield node.problem(
            "ENDLESS",
            f"{node.label} always starts another execution of its own workflow, without end. Put it into a case of a "
            "switch.",
            "inputParameters.startWorkflow.name",
            is_error=False,
        )


def _is_in_every_case(node: Node) -> bool:
    return not any(above.type in {"SWITCH", "DECISION"} for above in node.above())


def _sub_workflow(tree: Tree, node: Node, check: Callable[[Definition], Iterator[Problem]]) -> Iterator[Problem]:
    param = node.wire.get("subWorkflowParam")
    if not isinstance(param, Mapping):
        return
    wire = param.get("workflowDefinition")
    callee = node.source.callee
    if not (wire is None or isinstance(wire, Mapping) or str(wire).startswith("${")):
        yield node.problem(
            "WRONG_TYPE",
            f"workflowDefinition of {node.label} is {str(wire)[:60]!r}; it must be a definition, or a reference to "
            "one.",
            "subWorkflowParam.workflowDefinition",
        )
    if not param.get("name") and wire is None:
        yield node.problem(
            "MISSING_FIELD",
            f"{node.label} does not name a workflow, so this workflow cannot start. Set subWorkflowParam.name.",
            "subWorkflowParam.name",
        )
    version = param.get("version")
    if not isinstance(version, str) and (wrong := misfit(version, Shape.COUNT)):
        yield node.problem("WRONG_TYPE", f"version of {node.label} {wrong}.", "subWorkflowParam.version")
    if isinstance(wire, Mapping):
        embedded = Definition(wire) if callee is None else callee
        if not embedded.is_cycle:
            prefix = f"{node.path}.subWorkflowParam.workflowDefinition."
            for problem in check(embedded):
                yield evolve(problem, place=f"{prefix}{problem.place}")
        yield from _workflow_inputs(node, embedded.wire)
    elif callee is not None:
        yield from _workflow_inputs(node, callee.wire)
    if not isinstance(wire, Mapping) and _is_self(tree, param) and _is_in_every_case(node):
        yield node.problem(
            "ENDLESS",
            f"{node.label} always runs its own workflow, without end. Put it into a case of a switch.",
            "subWorkflowParam.name",
        )


def _is_self(tree: Tree, param: Mapping[str, Any]) -> bool:
    return param.get("name") == tree.fields.get("name") and param.get("version") in {None, tree.fields.get("version")}


def _workflow_inputs(node: Node, definition: Mapping[str, Any]) -> Iterator[Problem]:
    declared = declared_inputs(definition)
    if not declared:
        return
    template = as_mapping(definition.get("inputTemplate"))
    for name in declared:
        if name not in node.inputs and name not in template:
            yield node.problem(
                "MISSING_INPUT",
                f"The workflow {definition.get('name')!r} has the input {name!r}, but {node.label} does not pass it.",
                "inputParameters",
                is_error=False,
            )
    for name in node.inputs:
        if name not in declared:
            yield node.problem(
                "UNKNOWN_INPUT",
                f"The workflow {definition.get('name')!r} has no input {name!r}{closest(name, declared)}",
                f"inputParameters.{name}",
                is_error=False,
            )
