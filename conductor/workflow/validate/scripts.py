"""Checks of scripts: they can be read, and the names that they read are there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conductor.workflow.expressions import expressions
from conductor.workflow.problem import Problem
from conductor.workflow.validate.javascript import is_uncalled, syntax_error
from conductor.workflow.validate.tree import Node, Tree, closest

__all__ = ["check_scripts"]

_NAME = re.compile(r"""(?<![\w$'"])\$(?:\.([A-Za-z_]\w*)|\[\s*(?:'([^']+)'|"([^"]+)")\s*\])""")
_WORKFLOW = re.compile(r"(?<![\w.$'\"])workflow\.(?:input|variables|output)")
_OUTPUT = re.compile(
    r"""(?<![\w$'"])\$(?:\.([A-Za-z_]\w*)|\[\s*['"]([^'"]+)['"]\s*\])(?:\.output\b|\[\s*['"]output['"]\s*\])"""
)
_JAVASCRIPT = {"javascript", "graaljs", "ecmascript", "js"}


def check_scripts(tree: Tree) -> Iterator[Problem]:
    """The scripts of switches, loops and inline tasks, and the queries of jq."""
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
                f"The condition of {node.label} reads {match[0]}, and $.{name} is the output of that step itself: "
                f"leave .output out, as in $.{name}['done'].",
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
            f"The script of {node.label} is a function that nobody calls: there is no result. Call it: "
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
            f"The query of {node.label} has {found[0].text}, whose bare value the server puts into the query's text: "
            "give it as an input, and read that as .name.",
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
    """Mistakes of syntax; ``is_error``: the server looks for them too, and refuses the definition."""
    if isinstance(script, str) and "${" not in script and (why := syntax_error(script)):
        yield node.problem(
            "SCRIPT_SYNTAX", f"The script of {node.label} is no JavaScript: {why}.", at, is_error=is_error
        )


def _script(node: Node, script: object, at: str, known: set[str]) -> Iterator[Problem]:
    if isinstance(script, str) and "${" in script and "`" not in script:
        yield node.problem(
            "SCRIPT_REFERENCE",
            f"The script of {node.label} has a ${{...}}, which the server does not replace there: put it into an input "
            "parameter and read that as $.name.",
            at,
        )
        return
    if isinstance(script, str) and (match := _WORKFLOW.search(script)):
        yield node.problem(
            "SCRIPT_WORKFLOW",
            f"The script of {node.label} reads {match[0]}, which scripts do not know; write ${{{match[0]}...}} in it, "
            "with the builder, or make it an input parameter.",
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
            f"The script of {node.label} reads $.{name}, which is no input parameter{closest(name, names)}",
            at,
            is_error=is_error,
        )
