"""The kinds of objects that the names of a program refer to: clients, workflows, steps, runs and so on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import libcst as cst
from attrs import Factory, define, field

from conductor.migration.calls import CLIENTS, METHODS, MODEL_FIELDS, RESULTS, STEPS

__all__ = [
    "CLIENT_KINDS",
    "STEP",
    "STEP_KINDS",
    "Kinds",
    "Scope",
    "class_kind",
    "dotted_name",
    "is_old",
    "is_worker_call",
    "parse_signature",
]

Scope = tuple[str, ...]
#: The kind of a step that a decorated function creates.
STEP = "Step"
#: Kinds that become a ``ConductorClient``.
CLIENT_KINDS = frozenset({"OrkesClients", "WorkflowExecutor", "AuthorizationClient"})
_KNOWN = {
    "Configuration",
    "AuthenticationSettings",
    "MetricsSettings",
    "ConductorWorkflow",
    "TaskHandler",
    "TaskContext",
    "TaskResult",
    "Task",
    "WorkflowRun",
    "ApiException",
    "Worker",
    *MODEL_FIELDS,
}
_ALIASES = {"Workflow": "WorkflowExecution", "AuthorizationException": "ApiException"}


def parse_signature(text: str) -> tuple[str, list[str]]:
    """Split ``name(a, b)`` into the name and the parameters."""
    name, _, rest = text.partition("(")
    inside = rest.rstrip(")")
    return name, [one.strip() for one in inside.split(",")] if inside else []


STEP_KINDS = frozenset(parse_signature(text)[0] for text in STEPS)


def class_kind(name: str) -> str | None:
    """Return the kind of the instances of a class of conductor-python; None if it does not matter."""
    short = name.removeprefix("Orkes") if name.endswith("Client") else name
    if short in CLIENTS or short in CLIENT_KINDS or short in STEP_KINDS or short in _KNOWN:
        return _ALIASES.get(short, short)
    return _ALIASES.get(short)


def dotted_name(node: cst.BaseExpression | None) -> str:
    """Return ``a.b.c`` for such an expression; empty for others."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        left = dotted_name(node.value)
        return f"{left}.{node.attr.value}" if left else ""
    return ""


def is_worker_call(node: cst.Call) -> bool:
    """Return whether a call creates a step: it passes ``task_ref_name``."""
    if dotted_name(node.func).rpartition(".")[2] in {"update_task_by_ref_name", "update_task_sync"}:
        return False
    return any(arg.keyword is not None and arg.keyword.value == "task_ref_name" for arg in node.args)


def is_old(module: str) -> bool:
    """Return whether a module belongs to conductor-python."""
    return module == "conductor.client" or module.startswith("conductor.client.")


@define
class _Binding:
    kinds: set[str] = Factory(set)
    first: int = 1 << 30
    executor: str = ""
    is_entered: bool = False


