"""Checks of ``${...}``: that what they name is there, and has run when they are read."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from conductor.validation.flow import Order, order_of
from conductor.validation.problem import Problem
from conductor.validation.task_types import OUTPUTS, RESPONSE, TASK_FIELDS, WORKFLOW_FIELDS
from conductor.validation.tree import Node, Tree, as_list, as_mapping, closest, definition_of, like
from conductor.workflow.expressions import Expression, expressions_in
from conductor.workflow.refs import Ref, root_of, text_of
from conductor.workflow.step import Step

__all__ = ["check_references"]


_SCANNED = ("inputParameters", "sink", "items", "subWorkflowParam", "cacheConfig", "dynamicForkTasksParam")
_SYSTEM = {"CPEWF_TASK_ID", "NETFLIX_ENV", "NETFLIX_STACK"}
_GIVEN = {"workflowId", "reason", "failureStatus", "failureTaskId", "failedWorkflow"}  # what a failure workflow gets
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
_BARE = re.compile(r"\[\s*([^\s\]'\"?*:\d(@-][^\]]*)\]")
_BRACKETS = re.compile(r"\[[^\]]*\]|\$\{.*\}")
_BLANK = re.compile(r"\s")
_PATH = r"(?P<path>(?:(?P<root>\w+)\.)?(?:input|output|variables)\.\w+(?:\.\w+|\[\d+\])*)"
_LIKE = re.compile(rf"(?P<before>\$\.?(?!\{{)|[#@]?\{{\{{?\s*)?{_PATH}(?:\s*\}}\}}?)?")
_BRACES = re.compile(r"\{\{\s*(?P<path>(?P<root>\w+)\.(?:input|output|variables)\.[\w.]+)\s*\}\}")
_FILTER = re.compile(r"\[\?\(.*?\)\]")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_ESCAPED = re.compile(r"\\.")
_OPEN = re.compile(r"\[\s*['\"]")
_TOKEN = re.compile(r"(.*)@\d+")


def check_references(tree: Tree) -> Iterator[Problem]:
    """All references of the steps, and those of the output."""
    for node in tree.nodes:
        foreign = list(_foreign(node.step.workflow, node.written()))
        for path, ref, other in foreign:
            yield node.problem("FOREIGN_REFERENCE", _of_another(ref, other), path, text=text_of(ref))
        for name in _SCANNED:
            value = node.wire.get(name)
            if name == "subWorkflowParam" and isinstance(value, Mapping):
                value = {key: item for key, item in value.items() if not isinstance(item, Mapping)}
            for path, found in expressions_in(value, name):
                if not _is_told(found, path, foreign, is_lifted=node.step.lifts is not None):
                    yield from _reference(tree, node, path, found)
        yield from _without_braces(tree, node)
        yield from _keys(node)
    foreign = list(_foreign(tree.workflow, tree.written()))
    for path, ref, other in foreign:
        yield tree.problem("FOREIGN_REFERENCE", _of_another(ref, other), path, text=text_of(ref))
    for path, found in expressions_in(tree.fields.get("outputParameters"), "outputParameters"):
        if not _is_told(found, path, foreign):
            yield from _output(tree, path, found)


def _keys(node: Node) -> Iterator[Problem]:
    """References in names of inputs, which the server leaves as they are."""
    for path in _key_paths(node.inputs, "inputParameters"):
        yield node.problem(
            "REFERENCE_AS_KEY", "A name has a ${...}: the server replaces them in values only.", path, is_error=False
        )


def _key_paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if "${" in str(key):
                yield f"{path}.{key}"
            yield from _key_paths(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _key_paths(item, f"{path}[{index}]")


def _foreign(own: Any, written: list[tuple[str, Ref, str]]) -> Iterator[tuple[str, Ref, Any]]:
    """References to the input or a step of another workflow, whose text may well mean something here."""
    for path, ref, _ in written:
        root = root_of(ref)
        other = root.workflow if isinstance(root, Step) else root
        if own is not None and other is not None and other is not own:
            yield path, ref, other


def _of_another(ref: Ref, other: Any) -> str:
    return f"{text_of(ref)} is of workflow {getattr(other, 'name', '?')!r}, and not of this one."


def _is_told(found: Expression, path: str, foreign: list[tuple[str, Ref, Any]], *, is_lifted: bool = False) -> bool:
    """Whether the reference at this path is a foreign one; a script's stand at the path of an input parameter."""
    return any(text_of(ref) == found.text and (is_lifted or at == path) for at, ref, _ in foreign)


