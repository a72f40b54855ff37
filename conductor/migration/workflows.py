"""Rewrite workflows and their steps."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

import libcst as cst

from conductor.migration.calls import OUTPUTS, STEPS
from conductor.migration.context import SUCCESSORS, Context
from conductor.migration.expressions import (
    FOLDED_OPTIONS,
    code_of,
    expression,
    inputs_of,
    is_keyword,
    is_named,
    item,
    literal,
    member,
    with_bindings,
    with_dynamic_inputs,
    with_fields,
    with_options,
    without_none,
)
from conductor.migration.kinds import CLIENT_KINDS, dotted_name, parse_signature
from conductor.migration.signatures import Mismatch, Pair, bind, keyword, laid_out, string

#: The steps of conductor-python, and the functions that create them in this SDK.
STEP_PAIRS = {parse_signature(old)[0]: Pair.parse(old, new) for old, new in STEPS.items()}
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_SEGMENT = re.compile(r"\.?([A-Za-z_$][\w$-]*)|\[(\d+)\]")
_RAW = {
    "HttpTask": ("HTTP", "http_request", "http_input"),
    "HttpPollTask": ("HTTP_POLL", "http_request", "http_input"),
    "KafkaPublishTask": ("KAFKA_PUBLISH", "kafka_request", "kafka_publish_input"),
}
_INPUT_STARTS = frozenset({"_uri", "_topic"})
_SWITCH_PARTS = (("cases", "_cases"), ("default", "_default"), ("inputs", "_inputs"), ("ref", "task_ref_name"))
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


def workflow(context: Context, old: cst.Call, new: cst.Call) -> cst.BaseExpression:
    args = without_none([arg for arg in new.args if arg.keyword is None or arg.keyword.value != "executor"])
    if len(new.args) > 1 and new.args[0].keyword is None:  # ConductorWorkflow(executor, name, version, description)
        args = args[1:]
    order = {"name": 0, "version": 1}
    args.sort(key=lambda arg: order.get(arg.keyword.value, 2) if arg.keyword else -1)
    plain = [
        arg.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT) if is_named(arg, "name") else arg
        for arg in args
    ]
    return new.with_changes(func=cst.Name(context.need("conductor", "Workflow")), args=laid_out(plain, new.args))


def workflow_method(
    context: Context, method: str, receiver: cst.BaseExpression, old: cst.Call, new: cst.Call
) -> cst.BaseExpression:
    assert isinstance(old.func, cst.Attribute)
    if method in {"input", "output"}:
        return _reference(member(receiver, method), new, f"workflow.{method}", receiver)
    if method == "add" and len(new.args) == 1:
        only = new.args[0].value
        if isinstance(only, cst.List):
            return new.with_changes(args=laid_out([cst.Arg(one.value) for one in only.elements], ()))
        if isinstance(only, cst.Name) and not context.kinds.of(old.args[0].value, context.scope):
            context.report(old, "add(tasks): if this is a list, write add(*tasks)", is_open=False)
        return new
    if method == "output_parameter" and len(new.args) == 2:
        pair = cst.Dict([cst.DictElement(new.args[0].value, new.args[1].value)])
        return new.with_changes(func=cst.Attribute(receiver, cst.Name("returns")), args=[cst.Arg(pair)])
    pair_of = _WORKFLOW_METHODS.get(method)
    if pair_of is None:
        if method in SUCCESSORS["ConductorWorkflow"]:
            raise Mismatch(f"use {SUCCESSORS['ConductorWorkflow'][method]}")
        return new
    call = new
    if method in {"register", "execute", "start_workflow_with_input", "start_workflow"}:
        call = call.with_changes(args=[*call.args, keyword("_client", client_for(context, old.func.value, old))])
        made = pair_of.apply(call, receiver, None)
        assert isinstance(made, cst.Call)
        return made.with_changes(args=laid_out(made.args, new.args))
    return pair_of.apply(call, receiver, None)


def client_for(context: Context, workflow: cst.BaseExpression, call: cst.Call) -> cst.BaseExpression:
    """Return a client that is in scope, for a workflow that had its own executor."""
    line = context.line_of(call)
    binding = context.kinds.binding(context.scope, dotted_name(workflow))
    executor = binding.executor if binding is not None else ""
    if executor and context.kinds.of_name(context.scope, executor) & CLIENT_KINDS:
        return expression(executor)
    if found := context.kinds.visible(context.scope, CLIENT_KINDS, line):
        return expression(found)
    client = cst.Name(context.need("conductor", "ConductorClient"))
    settings = context.kinds.visible(context.scope, {"Configuration"}, line)
    return cst.Call(client, [cst.Arg(expression(settings))] if settings else [])


def step(context: Context, name: str, new: cst.Call) -> cst.BaseExpression:
    pair = STEP_PAIRS[name]
    call = new
    options = [arg for arg in call.args if arg.keyword and arg.keyword.value in FOLDED_OPTIONS]
    call = call.with_changes(args=laid_out([arg for arg in call.args if arg not in options], call.args))
    if name in {"InlineTask", "JavascriptTask"}:
        call = with_bindings(call, pair.params)
    if name == "SwitchTask" and literal(call, "use_javascript") is True:
        return _javascript_switch(context, call, options)
    if name == "ForkTask" and not any(is_named(arg, "join_on") for arg in call.args) and context.uses_join:
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
                arg.with_changes(keyword=cst.Name("template_variables")) if is_named(arg, "_prompt_variables") else arg
                for arg in call.args
            ]
        )
    function = pair.new.func if isinstance(pair.new, cst.Call) else None
    assert isinstance(function, cst.Name)
    if name in _RAW and not any(arg.keyword and arg.keyword.value in _INPUT_STARTS for arg in call.args):
        return _raw(context, name, call, options)
    made = pair.apply(call, None, context.need("conductor.workflow", function.value))
    assert isinstance(made, cst.Call)
    if name == "SetVariableTask" and (not made.args or made.args[0].keyword is not None):
        made = made.with_changes(args=[cst.Arg(cst.Dict([])), *made.args])
    return with_options(made, options)


def _javascript_switch(context: Context, call: cst.Call, options: Sequence[cst.Arg]) -> cst.BaseExpression:
    given = bind(call.args, STEP_PAIRS["SwitchTask"].params)
    args = [keyword("script", given["case_expression"].value)]
    args += [keyword(new, given[old].value) for new, old in _SWITCH_PARTS if old in given]
    made = call.with_changes(
        func=cst.Name(context.need("conductor.workflow", "switch")), args=laid_out(args, call.args)
    )
    return with_options(made, options)


def _raw(context: Context, name: str, call: cst.Call, options: Sequence[cst.Arg]) -> cst.BaseExpression:
    """Rewrite a step whose input is a variable."""
    kind, field, param = _RAW[name]
    given = bind(call.args, ("task_ref_name", param))
    inputs = cst.Dict([cst.DictElement(string(field), given[param].value)])
    args = [cst.Arg(string(kind)), cst.Arg(inputs), keyword("ref", given["task_ref_name"].value)]
    made = cst.Call(cst.Name(context.need("conductor.workflow", "raw")), args)
    return with_options(made, options)


def worker_step(context: Context, new: cst.Call) -> cst.BaseExpression:
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
    function = cst.Name(context.need("conductor.workflow", "simple"))
    is_clear = not more and not any(arg.keyword and arg.keyword.value in context.names.options for arg in inputs)
    if is_clear:
        rest = [renamed if arg is ref else arg for arg in new.args if arg is ref or arg in inputs]
        made = new.with_changes(func=function, args=laid_out([first, *rest], new.args))
    else:
        elements: list[cst.BaseDictElement] = [
            cst.DictElement(string(arg.keyword.value), arg.value) if arg.keyword else cst.StarredDictElement(arg.value)
            for arg in inputs
        ]
        for one in more:
            elements += one.elements if isinstance(one, cst.Dict) else [cst.StarredDictElement(one)]
        made = new.with_changes(func=function, args=laid_out([first, cst.Arg(cst.Dict(elements)), renamed], new.args))
    return with_options(made, options)


def step_method(
    context: Context, method: str, receiver: cst.BaseExpression, kinds: set[str], new: cst.Call
) -> cst.BaseExpression:
    if method in {"output", "input"} and len(new.args) <= 1:
        base = next((OUTPUTS[kind] for kind in kinds if kind in OUTPUTS and method == "output"), method)
        return _reference(member(receiver, base), new, base, receiver)
    if method in {"status_code", "headers", "body"} and "HttpTask" in kinds:
        field = "statusCode" if method == "status_code" else method
        return _reference(member(receiver, f"output.response.{field}"), new, "", receiver)
    if method == "input_parameter" and len(new.args) == 2:
        pair = cst.Dict([cst.DictElement(new.args[0].value, new.args[1].value)])
        return cst.Call(member(inputs_of(receiver), "update"), [cst.Arg(pair)])
    if method == "to_workflow_task":
        raise Mismatch("a step renders itself: use Workflow(...).to_def()")
    if method in {"switch_case", "default_case", "cache", "evaluator_type", "prompt_variable"}:
        raise Mismatch("pass it to the function that makes the step")
    return new


def _reference(
    base: cst.BaseExpression, call: cst.Call, prefix: str, receiver: cst.BaseExpression
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


def inlined(context: Context, old: cst.BaseExpression, new: cst.BaseExpression) -> cst.BaseExpression:
    """Return a workflow as the step that runs it inline."""
    if isinstance(old, cst.List) and isinstance(new, cst.List):
        elements = [
            after.with_changes(value=inlined(context, before.value, after.value))
            for before, after in zip(old.elements, new.elements, strict=True)
        ]
        return new.with_changes(elements=elements)
    if context.kinds.of(old, context.scope) != {"ConductorWorkflow"}:
        return new
    name = context.need("conductor.workflow", "sub_workflow")
    return cst.Call(cst.Name(name), [cst.Arg(new), keyword("inline", cst.Name("True"))])