@define
class Kinds:
    """The kinds of names in one program, by scope.

    Attributes:
        imported: The names imported from conductor-python, by their local names.
        modules: The modules of these names.
        workers: The functions that are declared as workers.
        returns: The kinds that functions return; shared by the files of a project.
        classes: The classes that implement ``WorkerInterface``.
        executed: The functions that run tasks, decorated or passed to ``Worker``.
        bound: Every name that the program binds, other than by these imports.
    """

    returns: dict[str, set[str]] = Factory(dict)
    imported: dict[str, str] = Factory(dict)
    modules: dict[str, str] = Factory(dict)
    workers: list[str] = Factory(list)
    classes: dict[str, cst.ClassDef] = Factory(dict)
    executed: set[str] = Factory(set)
    bound: set[str] = Factory(set)
    _names: dict[tuple[Scope, str], _Binding] = field(factory=dict, alias="names")
    _functions: dict[str, tuple[Scope, cst.FunctionDef]] = field(factory=dict, alias="functions")

    def read(self, module: cst.Module, lines: Mapping[cst.CSTNode, int]) -> None:
        """Infer the kinds of the names of a program, repeatedly until nothing new is found."""
        for _ in range(4):
            before = self._size()
            module.visit(_Reader(self, lines))
            if self._size() == before:
                break

    def _size(self) -> int:
        return sum(len(one.kinds) for one in self._names.values()) + sum(len(one) for one in self.returns.values())

    def imports_old(self, name: str) -> str:
        """Return the old name behind a local name; empty if the name is not imported from conductor-python."""
        return self.imported.get(name, "")

    def of_name(self, scope: Scope, name: str) -> set[str]:
        """Return the kinds of a variable that is visible in a scope."""
        found = self.binding(scope, name)
        return found.kinds if found is not None else set()

    def binding(self, scope: Scope, name: str) -> _Binding | None:
        """Return what is known about a variable that is visible in a scope."""
        for depth in range(len(scope), -1, -1):
            found = self._names.get((scope[:depth], name))
            if found is not None:
                return found
        return None

    def visible(self, scope: Scope, wanted: Iterable[str], line: int) -> str:
        """Return a variable of one of these kinds that is bound before a line; empty if there is none."""
        kinds = set(wanted)
        for depth in range(len(scope), -1, -1):
            for (place, name), binding in self._names.items():
                is_bound = binding.first < line or depth < len(scope)
                if place == scope[:depth] and binding.kinds and binding.kinds <= kinds and is_bound:
                    return name
        return ""

    def add(self, scope: Scope, name: str, kinds: Iterable[str], line: int, executor: str = "") -> None:
        """Record kinds of a variable."""
        binding = self._names.setdefault((scope, name), _Binding())
        binding.kinds |= set(kinds)
        binding.first = min(binding.first, line)
        binding.executor = binding.executor or executor

    def of(self, node: cst.BaseExpression | None, scope: Scope) -> set[str]:
        """Return the kinds that an expression can have; empty if unknown."""
        if isinstance(node, cst.Name | cst.Attribute):
            return self.of_name(scope, dotted_name(node)) if dotted_name(node) else set()
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.RightShift):
            return self.of(node.left, scope)
        if isinstance(node, cst.Await | cst.NamedExpr):
            return set()
        return self._of_call(node, scope) if isinstance(node, cst.Call) else set()

    def _of_call(self, node: cst.Call, scope: Scope) -> set[str]:
        if is_worker_call(node):
            old = self.imports_old(dotted_name(node.func))
            return {old if old in STEP_KINDS else STEP}
        if isinstance(node.func, cst.Name):
            name = node.func.value
            kind = class_kind(self.imports_old(name)) if self.imports_old(name) else None
            if kind is not None:
                return {kind}
            if self.imports_old(name) in RESULTS:
                return {RESULTS[self.imports_old(name)]}
            return set(self.returns.get(name, ()))
        if not isinstance(node.func, cst.Attribute):
            return set()
        method = node.func.attr.value
        owners = self.of(node.func.value, scope)
        if "ConductorWorkflow" in owners:
            return {"WorkflowRun"} if method == "execute" else {"ConductorWorkflow"}
        if (owners & METHODS.keys() or method == "get_task_result_from_task" or "Task" in owners) and method in RESULTS:
            return {RESULTS[method]}
        return set(self.returns.get(method, ())) if not owners else set()

    def function(self, name: str) -> tuple[Scope, cst.FunctionDef] | None:
        """Return a function of the program by its name."""
        return self._functions.get(name)

    def declare(self, name: str, scope: Scope, node: cst.FunctionDef) -> None:
        """Record a function of the program."""
        self._functions[name] = (scope, node)


