"""Rewrite workers, handlers, and task results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import libcst as cst

from conductor.migration.clients import unpacked
from conductor.migration.context import EQUAL, Context
from conductor.migration.expressions import (
    code_of,
    constant_of,
    evaluated,
    expression,
    is_named,
    is_none,
    member,
    method_of,
    whole,
)
from conductor.migration.kinds import Scope, dotted_name
from conductor.migration.signatures import Mismatch, bind, keyword, laid_out
from conductor.migration.table import KEYWORDS

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


def handler(context: Context, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
    params = ("workers", "configuration", "metrics_settings", "scan_for_annotated_workers", "import_modules")
    given = bind(new.args, (*params, "event_listeners", *_MONITORING))
    args: list[cst.Arg] = []
    if (configuration := given.get("configuration")) is not None and not is_none(configuration.value):
        args.append(configuration.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT))
    workers = given.get("workers")
    if workers is not None and not is_none(workers.value) and code_of(workers.value) not in {"[]", "list()"}:
        args.append(
            workers.with_changes(
                keyword=cst.Name("workers"), value=_with_decorated(context, workers.value, given), equal=EQUAL
            )
        )
    if (modules := given.get("import_modules")) is not None and not is_none(modules.value):
        args.append(modules)
    if (listeners := given.get("event_listeners")) is not None and not is_none(listeners.value):
        args.append(listeners.with_changes(keyword=cst.Name("listeners")))
    if (metrics := given.get("metrics_settings")) is not None and not is_none(metrics.value):
        args += unpacked(metrics.value)
    if dropped := sorted(given.keys() & set(_MONITORING)):
        context.report(old, f"{', '.join(dropped)} is dropped: {_THREADS}", is_open=False)
    name = context.need("conductor", "TaskHandler")
    return new.with_changes(func=cst.Name(name), args=laid_out(args, new.args))


def _with_decorated(context: Context, workers: cst.BaseExpression, given: Mapping[str, cst.Arg]) -> cst.BaseExpression:
    """Add the decorated functions of the program to a list of workers, because this SDK runs only those in the list."""
    scan = given.get("scan_for_annotated_workers")
    if (scan is not None and code_of(scan.value) == "False") or not context.kinds.workers:
        return workers
    functions = [cst.Element(cst.Name(name)) for name in context.kinds.workers]
    if isinstance(workers, cst.List):
        return workers.with_changes(elements=[*workers.elements, *functions])
    return cst.List([cst.StarredElement(workers), *functions])


def worker_task(context: Context, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
    old_params = ("task_definition_name", "poll_interval_millis", "domain", "worker_id", "poll_interval_seconds")
    is_old_decorator = context.kinds.imports_old(dotted_name(old.func)) == "WorkerTask"
    positional = (
        "task_definition_name",
        "poll_interval" if is_old_decorator else "poll_interval_millis",
        *old_params[2:4],
    )
    return _worker_call(context, new, positional, "worker_task")


def worker(context: Context, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
    positional = ("task_definition_name", "execute_function", "poll_interval", "domain", "worker_id")
    return _worker_call(context, new, positional, "Worker")


def _worker_call(context: Context, new: cst.Call, positional: Sequence[str], name: str) -> cst.BaseExpression:
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
                context.report(new, f"{key} is dropped: use {rows[key]}", is_open=False)
        elif key == "poll_interval_seconds":
            ms = cst.BinaryOperation(arg.value, cst.Multiply(), cst.Integer("1000"))
            rest.append(arg.with_changes(keyword=cst.Name("poll_interval_ms"), value=whole(ms), equal=EQUAL))
        elif key == "task_def_template":
            rest.append(arg.with_changes(keyword=cst.Name("task_def")))
        else:
            successor = rows.get(key, key)
            value = whole(arg.value) if successor == "poll_interval_ms" else arg.value
            equal = arg.equal if arg.keyword else EQUAL
            rest.append(arg.with_changes(keyword=cst.Name(successor), value=value, equal=equal))
    args = laid_out([*first, *second, *rest], new.args)
    return new.with_changes(func=cst.Name(context.need("conductor", name)), args=args)


def worker_object(context: Context, node: cst.ClassDef, new: cst.Call) -> cst.BaseExpression:
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
    return cst.Call(cst.Name(context.need("conductor", "Worker")), args)


def _result(context: Context, task: cst.BaseExpression, status: cst.BaseExpression | None) -> cst.BaseExpression:
    name = context.need("conductor", "TaskResult")
    enum = context.need("conductor", "TaskResultStatus")
    args = [
        keyword("workflow_instance_id", member(task, "workflow_instance_id")),
        keyword("task_id", member(task, "task_id")),
        keyword("status", status or expression(f"{enum}.COMPLETED")),
    ]
    return cst.Call(cst.Name(name), args)


def result_method(
    context: Context, method: str, receiver: cst.BaseExpression, kinds: set[str], new: cst.Call
) -> cst.BaseExpression | None:
    if isinstance(receiver, cst.Name) and receiver.value == "self" and context.scope[:1] in _classes(context):
        if method == "get_identity" and not new.args:
            return cst.Call(cst.Name(context.need("socket", "gethostname")))
        if method == "get_task_definition_name" and not new.args:
            return member(receiver, "task_definition_name")
    if method == "get_task_result_from_task" and len(new.args) == 1:
        return _result(context, new.args[0].value, None)
    if method == "to_task_result":
        return _result(context, receiver, new.args[0].value if new.args else None)
    if "TaskResult" in kinds and method == "log" and len(new.args) == 1:
        log = cst.Call(cst.Name(context.need("conductor.models", "TaskExecLog")), [keyword("log", new.args[0].value)])
        return cst.Call(member(receiver, "logs.append"), [cst.Arg(log)])
    return None


def with_task(context: Context, function: cst.FunctionDef) -> cst.FunctionDef:
    """Annotate the only parameter of a function that runs tasks: without a type, the old SDK passed the task."""
    params = function.params
    only = params.params[0] if len(params.params) == 1 else None
    others = (*params.posonly_params, *params.kwonly_params)
    if only is None or others or isinstance(params.star_arg, cst.Param) or params.star_kwarg is not None:
        return function
    if only.annotation is not None and code_of(only.annotation.annotation) != "object":
        return function
    annotation = cst.Annotation(cst.Name(context.need("conductor", "Task")))
    return function.with_changes(params=params.with_changes(params=[only.with_changes(annotation=annotation)]))


def _classes(context: Context) -> set[Scope]:
    return {(name,) for name in context.kinds.classes}


def is_base_init(context: Context, call: cst.Call) -> bool:
    """Return whether a call is that of ``WorkerInterface.__init__`` in a class that is derived from it."""
    if context.scope[:1] not in _classes(context) or context.scope[1:] != ("__init__",):
        return False
    function = code_of(call.func)
    local = function.removesuffix(".__init__")
    return function.startswith("super(") or context.kinds.imports_old(local) == "WorkerInterface"


def base_init(old: cst.Call, new: cst.Call) -> cst.BaseSmallStatement:
    """Rewrite ``super().__init__(name)`` as the assignment of the attribute that it set."""
    params = ("task_definition_name",) if code_of(old.func).startswith("super(") else ("self", "task_definition_name")
    given = bind(new.args, params).get("task_definition_name")
    if given is None:
        return cst.Pass()
    target = cst.Attribute(cst.Name("self"), cst.Name("task_definition_name"))
    return cst.Assign([cst.AssignTarget(target)], given.value)


def as_listener(context: Context, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:
    """Derive a listener from WorkerListener; in conductor-python, defining the methods is enough."""
    is_listener = any(method_of(original_node, name) is not None for name in _LISTENING)
    imports = any(".event" in module for module in context.kinds.modules.values())
    if not is_listener or not imports or updated_node.bases:
        return updated_node
    base = cst.Arg(cst.Name(context.need("conductor", "WorkerListener")))
    return updated_node.with_changes(bases=[base], lpar=cst.LeftParen(), rpar=cst.RightParen())
