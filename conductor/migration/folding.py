"""Move what a program sets on an object after its creation into the call that creates it.

In conductor-python, setters fill steps, workflows and models; in this SDK, the call has all arguments. The
result is still a program of conductor-python, with pseudo parameters such as ``_inputs``; see ``calls``.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any

import libcst as cst
from attrs import Factory, define

from conductor.migration.calls import LATER, MODEL_NAMES, REQUIRED
from conductor.migration.kinds import STEP, STEP_KINDS, Kinds, dotted_name, is_worker_call
from conductor.migration.signatures import keyword, laid_out

__all__ = ["Folder"]

_OPTIONS = frozenset({"optional", "description", "name"})


@define
class _Setting:
    """One statement that sets something on the object."""

    slot: str
    value: cst.BaseExpression
    key: cst.BaseExpression | None = None


@define
class _Found:
    index: int
    settings: list[_Setting] = Factory(list)


class Folder(cst.CSTTransformer):
    """Fold setters into constructors, block by block.

    Args:
        kinds: The kinds of objects that the names of the program refer to.
        lines: The lines of nodes; those of the folded program are added.
    """

    def __init__(self, kinds: Kinds, lines: MutableMapping[cst.CSTNode, int]) -> None:
        super().__init__()
        self._kinds = kinds
        self._lines = lines

    def on_leave(self, original_node: cst.CSTNodeT, updated_node: cst.CSTNodeT) -> Any:
        """Keep the line of a node."""
        left = super().on_leave(original_node, updated_node)
        if original_node in self._lines and isinstance(left, cst.CSTNode):
            self._lines[left] = self._lines[original_node]
        return left

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        return updated_node.with_changes(body=self._fold(updated_node.body))

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> cst.BaseSuite:
        return updated_node.with_changes(body=self._fold(updated_node.body))

    def _fold(self, body: Sequence[cst.BaseStatement]) -> list[cst.BaseStatement]:
        statements = list(body)
        index = 0
        while index < len(statements):
            statement = statements[index]
            created = _created(statement)
            if created is not None:
                statements = self._fold_one(statements, index, *created)
            is_moved = created is not None and not _creates(statements[index], created[0])
            index += 0 if is_moved else 1
        return statements

    def _fold_one(
        self, statements: list[cst.BaseStatement], index: int, name: str, call: cst.Call
    ) -> list[cst.BaseStatement]:
        kind = self._kind(call)
        if kind is None:
            return statements
        found, mentions = self._collect(statements, index, name, kind)
        if not found:
            return statements
        last = found[-1].index
        bound = _bound(statements[index + 1 : last])
        own = [setting for one in found for setting in one.settings]
        used = {word for setting in own for word in _words(setting.value) | _words(setting.key)}
        is_early = not used & (bound | {name})
        if not is_early and (name in used or any(index < one < last for one in mentions) or _words(call) & bound):
            return statements
        line = statements[index]
        filled = _replace_call(line, _filled(call, own))
        gone = {one.index for one in found}
        place = index if is_early else last
        result = []
        for position, statement in enumerate(statements):
            if position == place:
                leading = getattr(line if is_early else statements[last], "leading_lines", ())
                result.append(filled.with_changes(leading_lines=leading) if not is_early else filled)
            elif position not in gone and position != index:
                result.append(statement)
            elif position != index and _comments(statement) and position + 1 < len(statements):
                statements[position + 1] = _with_comments(statements[position + 1], statement)
        return result

    def _kind(self, call: cst.Call) -> str | None:
        old = self._kinds.imports_old(dotted_name(call.func))
        if old in STEP_KINDS or old == "ConductorWorkflow":
            return old
        if is_worker_call(call):
            return STEP
        model = MODEL_NAMES.get(old, old)
        return model if model in REQUIRED else None

    def _collect(
        self, statements: list[cst.BaseStatement], index: int, name: str, kind: str
    ) -> tuple[list[_Found], list[int]]:
        found: list[_Found] = []
        mentions: list[int] = []
        for position in range(index + 1, len(statements)):
            statement = statements[position]
            settings = _settings(statement, name, kind)
            if settings is not None:
                found.append(_Found(position, settings))
                continue
            if name in _bound([statement]):
                break
            if name in _words(statement):
                mentions.append(position)
        return found, mentions


def _created(statement: cst.CSTNode) -> tuple[str, cst.Call] | None:
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return None
    only = statement.body[0]
    if isinstance(only, cst.Assign) and len(only.targets) == 1 and isinstance(only.value, cst.Call):
        name = dotted_name(only.targets[0].target)
        return (name, only.value) if name and "." not in name else None
    return None


def _creates(statement: cst.CSTNode, name: str) -> bool:
    created = _created(statement)
    return created is not None and created[0] == name


def _settings(statement: cst.CSTNode, name: str, kind: str) -> list[_Setting] | None:
    """Return what a statement sets on the object; None if it does something else."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return None
    only = statement.body[0]
    if isinstance(only, cst.Assign) and len(only.targets) == 1:
        return _from_assignment(only.targets[0].target, only.value, name, kind)
    if isinstance(only, cst.Expr) and isinstance(only.value, cst.Call):
        return _from_calls(only.value, name, kind)
    return None


