"""Rewrite a program of conductor-python as a program of this SDK."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import libcst as cst
from attrs import Factory, define, frozen

from conductor.migration.calls import (
    CLIENTS,
    CONSTANTS,
    METHODS,
    MODEL_FIELDS,
    MODEL_NAMES,
    MODEL_ORDER,
    OUTPUTS,
    REQUIRED,
    STEPS,
)
from conductor.migration.expressions import (
    FOLDED_OPTIONS,
    INPUTS,
    code_of,
    constant_of,
    dict_of,
    ended,
    evaluated,
    expression,
    first_task,
    inputs_of,
    is_keyword,
    is_named,
    is_none,
    item,
    literal,
    member,
    method_of,
    module_path,
    open_task,
    with_bindings,
    with_dynamic_inputs,
    with_fields,
    with_options,
    without_none,
)
from conductor.migration.imports import Imports, Requoter, UsedNames
from conductor.migration.kinds import (
    CLIENT_KINDS,
    STEP,
    STEP_KINDS,
    Kinds,
    Scope,
    dotted_name,
    is_old,
    is_worker_call,
    parse_signature,
)
from conductor.migration.signatures import Mismatch, Pair, bind, keyword, laid_out, string
from conductor.migration.table import ATTRIBUTES, KEYWORDS, NAMES

__all__ = ["Finding", "PublicNames", "Rewriter"]

_PAIRS = {
    kind: {parse_signature(old)[0]: Pair.parse(old, new) for old, new in rows.items()}
    for kind, rows in {**METHODS, "": STEPS}.items()
}
_STEP_PAIRS = _PAIRS.pop("")
#: Where the new name of an old one is, for names that are more than a call.
_HOMES: Mapping[str, tuple[str, str]] = {
    "Configuration": ("conductor", "Settings"),
    "OrkesClients": ("conductor", "ConductorClient"),
    "WorkflowExecutor": ("conductor", "ConductorClient"),
    "AuthorizationClient": ("conductor", "ConductorClient"),
    "ConductorWorkflow": ("conductor", "Workflow"),
    "TaskHandler": ("conductor", "TaskHandler"),
    "Worker": ("conductor", "Worker"),
    "worker_task": ("conductor", "worker_task"),
    "WorkerTask": ("conductor", "worker_task"),
    "TaskContext": ("conductor", "TaskContext"),
    "TaskInProgress": ("conductor", "TaskInProgress"),
    "get_task_context": ("conductor", "get_task_context"),
    "NonRetryableException": ("conductor", "NonRetryableError"),
    "ApiException": ("conductor", "APIStatusError"),
    "APIError": ("conductor", "APIStatusError"),
    "AuthorizationException": ("conductor", "AuthenticationError"),
    "TaskRunnerEventsListener": ("conductor", "WorkerListener"),
    "TaskInterface": ("conductor.workflow", "Step"),
    "AssignmentCompletionStrategy": ("conductor.models", "AssignmentCompletionStrategy"),
    **{name: CLIENTS[name][1:] for name in CLIENTS},
    **{
        name: ("conductor.worker.events", name)
        for name in (
            "PollStarted",
            "PollCompleted",
            "PollFailure",
            "TaskExecutionStarted",
            "TaskExecutionCompleted",
            "TaskExecutionFailure",
            "TaskUpdateFailure",
        )
    },
}
_UNCALLED_STEPS = frozenset({"wait_for_webhook"})
_LOGGING = "logging is the application's: use logging.basicConfig() and logging.getLogger('conductor').setLevel(...)"
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SEGMENT = re.compile(r"\.?([A-Za-z_$][\w$-]*)|\[(\d+)\]")
_EVENT_FIELDS = {
    "duration_ms": "duration * 1000",
    "cause": "error",
    "poll_count": "count",
    "task_id": "task.task_id",
    "workflow_instance_id": "task.workflow_instance_id",
    "worker_id": "task.worker_id",
}
_ERROR_FIELDS = {"code": "status", "reason": "server_message", "body": "server_message", "message": "server_message"}
_RUN_DEFAULTS = "workflow_input, wait_until_task_ref, wait_for_seconds, request_id, idempotency_key, "
_WORKFLOW_METHODS = {
    parse_signature(old)[0]: Pair.parse(old, new)
    for old, new in {
        "register(overwrite)": "register(_client, overwrite=overwrite)",
        f"execute({_RUN_DEFAULTS}idempotency_strategy, task_to_domain)": (
            "execute(_client, workflow_input, wait_until=wait_until_task_ref, wait_for=wait_for_seconds, "
            "request_id=request_id, idempotency_key=idempotency_key, idempotency_strategy=idempotency_strategy, "
            "task_to_domain=task_to_domain)"
        ),
        "start_workflow_with_input(workflow_input, correlation_id, task_to_domain, priority, idempotency_key, "
        "idempotency_strategy)": (
            "start(_client, workflow_input, correlation_id=correlation_id, task_to_domain=task_to_domain, "
            "priority=priority, idempotency_key=idempotency_key, idempotency_strategy=idempotency_strategy)"
        ),
        "start_workflow(start_workflow_request)": (
            "start(_client, start_workflow_request.input, correlation_id=start_workflow_request.correlation_id, "
            "priority=start_workflow_request.priority, task_to_domain=start_workflow_request.task_to_domain)"
        ),
        "to_workflow_def()": "to_def()",
        "output_parameters(output_parameters)": "returns(output_parameters)",
    }.items()
}


@frozen
class PublicNames:
    """Names of this SDK that the rewriting needs to know.

    Attributes:
        top: The names that ``conductor`` exports.
        models: The names that ``conductor.models`` exports.
        options: The keywords of a step that are not inputs.
    """

    top: frozenset[str]
    models: frozenset[str]
    options: frozenset[str]


@frozen
class Finding:
    """Something that a person has to look at.

    Attributes:
        line: The line in the old program.
        reason: Why, and what to do.
        is_open: Whether the program does not run without a change; otherwise it only behaves differently.
    """

    line: int
    reason: str
    is_open: bool = True


@define(eq=False)
class Rewriter(cst.CSTTransformer):
    """The transformer; ``findings`` is filled while it visits a module.

    Attributes:
        kinds: What the names of the program stand for.
        names: The public names of this SDK.
        line_of: The line of a node in the old program.
        uses_join: Whether the program has its own joins.
    """

    kinds: Kinds
    names: PublicNames
    line_of: Callable[[cst.CSTNode], int]
    uses_join: bool
    findings: list[Finding] = Factory(list)
    _scope: list[str] = Factory(list)
    _skipped: set[int] = Factory(set)
    _targets: set[cst.BaseExpression] = Factory(set)
    _needs: dict[tuple[str, str], str] = Factory(dict)
    _kept: set[str] = Factory(set)
    _imports: int = 0

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    @property
    def scope(self) -> Scope:
        return tuple(self._scope)

    def _report(self, node: cst.CSTNode, reason: str, *, is_open: bool = True) -> None:
        self.findings.append(Finding(self.line_of(node), reason, is_open))

    def _need(self, module: str, name: str) -> str:
        """Return the local name of a name of this SDK, and import it."""
        module = "conductor" if module == "conductor.models" and name in self.names.top else module
        local = name if name not in self.kinds.bound else f"{name.rstrip('_')}_step"
        if module != "conductor.workflow" and name in self.kinds.bound:
            local = f"Conductor{name}" if name[0].isupper() else f"conductor_{name}"
        self._needs[module, name] = local
        return local

    # Scopes

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self._scope.append(node.name.value)

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        self._scope.pop()
        return updated_node

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self._scope.append(node.name.value)
        if node.name.value in self.kinds.classes:
            self._skipped.update(id(base.value) for base in node.bases)

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self._scope.pop()
        if original_node.name.value not in self.kinds.classes:
            return self._as_listener(original_node, updated_node)
        bases = [
            base
            for base, old in zip(updated_node.bases, original_node.bases, strict=True)
            if self.kinds.imports_old(dotted_name(old.value)) != "WorkerInterface"
        ]
        parens = {} if bases else {"lpar": cst.MaybeSentinel.DEFAULT, "rpar": cst.MaybeSentinel.DEFAULT}
        return updated_node.with_changes(bases=bases, **parens)

    def _as_listener(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        """Derive a listener from WorkerListener; in conductor-python the methods are enough."""
        is_listener = any(method_of(original_node, name) is not None for name in _LISTENING)
        imports = any(".event" in module for module in self.kinds.modules.values())
        if not is_listener or not imports or updated_node.bases:
            return updated_node
        base = cst.Arg(cst.Name(self._need("conductor", "WorkerListener")))
        return updated_node.with_changes(bases=[base], lpar=cst.LeftParen(), rpar=cst.RightParen())

    # Names

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self._skipped.add(id(node.attr))
        if self._is_constant(dotted_name(node.value)):
            self._skipped.add(id(node.value))

    def _is_constant(self, local: str) -> bool:
        old = self.kinds.imports_old(local)
        module = self.kinds.modules.get(local, "")
        return old in CONSTANTS and (old not in self.names.models or "http.models" not in module)

    def visit_Arg(self, node: cst.Arg) -> None:
        if node.keyword is not None:
            self._skipped.add(id(node.keyword))

    def visit_Param(self, node: cst.Param) -> None:
        self._skipped.add(id(node.name))

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        old = self.kinds.imports_old(original_node.value)
        if not old or id(original_node) in self._skipped:
            return updated_node
        short = old.removeprefix("Orkes") if old.endswith("Client") else old
        if short in _HOMES:
            return cst.Name(self._need(*_HOMES[short]), lpar=updated_node.lpar, rpar=updated_node.rpar)
        model = "WorkflowExecution" if old == "Workflow" else MODEL_NAMES.get(old, old)
        if model in self.names.models:
            return cst.Name(self._need("conductor.models", model), lpar=updated_node.lpar, rpar=updated_node.rpar)
        if old in STEP_KINDS:
            return cst.Name(self._need("conductor.workflow", "Step"))
        self._kept.add(original_node.value)
        self._report(original_node, f"{old} has no direct counterpart: {_advice(old)}")
        return updated_node

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        attribute = original_node.attr.value
        old = self.kinds.imports_old(dotted_name(original_node.value))
        if old in CONSTANTS and self._is_constant(dotted_name(original_node.value)):
            return string(CONSTANTS[old].get(attribute, attribute))
        kinds = self.kinds.of(original_node.value, self.scope)
        if "Configuration" in kinds and attribute in {"ui_host", "host"}:
            return updated_node.with_changes(attr=cst.Name("ui_url" if attribute == "ui_host" else "server_url"))
        if "ApiException" in kinds and attribute in _ERROR_FIELDS:
            return updated_node.with_changes(attr=cst.Name(_ERROR_FIELDS[attribute]))
        if kinds and kinds <= STEP_KINDS | {STEP}:
            return self._step_attribute(original_node, updated_node)
        renamed = next(
            (MODEL_FIELDS[kind][attribute] for kind in kinds if attribute in MODEL_FIELDS.get(kind, {})), None
        )
        if renamed is not None:
            return updated_node.with_changes(attr=cst.Name(renamed))
        if "MetricsSettings" in kinds and attribute == "http_port":
            return item(updated_node.value, string("health_port"))
        if attribute == "current_task" and kinds & _RUNS:
            return open_task(updated_node.value)
        if self._is_event(original_node.value) and attribute in _EVENT_FIELDS:
            return member(updated_node.value, _EVENT_FIELDS[attribute])
        return updated_node

    def _step_attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        if original_node.attr.value == "task_reference_name":
            return updated_node.with_changes(attr=cst.Name("ref"))
        if original_node.attr.value == "input_parameters":
            is_target = original_node in self._targets
            fields = item(member(updated_node.value, "fields"), string("inputParameters"))
            return fields if is_target else inputs_of(updated_node.value)
        return updated_node

    def _is_event(self, node: cst.BaseExpression) -> bool:
        function = self._scope[-1] if self._scope else ""
        if not isinstance(node, cst.Name) or not function.startswith(("on_task_", "on_poll_")):
            return False
        known = self.kinds.function(function)
        params = known[1].params.params if known is not None else ()
        return len(params) > 1 and params[1].name.value == node.value

    # Imports

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:
        return False

    def visit_Import(self, node: cst.Import) -> bool:
        return False

    def leave_ImportFrom(
        self, original_node: cst.ImportFrom, updated_node: cst.ImportFrom
    ) -> cst.ImportFrom | cst.RemovalSentinel:
        module = dotted_name(original_node.module)
        if original_node.relative or not is_old(module):
            return updated_node
        if isinstance(original_node.names, cst.ImportStar):
            if module.startswith("conductor.client.http.models"):
                return updated_node.with_changes(module=module_path("conductor.models"))
            self._report(original_node, f"from {module} import *: import the names that the program uses")
        return updated_node

    # Statements

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.RemovalSentinel:
        return updated_node if updated_node.body else cst.RemoveFromParent()

    def leave_Expr(
        self, original_node: cst.Expr, updated_node: cst.Expr
    ) -> cst.BaseSmallStatement | cst.RemovalSentinel:
        call = original_node.value
        if not isinstance(call, cst.Call):
            return updated_node
        function = dotted_name(call.func)
        if function.rpartition(".")[2] == "set_start_method" and self.kinds.imported:
            self._report(call, "set_start_method() is deleted: workers are threads of this process", is_open=False)
            return cst.RemoveFromParent()
        if not isinstance(call.func, cst.Attribute) or not isinstance(updated_node.value, cst.Call):
            return updated_node
        kinds = self.kinds.of(call.func.value, self.scope)
        method = call.func.attr.value
        binding = self.kinds.binding(self.scope, dotted_name(call.func.value))
        if "TaskHandler" in kinds and method == "start_processes" and binding is not None and binding.is_entered:
            return cst.RemoveFromParent()  # the with statement starts it
        if "Configuration" in kinds and method == "apply_logging_config":
            self._report(call, f"apply_logging_config() is deleted; {_LOGGING}", is_open=False)
            return cst.RemoveFromParent()
        updated = updated_node.value
        if "TaskResult" in kinds and method == "add_output_data" and len(call.args) == 2:
            assert isinstance(updated.func, cst.Attribute)
            target = cst.Attribute(updated.func.value, cst.Name("output_data"))
            index = cst.Subscript(target, [cst.SubscriptElement(cst.Index(updated.args[0].value))])
            return cst.Assign([cst.AssignTarget(index)], updated.args[1].value)
        return updated_node

    def visit_Assign(self, node: cst.Assign) -> None:
        self._targets.update(one.target for one in node.targets)

    def leave_Assign(
        self, original_node: cst.Assign, updated_node: cst.Assign
    ) -> cst.BaseSmallStatement | cst.RemovalSentinel:
        target = original_node.targets[0].target
        if isinstance(target, cst.Attribute) and "Configuration" in self.kinds.of(target.value, self.scope):
            attribute = target.attr.value
            if attribute in {"debug", "log_level", "logger_format", "level"}:
                self._report(target, f"{dotted_name(target)} is deleted; {_LOGGING}", is_open=False)
                return cst.RemoveFromParent()
            if attribute == "authentication_settings" and isinstance(target.value, cst.Name):
                values = cst.Call(cst.Attribute(target.value, cst.Name("evolve")), self._unpacked(updated_node.value))
                return updated_node.with_changes(targets=[cst.AssignTarget(target.value)], value=values)
            self._report(target, f"Settings has no attribute {attribute!r}; pass it to ConductorClient(...)")
        return updated_node

    def leave_ExceptHandler(
        self, original_node: cst.ExceptHandler, updated_node: cst.ExceptHandler
    ) -> cst.ExceptHandler:
        if self.kinds.imports_old(dotted_name(original_node.type)) != "AuthorizationException":
            return updated_node
        names = [self._need("conductor", one) for one in ("AuthenticationError", "PermissionDeniedError")]
        return updated_node.with_changes(type=cst.parse_expression(f"({', '.join(names)})"))

    def leave_BinaryOperation(
        self, original_node: cst.BinaryOperation, updated_node: cst.BinaryOperation
    ) -> cst.BaseExpression:
        if not isinstance(original_node.operator, cst.RightShift):
            return updated_node
        if "ConductorWorkflow" not in self.kinds.of(original_node.left, self.scope):
            return updated_node
        return updated_node.with_changes(right=self._step_of(original_node.right, updated_node.right))

    def _step_of(self, old: cst.BaseExpression, new: cst.BaseExpression) -> cst.BaseExpression:
        """Return a workflow as the step that runs it inline."""
        if isinstance(old, cst.List) and isinstance(new, cst.List):
            elements = [
                after.with_changes(value=self._step_of(before.value, after.value))
                for before, after in zip(old.elements, new.elements, strict=True)
            ]
            return new.with_changes(elements=elements)
        if self.kinds.of(old, self.scope) != {"ConductorWorkflow"}:
            return new
        name = self._need("conductor.workflow", "sub_workflow")
        return cst.Call(cst.Name(name), [cst.Arg(new), keyword("inline", cst.Name("True"))])

    def leave_FormattedString(
        self, original_node: cst.FormattedString, updated_node: cst.FormattedString
    ) -> cst.BaseExpression:
        changed = updated_node.visit(Requoter(updated_node.end[0]))
        assert isinstance(changed, cst.BaseExpression)
        return changed

    # Calls

    def visit_Call(self, node: cst.Call) -> None:
        old = self.kinds.imports_old(dotted_name(node.func))
        if (
            old in _CONSTRUCTORS
            or old in STEP_KINDS
            or old in REQUIRED
            or old in MODEL_FIELDS
            or old in _UNCALLED_STEPS
        ):
            self._skipped.add(id(node.func))
        if old.endswith("Client") and old.removeprefix("Orkes") in CLIENTS:
            self._skipped.add(id(node.func))

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        try:
            return self._call(original_node, updated_node)
        except Mismatch as problem:
            name = dotted_name(original_node.func) or "the call"
            local = dotted_name(original_node.func)
            if self.kinds.imports_old(local):
                self._kept.add(local)
            self._report(original_node, f"{name}(...) is not rewritten: {problem}")
            return updated_node

    def _call(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        name = self.kinds.imports_old(dotted_name(old.func))
        if name in _STEP_PAIRS:
            return self._step(name, old, new)
        if name in _CONSTRUCTORS:
            return _CONSTRUCTORS[name](self, old, new)
        short = name.removeprefix("Orkes")
        if short in CLIENTS and name.endswith("Client"):
            return cst.Attribute(self._client(new, short), cst.Name(CLIENTS[short][0]))
        if name in REQUIRED or name in MODEL_FIELDS:
            return self._model(name, new)
        if is_worker_call(old):
            return self._worker_step(new)
        local = dotted_name(old.func)
        if local in self.kinds.classes:
            return self._worker_object(self.kinds.classes[local], new)
        if isinstance(old.func, cst.Name) and "ConductorWorkflow" in self.kinds.of(old.func, self.scope):
            client = cst.Arg(self._client_for(old.func, old))
            values = [cst.DictElement(string(arg.keyword.value), arg.value) for arg in new.args if arg.keyword]
            more = [cst.Arg(cst.Dict(values))] if values else []
            return new.with_changes(func=cst.Attribute(new.func, cst.Name("execute")), args=[client, *more])
        return self._method(old, new) if isinstance(old.func, cst.Attribute) else new

    def _method(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        assert isinstance(old.func, cst.Attribute)
        receiver = new.func.value if isinstance(new.func, cst.Attribute) else old.func.value
        method = old.func.attr.value
        kinds = self.kinds.of(old.func.value, self.scope)
        if "ConductorWorkflow" in kinds:
            return self._workflow_method(method, receiver, old, new)
        if kinds and kinds <= STEP_KINDS | {STEP}:
            return self._step_method(method, receiver, kinds, old, new)
        special = self._result_method(method, receiver, kinds, new) or self._run_method(method, receiver, kinds, new)
        if special is not None:
            return special
        for kind in sorted(kinds):
            pair = _PAIRS.get(kind, {}).get(method)
            if pair is not None:
                return pair.apply(self._with_keywords(kind, method, new), receiver, None)
            if method in _NAMED_IN_TABLE.get(kind, {}):
                raise Mismatch(f"use {_NAMED_IN_TABLE[kind][method]}")
        return new

    def _result_method(
        self, method: str, receiver: cst.BaseExpression, kinds: set[str], new: cst.Call
    ) -> cst.BaseExpression | None:
        if method == "get_task_result_from_task" and len(new.args) == 1:
            return self._result(new.args[0].value, None)
        if method == "to_task_result":
            return self._result(receiver, new.args[0].value if new.args else None)
        if "TaskResult" in kinds and method == "log" and len(new.args) == 1:
            log = cst.Call(cst.Name(self._need("conductor.models", "TaskExecLog")), [keyword("log", new.args[0].value)])
            return cst.Call(member(receiver, "logs.append"), [cst.Arg(log)])
        return None

    def _run_method(
        self, method: str, receiver: cst.BaseExpression, kinds: set[str], new: cst.Call
    ) -> cst.BaseExpression | None:
        if method == "get_task" and "WorkflowRun" in kinds:
            ref = bind(new.args, ["name", "task_reference_name"]).get("task_reference_name")
            if ref is None:
                raise Mismatch("look for the task in run.tasks")
            return first_task(receiver, ref.value)
        if method in {"is_completed", "is_running", "is_successful", "is_failed"} and not new.args and kinds & _RUNS:
            return ended(receiver, method, is_run="WorkflowRun" in kinds)
        return None

    def _with_keywords(self, kind: str, method: str, call: cst.Call) -> cst.Call:
        if method == "execute" and kind == "WorkflowExecutor":
            return self._without(call, {"domain"}, "pass task_to_domain={'*': domain}")
        return call

    def _without(self, call: cst.Call, dropped: set[str], reason: str) -> cst.Call:
        kept = [arg for arg in call.args if arg.keyword is None or arg.keyword.value not in dropped]
        if len(kept) == len(call.args):
            return call
        gone = [arg.keyword.value for arg in call.args if arg.keyword and arg.keyword.value in dropped]
        self._report(call, f"{', '.join(gone)} of {code_of(call.func)}(...) is dropped: {reason}", is_open=False)
        return call.with_changes(args=laid_out(kept, call.args))

    # Workflows and steps

    def _workflow(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        args = without_none([arg for arg in new.args if arg.keyword is None or arg.keyword.value != "executor"])
        if len(new.args) > 1 and new.args[0].keyword is None:  # ConductorWorkflow(executor, name, version, description)
            args = args[1:]
        order = {"name": 0, "version": 1}
        args.sort(key=lambda arg: order.get(arg.keyword.value, 2) if arg.keyword else -1)
        plain = [
            arg.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT) if is_named(arg, "name") else arg
            for arg in args
        ]
        return new.with_changes(func=cst.Name(self._need("conductor", "Workflow")), args=laid_out(plain, new.args))

    def _workflow_method(
        self, method: str, receiver: cst.BaseExpression, old: cst.Call, new: cst.Call
    ) -> cst.BaseExpression:
        assert isinstance(old.func, cst.Attribute)
        if method in {"input", "output"}:
            return self._reference(member(receiver, method), new, f"workflow.{method}", receiver)
        if method == "add" and len(new.args) == 1:
            only = new.args[0].value
            if isinstance(only, cst.List):
                return new.with_changes(args=laid_out([cst.Arg(one.value) for one in only.elements], ()))
            if isinstance(only, cst.Name) and not self.kinds.of(old.args[0].value, self.scope):
                self._report(old, "add(tasks): if this is a list, write add(*tasks)", is_open=False)
            return new
        if method == "output_parameter" and len(new.args) == 2:
            pair = cst.Dict([cst.DictElement(new.args[0].value, new.args[1].value)])
            return new.with_changes(func=cst.Attribute(receiver, cst.Name("returns")), args=[cst.Arg(pair)])
        pair_of = _WORKFLOW_METHODS.get(method)
        if pair_of is None:
            if method in _NAMED_IN_TABLE["ConductorWorkflow"]:
                raise Mismatch(f"use {_NAMED_IN_TABLE['ConductorWorkflow'][method]}")
            return new
        call = new
        if method in {"register", "execute", "start_workflow_with_input", "start_workflow"}:
            call = call.with_changes(args=[*call.args, keyword("_client", self._client_for(old.func.value, old))])
            made = pair_of.apply(call, receiver, None)
            assert isinstance(made, cst.Call)
            return made.with_changes(args=laid_out(made.args, new.args))
        return pair_of.apply(call, receiver, None)

    def _client_for(self, workflow: cst.BaseExpression, call: cst.Call) -> cst.BaseExpression:
        """Return a client that is in scope, for a workflow that had its own executor."""
        line = self.line_of(call)
        binding = self.kinds.binding(self.scope, dotted_name(workflow))
        executor = binding.executor if binding is not None else ""
        if executor and self.kinds.of_name(self.scope, executor) & CLIENT_KINDS:
            return expression(executor)
        if found := self.kinds.visible(self.scope, CLIENT_KINDS, line):
            return expression(found)
        client = cst.Name(self._need("conductor", "ConductorClient"))
        settings = self.kinds.visible(self.scope, {"Configuration"}, line)
        return cst.Call(client, [cst.Arg(expression(settings))] if settings else [])

    def _step(self, name: str, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        pair = _STEP_PAIRS[name]
        call = new
        options = [arg for arg in call.args if arg.keyword and arg.keyword.value in FOLDED_OPTIONS]
        call = call.with_changes(args=laid_out([arg for arg in call.args if arg not in options], call.args))
        if name in {"InlineTask", "JavascriptTask"}:
            call = with_bindings(call, pair.params)
        if name == "SwitchTask" and literal(call, "use_javascript") is True:
            return self._javascript_switch(call, options)
        if name == "ForkTask" and not any(is_named(arg, "join_on") for arg in call.args) and self.uses_join:
            options.append(keyword("join", cst.Name("False")))
        if name == "DynamicForkTask":
            call = with_dynamic_inputs(call, pair.params)
        if name in {"HttpTask", "HttpPollTask"}:
            call = with_fields(call, "http_input")
        if name == "KafkaPublishTask":
            call = with_fields(call, "kafka_publish_input")
        if name == "LlmChatComplete" and any(is_named(arg, "_prompt_variables") for arg in call.args):
            call = call.with_changes(
                args=[
                    arg.with_changes(keyword=cst.Name("template_variables"))
                    if is_named(arg, "_prompt_variables")
                    else arg
                    for arg in call.args
                ]
            )
        function = pair.new.func if isinstance(pair.new, cst.Call) else None
        assert isinstance(function, cst.Name)
        if name in _RAW and not any(arg.keyword and arg.keyword.value in _INPUT_STARTS for arg in call.args):
            return self._raw(name, call, options)
        made = pair.apply(call, None, self._need("conductor.workflow", function.value))
        assert isinstance(made, cst.Call)
        if name == "SetVariableTask" and (not made.args or made.args[0].keyword is not None):
            made = made.with_changes(args=[cst.Arg(cst.Dict([])), *made.args])
        return with_options(made, options)

    def _javascript_switch(self, call: cst.Call, options: Sequence[cst.Arg]) -> cst.BaseExpression:
        given = bind(call.args, _STEP_PAIRS["SwitchTask"].params)
        args = [keyword("script", given["case_expression"].value)]
        args += [keyword(new, given[old].value) for new, old in _SWITCH_PARTS if old in given]
        made = call.with_changes(
            func=cst.Name(self._need("conductor.workflow", "switch")), args=laid_out(args, call.args)
        )
        return with_options(made, options)

    def _raw(self, name: str, call: cst.Call, options: Sequence[cst.Arg]) -> cst.BaseExpression:
        """Rewrite a step whose input is a variable."""
        kind, field, param = _RAW[name]
        given = bind(call.args, ("task_ref_name", param))
        inputs = cst.Dict([cst.DictElement(string(field), given[param].value)])
        args = [cst.Arg(string(kind)), cst.Arg(inputs), keyword("ref", given["task_ref_name"].value)]
        made = cst.Call(cst.Name(self._need("conductor.workflow", "raw")), args)
        return with_options(made, options)

    def _worker_step(self, new: cst.Call) -> cst.BaseExpression:
        """Rewrite ``greet(task_ref_name="g", name=...)``."""
        inputs = [arg for arg in new.args if not is_named(arg, "task_ref_name") and not is_named(arg, "_inputs")]
        options = [arg for arg in inputs if arg.keyword and arg.keyword.value in FOLDED_OPTIONS]
        inputs = [arg for arg in inputs if arg not in options]
        more = [arg.value for arg in new.args if is_named(arg, "_inputs")]
        ref = next(arg for arg in new.args if is_named(arg, "task_ref_name"))
        if any(arg.star == "*" or (arg.keyword is None and not arg.star) for arg in inputs):
            raise Mismatch("write simple(function, {...}, ref=...)")
        first = cst.Arg(new.func)
        renamed = ref.with_changes(keyword=cst.Name("ref"))
        function = cst.Name(self._need("conductor.workflow", "simple"))
        is_clear = not more and not any(arg.keyword and arg.keyword.value in self.names.options for arg in inputs)
        if is_clear:
            rest = [renamed if arg is ref else arg for arg in new.args if arg is ref or arg in inputs]
            made = new.with_changes(func=function, args=laid_out([first, *rest], new.args))
        else:
            elements: list[cst.BaseDictElement] = [
                cst.DictElement(string(arg.keyword.value), arg.value)
                if arg.keyword
                else cst.StarredDictElement(arg.value)
                for arg in inputs
            ]
            for one in more:
                elements += one.elements if isinstance(one, cst.Dict) else [cst.StarredDictElement(one)]
            made = new.with_changes(
                func=function, args=laid_out([first, cst.Arg(cst.Dict(elements)), renamed], new.args)
            )
        return with_options(made, options)

    def _step_method(
        self, method: str, receiver: cst.BaseExpression, kinds: set[str], old: cst.Call, new: cst.Call
    ) -> cst.BaseExpression:
        if method in {"output", "input"} and len(new.args) <= 1:
            base = next((OUTPUTS[kind] for kind in kinds if kind in OUTPUTS and method == "output"), method)
            return self._reference(member(receiver, base), new, base, receiver)
        if method in {"status_code", "headers", "body"} and "HttpTask" in kinds:
            field = "statusCode" if method == "status_code" else method
            return self._reference(member(receiver, f"output.response.{field}"), new, "", receiver)
        if method == "input_parameter" and len(new.args) == 2:
            pair = cst.Dict([cst.DictElement(new.args[0].value, new.args[1].value)])
            return cst.Call(member(inputs_of(receiver), "update"), [cst.Arg(pair)])
        if method == "to_workflow_task":
            raise Mismatch("a step renders itself: use Workflow(...).to_def()")
        if method in {"switch_case", "default_case", "cache", "evaluator_type", "prompt_variable"}:
            raise Mismatch("pass it to the function that makes the step")
        return new

    def _reference(
        self, base: cst.BaseExpression, call: cst.Call, prefix: str, receiver: cst.BaseExpression
    ) -> cst.BaseExpression:
        """Rewrite ``step.output("a.b[0]")`` as ``step.output.a.b[0]``."""
        if not call.args or (isinstance(call.args[0].value, cst.Name) and call.args[0].value.value == "None"):
            return base
        value = call.args[0].value
        if prefix == "workflow.output":
            return (
                cst.parse_expression(f"f'${{{{workflow.output.{{{code_of(value)}}}}}}}'")
                if not isinstance(value, cst.SimpleString)
                else string(f"${{workflow.output.{ast.literal_eval(value.value)}}}")
            )
        if not isinstance(value, cst.SimpleString):
            return cst.Subscript(base, [cst.SubscriptElement(cst.Index(value))])
        path = str(ast.literal_eval(value.value))
        node = base
        position = 0
        while position < len(path):
            found = _SEGMENT.match(path, position)
            if found is None:
                if not prefix or prefix == "workflow.input":
                    raise Mismatch(f"write the reference {path!r} as a string: '${{ref.output.{path}}}'")
                return cst.parse_expression(f'f"${{{{{{{code_of(receiver)}.ref}}.{prefix}.{path}}}}}"')
            position = found.end()
            if found[2] is not None:
                node = item(node, cst.Integer(found[2]))
            elif _IDENTIFIER.fullmatch(found[1]) and not is_keyword(found[1]):
                node = cst.Attribute(node, cst.Name(found[1]))
            else:
                node = item(node, string(found[1]))
        return node

    # Clients, handlers and workers

    def _settings(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        args: list[cst.Arg] = []
        order = ("base_url", "debug", "authentication_settings", "server_api_url", "auth_token_ttl_min")
        given = bind(new.args, (*order, "register_schema", "log_level"))
        for name, arg in given.items():
            if name in {"debug", "log_level"}:
                self._report(old, f"{name} of Configuration is deleted; {_LOGGING}", is_open=False)
            elif name == "register_schema":
                self._report(old, f"use {KEYWORDS['worker_task'][name]}", is_open=False)
            elif name == "authentication_settings" and not is_none(arg.value):
                args += self._unpacked(arg.value)
            elif name == "auth_token_ttl_min":
                ms = cst.BinaryOperation(arg.value, cst.Multiply(), cst.Integer("60_000"))
                args.append(arg.with_changes(keyword=cst.Name("refresh_token_interval"), value=ms))
            elif name in {"base_url", "server_api_url"} and not is_none(arg.value):
                equal = cst.AssignEqual(_NONE, _NONE)
                args.append(arg.with_changes(keyword=cst.Name("server_url"), equal=equal))
        name_of = cst.Name(self._need("conductor", "Settings"))
        func = cst.Attribute(name_of, cst.Name("from_env"))
        return new.with_changes(func=func, args=laid_out(args, new.args))

    def _unpacked(self, value: cst.BaseExpression) -> list[cst.Arg]:
        if isinstance(value, cst.Dict) and all(isinstance(one, cst.DictElement) for one in value.elements):
            pairs = [(one.key, one.value) for one in value.elements if isinstance(one, cst.DictElement)]
            if all(isinstance(key, cst.SimpleString) for key, _ in pairs):
                return [keyword(str(ast.literal_eval(code_of(key))), one) for key, one in pairs]
        return [cst.Arg(value, star="**")]

    def _authentication(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        given = bind(new.args, ("key_id", "key_secret"))
        names = {"key_id": "auth_key", "key_secret": "auth_secret"}
        return cst.Dict([cst.DictElement(string(names[name]), arg.value) for name, arg in given.items()])

    def _metrics(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        given = {arg.keyword.value: arg.value for arg in new.args if arg.keyword}
        self._report(old, "metrics need the extra prometheus; health_port=... serves /metrics", is_open=False)
        items = [cst.DictElement(string("metrics"), cst.Name("True"))]
        if "http_port" in given:
            items.append(cst.DictElement(string("health_port"), given["http_port"]))
        return cst.Dict(items)

    def _clients(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        return self._client(new, "OrkesClients")

    def _client(self, new: cst.Call, name: str) -> cst.Call:
        given = bind(new.args, ("configuration", "metrics_collector"))
        settings = given.get("configuration")
        plain = [] if settings is None or is_none(settings.value) else [cst.Arg(settings.value)]
        if "metrics_collector" in given:
            self._report(
                new, f"metrics_collector of {name} is dropped: use ConductorClient(metrics=...)", is_open=False
            )
        return new.with_changes(
            func=cst.Name(self._need("conductor", "ConductorClient")), args=laid_out(plain, new.args)
        )

    def _handler(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        params = ("workers", "configuration", "metrics_settings", "scan_for_annotated_workers", "import_modules")
        given = bind(new.args, (*params, "event_listeners", *_MONITORING))
        args: list[cst.Arg] = []
        if (configuration := given.get("configuration")) is not None and not is_none(configuration.value):
            args.append(configuration.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT))
        workers = given.get("workers")
        if workers is not None and not is_none(workers.value) and code_of(workers.value) not in {"[]", "list()"}:
            args.append(
                workers.with_changes(
                    keyword=cst.Name("workers"), value=self._with_decorated(workers.value, given), equal=_EQUAL
                )
            )
        if (modules := given.get("import_modules")) is not None and not is_none(modules.value):
            args.append(modules)
        if (listeners := given.get("event_listeners")) is not None and not is_none(listeners.value):
            args.append(listeners.with_changes(keyword=cst.Name("listeners")))
        if (metrics := given.get("metrics_settings")) is not None and not is_none(metrics.value):
            args += self._unpacked(metrics.value)
        if dropped := sorted(given.keys() & set(_MONITORING)):
            self._report(old, f"{', '.join(dropped)} is dropped: {_THREADS}", is_open=False)
        name = self._need("conductor", "TaskHandler")
        return new.with_changes(func=cst.Name(name), args=laid_out(args, new.args))

    def _with_decorated(self, workers: cst.BaseExpression, given: Mapping[str, cst.Arg]) -> cst.BaseExpression:
        """Add the decorated functions of the program to a list of workers, since the list excludes them here."""
        scan = given.get("scan_for_annotated_workers")
        if (scan is not None and code_of(scan.value) == "False") or not self.kinds.workers:
            return workers
        functions = [cst.Element(cst.Name(name)) for name in self.kinds.workers]
        if isinstance(workers, cst.List):
            return workers.with_changes(elements=[*workers.elements, *functions])
        return cst.List([cst.StarredElement(workers), *functions])

    def _worker_task(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        old_params = ("task_definition_name", "poll_interval_millis", "domain", "worker_id", "poll_interval_seconds")
        is_old_decorator = self.kinds.imports_old(dotted_name(old.func)) == "WorkerTask"
        positional = (
            "task_definition_name",
            "poll_interval" if is_old_decorator else "poll_interval_millis",
            *old_params[2:4],
        )
        return self._worker_call(new, positional, "worker_task")

    def _worker(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        positional = ("task_definition_name", "execute_function", "poll_interval", "domain", "worker_id")
        return self._worker_call(new, positional, "Worker")

    def _worker_call(self, new: cst.Call, positional: Sequence[str], name: str) -> cst.BaseExpression:
        rows = KEYWORDS[name]
        first: list[cst.Arg] = []
        second: list[cst.Arg] = []
        rest: list[cst.Arg] = []
        for position, arg in enumerate(new.args):
            if arg.star:
                raise Mismatch("its arguments are passed with a star")
            key = arg.keyword.value if arg.keyword else positional[position] if position < len(positional) else ""
            plain = arg.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT)
            if key in {"task_definition_name", "task_def_name"}:
                second.append(plain)
            elif key in {"execute_function", "execute"}:
                first.append(plain)
            elif key in {"strict_schema", "register_schema"}:
                if code_of(arg.value) not in {"False", "None"}:
                    self._report(new, f"{key} is dropped: use {rows[key]}", is_open=False)
            elif key == "poll_interval_seconds":
                ms = cst.BinaryOperation(arg.value, cst.Multiply(), cst.Integer("1000"))
                rest.append(arg.with_changes(keyword=cst.Name("poll_interval_ms"), value=ms, equal=_EQUAL))
            elif key == "task_def_template":
                rest.append(arg.with_changes(keyword=cst.Name("task_def")))
            else:
                successor = rows.get(key, key)
                rest.append(arg.with_changes(keyword=cst.Name(successor), equal=arg.equal if arg.keyword else _EQUAL))
        args = laid_out([*first, *second, *rest], new.args)
        return new.with_changes(func=cst.Name(self._need("conductor", name)), args=args)

    def _worker_object(self, node: cst.ClassDef, new: cst.Call) -> cst.BaseExpression:
        """Rewrite ``Greet("greet")`` as ``Worker(Greet().execute, "greet")``."""
        has_init = method_of(node, "__init__") is not None
        name = next((arg for arg in new.args if is_named(arg, "task_definition_name")), None)
        name = name or next((arg for arg in new.args if arg.keyword is None and not arg.star), None)
        if name is None or not isinstance(name.value, cst.SimpleString | cst.Name | cst.Attribute):
            raise Mismatch(f"write Worker({node.name.value}().execute, 'the task type')")
        inner = new if has_init else new.with_changes(args=[arg for arg in new.args if arg is not name])
        args = [cst.Arg(cst.Attribute(inner, cst.Name("execute"))), cst.Arg(name.value)]
        seconds = constant_of(node, "get_polling_interval_in_seconds")
        if seconds is not None:
            ms = cst.BinaryOperation(seconds, cst.Multiply(), cst.Integer("1000"))
            args.append(keyword("poll_interval_ms", evaluated(ms)))
        if (domain := constant_of(node, "get_domain")) is not None:
            args.append(keyword("domain", domain))
        return cst.Call(cst.Name(self._need("conductor", "Worker")), args)

    def _result(self, task: cst.BaseExpression, status: cst.BaseExpression | None) -> cst.BaseExpression:
        name = self._need("conductor", "TaskResult")
        enum = self._need("conductor", "TaskResultStatus")
        args = [
            keyword("workflow_instance_id", member(task, "workflow_instance_id")),
            keyword("task_id", member(task, "task_id")),
            keyword("status", status or expression(f"{enum}.COMPLETED")),
        ]
        return cst.Call(cst.Name(name), args)

    def _model(self, name: str, new: cst.Call) -> cst.BaseExpression:
        order = MODEL_ORDER.get(name, ())
        named = [
            arg if arg.keyword or arg.star or position >= len(order) else keyword(order[position], arg.value)
            for position, arg in enumerate(new.args)
        ]
        fields = MODEL_FIELDS.get(name, {})
        named = [
            arg.with_changes(keyword=cst.Name(fields[arg.keyword.value]))
            if arg.keyword and arg.keyword.value in fields
            else arg
            for arg in named
        ]
        new = new.with_changes(args=laid_out(named, new.args))
        given = {arg.keyword.value for arg in new.args if arg.keyword}
        missing = [one for one in REQUIRED.get(name, ()) if one not in given]
        local = self._need("conductor.models", name)
        if any(arg.star for arg in new.args) or not missing:
            return new.with_changes(func=cst.Name(local))
        if any(arg.keyword is None for arg in new.args):
            raise Mismatch("pass its arguments by name; their order differs")
        fill = {
            "status": lambda: expression(f"{self._need('conductor.models', 'TaskResultStatus')}.IN_PROGRESS"),
        }
        if name == "StartWorkflowRequest" and missing == ["name"]:
            return new.with_changes(func=cst.Name(local), args=[*new.args, keyword("name", string(""))])
        if name == "TaskResult":
            more = [keyword(one, fill[one]() if one in fill else string("")) for one in missing]
            return new.with_changes(func=cst.Name(local), args=[*new.args, *more])
        raise Mismatch(f"it requires {', '.join(missing)}")

    def _from_dict(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        given = bind(new.args, ("json_data",))
        name = self._need("conductor", "WorkflowDef")
        return new.with_changes(func=expression(f"{name}.from_dict"), args=[cst.Arg(given["json_data"].value)])

    def _message(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        given = bind(new.args, ("role", "message", "media", "mime_type", "tool_calls"))
        return dict_of(given)

    def _input_dict(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        """Rewrite ``HttpInput(uri=...)`` as ``{"uri": ...}``."""
        return dict_of(bind(new.args, INPUTS[self.kinds.imports_old(dotted_name(old.func))]))

    def _embedding_model(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        given = bind(new.args, ("provider", "model"))
        function = cst.Name(self._need("types", "SimpleNamespace"))
        return cst.Call(function, [keyword(name, arg.value) for name, arg in given.items()])

    def _state_change(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        given = bind(new.args, ("event_type", "events"))
        kinds = given["event_type"].value
        events = given["events"].value
        names = [one.value for one in kinds.elements] if isinstance(kinds, cst.List) else [kinds]
        return cst.Dict([cst.DictElement(one, events) for one in names])

    # The module

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        used = UsedNames()
        updated_node.visit(used)
        needs = {key: local for key, local in self._needs.items() if local in used.found}
        return Imports(needs, self._kept & used.found).applied(updated_node)


#: Successors that the errors of the new classes name, for methods that cannot be rewritten.
_NAMED_IN_TABLE: Mapping[str, Mapping[str, str]] = {
    "ConductorWorkflow": ATTRIBUTES["conductor.workflow.builder.Workflow"],
    "WorkflowExecutor": ATTRIBUTES["conductor.clients.client.ConductorClient"],
    "WorkflowClient": ATTRIBUTES["conductor.clients.workflows.WorkflowClient"],
    "PromptClient": ATTRIBUTES["conductor.clients.integrations.PromptClient"],
    "AuthorizationClient": {
        "upsert_user": "client.users.save(user_id, name, roles=..., groups=...)",
        "upsert_group": "client.groups.save(group_id, description, roles=...)",
        "create_application": "client.applications.create(name)",
        "update_application": "client.applications.update(application_id, name)",
        "create_role": "client.roles.create(name, permissions)",
        "update_role": "client.roles.update(name, permissions)",
    },
    "TaskContext": ATTRIBUTES["conductor.worker.context.TaskContext"],
}
_NONE = cst.SimpleWhitespace("")
_EQUAL = cst.AssignEqual(_NONE, _NONE)
_RUNS = frozenset({"WorkflowRun", "WorkflowExecution"})
_SWITCH_PARTS = (("cases", "_cases"), ("default", "_default"), ("inputs", "_inputs"), ("ref", "task_ref_name"))
_LISTENING = (
    "on_poll_started",
    "on_poll_completed",
    "on_poll_failure",
    "on_task_execution_started",
    "on_task_execution_completed",
    "on_task_execution_failure",
    "on_task_update_failure",
)
_MONITORING = (
    "monitor_processes",
    "restart_on_failure",
    "monitor_interval_seconds",
    "restart_backoff_seconds",
    "restart_backoff_max_seconds",
    "restart_max_attempts",
)
_THREADS = "workers are threads; TaskHandler(processes=...) restarts processes that end"
_RAW = {
    "HttpTask": ("HTTP", "http_request", "http_input"),
    "HttpPollTask": ("HTTP_POLL", "http_request", "http_input"),
    "KafkaPublishTask": ("KAFKA_PUBLISH", "kafka_request", "kafka_publish_input"),
}
_INPUT_STARTS = frozenset({"_uri", "_topic"})
_CONSTRUCTORS: Mapping[str, Callable[[Any, cst.Call, cst.Call], cst.BaseExpression]] = {
    "Configuration": Rewriter._settings,
    "AuthenticationSettings": Rewriter._authentication,
    "MetricsSettings": Rewriter._metrics,
    "OrkesClients": Rewriter._clients,
    "WorkflowExecutor": Rewriter._clients,
    "OrkesAuthorizationClient": Rewriter._clients,
    "ConductorWorkflow": Rewriter._workflow,
    "TaskHandler": Rewriter._handler,
    "worker_task": Rewriter._worker_task,
    "WorkerTask": Rewriter._worker_task,
    "Worker": Rewriter._worker,
    "to_workflow_def": Rewriter._from_dict,
    "ChatMessage": Rewriter._message,
    "EmbeddingModel": Rewriter._embedding_model,
    "StateChangeConfig": Rewriter._state_change,
    "HttpInput": Rewriter._input_dict,
    "HttpPollInput": Rewriter._input_dict,
    "KafkaPublishInput": Rewriter._input_dict,
}


def _advice(old: str) -> str:
    return f"use {NAMES[old]}" if old in NAMES else "see docs/howto/migration-python.md"
