"""Functions that create and read parts of expressions."""

from __future__ import annotations

import ast
import keyword as keyword_module
from collections.abc import Mapping, Sequence

import libcst as cst

from conductor.migration.signatures import Mismatch, bind, keyword, laid_out, string

__all__ = [
    "FOLDED_OPTIONS",
    "INPUTS",
    "code_of",
    "constant_of",
    "dict_of",
    "ended",
    "evaluated",
    "expression",
    "first_task",
    "inputs_of",
    "is_keyword",
    "is_named",
    "is_none",
    "item",
    "literal",
    "member",
    "method_of",
    "module_path",
    "open_task",
    "with_bindings",
    "with_dynamic_inputs",
    "with_fields",
    "with_options",
    "without_none",
]

FOLDED_OPTIONS = {"_optional": "optional", "_description": "description", "_name": "name"}
_FIELD_NAMES = {
    "contentType": "content_type",
    "connectionTimeOut": "connection_time_out",
    "readTimeOut": "read_timeout",
    "readTimeout": "read_timeout",
    "terminationCondition": "termination_condition",
    "pollingInterval": "polling_interval",
    "maxPollCount": "max_poll_count",
    "pollingStrategy": "polling_strategy",
    "bootStrapServers": "bootstrap_servers",
    "keySerializer": "key_serializer",
    "requestTimeoutMs": "request_timeout_ms",
    "maxBlockMs": "max_block_ms",
}
_WIRE = {new: old for old, new in _FIELD_NAMES.items() if old != "readTimeout"} | {
    "mime_type": "mimeType",
    "tool_calls": "toolCalls",
}
_HTTP = ("method", "uri", "headers", "accept", "content_type", "connection_time_out", "read_timeout", "body")
_POLL = ("termination_condition", "max_poll_count", "polling_interval", "polling_strategy")
_KAFKA = (
    "bootstrap_servers",
    "key",
    "key_serializer",
    "value",
    "request_timeout_ms",
    "max_block_ms",
    "headers",
    "topic",
)
INPUTS = {"HttpInput": _HTTP, "HttpPollInput": (*_POLL, *_HTTP), "KafkaPublishInput": _KAFKA}
_KNOWN_FIELDS = {*_HTTP, *_POLL, *_KAFKA}


def dict_of(given: Mapping[str, cst.Arg]) -> cst.Dict:
    """Return a dict of JSON names."""
    return cst.Dict([cst.DictElement(string(_WIRE.get(name, name)), arg.value) for name, arg in given.items()])


def code_of(node: cst.BaseExpression) -> str:
    """Return the source code of an expression."""
    return cst.Module([]).code_for_node(node)


def expression(text: str) -> cst.BaseExpression:
    """Return the tree of an expression's source."""
    return cst.parse_expression(text)


def module_path(name: str) -> cst.Attribute | cst.Name:
    """Return a module's name as a node."""
    node = cst.parse_expression(name)
    assert isinstance(node, cst.Attribute | cst.Name)
    return node


def member(receiver: cst.BaseExpression, path: str) -> cst.BaseExpression:
    """Return ``receiver.path``; a path may end in an operation."""
    first, _, rest = path.partition(" ")
    node = receiver
    for name in first.split("."):
        node = cst.Attribute(node, cst.Name(name))
    if not rest:
        return node
    operation = cst.parse_expression(f"({'x ' + rest})")
    assert isinstance(operation, cst.BinaryOperation)
    return operation.with_changes(left=node)


def item(node: cst.BaseExpression, key: cst.BaseExpression) -> cst.Subscript:
    """Return ``node[key]``."""
    return cst.Subscript(node, [cst.SubscriptElement(cst.Index(key))])


def inputs_of(step: cst.BaseExpression) -> cst.BaseExpression:
    """Return the input parameters of a step, to be changed."""
    fields = cst.Attribute(cst.Attribute(step, cst.Name("fields")), cst.Name("setdefault"))
    return cst.Call(fields, [cst.Arg(string("inputParameters")), cst.Arg(cst.Dict([]))])