def _from_assignment(
    target: cst.BaseExpression, value: cst.BaseExpression, name: str, kind: str
) -> list[_Setting] | None:
    if isinstance(target, cst.Subscript) and dotted_name(target.value) == f"{name}.input_parameters":
        index = target.slice[0].slice
        return [_Setting("_inputs", value, index.value)] if isinstance(index, cst.Index) and _is_step(kind) else None
    owner, _, attribute = dotted_name(target).rpartition(".")
    if owner != name:
        return None
    if kind in REQUIRED:
        return [_Setting(attribute, value)] if attribute in REQUIRED[kind] else None
    if kind == "ConductorWorkflow":
        return [_Setting(attribute, value)] if attribute in {"version", "description"} else None
    if attribute == "input_parameters":
        return [_Setting("_inputs", value)]
    return [_Setting(f"_{attribute}", value)] if attribute in _OPTIONS else None


def _from_calls(call: cst.Call, name: str, kind: str) -> list[_Setting] | None:
    """Read ``x.a(1).b(2)``; None if any link of the chain is not a setter."""
    settings: list[_Setting] = []
    node: cst.BaseExpression = call
    while isinstance(node, cst.Call):
        if not isinstance(node.func, cst.Attribute):
            return None
        one = _from_call(node, node.func.attr.value, kind, dotted_name(node.func.value))
        if one is None:
            return None
        settings = [*one, *settings]
        node = node.func.value
    owner = dotted_name(node)
    return settings if owner in {name, f"{name}.input_parameters"} else None


def _from_call(call: cst.Call, method: str, kind: str, owner: str) -> list[_Setting] | None:
    values = [arg.value for arg in call.args]
    if any(arg.star for arg in call.args):
        return None
    if owner.endswith(".input_parameters"):
        return [_Setting("_inputs", values[0])] if method == "update" and len(values) == 1 and _is_step(kind) else None
    if kind == "ConductorWorkflow":
        return _from_workflow_setter(method, values)
    if not _is_step(kind):
        return None
    if method in {"input_parameter", "input", "prompt_variable"} and len(values) == 2:
        slot = "_prompt_variables" if method == "prompt_variable" else "_inputs"
        return [_Setting(slot, values[1], values[0])]
    if kind == "SwitchTask" and method == "switch_case" and len(values) == 2:
        return [_Setting("_cases", values[1], values[0])]
    if kind == "SwitchTask" and method == "default_case" and len(values) == 1:
        return [_Setting("_default", values[0])]
    if kind == "JavascriptTask" and method == "evaluator_type" and len(values) == 1:
        return [_Setting("_inputs", values[0], cst.SimpleString('"evaluatorType"'))]
    return None


def _from_workflow_setter(method: str, values: list[cst.BaseExpression]) -> list[_Setting] | None:
    if method == "enable_status_listener":
        return [_Setting("status_listener", cst.Name("True")), *(_Setting("status_listener_sink", v) for v in values)]
    if method == "disable_status_listener":
        return [_Setting("status_listener", cst.Name("False"))]
    return [_Setting(LATER[method], values[0])] if method in LATER and len(values) == 1 else None


