"""Rewrite settings, clients, and models."""

from __future__ import annotations

import ast

import libcst as cst

from conductor.migration.calls import MODEL_FIELDS, MODEL_NAMES, MODEL_ORDER, REQUIRED
from conductor.migration.context import EQUAL, LOGGING, RUNS, Context
from conductor.migration.expressions import (
    INPUTS,
    code_of,
    dict_of,
    ended,
    expression,
    first_task,
    is_none,
    parenthesized,
)
from conductor.migration.kinds import dotted_name
from conductor.migration.signatures import Mismatch, bind, keyword, laid_out, string
from conductor.migration.table import KEYWORDS


def settings(context: Context, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
    args: list[cst.Arg] = []
    order = ("base_url", "debug", "authentication_settings", "server_api_url", "auth_token_ttl_min")
    given = bind(new.args, (*order, "register_schema", "log_level"))
    for name, arg in given.items():
        if name in {"debug", "log_level"}:
            context.report(old, f"{name} of Configuration is deleted; {LOGGING}", is_open=False)
        elif name == "register_schema":
            context.report(old, f"use {KEYWORDS['worker_task'][name]}", is_open=False)
        elif name == "authentication_settings" and not is_none(arg.value):
            args += unpacked(arg.value)
        elif name == "auth_token_ttl_min":
            ms = cst.BinaryOperation(arg.value, cst.Multiply(), cst.Integer("60_000"))
            args.append(arg.with_changes(keyword=cst.Name("refresh_token_interval"), value=ms))
        elif name in {"base_url", "server_api_url"} and not is_none(arg.value):
            equal = EQUAL
            args.append(arg.with_changes(keyword=cst.Name("server_url"), equal=equal))
    name_of = cst.Name(context.need("conductor", "Settings"))
    func = cst.Attribute(name_of, cst.Name("from_env"))
    return new.with_changes(func=func, args=laid_out(args, new.args))


def unpacked(value: cst.BaseExpression) -> list[cst.Arg]:
    if isinstance(value, cst.Dict) and all(isinstance(one, cst.DictElement) for one in value.elements):
        pairs = [(one.key, one.value) for one in value.elements if isinstance(one, cst.DictElement)]
        if all(isinstance(key, cst.SimpleString) for key, _ in pairs):
            return [keyword(str(ast.literal_eval(code_of(key))), one) for key, one in pairs]
    if isinstance(value, cst.Dict):
        return [cst.Arg(value, star="**")]
    given = value if isinstance(value, cst.Name | cst.Call) else parenthesized(value)  # None stands for no key
    return [cst.Arg(cst.BooleanOperation(given, cst.Or(), cst.Dict([])), star="**")]


def authentication(context: Context, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
    given = bind(new.args, ("key_id", "key_secret"))
    names = {"key_id": "auth_key", "key_secret": "auth_secret"}
    return cst.Dict([cst.DictElement(string(names[name]), arg.value) for name, arg in given.items()])


def metrics(context: Context, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
    given = {arg.keyword.value: arg.value for arg in new.args if arg.keyword}
    context.report(old, "metrics need the extra prometheus; health_port=... serves /metrics", is_open=False)
    items = [cst.DictElement(string("metrics"), cst.Name("True"))]
    if "http_port" in given:
        items.append(cst.DictElement(string("health_port"), given["http_port"]))
    return cst.Dict(items)


def clients(context: Context, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
    return client(context, new, "OrkesClients")


def client(context: Context, new: cst.Call, name: str) -> cst.Call:
    given = bind(new.args, ("configuration", "metrics_collector"))
    settings = given.get("configuration")
    plain = [] if settings is None or is_none(settings.value) else [cst.Arg(settings.value)]
    if "metrics_collector" in given:
        context.report(new, f"metrics_collector of {name} is dropped: use ConductorClient(metrics=...)", is_open=False)
    return new.with_changes(func=cst.Name(context.need("conductor", "ConductorClient")), args=laid_out(plain, new.args))


def run_method(method: str, receiver: cst.BaseExpression, kinds: set[str], new: cst.Call) -> cst.BaseExpression | None:
    if method == "get_task" and "WorkflowRun" in kinds:
        ref = bind(new.args, ["name", "task_reference_name"]).get("task_reference_name")
        if ref is None:
            raise Mismatch("look for the task in run.tasks")
        return first_task(receiver, ref.value)
    if method in {"is_completed", "is_running", "is_successful", "is_failed"} and not new.args and kinds & RUNS:
        return ended(receiver, method, is_run="WorkflowRun" in kinds)
    return None


def model(context: Context, name: str, new: cst.Call) -> cst.BaseExpression:
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
    local = context.need("conductor.models", MODEL_NAMES.get(name, name))
    if any(arg.star for arg in new.args) or not missing:
        return new.with_changes(func=cst.Name(local))
    if any(arg.keyword is None for arg in new.args):
        raise Mismatch("pass its arguments by name; their order differs")
    fill = {
        "status": lambda: expression(f"{context.need('conductor.models', 'TaskResultStatus')}.IN_PROGRESS"),
    }
    if name == "StartWorkflowRequest" and missing == ["name"]:
        return new.with_changes(func=cst.Name(local), args=[*new.args, keyword("name", string(""))])
    if name == "TaskResult":
        more = [keyword(one, fill[one]() if one in fill else string("")) for one in missing]
        return new.with_changes(func=cst.Name(local), args=[*new.args, *more])
    raise Mismatch(f"it requires {', '.join(missing)}")


def definition_from_dict(context: Context, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
    given = bind(new.args, ("json_data",))
    name = context.need("conductor", "WorkflowDef")
    return new.with_changes(func=expression(f"{name}.from_dict"), args=[cst.Arg(given["json_data"].value)])


def message(context: Context, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
    given = bind(new.args, ("role", "message", "media", "mime_type", "tool_calls"))
    return dict_of(given)


def input_dict(context: Context, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
    """Rewrite ``HttpInput(uri=...)`` as ``{"uri": ...}``."""
    return dict_of(bind(new.args, INPUTS[context.kinds.imports_old(dotted_name(old.func))]))


def embedding_model(context: Context, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
    given = bind(new.args, ("provider", "model"))
    function = cst.Name(context.need("types", "SimpleNamespace"))
    return cst.Call(function, [keyword(name, arg.value) for name, arg in given.items()])


def state_change(context: Context, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
    given = bind(new.args, ("event_type", "events"))
    kinds = given["event_type"].value
    events = given["events"].value
    names = [one.value for one in kinds.elements] if isinstance(kinds, cst.List) else [kinds]
    return cst.Dict([cst.DictElement(one, events) for one in names])
