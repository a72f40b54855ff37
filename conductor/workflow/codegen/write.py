"""Write the Python code that builds a definition."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from keyword import iskeyword
from typing import Any

from conductor.validation.tree import Expression, expressions, expressions_in
from conductor.workflow.codegen.calls import BLOCKS, BUILDERS, Call, is_name, unbuild
from conductor.workflow.load import step_from
from conductor.workflow.refs import Ref, text_of
from conductor.workflow.step import Names

__all__ = ["Plain", "Source", "to_python"]

#: Characters of a line.
_WIDTH = 112
_PART = re.compile(r"\.([A-Za-z_]\w*)|\['([^'\\]+)'\]|\[(-?\d+)\]")
_WORKFLOW = ("input", "variables", "secrets", "env")


class Plain(str):
    """A string that is never an expression, such as a name."""

    __slots__ = ()


class _Name:
    def __init__(self, root: str) -> None:
        self.root = root


class Source:
    """Writes values as Python source.

    Args:
        workflow: The name of the workflow's variable; None to write references as strings.
    """

    def __init__(self, workflow: str | None = None) -> None:
        self.workflow = workflow
        self.variables: dict[str, str] = {}

    def value(self, value: Any, indent: int | None = 0, used: int = 0) -> str:
        """Return the source of a value.

        Args:
            value: The value.
            indent: Spaces before each line; None to write the value on one line.
            used: Characters before the value on its first line.
        """
        if isinstance(value, str):
            return _quoted(str(value)) if isinstance(value, Plain) else self.text(value)
        if isinstance(value, Mapping):
            return self._items([(f"{self.text(str(k))}: ", v) for k, v in value.items()], "{}", indent, used)
        if isinstance(value, list | tuple):
            braces = "[]" if isinstance(value, list) else "()"
            return self._items([("", item) for item in value], braces, indent, used)
        return repr(value)

    def call(self, name: str, args: list[Any], kwargs: Mapping[str, Any], indent: int, used: int = 0) -> str:
        """Return the source of a call."""
        items = [("", arg) for arg in args] + [(f"{key}=", value) for key, value in kwargs.items()]
        return f"{name}{self._items(items, '()', indent, used + len(name))}"

    def _items(self, items: list[tuple[str, Any]], braces: str, indent: int | None, used: int) -> str:
        flat = braces[0] + ", ".join(f"{head}{self.value(item, None)}" for head, item in items) + braces[1]
        if indent is None or indent + used + len(flat) <= _WIDTH:
            return flat
        inner = " " * (indent + 4)
        lines = [f"{inner}{head}{self.value(item, indent + 4, len(head))},\n" for head, item in items]
        return f"{braces[0]}\n{''.join(lines)}{' ' * indent}{braces[1]}"

    def text(self, text: str) -> str:
        """Return the source of a string: an expression for a reference, an f-string for text with references."""
        found = [one for one in expressions(text) if one.is_closed]
        if len(found) == 1 and found[0].text == text:
            return self._expression(found[0]) or _quoted(text)
        pieces, position, is_format = [], 0, False
        for one in found:
            if one.start < position:
                continue
            expression = self._expression(one)
            if expression is None or '"' in expression or "\\" in expression:
                continue
            pieces.append(_escaped(text[position : one.start]))
            pieces.append(f"{{{expression}}}")
            position, is_format = one.start + len(one.text), True
        if not is_format:
            return _quoted(text)
        return 'f"' + "".join([*pieces, _escaped(text[position:])]) + '"'

    def _expression(self, found: Expression) -> str | None:
        """Return the Python expression that reproduces a reference; None if there is none."""
        if found.root == "workflow" and self.workflow is not None:
            source = self.workflow if found.parts and found.parts[0] in _WORKFLOW else f"{self.workflow}.execution"
        elif found.root in self.variables:
            source = self.variables[found.root]
            if not found.parts or found.parts[0] not in {"output", "input"}:
                source += ".execution"
        else:
            return None
        ref = Ref(_Name(found.root), "", "-")
        position = 0
        while position < len(found.path):
            match = _PART.match(found.path, position)
            if match is None:
                return None
            name = match[1] or match[2]
            is_plain = match[1] and not match[1].startswith("_") and not iskeyword(match[1])
            source += f".{name}" if is_plain else f"[{name!r}]" if name else f"[{match[3]}]"
            ref = ref[name or int(match[3])]
            position = match.end()
        return source if text_of(ref) == found.text else None


def _quoted(text: str) -> str:
    shown = repr(text)
    return f'"{shown[1:-1]}"' if shown[0] == "'" and '"' not in shown else shown


def _escaped(text: str) -> str:
    """Escape a part of an f-string in double quotes."""
    plain = text.replace("\\", "\\\\").replace('"', '\\"').replace("{", "{{").replace("}", "}}")
    return re.sub(r"[\x00-\x1f\x7f]", lambda match: f"\\x{ord(match[0]):02x}", plain.replace("\n", "\\n"))


_HEADER = {
    "version": "version",
    "description": "description",
    "inputParameters": "input_parameters",
    "inputTemplate": "input_template",
    "timeoutSeconds": "timeout",
    "timeoutPolicy": "timeout_policy",
    "failureWorkflow": "failure_workflow",
    "failureWorkflowVersion": "failure_workflow_version",
    "restartable": "restartable",
    "workflowStatusListenerEnabled": "status_listener",
    "workflowStatusListenerSink": "status_listener_sink",
    "variables": "variables",
    "rateLimitConfig": "rate_limit",
    "maskedFields": "masked_fields",
    "inputSchema": "input_schema",
    "outputSchema": "output_schema",
    "enforceSchema": "enforce_schema",
    "cacheConfig": "cache",
    "ownerEmail": "owner_email",
    "ownerApp": "owner_app",
    "metadata": "metadata",
    "tags": "tags",
    "overwriteTags": "overwrite_tags",
    "schemaVersion": "schema_version",
}
_FIELDS = {keyword: key for key, keyword in _HEADER.items()}
#: Nested ``with`` statements; Python allows 20 nested blocks, and a step opens up to two.
_MAX_OPEN = 16
#: Spaces of indentation; Python allows 100 levels.
_MAX_INDENT = 360
#: Builders that are methods of the workflow.
_METHODS = {"switch", "fork", "do_while"}


def to_python(wire: Mapping[str, Any], make: Callable[..., Any], variable: str = "workflow") -> str:
    """Return the source of a module that builds a definition.

    Args:
        wire: The definition in its wire form.
        make: The class ``Workflow``.
        variable: The name of the workflow's variable.
    """
    return _Writer(wire, make, variable).module()


class _Writer:
    def __init__(self, wire: Mapping[str, Any], make: Callable[..., Any], variable: str) -> None:
        self.wire = wire
        self.make = make
        self.variable = variable
        self.source = Source(variable)
        self.names = Names()
        self.lines: list[str] = []
        self.open = 0  # the number of with statements around the next line
        self.used: set[str] = set()  # builders to import
        self.read = {found.root for _, found in expressions_in(wire)}
        self.taken = {variable, "Workflow"} | set(dir(builtins)) | set(BUILDERS)

    def module(self) -> str:
        self._header()
        self._block(self.wire.get("tasks") or [], 0)
        outputs = self.wire.get("outputParameters")
        if isinstance(outputs, Mapping) and outputs:
            kwargs = dict(outputs) if all(is_name(key) for key in outputs) else {}
            args = [] if kwargs else [outputs]
            self.lines.append(self.source.call(f"{self.variable}.returns", args, kwargs, 0))
        imports = ["from conductor import Workflow"]
        if self.used:
            flat = f"from conductor.workflow import {', '.join(sorted(self.used))}"
            listing = "".join(f"    {name},\n" for name in sorted(self.used))
            imports.append(flat if len(flat) <= 112 else f"from conductor.workflow import (\n{listing})")
        return "\n".join([*imports, "", *self.lines, ""])

    def _header(self) -> None:
        wire = {key: value for key, value in self.wire.items() if key not in {"name", "tasks"}}
        if isinstance(outputs := wire.get("outputParameters"), Mapping) and outputs:
            del wire["outputParameters"]  # written after the steps that they refer to
        kwargs = {_HEADER[key]: value for key, value in wire.items() if key in _HEADER}
        if "timeoutPolicy" not in wire:
            kwargs.pop("timeout", None)  # the builder would add the policy
        made = self._made(kwargs)
        fields = {key: value for key, value in wire.items() if key not in made or made[key] != value}
        kwargs = {keyword: value for keyword, value in kwargs.items() if _FIELDS[keyword] not in fields}
        args: list[Any] = [self.wire.get("name")]
        version = kwargs.pop("version", None)
        if version != 1:
            args.append(version)
        if fields:
            kwargs["fields"] = fields
        self.lines.append(f"{self.variable} = {Source().call('Workflow', args, kwargs, 0, len(self.variable) + 3)}")

    def _made(self, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that a workflow creates from these arguments; empty if they are invalid."""
        try:
            fields: dict[str, Any] = self.make(self.wire.get("name"), **{"version": None, **kwargs}).to_dict()
        except (TypeError, AttributeError):
            return {}
        return fields

    def _block(self, tasks: Sequence[Mapping[str, Any]], indent: int) -> None:
        index = 0
        while index < len(tasks):
            following = tasks[index + 1] if index + 1 < len(tasks) else None
            index += 2 if self._step(tasks[index], following, indent) else 1

    def _step(self, wire: Mapping[str, Any], following: Mapping[str, Any] | None, indent: int) -> bool:
        """Write one step; returns whether this includes the next one (the JOIN of a fork)."""
        call = unbuild(wire) if indent < _MAX_INDENT else Call("raw", [dict(wire)], is_whole=True)
        self.used.add(call.name)
        joined = call.name in {"fork", "dynamic_fork"} and _is_own_join(wire, following)
        if call.name in {"fork", "dynamic_fork"} and not joined:
            call.kwargs["join"] = False
        self._name(call, wire)
        if joined and following is not None:
            join = str(following["taskReferenceName"])
            self.names.use(join)
            if join in self.read:
                self.read.add(str(wire["taskReferenceName"]))  # the JOIN is written as an attribute of the fork
        own_join = following if joined else None
        if call.is_whole or str(wire.get("type")) not in BLOCKS:
            self._plain(call, wire, indent)
            self._join(wire, own_join, indent)
        elif self.open < _MAX_OPEN:
            self._opened(call, wire, indent)
            self._join(wire, own_join, indent)
        else:
            self._in_function(call, wire, own_join, indent)
        return joined

    def _name(self, call: Call, wire: Mapping[str, Any]) -> None:
        """Add the reference name to a call, unless the builder makes the same name."""
        ref = wire.get("taskReferenceName")
        if call.name == "simple":
            call.args[0] = _plain(call.args[0])
        elif "name" in call.kwargs:
            call.kwargs["name"] = _plain(call.kwargs["name"])
        if call.name == "raw":
            for inner in _refs_in(wire):
                self.names.use(inner)
            return
        base = _base(call)
        if base is None or self.names.peek(base) != ref:
            call.kwargs["ref"] = _plain(ref)
        self.names.use(str(ref))

    def _plain(self, call: Call, wire: Mapping[str, Any], indent: int) -> None:
        """Write a step without blocks, with a variable if other steps refer to it."""
        ref = str(wire.get("taskReferenceName"))
        if ref not in self.read:
            head = f"{self.variable} >> "
            self._line(indent, head + self.source.call(call.name, call.args, call.kwargs, indent, len(head)))
            return
        variable = self._new_variable(ref)
        head = f"{variable} = {self.variable}.add("
        self._line(indent, head + self.source.call(call.name, call.args, call.kwargs, indent, len(head) + 1) + ")")
        self.source.variables[ref] = variable

    def _join(self, wire: Mapping[str, Any], following: Mapping[str, Any] | None, indent: int) -> None:
        """Write a variable for the JOIN of a fork, if other steps refer to it."""
        if following is not None and (ref := str(following["taskReferenceName"])) in self.read:
            fork = self.source.variables[str(wire["taskReferenceName"])]
            self.source.variables[ref] = variable = self._new_variable(ref)
            self._line(indent, f"{variable} = {fork}.join")

    def _in_function(
        self, call: Call, wire: Mapping[str, Any], following: Mapping[str, Any] | None, indent: int
    ) -> None:
        """Write a step with blocks in a function, because Python allows 20 nested blocks."""
        function = self._new_variable(f"add_{wire['taskReferenceName']}")
        self._line(indent, f"def {function}() -> None:")
        around, variables = self.open, dict(self.source.variables)
        self.open = 0
        self._opened(call, wire, indent + 4)
        self._join(wire, following, indent + 4)
        self.open, self.source.variables = around, variables  # variables of the function do not exist outside
        self._line(indent, f"{function}()")

    def _opened(self, call: Call, wire: Mapping[str, Any], indent: int) -> None:
        ref = str(wire["taskReferenceName"])
        variable = self._new_variable(ref)
        head = f"{self.variable}.add(" if call.name not in _METHODS else f"{self.variable}."
        end = ")" if call.name not in _METHODS else ""
        if call.name in _METHODS:
            self.used.discard(call.name)
        made = self.source.call(call.name, call.args, call.kwargs, indent, len(head) + 10 + len(variable))
        self._line(indent, f"with {head}{made}{end} as {variable}:")
        self.source.variables[ref] = variable
        if wire["type"] == "DO_WHILE":
            self._body(wire["loopOver"], indent + 4, 1)
            return
        blocks = list(_blocks(wire))
        for statement, tasks in blocks:
            if tasks:
                self._line(indent + 4, f"with {variable}.{statement}:")
                self._body(tasks, indent + 8, 2)
            else:
                self._line(indent + 4, f"{variable}.{statement}")
        if not blocks:
            self._line(indent + 4, "pass")

    def _body(self, tasks: Sequence[Mapping[str, Any]], indent: int, opened: int) -> None:
        if not tasks:
            self._line(indent, "pass")
        self.open += opened
        self._block(tasks, indent)
        self.open -= opened

    def _line(self, indent: int, text: str) -> None:
        self.lines.append(" " * indent + text)

    def _new_variable(self, ref: str) -> str:
        base = re.sub(r"\W", "_", ref) or "step"
        base = f"_{base}" if base[0].isdigit() else base
        name, number = base, 2
        while name in self.taken or keyword.iskeyword(name):
            name, number = (f"{base}_step", number) if name == base else (f"{base}_{number}", number + 1)
        self.taken.add(name)
        return name