def _is_step(kind: str) -> bool:
    return kind == STEP or kind in STEP_KINDS


def _filled(call: cst.Call, settings: list[_Setting]) -> cst.Call:
    """Return the call with the settings as further keywords."""
    values: dict[str, cst.BaseExpression] = {}
    for setting in settings:
        keyed = _keyed(setting)
        if keyed is None:
            values[setting.slot] = setting.value
        else:
            values[setting.slot] = _merged(values.get(setting.slot), keyed)
    kept = [arg for arg in call.args if arg.keyword is None or arg.keyword.value not in values]
    more = [keyword(slot, value) for slot, value in values.items()]
    return call.with_changes(args=laid_out([*kept, *more], call.args))


#: A line break and four more columns.
_BREAK = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace("    "))


def _keyed(setting: _Setting) -> cst.BaseExpression | None:
    if setting.key is not None:
        return cst.Dict([cst.DictElement(setting.key, setting.value)])
    return setting.value if setting.slot == "_inputs" else None


def _merged(first: cst.BaseExpression | None, second: cst.BaseExpression) -> cst.BaseExpression:
    if first is None:
        return second
    parts: list[cst.BaseDictElement] = []
    for one in (first, second):
        parts += one.elements if isinstance(one, cst.Dict) else [cst.StarredDictElement(one)]
    layout = first if isinstance(first, cst.Dict) else second if isinstance(second, cst.Dict) else cst.Dict([])
    comma = next((p.comma for p in parts if isinstance(p.comma, cst.Comma)), cst.MaybeSentinel.DEFAULT)
    if isinstance(comma, cst.MaybeSentinel):  # one line for each
        return cst.Dict(
            [*(part.with_changes(comma=cst.Comma(whitespace_after=_BREAK)) for part in parts[:-1]), parts[-1]],
            lbrace=cst.LeftCurlyBrace(whitespace_after=_BREAK),
            rbrace=cst.RightCurlyBrace(whitespace_before=cst.ParenthesizedWhitespace(indent=True)),
        )
    middle = [part.with_changes(comma=comma) for part in parts[:-1]]
    return layout.with_changes(elements=[*middle, parts[-1]])


def _replace_call(statement: cst.BaseStatement, new: cst.Call) -> cst.BaseStatement:
    assert isinstance(statement, cst.SimpleStatementLine)
    return statement.with_changes(body=[statement.body[0].with_changes(value=new)])


def _words(node: cst.CSTNode | None) -> set[str]:
    """Return the names that a node reads or binds, without attributes and keywords."""
    if node is None:
        return set()
    visitor = _Names()
    node.visit(visitor)
    return visitor.found


class _Names(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        node.value.visit(self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:
        node.value.visit(self)
        return False

    def visit_Name(self, node: cst.Name) -> None:
        self.found.add(node.value)


def _bound(statements: Sequence[cst.CSTNode]) -> set[str]:
    """Return the names that statements assign or define."""
    found: set[str] = set()
    for statement in statements:
        visitor = _Targets()
        statement.visit(visitor)
        found |= visitor.found
    return found


class _Targets(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def visit_AssignTarget(self, node: cst.AssignTarget) -> bool:
        if isinstance(node.target, cst.Name):
            self.found.add(node.target.value)
        elif isinstance(node.target, cst.Tuple | cst.List):
            self.found |= _words(node.target)
        return False

    def visit_For(self, node: cst.For) -> None:
        self.found |= _words(node.target)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        self.found.add(node.name.value)
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        self.found.add(node.name.value)
        return False


def _comments(statement: cst.CSTNode) -> list[cst.EmptyLine]:
    lines: Sequence[cst.EmptyLine] = getattr(statement, "leading_lines", ())
    return [line for line in lines if line.comment is not None]


def _with_comments(statement: cst.BaseStatement, gone: cst.CSTNode) -> cst.BaseStatement:
    if not hasattr(statement, "leading_lines"):
        return statement
    return statement.with_changes(leading_lines=[*_comments(gone), *statement.leading_lines])