def _without_braces(tree: Tree, node: Node) -> Iterator[Problem]:
    """Texts that look as if they were meant as references."""
    roots = ("workflow", *tree.by_ref)
    for path, text in _texts(node.inputs, "inputParameters"):
        match = _LIKE.fullmatch(text) or _BRACES.search(text)
        if match is None or not _is_meant(match, roots, node):
            continue
        meant = match["path"] if match["root"] else f"workflow.{match['path']}"
        yield node.problem(
            "NO_REFERENCE_BRACES",
            f"{match[0]!r} is text; as a reference it is written '${{{meant}}}'.",
            path,
            is_error=False,
        )


def _is_meant(match: re.Match[str], roots: Collection[str], node: Node) -> bool:
    """Whether a text names something that is there; what begins with $ may be a script, that reads its inputs."""
    if match["root"]:
        return match["root"] in roots and (match["root"] not in node.inputs or not match.groupdict().get("before"))
    return not match.groupdict().get("before")


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _texts(item, f"{path}[{index}]")


def _reference(tree: Tree, node: Node, path: str, found: Expression) -> Iterator[Problem]:
    if broken := _broken(found):
        yield node.problem("SYNTAX", broken, path)
    elif found.root == "workflow":
        for code, message in _of_workflow(tree, found):
            yield node.problem(code, message, path, text=found.text, is_error=False)
    elif found.root not in _SYSTEM and not _VARIABLE.fullmatch(found.body):
        source = _source(tree, found)
        if source is None:
            yield node.problem("UNKNOWN_REFERENCE", _unknown(tree, found), path, text=found.text)
            return
        yield from _in_time(node, source, path, found)
        yield from _known_output(node, source, path, found)


def _broken(found: Expression) -> str | None:
    if not found.is_closed:
        return f"The reference {found.text[:60]!r} has no closing brace."
    if not found.body.strip():
        return f"The reference {found.text!r} is empty."
    body = _FILTER.sub("[0]", found.body)
    if (bare := _BARE.search(body)) and "${" not in found.body:
        return f"{found.text}: a name in brackets needs quotes: ['{bare[1].strip()}']."
    if _BLANK.search(_BRACKETS.sub("", body)):
        return f"{found.text} is no path: the server computes nothing in ${{...}}. Use inline(...) or jq(...)."
    if found.body.endswith("."):
        return f"{found.text} ends with a dot."
    return f"{found.text} has a bracket or a quote that is not closed." if _is_open(body) else None


def _is_open(body: str) -> bool:
    plain = _QUOTED.sub("", _ESCAPED.sub("", body))
    return "${" not in body and bool(_OPEN.search(plain) or plain.count("[") > plain.count("]"))


def _source(tree: Tree, found: Expression) -> Node | None:
    return tree.by_ref.get(found.root) or tree.by_ref.get(re.sub(r"__\d+$", "", found.root))


def _unknown(tree: Tree, found: Expression) -> str:
    if match := _TOKEN.fullmatch(found.root):
        return f"{found.text} refers to a step {match[1]!r} that was never added to this workflow."
    if found.root == "$":
        return f"{found.text}: the server takes the ${{...}} of JavaScript's own for a reference; write + instead."
    known = [ref for ref in tree.by_ref if ref]
    return (
        f"{found.text} refers to {found.root!r}, and no step of this workflow has that name{closest(found.root, known)}"
    )


def _of_workflow(tree: Tree, found: Expression) -> Iterator[tuple[str, str]]:
    parts = found.parts
    if not parts:
        return
    if parts[0] not in WORKFLOW_FIELDS:
        yield (
            "UNKNOWN_FIELD",
            f"{found.text}: a workflow has no {parts[0]!r}{closest(parts[0], WORKFLOW_FIELDS)}",
        )
        return
    if len(parts) == 1:
        return
    declared = [name for name in as_list(tree.fields.get("inputParameters")) if isinstance(name, str)]
    template = as_mapping(tree.fields.get("inputTemplate"))
    known = {*declared, *template, *_GIVEN} if declared else None
    if parts[0] == "input" and known and parts[1] not in known and not parts[1].startswith("_"):
        message = f"{parts[1]!r} is none of the workflow's inputParameters{closest(parts[1], declared)}"
        yield "UNDECLARED_INPUT", f"{found.text}: {message}"
    if parts[0] == "variables" and parts[1] not in (known := _variables(tree)):
        yield "UNKNOWN_VARIABLE", f"{found.text}: no step sets the variable {parts[1]!r}{closest(parts[1], known)}"


def _variables(tree: Tree) -> set[str]:
    names = set(as_mapping(tree.fields.get("variables")))
    for node in tree.nodes:
        if node.type == "SET_VARIABLE":
            names.update(node.inputs)
    return names