def _plain(value: Any) -> Any:
    return Plain(value) if isinstance(value, str) else value


def _blocks(wire: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    if wire["type"] == "FORK_JOIN":
        for branch in wire["forkTasks"]:
            yield "branch()", branch
        return
    for key, case in wire["decisionCases"].items():
        yield f"case({Source().text(key)})", case
    if "defaultCase" in wire:
        yield "default()", wire["defaultCase"]


def _is_own_join(wire: Mapping[str, Any], following: Mapping[str, Any] | None) -> bool:
    """Return whether the task after a fork is the JOIN that the builder adds."""
    if following is None:
        return False
    name = f"{wire['taskReferenceName']}_join"
    ends = [branch[-1].get("taskReferenceName") for branch in wire.get("forkTasks") or [] if branch]
    return dict(following) == {"name": name, "taskReferenceName": name, "type": "JOIN", "joinOn": ends}


def _base(call: Call) -> str | None:
    """Return the name from which the builder makes the reference name."""
    first = str(call.args[0]) if call.args else ""
    if call.name == "simple" or (call.name == "sub_workflow" and "${" not in first):
        return first
    if call.name == "start_workflow" and "${" not in first:
        return f"start_{first}"
    return _BASES.get(call.name, call.name)


_BASES = {
    "do_while": "loop",
    "lambda_": "lambda",
    "yield_": "yield",
    "pull_workflow_messages": "messages",
    "opsgenie": "ops_genie",
    "conductor_agent": "agent",
}


def _refs_in(wire: Mapping[str, Any]) -> Iterator[str]:
    """Yield the reference names of a task and of the tasks in its blocks."""
    for step in step_from(wire).walk():
        if step.ref is not None:
            yield step.ref