class _Reader(cst.CSTVisitor):
    def __init__(self, kinds: Kinds, lines: Mapping[cst.CSTNode, int]) -> None:
        super().__init__()
        self._kinds = kinds
        self._lines = lines
        self._scope: list[str] = []

    @property
    def scope(self) -> Scope:
        return tuple(self._scope)

    def _line(self, node: cst.CSTNode) -> int:
        return self._lines.get(node, 0)

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        module = dotted_name(node.module)
        if isinstance(node.names, cst.ImportStar):
            return False
        for alias in node.names:
            local = dotted_name(alias.asname.name) if alias.asname else dotted_name(alias.name)
            if is_old(module) and not node.relative:
                self._kinds.imported[local] = dotted_name(alias.name)
                self._kinds.modules[local] = module
            else:
                self._kinds.bound.add(local)
        return False

    def visit_Import(self, node: cst.Import) -> bool:
        for alias in node.names:
            self._kinds.bound.add(dotted_name(alias.name).partition(".")[0])
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:
        self._kinds.bound.add(node.name.value)
        if any(self._kinds.imports_old(dotted_name(base.value)) == "WorkerInterface" for base in node.bases):
            self._kinds.classes[node.name.value] = node
        self._scope.append(node.name.value)
        return True

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:
        self._scope.pop()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:
        name = node.name.value
        self._kinds.bound.add(name)
        self._kinds.declare(name, self.scope, node)
        for decorator in node.decorators:
            called = decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator
            old = self._kinds.imports_old(dotted_name(called))
            if old in {"worker_task", "WorkerTask"}:
                self._kinds.executed.add(name)
            if old in {"worker_task", "WorkerTask"} and name not in self._kinds.workers and not self._scope:
                self._kinds.workers.append(name)
        if (kind := self._annotated(node.returns)) is not None:
            self._kinds.returns.setdefault(name, set()).add(kind)
        self._scope.append(name)
        for param in (*node.params.params, *node.params.kwonly_params):
            self._kinds.bound.add(param.name.value)
            kind = self._annotated(param.annotation) or (_USUAL.get(param.name.value) if self._kinds.imported else None)
            if kind is not None:
                self._kinds.add(self.scope, param.name.value, {kind}, 0)
        return True

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:
        self._scope.pop()

    def _annotated(self, annotation: cst.Annotation | None) -> str | None:
        old = self._kinds.imports_old(dotted_name(_required(annotation.annotation))) if annotation is not None else ""
        return class_kind(old) if old else None

    def visit_Return(self, node: cst.Return) -> None:
        found = self._kinds.of(node.value, self.scope)
        if found and self._scope:
            self._kinds.returns.setdefault(self._scope[-1], set()).update(found)

    def visit_Assign(self, node: cst.Assign) -> None:
        for target in node.targets:
            self._bind(target.target, node.value)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:
        self._bind(node.target, node.value)
        if (kind := self._annotated(node.annotation)) is not None:
            self._kinds.add(self.scope, dotted_name(node.target), {kind}, self._line(node.target))

    def visit_WithItem(self, node: cst.WithItem) -> None:
        name = node.item if node.asname is None else node.asname.name
        if node.asname is not None:
            self._bind(name, node.item)
        binding = self._kinds.binding(self.scope, dotted_name(name))
        if binding is not None:
            binding.is_entered = True

    def visit_ExceptHandler(self, node: cst.ExceptHandler) -> None:
        if node.name is None or node.type is None:
            return
        types = [one.value for one in node.type.elements] if isinstance(node.type, cst.Tuple) else [node.type]
        kinds = {class_kind(self._kinds.imports_old(dotted_name(one))) for one in types}
        if kinds == {"ApiException"}:
            self._kinds.add(self.scope, dotted_name(node.name.name), {"ApiException"}, self._line(node.name.name))

    def visit_For(self, node: cst.For) -> None:
        if isinstance(node.target, cst.Name):
            self._kinds.bound.add(node.target.value)

    def visit_Call(self, node: cst.Call) -> None:
        """Assign the kinds of the passed arguments to the parameters of a function."""
        if self._kinds.imports_old(dotted_name(node.func)) == "Worker":
            positional = [arg.value for arg in node.args if arg.keyword is None][1:2]
            named = [arg.value for arg in node.args if arg.keyword and arg.keyword.value == "execute_function"]
            self._kinds.executed.update(map(dotted_name, positional + named))
        name = dotted_name(node.func).rpartition(".")[2]
        known = self._kinds.function(name)
        if known is None:
            return
        scope, function = known
        inner = (*scope, name)
        params = [param.name.value for param in function.params.params if param.name.value not in {"self", "cls"}]
        for position, arg in enumerate(node.args):
            target = arg.keyword.value if arg.keyword else params[position] if position < len(params) else ""
            found = self._kinds.of(arg.value, self.scope)
            if target in params and found and not arg.star:
                self._kinds.add(inner, target, found, 0)

    def visit_NamedExpr(self, node: cst.NamedExpr) -> None:
        self._bind(node.target, node.value)

    def _bind(self, target: cst.BaseExpression, value: cst.BaseExpression | None) -> None:
        if isinstance(target, cst.Tuple | cst.List):
            values = value.elements if isinstance(value, cst.Tuple | cst.List) else ()
            for position, one in enumerate(target.elements):
                self._bind(one.value, values[position].value if len(values) == len(target.elements) else None)
            return
        name = dotted_name(target)
        if not name:
            return
        self._kinds.bound.add(name.partition(".")[0])
        scope = self.scope[:-1] if name.startswith("self.") and len(self._scope) > 1 else self.scope
        found = self._kinds.of(value, self.scope)
        executor = ""
        if "ConductorWorkflow" in found and isinstance(value, cst.Call):
            given = [arg.value for arg in value.args if arg.keyword is not None and arg.keyword.value == "executor"]
            executor = dotted_name(given[0]) if given else ""
        self._kinds.add(scope, name, found, self._line(target), executor)


def _required(annotation: cst.BaseExpression) -> cst.BaseExpression:
    """Return the type X of ``Optional[X]`` and ``X | None``."""
    if isinstance(annotation, cst.BinaryOperation) and isinstance(annotation.operator, cst.BitOr):
        return annotation.left
    if isinstance(annotation, cst.Subscript) and dotted_name(annotation.value).rpartition(".")[2] == "Optional":
        index = annotation.slice[0].slice
        return index.value if isinstance(index, cst.Index) else annotation
    return annotation


#: Names that usually mean one kind, for parameters without an annotation.
_USUAL = {
    "workflow_executor": "WorkflowExecutor",
    "workflow_client": "WorkflowClient",
    "task_client": "TaskClient",
    "metadata_client": "MetadataClient",
    "api_config": "Configuration",
}
