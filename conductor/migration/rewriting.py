"""Rewrite a program of conductor-python as a program of this SDK."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import libcst as cst
from attrs import Factory, define

from conductor.migration import clients, workers, workflows
from conductor.migration.calls import (
    CLIENTS,
    CONSTANTS,
    METHODS,
    MODEL_FIELDS,
    MODEL_NAMES,
    REQUIRED,
)
from conductor.migration.context import LOGGING, RUNS, SUCCESSORS, Context
from conductor.migration.expressions import (
    code_of,
    inputs_of,
    item,
    member,
    module_path,
    open_task,
)
from conductor.migration.imports import Imports, Requoter, UsedNames
from conductor.migration.kinds import (
    CLIENT_KINDS,
    STEP,
    STEP_KINDS,
    dotted_name,
    is_old,
    is_worker_call,
    parse_signature,
)
from conductor.migration.signatures import Mismatch, Pair, laid_out, string
from conductor.migration.table import NAMES

__all__ = ["Rewriter"]

_PAIRS = {
    kind: {parse_signature(old)[0]: Pair.parse(old, new) for old, new in rows.items()} for kind, rows in METHODS.items()
}
#: The place of the new name for old names that are not only called.
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
#: The methods of the old clients and handlers that their names identify, each with its class and the new call.
_OLD_METHODS = {
    name: (kind, pair.text)
    for kind, pairs in sorted(_PAIRS.items(), key=lambda one: one[0] in CLIENTS)  # the clients take precedence
    if kind in CLIENTS or kind in CLIENT_KINDS or kind == "TaskHandler"
    for name, pair in pairs.items()
    if "_" in name and name != pair.name
}
#: Names of methods that also exist in this SDK.
_NEW_METHODS = {pair.name for pairs in _PAIRS.values() for pair in pairs.values()}
_UNCALLED_STEPS = frozenset({"wait_for_webhook"})
_EVENT_FIELDS = {
    "duration_ms": "duration * 1000",
    "cause": "error",
    "poll_count": "count",
    "task_id": "task.task_id",
    "workflow_instance_id": "task.workflow_instance_id",
    "worker_id": "task.worker_id",
}
_ERROR_FIELDS = {"code": "status", "reason": "server_message", "body": "server_message", "message": "server_message"}


@define(eq=False)
class Rewriter(cst.CSTTransformer):
    """The transformer; it adds to the findings of the context while it visits a module."""

    context: Context
    _skipped: set[int] = Factory(set)
    _targets: set[cst.BaseExpression] = Factory(set)

    def __attrs_pre_init__(self) -> None:
        super().__init__()

    # Scopes

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:
        self.context.stack.append(node.name.value)

    def leave_FunctionDef(self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef) -> cst.FunctionDef:
        self.context.stack.pop()
        if original_node.name.value in self.context.kinds.executed and not self.context.stack:
            return workers.with_task(self.context, updated_node)
        return updated_node

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        self.context.stack.append(node.name.value)
        if node.name.value in self.context.kinds.classes:
            self._skipped.update(id(base.value) for base in node.bases)

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
        self.context.stack.pop()
        if original_node.name.value not in self.context.kinds.classes:
            return workers.as_listener(self.context, original_node, updated_node)
        bases = [
            base
            for base, old in zip(updated_node.bases, original_node.bases, strict=True)
            if self.context.kinds.imports_old(dotted_name(old.value)) != "WorkerInterface"
        ]
        parens = {} if bases else {"lpar": cst.MaybeSentinel.DEFAULT, "rpar": cst.MaybeSentinel.DEFAULT}
        return updated_node.with_changes(bases=bases, **parens)

    # Names

    def visit_Attribute(self, node: cst.Attribute) -> None:
        self._skipped.add(id(node.attr))
        if self._is_constant(dotted_name(node.value)):
            self._skipped.add(id(node.value))

    def _is_constant(self, local: str) -> bool:
        old = self.context.kinds.imports_old(local)
        module = self.context.kinds.modules.get(local, "")
        return old in CONSTANTS and (old not in self.context.names.models or "http.models" not in module)

    def visit_Arg(self, node: cst.Arg) -> None:
        if node.keyword is not None:
            self._skipped.add(id(node.keyword))

    def visit_Param(self, node: cst.Param) -> None:
        self._skipped.add(id(node.name))

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        old = self.context.kinds.imports_old(original_node.value)
        if not old or id(original_node) in self._skipped:
            return updated_node
        short = old.removeprefix("Orkes") if old.endswith("Client") else old
        if short in _HOMES:
            return cst.Name(self.context.need(*_HOMES[short]), lpar=updated_node.lpar, rpar=updated_node.rpar)
        model = "WorkflowExecution" if old == "Workflow" else MODEL_NAMES.get(old, old)
        if model in self.context.names.models:
            return cst.Name(
                self.context.need("conductor.models", model), lpar=updated_node.lpar, rpar=updated_node.rpar
            )
        if old in STEP_KINDS:
            return cst.Name(self.context.need("conductor.workflow", "Step"))
        self.context.kept.add(original_node.value)
        self.context.report(original_node, f"{old} has no direct counterpart: {_advice(old)}")
        return updated_node

    def leave_Attribute(self, original_node: cst.Attribute, updated_node: cst.Attribute) -> cst.BaseExpression:
        attribute = original_node.attr.value
        old = self.context.kinds.imports_old(dotted_name(original_node.value))
        if old in CONSTANTS and self._is_constant(dotted_name(original_node.value)):
            return string(CONSTANTS[old].get(attribute, attribute))
        kinds = self.context.kinds.of(original_node.value, self.context.scope)
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
        if attribute == "current_task" and kinds & RUNS:
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
        function = self.context.stack[-1] if self.context.stack else ""
        if not isinstance(node, cst.Name) or not function.startswith(("on_task_", "on_poll_")):
            return False
        known = self.context.kinds.function(function)
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
            self.context.report(original_node, f"from {module} import *: import the names that the program uses")
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
        if function.rpartition(".")[2] == "set_start_method" and self.context.kinds.imported:
            self.context.report(
                call, "set_start_method() is deleted: workers are threads of this process", is_open=False
            )
            return cst.RemoveFromParent()
        if not isinstance(call.func, cst.Attribute) or not isinstance(updated_node.value, cst.Call):
            return updated_node
        if workers.is_base_init(self.context, call):
            return workers.base_init(call, updated_node.value)
        kinds = self.context.kinds.of(call.func.value, self.context.scope)
        method = call.func.attr.value
        binding = self.context.kinds.binding(self.context.scope, dotted_name(call.func.value))
        if "TaskHandler" in kinds and method == "start_processes" and binding is not None and binding.is_entered:
            return cst.RemoveFromParent()  # the with statement starts it
        if "Configuration" in kinds and method == "apply_logging_config":
            self.context.report(call, f"apply_logging_config() is deleted; {LOGGING}", is_open=False)
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
        if isinstance(target, cst.Attribute) and "Configuration" in self.context.kinds.of(
            target.value, self.context.scope
        ):
            attribute = target.attr.value
            if attribute in {"debug", "log_level", "logger_format", "level"}:
                self.context.report(target, f"{dotted_name(target)} is deleted; {LOGGING}", is_open=False)
                return cst.RemoveFromParent()
            if attribute == "authentication_settings" and isinstance(target.value, cst.Name):
                values = cst.Call(cst.Attribute(target.value, cst.Name("evolve")), clients.unpacked(updated_node.value))
                return updated_node.with_changes(targets=[cst.AssignTarget(target.value)], value=values)
            self.context.report(target, f"Settings has no attribute {attribute!r}; pass it to ConductorClient(...)")
        return updated_node

    def leave_ExceptHandler(
        self, original_node: cst.ExceptHandler, updated_node: cst.ExceptHandler
    ) -> cst.ExceptHandler:
        if self.context.kinds.imports_old(dotted_name(original_node.type)) != "AuthorizationException":
            return updated_node
        names = [self.context.need("conductor", one) for one in ("AuthenticationError", "PermissionDeniedError")]
        return updated_node.with_changes(type=cst.parse_expression(f"({', '.join(names)})"))

    def leave_BinaryOperation(
        self, original_node: cst.BinaryOperation, updated_node: cst.BinaryOperation
    ) -> cst.BaseExpression:
        if not isinstance(original_node.operator, cst.RightShift):
            return updated_node
        if "ConductorWorkflow" not in self.context.kinds.of(original_node.left, self.context.scope):
            return updated_node
        return updated_node.with_changes(right=workflows.inlined(self.context, original_node.right, updated_node.right))

    def leave_FormattedString(
        self, original_node: cst.FormattedString, updated_node: cst.FormattedString
    ) -> cst.BaseExpression:
        changed = updated_node.visit(Requoter(updated_node.end[0]))
        assert isinstance(changed, cst.BaseExpression)
        return changed

    # Calls

    def visit_Call(self, node: cst.Call) -> None:
        old = self.context.kinds.imports_old(dotted_name(node.func))
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
            if self.context.kinds.imports_old(local):
                self.context.kept.add(local)
            self.context.report(original_node, f"{name}(...) is not rewritten: {problem}")
            return updated_node

    def _call(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        name = self.context.kinds.imports_old(dotted_name(old.func))
        if name in workflows.STEP_PAIRS:
            return workflows.step(self.context, name, new)
        if name in _CONSTRUCTORS:
            return _CONSTRUCTORS[name](self.context, old, new)
        short = name.removeprefix("Orkes")
        if short in CLIENTS and name.endswith("Client"):
            return cst.Attribute(clients.client(self.context, new, short), cst.Name(CLIENTS[short][0]))
        if name in REQUIRED or name in MODEL_FIELDS:
            return clients.model(self.context, name, new)
        if is_worker_call(old):
            return workflows.worker_step(self.context, new)
        local = dotted_name(old.func)
        if local in self.context.kinds.classes:
            return workers.worker_object(self.context, self.context.kinds.classes[local], new)
        if isinstance(old.func, cst.Name) and "ConductorWorkflow" in self.context.kinds.of(
            old.func, self.context.scope
        ):
            client = cst.Arg(workflows.client_for(self.context, old.func, old))
            values = [cst.DictElement(string(arg.keyword.value), arg.value) for arg in new.args if arg.keyword]
            more = [cst.Arg(cst.Dict(values))] if values else []
            return new.with_changes(func=cst.Attribute(new.func, cst.Name("execute")), args=[client, *more])
        return self._method(old, new) if isinstance(old.func, cst.Attribute) else new

    def _method(self, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
        assert isinstance(old.func, cst.Attribute)
        receiver = new.func.value if isinstance(new.func, cst.Attribute) else old.func.value
        method = old.func.attr.value
        kinds = self.context.kinds.of(old.func.value, self.context.scope)
        if "ConductorWorkflow" in kinds:
            return workflows.workflow_method(self.context, method, receiver, old, new)
        if kinds and kinds <= STEP_KINDS | {STEP}:
            return workflows.step_method(self.context, method, receiver, kinds, new)
        special = workers.result_method(self.context, method, receiver, kinds, new) or clients.run_method(
            method, receiver, kinds, new
        )
        if special is not None:
            return special
        for kind in sorted(kinds):
            pair = _PAIRS.get(kind, {}).get(method)
            if pair is not None:
                return pair.apply(self._with_keywords(kind, method, new), receiver, None)
            if method in SUCCESSORS.get(kind, {}):
                raise Mismatch(f"use {SUCCESSORS[kind][method]}")
        if not kinds:
            self._report_unknown(method, old.func)
        return new

    def _report_unknown(self, method: str, function: cst.Attribute) -> None:
        """Report a method of the old clients on an object of unknown kind."""
        known = self.context.kinds
        if method not in _OLD_METHODS or not known.imported or known.function(method) is not None:
            return
        kind, new = _OLD_METHODS[method]
        reason = f"{code_of(function)}(...): if this is a method of conductor-python's {kind}, write {new}"
        self.context.report(function, reason, is_open=method not in _NEW_METHODS)

    def _with_keywords(self, kind: str, method: str, call: cst.Call) -> cst.Call:
        if method == "execute" and kind == "WorkflowExecutor":
            return self._without(call, {"domain"}, "pass task_to_domain={'*': domain}")
        return call

    def _without(self, call: cst.Call, dropped: set[str], reason: str) -> cst.Call:
        kept = [arg for arg in call.args if arg.keyword is None or arg.keyword.value not in dropped]
        if len(kept) == len(call.args):
            return call
        gone = [arg.keyword.value for arg in call.args if arg.keyword and arg.keyword.value in dropped]
        self.context.report(call, f"{', '.join(gone)} of {code_of(call.func)}(...) is dropped: {reason}", is_open=False)
        return call.with_changes(args=laid_out(kept, call.args))

    # The module

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:
        used = UsedNames()
        updated_node.visit(used)
        needs = {key: local for key, local in self.context.needs.items() if local in used.found}
        return Imports(needs, self.context.kept & used.found).applied(updated_node)


_CONSTRUCTORS: Mapping[str, Callable[[Context, cst.Call, cst.Call], cst.BaseExpression]] = {
    "Configuration": clients.settings,
    "AuthenticationSettings": clients.authentication,
    "MetricsSettings": clients.metrics,
    "OrkesClients": clients.clients,
    "WorkflowExecutor": clients.clients,
    "OrkesAuthorizationClient": clients.clients,
    "ConductorWorkflow": workflows.workflow,
    "TaskHandler": workers.handler,
    "worker_task": workers.worker_task,
    "WorkerTask": workers.worker_task,
    "Worker": workers.worker,
    "to_workflow_def": clients.definition_from_dict,
    "ChatMessage": clients.message,
    "EmbeddingModel": clients.embedding_model,
    "StateChangeConfig": clients.state_change,
    "HttpInput": clients.input_dict,
    "HttpPollInput": clients.input_dict,
    "KafkaPublishInput": clients.input_dict,
}


def _advice(old: str) -> str:
    return f"use {NAMES[old]}" if old in NAMES else "see docs/howto/migration-python.md"
