"""Checks of scripts: the names that they read are there."""

from __future__ import annotations

import re
from collections.abc import Iterator

from conductor.workflow.problem import Problem
from conductor.workflow.validate.tree import Node, Tree, closest

__all__ = ["check_scripts"]

_NAME = re.compile(r"""(?<![\w$'"])\$(?:\.([A-Za-z_]\w*)|\[\s*(?:'([^']+)'|"([^"]+)")\s*\])""")
_WORKFLOW = re.compile(r"(?<![\w.$'\"])workflow\.(?:input|variables|output)")
_JAVASCRIPT = {"javascript", "graaljs", "ecmascript", "js"}


def check_scripts(tree: Tree) -> Iterator[Problem]:
    """The scripts of switches, loops and inline tasks."""
    for node in tree.nodes:
        if node.type == "SWITCH" and str(node.wire.get("evaluatorType")) in _JAVASCRIPT:
            yield from _script(node, node.wire.get("expression"), "expression", set(node.inputs))
        elif node.type == "DO_WHILE":
            inside = {inner.ref for inner in node.inside()} | {node.ref, "loopIndex", "loopItem"}
            yield from _script(node, node.wire.get("loopCondition"), "loopCondition", set(node.inputs) | inside)
        elif node.type == "INLINE" and str(node.inputs.get("evaluatorType", "javascript")) in _JAVASCRIPT:
            yield from _names(node, node.inputs.get("expression"), "inputParameters.expression", set(node.inputs))


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