_PARALLEL = (
    "{0} refers to {1!r}, a step of another branch of {2!r}: the branches run beside each other, and it may not have "
    "run. Join the branches first."
)
_OTHER_CASE = "{0} refers to {1!r}, a step of another case of {2!r}: only one of the cases runs."
_LATER = "{0} refers to {1!r}, which comes later: it has not run yet."
_MAYBE = "{0} refers to {1!r}, which runs only in some cases of {2!r}: otherwise this is null."
_UNJOINED = "{0} refers to {1!r}, a step of a branch of {2!r} that no JOIN waits for: it may not have run."


def _in_time(node: Node, source: Node, path: str, found: Expression) -> Iterator[Problem]:
    order, at = order_of(source, node)
    where = at.ref if at else ""
    messages = {
        Order.ITSELF: ("SELF_REFERENCE", "{0} refers to the step itself."),
        Order.LATER: ("LATER_REFERENCE", _LATER),
        Order.PARALLEL: ("PARALLEL_REFERENCE", _PARALLEL),
        Order.OTHER_CASE: ("OTHER_CASE", _OTHER_CASE),
        Order.MAYBE: ("MAY_NOT_HAVE_RUN", _MAYBE),
        Order.UNJOINED: ("NOT_JOINED", _UNJOINED),
    }
    if order in messages:
        code, message = messages[order]
        is_error = order not in {Order.MAYBE, Order.UNJOINED}
        text = message.format(found.text, source.ref, where)
        yield node.problem(code, text, path, text=found.text, is_error=is_error)


def _known_output(node: Node, source: Node, path: str, found: Expression) -> Iterator[Problem]:
    if message := _wrong_output(source, found):
        yield node.problem("UNKNOWN_OUTPUT", message, path, text=found.text)


def _wrong_output(source: Node, found: Expression) -> str | None:
    parts = found.parts
    if parts and parts[0] not in TASK_FIELDS:
        meant = like(parts[0], TASK_FIELDS) or f"output.{parts[0]}"
        return f"{found.text}: a task has no {parts[0]!r}; did you mean {meant!r}?"
    if len(parts) < 2 or parts[0] != "output":  # noqa: PLR2004
        return None
    name, known = parts[1], _outputs(source)
    if known is None or name in known or (source.type == "DO_WHILE" and name.isdigit()):
        return _wrong_response(source, found)
    if source.type == "SET_VARIABLE":
        hint = f"; read ${{workflow.variables.{name}}}."
    elif source.type == "HTTP" and name in RESPONSE:
        hint = f"; did you mean 'response.{name}'?"
    else:
        hint = closest(name, known)
    return f"{found.text}: the output of {source.label} has no {name!r}{hint}"


def _wrong_response(source: Node, found: Expression) -> str | None:
    parts = found.parts
    if source.type != "HTTP" or source.wire.get("asyncComplete") or len(parts) < 3 or parts[2] in RESPONSE:  # noqa: PLR2004
        return None
    return f"{found.text}: a response has no {parts[2]!r}{closest(parts[2], RESPONSE)}"


def _outputs(source: Node) -> tuple[str, ...] | None:
    """The names in a step's output; None when they are not known."""
    if source.wire.get("asyncComplete"):
        return None  # who completes it says
    if source.signature is not None:
        return source.signature.outputs
    if source.type == "SUB_WORKFLOW":
        param = source.wire.get("subWorkflowParam")
        target = source.step.target
        definition = param.get("workflowDefinition") if isinstance(param, Mapping) else None
        definition = definition_of(target) if target is not None and definition is None else definition
        outputs = definition.get("outputParameters") if isinstance(definition, Mapping) else None
        return (*outputs, "subWorkflowId") if isinstance(outputs, Mapping) and outputs else None
    return OUTPUTS.get(source.type)


def _output(tree: Tree, path: str, found: Expression) -> Iterator[Problem]:
    if broken := _broken(found):
        yield tree.problem("SYNTAX", broken, path)
    elif found.root == "workflow":
        for code, message in _of_workflow(tree, found):
            yield tree.problem(code, message, path, text=found.text, is_error=False)
    elif found.root not in _SYSTEM and not _VARIABLE.fullmatch(found.body):
        source = _source(tree, found)
        if source is None:
            yield tree.problem("UNKNOWN_REFERENCE", _unknown(tree, found), path, text=found.text)
        elif wrong := _wrong_output(source, found):
            yield tree.problem("UNKNOWN_OUTPUT", wrong, path, text=found.text)