def first_task(run: cst.BaseExpression, ref: cst.BaseExpression) -> cst.BaseExpression:
    """Return the first task of a run with a reference name, or None."""
    generator = f"(task for task in {code_of(run)}.tasks if task.reference_task_name == {code_of(ref)})"
    return cst.parse_expression(f"next({generator}, None)")


def open_task(run: cst.BaseExpression) -> cst.BaseExpression:
    """Return the first task of a run that is not over, or None."""
    generator = f"(task for task in {code_of(run)}.tasks if task.status in ('SCHEDULED', 'IN_PROGRESS'))"
    return cst.parse_expression(f"next({generator}, None)")


def ended(receiver: cst.BaseExpression, method: str, *, is_run: bool) -> cst.BaseExpression:
    """Return whether a run is over, or how it ended."""
    text = code_of(receiver) + (".status" if is_run else "")
    forms = {
        "is_completed": f"{text}.is_terminal",
        "is_successful": f"{text}.is_successful",
        "is_running": f"(not {text}.is_terminal)",
        "is_failed": f"({text}.is_terminal and not {text}.is_successful)",
    }
    return cst.parse_expression(forms[method])


def is_named(arg: cst.Arg, name: str) -> bool:
    """Return whether an argument is passed by this name."""
    return arg.keyword is not None and arg.keyword.value == name


def is_none(node: cst.BaseExpression) -> bool:
    """Return whether an expression is None."""
    return isinstance(node, cst.Name) and node.value == "None"


def is_keyword(word: str) -> bool:
    """Return whether a word is reserved."""
    return keyword_module.iskeyword(word)


def without_none(args: Sequence[cst.Arg]) -> list[cst.Arg]:
    """Return the arguments without keywords whose value is None."""
    return [arg for arg in args if not (arg.keyword is not None and is_none(arg.value))]


def literal(call: cst.Call, name: str) -> object:
    """Return True if an argument is the literal True."""
    found = next((arg for arg in call.args if is_named(arg, name)), None)
    if found is None and len(call.args) > 2 and call.args[2].keyword is None:
        found = call.args[2]
    return True if found is not None and code_of(found.value) == "True" else None


def with_options(call: cst.Call, options: Sequence[cst.Arg]) -> cst.Call:
    """Add options of a step that were set later."""
    if not options:
        return call
    more = []
    for arg in options:
        assert arg.keyword is not None
        name = FOLDED_OPTIONS.get(arg.keyword.value, arg.keyword.value)
        more.append(keyword(name, arg.value))
    return call.with_changes(args=laid_out([*call.args, *more], call.args))


def with_bindings(call: cst.Call, params: Sequence[str]) -> cst.Call:
    """Merge the inputs that were set later into the bindings; an evaluator that is the default is left out."""
    given = bind(call.args, params)
    elements: list[cst.BaseDictElement] = []
    for name in ("bindings", "_inputs"):
        value = given[name].value if name in given else None
        if isinstance(value, cst.Dict):
            elements += [one for one in value.elements if not _is_evaluator(one)]
        elif value is not None and not is_none(value):
            elements.append(cst.StarredDictElement(value))
    kept = [arg for name, arg in given.items() if name not in {"bindings", "_inputs"}]
    kept = [arg if arg.keyword else keyword(name, arg.value) for name, arg in given.items() if arg in kept]
    only = elements[0] if len(elements) == 1 else None
    value = only.value if isinstance(only, cst.StarredDictElement) else cst.Dict(elements)
    return call.with_changes(args=[*kept, *([keyword("_inputs", value)] if elements else [])])


