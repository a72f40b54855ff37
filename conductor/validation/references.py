"""Checks of ``${...}``: whether the task of a reference exists, and has run before it is read.

The same analysis of the order of tasks finds forks that are not joined, endless loops, and unreachable tasks.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from enum import Enum
from itertools import pairwise
from typing import Any

from conductor._internal.suggestions import suggest
from conductor.validation.tasks import ORKES_OUTPUTS, OUTPUTS, RESPONSE, TASK_FIELDS, WORKFLOW_FIELDS
from conductor.validation.tree import (
    Expression,
    Node,
    Problem,
    Reference,
    Tree,
    as_mapping,
    closest,
    declared_inputs,
    expressions_in,
    listed,
)

__all__ = ["Order", "check_flow", "check_references", "order_of"]


class Order(Enum):
    """Whether a task has run when another task reads its output."""

    BEFORE = "it has run"
    AROUND = "it contains the reader"
    ITSELF = "it is the reader"
    LATER = "it runs later"
    PARALLEL = "it runs in a parallel branch"
    OTHER_CASE = "it is in another case of the same switch"
    MAYBE = "it runs only in some cases"
    UNJOINED = "no JOIN waits for it"


def order_of(source: Node, reader: Node) -> tuple[Order, Node | None]:
    """Return whether ``source`` has run when ``reader`` runs, and the fork or switch that decides it.

    In a loop, a task can read the output of a later task of the body: that of the previous iteration.
    """
    sources, readers = _line(source), _line(reader)
    depth = 0
    while depth < min(len(sources), len(readers)) and sources[depth] is readers[depth]:
        depth += 1
    in_loop = any(node.type == "DO_WHILE" for node in sources[:depth])
    if source is reader:
        return (Order.BEFORE if in_loop else Order.ITSELF), None
    if depth == len(sources):
        return Order.AROUND, None
    if depth < len(readers) and sources[depth].block == readers[depth].block:
        if sources[depth].index < readers[depth].index:
            return _certain(sources[depth:], readers[depth])
    elif depth < len(readers) and not in_loop:
        holder = sources[depth - 1]
        return (Order.PARALLEL if holder.type == "FORK_JOIN" else Order.OTHER_CASE), holder
    return (Order.BEFORE if in_loop else Order.LATER), None


def _line(node: Node) -> list[Node]:
    """Return the tasks that contain a task, outermost first, and the task itself."""
    return [*reversed(list(node.above())), node]


def _certain(sources: list[Node], reader: Node) -> tuple[Order, Node | None]:
    """Return whether the last of ``sources`` has certainly run when the first of them has ended."""
    pairs = list(pairwise(sources))
    for holder, inner in pairs:
        if holder.type in {"SWITCH", "DECISION"} and not _others_end(holder, inner.block):
            return Order.MAYBE, holder
    for holder, inner in pairs:
        if holder.type == "FORK_JOIN" and not _is_joined_before(holder, inner, reader):
            return Order.UNJOINED, holder
    return Order.BEFORE, None


def _others_end(switch: Node, block: str) -> bool:
    """Return whether every other case ends the workflow, so that tasks after the switch run only after this case."""
    others = {name: nodes for name, nodes in switch.blocks.items() if name != block}
    has_default = block == "defaultCase" or bool(switch.blocks.get("defaultCase"))
    return has_default and all(any(node.ends for node in nodes) for nodes in others.values())


def _is_joined_before(fork: Node, inner: Node, reader: Node) -> bool:
    """Return whether a JOIN before the reader waits for the task, or for a later task in its branch."""
    for node in fork.siblings[fork.index + 1 :]:
        if node.siblings is reader.siblings and node.index >= reader.index:
            return False
        if node.type == "JOIN":
            waited = node.wire.get("joinOn")
            names = set(waited) if isinstance(waited, list) else set()
            return bool(node.wire.get("expression")) or any(
                later.ref in names for later in inner.siblings[inner.index :]
            )
    return False


def check_flow(tree: Tree) -> Iterator[Problem]:
    """Check the order of all tasks."""
    for node in tree.nodes:
        yield from _unreachable(node)
        yield from _empty_blocks(node)
        if node.type in {"FORK_JOIN", "FORK_JOIN_DYNAMIC"}:
            yield from _fork(node)
        if node.type == "FORK_JOIN_DYNAMIC":
            yield from _dynamic_fork(node)
        if node.type in {"JOIN", "EXCLUSIVE_JOIN"}:
            yield from _join(tree, node)
        if node.type == "DO_WHILE":
            yield from _loop(node)


def _unreachable(node: Node) -> Iterator[Problem]:
    before = node.siblings[node.index - 1] if node.index else None
    if before is not None and before.ends:
        yield node.problem(
            "UNREACHABLE",
            f"{node.label} is never reached: {before.label} before it always ends the workflow.",
        )


def _empty_blocks(node: Node) -> Iterator[Problem]:
    for name, block in node.blocks.items():
        if not block and node.type == "FORK_JOIN" and name.startswith("forkTasks"):
            yield node.problem(
                "EMPTY_BRANCH",
                f"A branch of {node.label} has no tasks, which the server does not accept. Remove it.",
                name,
            )
        if not block and node.type == "SWITCH" and name.startswith("decisionCases.") and node.blocks.get("defaultCase"):
            case = name.partition(".")[2]
            yield node.problem(
                "EMPTY_CASE",
                f"The case {case!r} of {node.label} has no tasks: nothing runs for it, not even the default case.",
                name,
                is_error=False,
            )


def _fork(node: Node) -> Iterator[Problem]:
    if node.next is None or node.next.type != "JOIN":
        after = node.next.label if node.next else "nothing"
        yield node.problem(
            "NO_JOIN", f"{node.label} is followed by {after}; the server requires a JOIN. Add join(...) after it."
        )


#: The two fields that name the inputs of a dynamic fork: the list of tasks, and their inputs.
_PARAMS = ("dynamicForkTasksParam", "dynamicForkTasksInputParamName")
#: The field that old definitions use instead of the two.
_OLD_PARAM = "dynamicForkJoinTasksParam"


def _dynamic_fork(node: Node) -> Iterator[Problem]:
    if node.inputs.get("forkTaskInputs") is not None:
        if not {"forkTaskName", "forkTaskType", "forkTaskWorkflow"} & node.inputs.keys():
            yield node.problem(
                "DYNAMIC_FORK",
                f"{node.label} has inputs, but no task to run with them: pass task=, task_type= or workflow=.",
                "inputParameters",
            )
        if isinstance(version := node.inputs.get("forkTaskWorkflowVersion"), int):
            yield node.problem(
                "DYNAMIC_FORK",
                f"forkTaskWorkflowVersion of {node.label} is the number {version}; the server accepts only a string.",
                "inputParameters.forkTaskWorkflowVersion",
            )
        return
    given = [name for name in (*_PARAMS, _OLD_PARAM) if node.wire.get(name)]
    if not given:
        yield node.problem(
            "DYNAMIC_FORK",
            f"{node.label} does not define what to run: pass tasks and their inputs, or each= with a task, a task type "
            "or a workflow.",
        )
    elif _OLD_PARAM in given and len(given) > 1:
        yield node.problem(
            "DYNAMIC_FORK", f"{node.label} has {listed(given)}; {_OLD_PARAM} cannot be combined with the others."
        )
    elif missing := [name for name in _PARAMS if name not in given and _OLD_PARAM not in given]:
        yield node.problem("DYNAMIC_FORK", f"{node.label} has {given[0]}, but no {missing[0]}.", missing[0])
    for name in given:
        param = node.wire[name]
        if isinstance(param, str) and node.inputs.get(param) is None:
            yield node.problem(
                "DYNAMIC_FORK",
                f"{name} of {node.label} names the input parameter {param!r}, which is "
                f"missing{closest(param, node.inputs)}",
                name,
            )


def _join(tree: Tree, node: Node) -> Iterator[Problem]:
    names = node.wire.get("joinOn")
    names = names if isinstance(names, list) else []
    before = node.siblings[node.index - 1] if node.index else None
    is_dynamic = before is not None and before.type == "FORK_JOIN_DYNAMIC"
    if not names and not is_dynamic and not node.wire.get("expression"):
        yield node.problem(
            "JOINS_NOTHING", f"{node.label} does not wait for any task. Set joinOn.", "joinOn", is_error=False
        )
    if is_dynamic:
        return  # the server replaces joinOn by the tasks of the fork
    for name in names:
        yield from _joined(tree, node, name)


def _joined(tree: Tree, node: Node, name: Any) -> Iterator[Problem]:
    source = tree.by_ref.get(name) if isinstance(name, str) else None
    if source is None:
        known = [ref for ref in tree.by_ref if ref]
        yield node.problem(
            "UNKNOWN_JOIN",
            f"{node.label} waits for {name!r}, but no task has that name{closest(str(name), known)}",
            "joinOn",
            is_error=tree.dynamic_fork is None,
        )
        return
    order, at = order_of(source, node)
    if order in {Order.LATER, Order.ITSELF, Order.AROUND, Order.PARALLEL, Order.OTHER_CASE}:
        yield node.problem(
            "JOIN_NEVER_ENDS",
            f"{node.label} waits for {name!r}, which does not run before it: it never completes.",
            "joinOn",
        )
    elif order is Order.MAYBE and node.type == "JOIN" and at is not None:
        yield node.problem(
            "JOIN_NEVER_ENDS",
            f"{node.label} waits for {name!r}, which runs only in some cases of {at.ref!r}: in the others it never "
            "completes. "
            "End the branch with a task that always runs, such as noop(), and wait for that.",
            "joinOn",
        )
    elif source.type in {"SWITCH", "DECISION"} and node.type == "JOIN" and any(source.blocks.values()):
        yield node.problem(
            "JOIN_ON_SWITCH",
            f"{node.label} waits for the switch {name!r}, but not for the tasks of its cases. End the branch with a "
            "task that always runs, such as noop().",
            "joinOn",
            is_error=False,
        )


def _loop(node: Node) -> Iterator[Problem]:
    if any(above.type == "DO_WHILE" for above in node.above()):
        yield node.problem(
            "NESTED_LOOP",
            f"{node.label} is a loop inside a loop, which the open-source server does not support: put the inner one "
            "into a sub-workflow.",
            is_error=False,
        )


#: Fields of a task in which the server replaces references.
_SCANNED = ("inputParameters", "sink", "items", "subWorkflowParam", "cacheConfig", "dynamicForkTasksParam")
#: Variables of the server itself, such as ``${CPEWF_TASK_ID}``.
_SYSTEM = {"CPEWF_TASK_ID", "NETFLIX_ENV", "NETFLIX_STACK"}
#: Inputs that the server passes to a failure workflow.
_GIVEN = {"workflowId", "reason", "failureStatus", "failureTaskId", "failedWorkflow"}
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
    """Check all references of the tasks, and those of the output parameters."""
    for node in tree.nodes:
        foreign = [one for one in node.source.references if one.foreign is not None]
        for one in foreign:
            yield node.problem("FOREIGN_REFERENCE", _of_another(one), one.path, text=one.text)
        for name in _SCANNED:
            value = node.wire.get(name)
            if name == "subWorkflowParam" and isinstance(value, Mapping):
                value = {key: item for key, item in value.items() if not isinstance(item, Mapping)}
            for path, found in expressions_in(value, name):
                if not _is_reported(found, path, foreign, is_lifted=node.source.lifts_script):
                    yield from _reference(tree, node, path, found)
        yield from _without_braces(tree, node)
        yield from _keys(node)
    foreign = [one for one in tree.definition.references if one.foreign is not None]
    for one in foreign:
        yield tree.problem("FOREIGN_REFERENCE", _of_another(one), one.path, text=one.text)
    for path, found in expressions_in(tree.fields.get("outputParameters"), "outputParameters"):
        if not _is_reported(found, path, foreign):
            yield from _output(tree, path, found)


def _keys(node: Node) -> Iterator[Problem]:
    """Warn of references in names of inputs, which the server does not replace."""
    for path in _key_paths(node.inputs, "inputParameters"):
        yield node.problem(
            "REFERENCE_AS_KEY", "The server replaces ${...} only in values, not in names.", path, is_error=False
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


def _of_another(one: Reference) -> str:
    return f"{one.text} belongs to the workflow {one.foreign!r}, not to this one."


def _is_reported(found: Expression, path: str, foreign: Collection[Reference], *, is_lifted: bool = False) -> bool:
    """Return whether a foreign reference is reported separately; in a script, its path is that of an input."""
    return any(one.text == found.text and (is_lifted or one.path == path) for one in foreign)


def _without_braces(tree: Tree, node: Node) -> Iterator[Problem]:
    """Warn of strings that look like references without braces."""
    roots = ("workflow", *tree.by_ref)
    for path, text in _strings(node.inputs, "inputParameters"):
        match = _LIKE.fullmatch(text) or _BRACES.search(text)
        if match is None or not _is_meant(match, roots, node):
            continue
        meant = match["path"] if match["root"] else f"workflow.{match['path']}"
        yield node.problem(
            "NO_REFERENCE_BRACES",
            f"{match[0]!r} is a plain string; write a reference as '${{{meant}}}'.",
            path,
            is_error=False,
        )


def _is_meant(match: re.Match[str], roots: Collection[str], node: Node) -> bool:
    """Return whether the string refers to a task; a string that begins with $ can be a script that reads its inputs."""
    if match["root"]:
        return match["root"] in roots and (match["root"] not in node.inputs or not match.groupdict().get("before"))
    return not match.groupdict().get("before")


def _strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _strings(item, f"{path}.{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strings(item, f"{path}[{index}]")


def _reference(tree: Tree, node: Node, path: str, found: Expression) -> Iterator[Problem]:
    if broken := _broken(found):
        yield node.problem("SYNTAX", broken, path)
    elif found.root == "workflow":
        for code, message in _of_workflow(tree, found):
            yield node.problem(code, message, path, text=found.text, is_error=False)
    elif found.root not in _SYSTEM and not _VARIABLE.fullmatch(found.body):
        source = _source(tree, found)
        if source is None:
            if not (path.startswith("cacheConfig") and found.root in node.inputs):
                is_error = _is_error(tree, found) and not path.startswith("cacheConfig")
                yield node.problem("UNKNOWN_REFERENCE", _unknown(tree, found), path, text=found.text, is_error=is_error)
            return
        yield from _in_time(node, source, path, found)
        yield from _known_output(node, source, path, found)


def _is_error(tree: Tree, found: Expression) -> bool:
    """Return whether an unknown root is certainly wrong: a dynamic fork creates tasks, and Orkes has further roots."""
    return not (found.root.startswith("_") or (tree.dynamic_fork is not None and found.root != "$"))


def _broken(found: Expression) -> str | None:
    if not found.is_closed:
        return f"The reference {found.text[:60]!r} has no closing brace."
    if not found.body.strip():
        return f"The reference {found.text!r} is empty."
    body = _FILTER.sub("[0]", found.body)
    if (bare := _BARE.search(body)) and "${" not in found.body:
        return f"{found.text}: quote the name in brackets: ['{bare[1].strip()}']."
    if _BLANK.search(_BRACKETS.sub("", body)):
        return f"{found.text} is not a path: the server evaluates no expressions. Use inline(...) or jq(...)."
    if found.body.endswith("."):
        return f"{found.text} ends with a dot."
    return f"{found.text} has an unclosed bracket or quote." if _is_open(body) else None


def _is_open(body: str) -> bool:
    plain = _QUOTED.sub("", _ESCAPED.sub("", body))
    return "${" not in body and bool(_OPEN.search(plain) or plain.count("[") > plain.count("]"))


def _source(tree: Tree, found: Expression) -> Node | None:
    return tree.by_ref.get(found.root) or tree.by_ref.get(re.sub(r"__\d+$", "", found.root))


def _unknown(tree: Tree, found: Expression) -> str:
    if match := _TOKEN.fullmatch(found.root):
        return f"{found.text} refers to the step {match[1]!r}, which was never added to this workflow."
    if found.root == "$":
        return f"{found.text}: the server treats the ${{...}} of JavaScript templates as a reference; use + instead."
    if found.root.startswith("_"):
        return f"{found.text}: the open-source server does not know {found.root!r}; only Orkes may support it."
    known = [ref for ref in tree.by_ref if ref]
    message = f"{found.text} refers to {found.root!r}, but no task of this workflow has that name"
    if (fork := tree.dynamic_fork) is not None:
        return f"{message}, unless {fork.label} creates it{closest(found.root, known)}"
    return f"{message}{closest(found.root, known)}"


def _of_workflow(tree: Tree, found: Expression) -> Iterator[tuple[str, str]]:
    parts = found.parts
    if not parts:
        return
    if parts[0] not in WORKFLOW_FIELDS:
        yield (
            "UNKNOWN_FIELD",
            f"{found.text}: a workflow has no field {parts[0]!r}{closest(parts[0], WORKFLOW_FIELDS)}",
        )
        return
    if len(parts) == 1:
        return
    declared = declared_inputs(tree.fields) or []
    template = as_mapping(tree.fields.get("inputTemplate"))
    known = {*declared, *template, *_GIVEN} if declared else None
    if parts[0] == "input" and known and parts[1] not in known and not parts[1].startswith("_"):
        message = f"{parts[1]!r} is not in the workflow's inputParameters{closest(parts[1], declared)}"
        yield "UNDECLARED_INPUT", f"{found.text}: {message}"
    if parts[0] == "variables" and parts[1] not in (known := _variables(tree)):
        yield "UNKNOWN_VARIABLE", f"{found.text}: no task sets the variable {parts[1]!r}{closest(parts[1], known)}"


def _variables(tree: Tree) -> set[str]:
    names = set(as_mapping(tree.fields.get("variables")))
    for node in tree.nodes:
        if node.type == "SET_VARIABLE":
            names.update(node.inputs)
    return names


_PARALLEL = (
    "{0} refers to {1!r}, a task of another branch of {2!r}: the branches run in parallel, and it may not have run "
    "yet. "
    "Join the branches first."
)
_OTHER_CASE = "{0} refers to {1!r}, a task of another case of {2!r}: only one of the cases runs."
_LATER = "{0} refers to {1!r}, which runs later: it has no output yet."
_MAYBE = "{0} refers to {1!r}, which runs only in some cases of {2!r}: in the others this is null."
_UNJOINED = "{0} refers to {1!r}, a task of a branch of {2!r} that no JOIN waits for: it may not have run yet."


def _in_time(node: Node, source: Node, path: str, found: Expression) -> Iterator[Problem]:
    order, at = order_of(source, node)
    where = at.ref if at else ""
    messages = {
        Order.ITSELF: ("SELF_REFERENCE", "{0} refers to the task itself."),
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
    if wrong := _wrong_output(source, found):
        message, is_error = wrong
        yield node.problem("UNKNOWN_OUTPUT", message, path, text=found.text, is_error=is_error)


def _wrong_output(source: Node, found: Expression) -> tuple[str, bool] | None:
    """Return the message about an unknown output and whether it is an error, or None."""
    root, name, *_ = [*found.parts, "", ""]
    if root and root not in TASK_FIELDS:
        meant = suggest(root, TASK_FIELDS) or f"output.{root}"
        return f"{found.text}: a task has no field {root!r}; did you mean {meant!r}?", True
    if not name or root != "output":
        return None
    known = _outputs(source)
    if known is None or name in known or (source.type == "DO_WHILE" and name.isdigit()):
        wrong = _wrong_response(source, found)
        return (wrong, True) if wrong else None
    if source.signature is None and (name.startswith("_") or name in ORKES_OUTPUTS.get(source.type, ())):
        return f"{found.text}: only Orkes has {name!r} in the output of {source.label}.", False
    if source.type == "SET_VARIABLE":
        hint = f"; use ${{workflow.variables.{name}}}."
    elif source.type == "HTTP" and name in RESPONSE:
        hint = f"; did you mean 'response.{name}'?"
    else:
        hint = closest(name, known)
    return f"{found.text}: the output of {source.label} has no {name!r}{hint}", True


def _wrong_response(source: Node, found: Expression) -> str | None:
    name = next(iter(found.parts[2:]), None)
    if source.type != "HTTP" or source.wire.get("asyncComplete") or name is None or name in RESPONSE:
        return None
    return f"{found.text}: a response has no {name!r}{closest(name, RESPONSE)}"


def _outputs(source: Node) -> Collection[str] | None:
    """Return the names in a task's output; None if they are unknown."""
    if source.wire.get("asyncComplete"):
        return None  # the caller that completes the task chooses the output
    if source.signature is not None:
        return source.signature.outputs
    if source.type == "SUB_WORKFLOW":
        param = source.wire.get("subWorkflowParam")
        definition = param.get("workflowDefinition") if isinstance(param, Mapping) else None
        if definition is None and source.source.callee is not None:
            definition = source.source.callee.wire
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
            is_error = _is_error(tree, found)
            yield tree.problem("UNKNOWN_REFERENCE", _unknown(tree, found), path, text=found.text, is_error=is_error)
        elif wrong := _wrong_output(source, found):
            message, is_error = wrong
            yield tree.problem("UNKNOWN_OUTPUT", message, path, text=found.text, is_error=is_error)
