"""Checks of scripts: their syntax, and the names that they read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module

from conductor.validation.tree import Node, Problem, Tree, closest, expressions

__all__ = ["check_scripts", "is_uncalled", "syntax_error"]


#: Put before a script so that it is parsed and not run.
_NEVER_RUN = "throw 0;"
_RETURN = re.compile(r"\s*return\b")
_HEAD = re.compile(r"(?:async\s+)?function\b[^{]*(?=\{)")
_ARROW = re.compile(r"(?:async\s+)?(?:\([^()]*\)|[A-Za-z_$][\w$]*)\s*=>\s*")
_SKIPPED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`(?:[^`\\]|\\.)*`|//[^\n]*|/\*.*?\*/", re.DOTALL)
_CLOSING = {"{": "}", "(": ")"}


@lru_cache(maxsize=512)
def syntax_error(script: str) -> str | None:
    """Return the syntax error of a script, or None.

    The parser comes with the extra ``server``; without it only a return outside of a function is found.
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
    """Whether the script is only a function that is never called."""
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
    """Check the syntax; ``is_error``: the server checks it too, and refuses the definition."""
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