def with_fields(call: cst.Call, param: str) -> cst.Call:
    """Return the call with the fields of an argument that is a dict as arguments."""
    position = 1
    arg = next((one for one in call.args if is_named(one, param)), None)
    if arg is None and len(call.args) > position and call.args[position].keyword is None:
        arg = call.args[position]
    if arg is None:
        return call
    value = arg.value
    fields: dict[str, cst.BaseExpression] = {}
    if isinstance(value, cst.Dict):
        for one in value.elements:
            if not isinstance(one, cst.DictElement) or not isinstance(one.key, cst.SimpleString):
                return call
            fields[_FIELD_NAMES.get(str(ast.literal_eval(one.key.value)), str(ast.literal_eval(one.key.value)))] = (
                one.value
            )
    else:
        return call
    if unknown := fields.keys() - _KNOWN_FIELDS:
        raise Mismatch(f"its input has {', '.join(sorted(unknown))}")
    more = [keyword(f"_{name}", one) for name, one in fields.items()]
    return call.with_changes(args=[*(one for one in call.args if one is not arg), *more])


def _is_evaluator(element: cst.BaseDictElement) -> bool:
    return isinstance(element, cst.DictElement) and "evaluatorType" in code_of(element.key)


def with_dynamic_inputs(call: cst.Call, params: Sequence[str]) -> cst.Call:
    """Make the tasks and their inputs arguments, which the old API sets as input parameters."""
    given = bind(call.args, params)
    names = {
        "_tasks": ("tasks_param", "dynamicTasks"),
        "_task_inputs": ("tasks_input_param_name", "dynamicTasksInputs"),
    }
    inputs = given.get("_inputs")
    if inputs is None or not isinstance(inputs.value, cst.Dict):
        raise Mismatch("pass the tasks and their inputs to dynamic_fork(tasks, task_inputs)")
    values = {
        code_of(one.key).strip("'\""): one.value for one in inputs.value.elements if isinstance(one, cst.DictElement)
    }
    args = [keyword("task_ref_name", given["task_ref_name"].value)]
    for new, (param, default) in names.items():
        key = ast.literal_eval(code_of(given[param].value)) if param in given else default
        if key not in values:
            raise Mismatch("pass the tasks and their inputs to dynamic_fork(tasks, task_inputs)")
        args.append(keyword(new, values[key]))
    if "join_task" in given:
        args.append(keyword("join_task", given["join_task"].value))
    return call.with_changes(args=args)


def method_of(node: cst.ClassDef, name: str) -> cst.FunctionDef | None:
    """Return a method of a class; None if it is not defined there."""
    for statement in node.body.body:
        if isinstance(statement, cst.FunctionDef) and statement.name.value == name:
            return statement
    return None


def constant_of(node: cst.ClassDef, name: str) -> cst.BaseExpression | None:
    """Return what a method of one line returns, if it is a literal."""
    method = method_of(node, name)
    if method is None or not isinstance(method.body, cst.IndentedBlock):
        return None
    last = method.body.body[-1]
    only = last.body[-1] if isinstance(last, cst.SimpleStatementLine) else None
    value = only.value if isinstance(only, cst.Return) else None
    return value if isinstance(value, cst.Integer | cst.Float | cst.SimpleString) else None


def parenthesized(value: cst.BaseExpression) -> cst.BaseExpression:
    """Return an expression in parentheses."""
    return value if value.lpar else value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def whole(value: cst.BaseExpression) -> cst.BaseExpression:
    """Return a number as an integer: ``200.0`` as ``200``, and the result of a calculation in ``int()``."""
    if isinstance(value, cst.Float):
        return cst.Integer(str(round(float(value.value))))
    if isinstance(value, cst.BinaryOperation):
        try:
            return evaluated(value)
        except ValueError:  # not a literal
            return cst.Call(cst.Name("int"), [cst.Arg(value)])
    return value


def evaluated(product: cst.BinaryOperation) -> cst.BaseExpression:
    """Return the product in milliseconds of a literal number of seconds."""
    return cst.Integer(str(round(float(ast.literal_eval(code_of(product.left))) * 1000)))
