"""Mistakes that people make, each with the message they get."""

import copy
import json
import pickle
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypedDict

import pytest

import conductor.workflow
from conductor import (
    ConfigurationError,
    SerializationError,
    WorkerRegistry,
    Workflow,
    WorkflowDefinitionError,
    worker_task,
)
from conductor.workflow import (
    Problem,
    agent,
    assignment,
    business_rule,
    call_mcp_tool,
    decision,
    do_while,
    dynamic,
    dynamic_fork,
    event,
    exclusive_join,
    for_each,
    fork,
    http,
    http_poll,
    human,
    inline,
    jdbc,
    join,
    jq,
    kafka_publish,
    llm_chat_complete,
    noop,
    query_processor,
    raw,
    set_variable,
    simple,
    start_workflow,
    sub_workflow,
    switch,
    terminate,
    trigger,
    update_task,
    wait,
    wait_for_webhook,
)

HERE = WorkerRegistry()


class Priced(TypedDict):
    total: float
    currency: str


@dataclass
class Paid:
    receipt: str


@worker_task("price", registry=HERE)
def price(sku: str, amount: int = 1) -> Priced: ...


@worker_task("pay", registry=HERE)
def pay(total: float) -> Paid: ...


@worker_task("send", registry=HERE)
def send(ref: str, description: str) -> str: ...


@dataclass
class Address:
    street: str
    zip: str


@worker_task("ship", registry=HERE)
def ship(address: Address, lines: int, day: date | None = None, price: Priced | None = None) -> Paid | None: ...


@worker_task("forget", registry=HERE)
def forget(sku: str = "a") -> None: ...


@worker_task("anything", registry=HERE)
def anything(**inputs): ...


def flow(*items, **fields):
    workflow = Workflow("order", **fields)
    workflow.add(*items)
    return workflow


def task(**fields):
    return {"name": "a", "taskReferenceName": "a", "type": "SIMPLE", **fields}


def loaded(*tasks, **fields):
    return Workflow.from_def({"name": "order", "version": 1, "tasks": list(tasks), **fields})


def other_branch():
    a = simple("a")
    return flow([a, simple("b", x=a.output.x)])


def other_case():
    a = simple("a")
    return flow(switch("x", {"1": a, "2": simple("b", x=a.output.x)}))


def later():
    a = simple("a")
    return flow(simple("b", x=a.output.x), a)


def inside_of_itself():
    workflow = Workflow("order")
    s = workflow.add(switch("x"))
    s.fields["inputParameters"]["more"] = "${a.output.x}"
    s.case("1", simple("a"))
    return workflow


def foreign():
    a = Workflow("other").add(simple("a"))
    return flow(simple("b", x=a.output.x))


def never_added():
    a = simple("a")
    return flow(simple("b", x=a.output.x))


def never_added_in_text():
    a = simple("a")
    return flow(simple("b", x=f"<{a.output.x}>"))


def output_of(step, name):
    return flow(step, simple("b", x=step.output[name]))


def added_twice():
    a = simple("a")
    return flow(a, a)


def circle():
    one, two = Workflow("one"), Workflow("two")
    one >> sub_workflow(two)
    two >> sub_workflow(one)
    return one


def join_on_case():
    a = simple("a")
    return flow(fork([switch("x", {"1": a})], simple("b"), join_on=[a]))


def join_in_front():
    a = simple("a")
    return flow(join([a]), a)


def circle_by_name():
    one, two = Workflow("one"), Workflow("two")
    one >> sub_workflow(two, inline=False)
    two >> [noop(), sub_workflow(one, inline=False)]
    return one


def same_name_elsewhere():
    a = Workflow("other").add(simple("a"))
    return flow(simple("a"), simple("b", x=[{"y": a.output.x}]))


def endless_list():
    items = []
    items.append(items)
    return items


def wrong_in_sub_workflow():
    child = Workflow("child")
    child >> simple("a", x="${ghost.output.x}")
    return flow(sub_workflow(child))


ERRORS = {
    # references
    "a missing step": (
        lambda: flow(simple("charge"), simple("b", x="${chrage.output.x}")),
        "UNKNOWN_REFERENCE",
        "${chrage.output.x} refers to 'chrage', but no task of this workflow has that name; did y",
    ),
    "a step of another workflow": (
        foreign,
        "FOREIGN_REFERENCE",
        "${a.output.x} belongs to the workflow 'other', not to this one.",
    ),
    "a value without a JSON form": (
        lambda: flow(simple("b", x=[{"y": object}])),
        "NO_JSON",
        (
            "inputParameters.x[0].y cannot be sent: a value of type builtins.type has no JSON form; "
            "convert it first, such as to a string, list or dict."
        ),
    ),
    "a value that is not a number": (
        lambda: flow(simple("b", x=float("nan"))),
        "NO_JSON",
        "inputParameters.x cannot be sent: nan is not a JSON number; use None or a string.",
    ),
    "a value that contains itself": (
        lambda: flow(simple("b", x=endless_list())),
        "NO_JSON",
        "nested more than 200 levels deep, or it contains itself.",
    ),
    "an output without a JSON form": (
        lambda: flow(noop()).returns(x=object()),
        "NO_JSON",
        (
            "outputParameters.x cannot be sent: a value of type builtins.object has no JSON form; "
            "convert it first, such as to a string, list or dict."
        ),
    ),
    "a step of another workflow, of a name that is here too": (
        same_name_elsewhere,
        "FOREIGN_REFERENCE",
        "${a.output.x} belongs to the workflow 'other', not to this one.",
    ),
    "the input of another workflow": (
        lambda: flow(simple("b", x=Workflow("other").input.x)),
        "FOREIGN_REFERENCE",
        "${workflow.input.x} belongs to the workflow 'other', not to this one.",
    ),
    "a whole step of another workflow": (
        lambda: flow(simple("a"), simple("b", x=Workflow("other").add(simple("a")))),
        "FOREIGN_REFERENCE",
        "${a.output} belongs to the workflow 'other', not to this one.",
    ),
    "a step that was not added": (
        never_added,
        "UNKNOWN_REFERENCE",
        "refers to the step 'a', which was never added to this workflow.",
    ),
    "a step that was not added, in text": (never_added_in_text, "UNKNOWN_REFERENCE", "was never added"),
    "a later step": (later, "LATER_REFERENCE", "${a.output.x} refers to 'a', which runs later: it has no output yet."),
    "the step itself": (
        lambda: flow(simple("a", x="${a.output.x}")),
        "SELF_REFERENCE",
        "${a.output.x} refers to the task itself.",
    ),
    "a step inside of the one that refers": (
        inside_of_itself,
        "LATER_REFERENCE",
        "${a.output.x} refers to 'a', which runs later: it has no output yet.",
    ),
    "another branch": (
        other_branch,
        "PARALLEL_REFERENCE",
        "${a.output.x} refers to 'a', a task of another branch of 'fork': the branches run in par",
    ),
    "another case": (
        other_case,
        "OTHER_CASE",
        "${a.output.x} refers to 'a', a task of another case of 'switch': only one of the cases r",
    ),
    "an unclosed reference": (
        lambda: flow(simple("a", x="${workflow.input.x")),
        "SYNTAX",
        "The reference '${workflow.input.x' has no closing brace.",
    ),
    "a name in brackets": (
        lambda: flow(simple("a", x="${workflow.input.lines[first].sku}")),
        "SYNTAX",
        "${workflow.input.lines[first].sku}: quote the name in brackets: ['first'].",
    ),
    "a template of JavaScript": (
        lambda: loaded(task(type="INLINE", inputParameters={"expression": "`a ${$.b}`", "b": 1})),
        "UNKNOWN_REFERENCE",
        "${$.b}: the server treats the ${...} of JavaScript templates as a reference; use + inste",
    ),
    "a computation": (
        lambda: flow(simple("a", x="${workflow.variables.counter + 1}")),
        "SYNTAX",
        "${workflow.variables.counter + 1} is not a path: the server evaluates no expressions. Us",
    ),
    "spaces inside of the braces": (
        lambda: flow(simple("a", x="${ workflow.input.x }")),
        "SYNTAX",
        "${ workflow.input.x } is not a path: the server evaluates no expressions. Use inline(...",
    ),
    "a quote that is not closed": (
        lambda: flow(simple("a"), simple("b", x="${a.output['x]}")),
        "SYNTAX",
        "${a.output['x]} has an unclosed bracket or quote.",
    ),
    "a dot at the end": (
        lambda: flow(simple("a", x="${workflow.input.}")),
        "SYNTAX",
        "${workflow.input.} ends with a dot.",
    ),
    "an empty reference": (lambda: flow(simple("a", x="${ }")), "SYNTAX", "The reference '${ }' is empty."),
    "a misspelt output": (
        lambda: flow(simple("a"), simple("b", x="${a.outptu.x}")),
        "UNKNOWN_OUTPUT",
        "${a.outptu.x}: a task has no field 'outptu'; did you mean 'output'?",
    ),
    "the output left out": (
        lambda: flow(simple("a"), simple("b", x="${a.total}")),
        "UNKNOWN_OUTPUT",
        "${a.total}: a task has no field 'total'; did you mean 'output.total'?",
    ),
    "an output that a worker does not give": (
        lambda: output_of(simple(price, sku="a"), "totl"),
        "UNKNOWN_OUTPUT",
        "the output of SIMPLE 'price' has no 'totl'; did you mean 'total'?",
    ),
    "a field of a worker's dataclass": (
        lambda: output_of(simple(pay, total=1), "id"),
        "UNKNOWN_OUTPUT",
        "${pay.output.id}: the output of SIMPLE 'pay' has no 'id' (known: receipt).",
    ),
    "a worker that answers text": (
        lambda: output_of(simple(send, {"ref": "a", "description": "b"}), "text"),
        "UNKNOWN_OUTPUT",
        "${send.output.text}: the output of SIMPLE 'send' has no 'text' (known: result).",
    ),
    "an output of a function that may answer nothing": (
        lambda: output_of(simple(ship, address={"street": "a", "zip": "1"}, lines=1), "price"),
        "UNKNOWN_OUTPUT",
        "${ship.output.price}: the output of SIMPLE 'ship' has no 'price' (known: receipt).",
    ),
    "an output of a function that answers nothing": (
        lambda: output_of(simple(forget), "result"),
        "UNKNOWN_OUTPUT",
        "${forget.output.result}: the output of SIMPLE 'forget' has no 'result' (known: none).",
    ),
    "the body without the response": (
        lambda: output_of(http("/"), "body"),
        "UNKNOWN_OUTPUT",
        "the output of HTTP 'http' has no 'body'; did you mean 'response.body'?",
    ),
    "a misspelt part of a response": (
        lambda: flow(http("/"), simple("b", x="${http.output.response.status}")),
        "UNKNOWN_OUTPUT",
        "a response has no 'status'; did you mean 'statusCode'?",
    ),
    "a misspelt result": (
        lambda: output_of(inline("1"), "reslt"),
        "UNKNOWN_OUTPUT",
        "the output of INLINE 'inline' has no 'reslt'; did you mean 'result'?",
    ),
    "the output of a set variable": (
        lambda: output_of(set_variable(total=1), "total"),
        "UNKNOWN_OUTPUT",
        "${set_variable.output.total}: the output of SET_VARIABLE 'set_variable' has no 'total'; ",
    ),
    "an output of a sub-workflow": (
        lambda: output_of(sub_workflow(flow(noop(), output_parameters={"total": 1})), "sum"),
        "UNKNOWN_OUTPUT",
        "${order.output.sum}: the output of SUB_WORKFLOW 'order' has no 'sum' (known: total, subW",
    ),
    "an unknown step in the workflow's output": (
        lambda: flow(simple("a")).returns(x="${b.output.x}"),
        "UNKNOWN_REFERENCE",
        "${b.output.x} refers to 'b', but no task of this workflow has that name (known: a).",
    ),
    "an unknown output in the workflow's output": (
        lambda: flow(jq(".", ref="a")).returns(x="${a.output.value}"),
        "UNKNOWN_OUTPUT",
        "${a.output.value}: the output of JSON_JQ_TRANSFORM 'a' has no 'value' (known: result, re",
    ),
    # names
    "the same reference name twice": (
        lambda: flow(simple("a", ref="x"), switch("y", {"1": simple("b", ref="x")})),
        "DUPLICATE_REFERENCE",
        "The reference name 'x' must be unique in the workflow",
    ),
    "a step that is added twice": (added_twice, "ADDED_TWICE", "Step 'a' has already been added to this workflow"),
    "no reference name": (
        lambda: loaded({"name": "a", "type": "SIMPLE"}),
        "NO_REFERENCE",
        "SIMPLE has no taskReferenceName.",
    ),
    "no task name": (
        lambda: loaded({"taskReferenceName": "a", "type": "SIMPLE"}),
        "NO_NAME",
        "SIMPLE 'a' has no name.",
    ),
    "a reference name with a dot": (
        lambda: flow(simple("a", ref="a.b"), simple("c", x="${a.b.output.x}")),
        "REFERENCE_NAME",
        "the reference name 'a.b' has a space, dot, bracket or $.",
    ),
    "a step that is called workflow": (
        lambda: flow(simple("a", ref="workflow"), simple("b", x="${workflow.input.x}")),
        "REFERENCE_NAME",
        "The reference name 'workflow' replaces the workflow itself",
    ),
    "two underscores in a loop": (
        lambda: flow(do_while(simple("a", ref="a__b"), count=2)),
        "REFERENCE_NAME",
        "The reference name 'a__b' contains '__', which the server uses to mark iterations of a",
    ),
    # inputs
    "an input that a worker needs": (
        lambda: flow(simple(price)),
        "MISSING_INPUT",
        "price() requires 'sku', but SIMPLE 'price' does not pass it.",
    ),
    "an input that a worker does not take": (
        lambda: flow(simple(price, sku="a", amuont=2)),
        "UNKNOWN_INPUT",
        "price() has no parameter 'amuont'; did you mean 'amount'?",
    ),
    "an input that is called as an option": (
        lambda: flow(simple(send, ref="a", description="b")),
        "MISSING_INPUT",
        "send() requires 'ref', but SIMPLE 'a' does not pass it. 'ref' is also an option of steps",
    ),
    "an input of another type": (
        lambda: flow(simple(ship, address="${workflow.input.a}", lines="three")),
        "WRONG_INPUT",
        "ship() cannot accept this input: input 'lines' must be int, got str 'three'.",
    ),
    "text for a class": (
        lambda: flow(simple(ship, address="street", lines=1)),
        "WRONG_INPUT",
        "input 'address' must be Address, got str 'street'",
    ),
    "a misspelt field of a class": (
        lambda: flow(simple(ship, address={"stret": "a", "zip": "1"}, lines=1)),
        "WRONG_INPUT",
        "input 'address.street' is missing; Address needs it",
    ),
    "a field of a typed dict": (
        lambda: flow(simple(ship, address=Address("a", "1"), lines=1, price={"total": "much", "currency": "EUR"})),
        "WRONG_INPUT",
        "input 'price.total' must be float, got str 'much'",
    ),
    "an address": (
        lambda: flow(http("")),
        "MISSING_INPUT",
        "HTTP 'http' requires the input parameter http_request.uri or http_request.vipAddress or ",
    ),
    "a query": (
        lambda: flow(jq("")),
        "MISSING_INPUT",
        "JSON_JQ_TRANSFORM 'jq' requires the input parameter queryExpression.",
    ),
    "a script": (lambda: flow(inline("")), "MISSING_INPUT", "INLINE 'inline' requires the input parameter expression."),
    "a condition of polling": (
        lambda: flow(http_poll("/", "")),
        "MISSING_INPUT",
        "HTTP_POLL 'http_poll' requires the input parameter http_request.terminationCondition or ",
    ),
    "Kafka's servers": (
        lambda: flow(kafka_publish("t", "v", servers=None)),
        "MISSING_INPUT",
        "KAFKA_PUBLISH 'kafka_publish' requires the input parameter kafka_request.bootStrapServer",
    ),
    "what a webhook matches": (
        lambda: flow(wait_for_webhook()),
        "MISSING_INPUT",
        "WAIT_FOR_WEBHOOK 'wait_for_webhook' requires the input parameter matches.",
    ),
    "the workflow to start": (
        lambda: flow(start_workflow("")),
        "MISSING_INPUT",
        "START_WORKFLOW 'start' requires the input parameter startWorkflow.name or startWorkflow.",
    ),
    "a statement": (
        lambda: flow(jdbc("pg", "")),
        "MISSING_INPUT",
        "JDBC 'jdbc' requires the input parameter statement.",
    ),
    "a model": (
        lambda: flow(llm_chat_complete("openai", None)),
        "MISSING_INPUT",
        "LLM_CHAT_COMPLETE 'llm_chat_complete' requires the input parameter model.",
    ),
    "a tool": (
        lambda: flow(call_mcp_tool("http://m", "")),
        "MISSING_INPUT",
        "CALL_MCP_TOOL 'call_mcp_tool' requires the input parameter method.",
    ),
    "an agent": (
        lambda: flow(agent(None)),
        "MISSING_INPUT",
        "AGENT 'agent' requires the input parameter agentUrl or agentName or name.",
    ),
    "a task to update": (
        lambda: flow(update_task(workflow_id="w")),
        "MISSING_INPUT",
        "UPDATE_TASK 'update_task' requires the input parameter taskId or taskRefName.",
    ),
    # fields
    "a count as text": (
        lambda: flow(simple("a", retry_count="3")),
        "WRONG_TYPE",
        "retryCount of SIMPLE 'a' is '3'; it must be an integer, 0 or greater.",
    ),
    "a negative delay": (
        lambda: flow(simple("a", start_delay=-1)),
        "WRONG_TYPE",
        "startDelay of SIMPLE 'a' is -1; it must be an integer, 0 or greater.",
    ),
    "a flag as text": (
        lambda: flow(http("/", optional="yes")),
        "WRONG_TYPE",
        "optional of HTTP 'http' is 'yes'; it must be true or false.",
    ),
    "inputs that are a list": (
        lambda: loaded(task(inputParameters=[1])),
        "WRONG_TYPE",
        "inputParameters of SIMPLE 'a' is [1]; it must be an object (a dict).",
    ),
    "a join on text": (
        lambda: loaded(task(type="JOIN", joinOn="a")),
        "WRONG_TYPE",
        "joinOn of JOIN 'a' is 'a'; it must be a list of strings.",
    ),
    "a type in small letters": (
        lambda: loaded(task(type="http")),
        "UNKNOWN_TYPE",
        "Task types are uppercase: use 'HTTP'. The server waits for a worker of the type 'http'.",
    ),
    "an unknown verb": (
        lambda: flow(http("/", "FETCH")),
        "HTTP_METHOD",
        "The method of HTTP 'http' is 'FETCH'; use one of GET, HEAD, POST, PUT, PATCH, DELETE, OP",
    ),
    "no verb": (
        lambda: flow(raw("HTTP", {"http_request": {"uri": "/"}})),
        "HTTP_METHOD",
        "HTTP 'http' has no method",
    ),
    "a time-out as text": (
        lambda: flow(http("/", read_timeout_ms=-5)),
        "WRONG_TYPE",
        "readTimeOut of HTTP 'http' is -5; it must be an integer, 0 or greater (milliseconds).",
    ),
    "a state that does not end": (
        lambda: flow(terminate("DONE")),
        "TERMINATION_STATUS",
        "terminationStatus is 'DONE'; it must be COMPLETED, FAILED, TERMINATED; a reference is no",
    ),
    "an optional end": (
        lambda: flow(terminate(optional=True)),
        "TERMINATE_OPTIONAL",
        "A TERMINATE cannot be optional.",
    ),
    "two times to wait for": (
        lambda: flow(wait(5, until="2027-01-01 10:00")),
        "WAIT",
        "A WAIT takes duration or until, not both.",
    ),
    "a duration that cannot be read": (
        lambda: flow(wait("five minutes")),
        "WAIT",
        "invalid duration 'five minutes': use days, hours, minutes and seconds in this order, suc",
    ),
    "a duration that is a number": (
        lambda: loaded(task(type="WAIT", inputParameters={"duration": 5})),
        "WAIT",
        "The duration 5 is not a string; use days, hours, minutes and seconds in this order, such",
    ),
    "a duration that is a list": (
        lambda: flow(wait([5])),
        "WAIT",
        "The duration [5] is not a string; use days, hours, minutes and seconds in this order, su",
    ),
    "a negative duration": (
        lambda: flow(wait("-1 seconds")),
        "WAIT",
        "invalid duration '-1 seconds': use days, hours, minutes and seconds in this order, such ",
    ),
    "a duration that is too long": (
        lambda: flow(wait("99999999999s")),
        "WAIT",
        "The duration '99999999999s' has a number above 2147483647, which the server cannot read;",
    ),
    "a duration with a reference at its end": (
        lambda: flow(wait("5 ${workflow.input.unit}")),
        "WAIT",
        "The duration '5 ${workflow.input.unit}' has a reference that is not at its start: the se",
    ),
    "a time that is a number": (
        lambda: flow(wait(until=5)),
        "WAIT",
        "The time 5 is not a string; use a form such as '2027-01-31 18:30 UTC'.",
    ),
    "an unknown zone": (
        lambda: flow(wait(until="2030-01-01 10:00 Foo/Bar")),
        "WAIT",
        "The time '2030-01-01 10:00 Foo/Bar' has a time zone that the server cannot read; use UTC",
    ),
    "a time that cannot be read": (
        lambda: flow(wait(until="tomorrow")),
        "WAIT",
        "invalid time 'tomorrow': use a form such as '2027-01-31 18:30 UTC'.",
    ),
    "an unknown evaluator": (
        lambda: flow(inline("1", evaluator="javscript")),
        "EVALUATOR",
        "INLINE 'inline' has the unknown evaluator 'javscript'; did you mean 'javascript'?",
    ),
    "a sink without a kind": (
        lambda: flow(event("orders")),
        "SINK",
        "Invalid sink 'orders': use 'conductor', or kind and name, such as 'sqs:orders'.",
    ),
    "no sink": (lambda: flow(event("")), "MISSING_FIELD", "EVENT 'event' has no sink, and the server requires it."),
    "a dynamic task without its parameter": (
        lambda: flow(dynamic("x", fields={"dynamicTaskNameParam": "taskNam"})),
        "DYNAMIC",
        "dynamicTaskNameParam names the input parameter 'taskNam', which is missing (known: taskT",
    ),
    # switches
    "a switch without cases": (
        lambda: flow(switch("x")),
        "MISSING_FIELD",
        "SWITCH 'switch' has no decisionCases, and the server requires it.",
    ),
    "a reference as the expression of a switch": (
        lambda: flow(
            raw(
                task(
                    type="SWITCH",
                    evaluatorType="value-param",
                    expression="${workflow.input.x}",
                    decisionCases={"1": [task()]},
                ),
                ref="s",
            )
        ),
        "SWITCH_EXPRESSION",
        "The expression of SWITCH 's' is '${workflow.input.x}'; with value-param it must be the n",
    ),
    "a script that reads the workflow": (
        lambda: flow(do_while(simple("a"), condition="workflow.variables.counter < 10")),
        "SCRIPT_WORKFLOW",
        "The script of DO_WHILE 'loop' reads workflow.variables, which scripts cannot access; use",
    ),
    "a script that reads a missing value": (
        lambda: flow(switch(script="$.totl > 1", cases={"true": noop()}, inputs={"total": 1})),
        "UNKNOWN_SCRIPT_NAME",
        "The script of SWITCH 'switch' reads $.totl, which is not an input parameter; did you mea",
    ),
    "a reference in a script that was loaded": (
        lambda: loaded(
            task(type="SWITCH", evaluatorType="javascript", expression="${a.b} > 1", decisionCases={"1": []})
        ),
        "SCRIPT_REFERENCE",
        "The script of SWITCH 'a' contains ${...}, which the server does not replace in scripts: ",
    ),
    "a case that is a reference": (
        lambda: flow(switch("x", {"${workflow.input.a}": noop()})),
        "CASE",
        "A case of SWITCH 'switch' is '${workflow.input.a}'; the server does not replace ${...} i",
    ),
    "a script that is not JavaScript": (
        lambda: flow(switch(script="function(", cases={"1": noop()})),
        "SCRIPT_SYNTAX",
        "The script of SWITCH 'switch' is not valid JavaScript: function name expected.",
    ),
    "a decision that is not JavaScript": (
        lambda: flow(decision(script="$.a ==", cases={"1": noop()}, inputs={"a": 1})),
        "SCRIPT_SYNTAX",
        "The script of DECISION 'decision' is not valid JavaScript: unexpected token in expressio",
    ),
    "a return in a script": (
        lambda: flow(switch(script="return 1", cases={"1": noop()})),
        "SCRIPT_SYNTAX",
        "The script of SWITCH 'switch' is not valid JavaScript: return outside of a function; the",
    ),
    # what the server cannot read
    "an unknown join mode": (
        lambda: flow(fork(simple("a"), join=join(["a"], mode="FOO"))),
        "WRONG_TYPE",
        "joinMode of JOIN 'fork_join' is 'FOO'; it must be one of SYNC, ASYNC.",
    ),
    "an unknown strategy of idempotency": (
        lambda: flow(sub_workflow("x", idempotency_strategy="FOO")),
        "WRONG_TYPE",
        "subWorkflowParam.idempotencyStrategy of SUB_WORKFLOW 'x' is 'FOO'; it must be one of FAIL, RETURN_EXISTING",
    ),
    "a version that is a word": (
        lambda: flow(sub_workflow("x", version="latest")),
        "WRONG_TYPE",
        "subWorkflowParam.version of SUB_WORKFLOW 'x' is 'latest'; it must be an integer in the r",
    ),
    "a definition as plain text": (
        lambda: flow(sub_workflow("x", definition="plain")),
        "WRONG_TYPE",
        "workflowDefinition of SUB_WORKFLOW 'x' is 'plain'; it must be a definition, or a reference to one.",
    ),
    "a definition that is a number": (
        lambda: flow(sub_workflow("x", definition=5)),
        "WRONG_TYPE",
        "workflowDefinition of SUB_WORKFLOW 'x' is '5'",
    ),
    "a case that is null": (
        lambda: loaded(
            task(type="SWITCH", evaluatorType="value-param", expression="x", decisionCases={"a": None, "b": [task()]})
        ),
        "WRONG_TYPE",
        "decisionCases.a of SWITCH 'a' is None; it must be a list.",
    ),
    "a type that is null": (lambda: loaded(task(type=None)), "WRONG_TYPE", "type of SIMPLE 'a' is null"),
    "items that are a list": (
        lambda: flow(do_while(simple("a"), condition="true", fields={"items": [1]})),
        "WRONG_TYPE",
        "items of DO_WHILE 'loop' is [1]; it must be a string.",
    ),
    "a cache's time as a word": (
        lambda: flow(simple("a", cache=("k", "z"))),
        "WRONG_TYPE",
        "cacheConfig.ttlInSecond of SIMPLE 'a' is 'z'; it must be an integer in the range of the ",
    ),
    "a workflow's cache": (
        lambda: flow(noop(), cache=("k", "z")),
        "WRONG_TYPE",
        "cacheConfig.ttlInSecond is 'z'; it must be an integer in the range of the server's type.",
    ),
    "an unknown type of schema": (
        lambda: flow(noop(), input_schema={"name": "s", "type": "FOO"}),
        "WRONG_TYPE",
        "inputSchema.type is 'FOO'; it must be one of JSON, AVRO, PROTOBUF.",
    ),
    "a version that is too large": (
        lambda: Workflow("a", 99999999999) >> noop(),
        "WRONG_TYPE",
        "version is 99999999999; it must be an integer in the range of the server's type.",
    ),
    "a logic of retries": (
        lambda: flow(simple("a", task_definition={"name": "a", "retryLogic": "FOO"})),
        "WRONG_TYPE",
        "taskDefinition.retryLogic of SIMPLE 'a' is 'FOO'; it must be one of FIXED, EXPONENTIAL_BACKOFF",
    ),
    "keys of a task definition as text": (
        lambda: flow(simple("a", task_definition={"name": "a", "inputKeys": "x"})),
        "WRONG_TYPE",
        "taskDefinition.inputKeys of SIMPLE 'a' is 'x'; it must be a list.",
    ),
    "a change of state that is not a list": (
        lambda: flow(simple("a", on_state_change={"onStart": {"type": "x"}})),
        "WRONG_TYPE",
        "onStateChange.onStart of SIMPLE 'a' is {'type': 'x'}; it must be a list.",
    ),
    "a change of state that is text": (
        lambda: flow(simple("a", on_state_change={"onStart": ["x"]})),
        "WRONG_TYPE",
        "onStateChange.onStart[0] of SIMPLE 'a' is 'x'; it must be an object (a dict).",
    ),
    # forks and joins
    "a fork without a join": (
        lambda: flow(fork(simple("a"), join=False), simple("b")),
        "NO_JOIN",
        "FORK_JOIN 'fork' is followed by SIMPLE 'b'; the server requires a JOIN. Add join(...) af",
    ),
    "a fork at the end": (
        lambda: flow(fork(simple("a"), join=False)),
        "NO_JOIN",
        "FORK_JOIN 'fork' is followed by nothing; the server requires a JOIN. Add join(...) after",
    ),
    "a fork without branches": (
        lambda: flow(fork()),
        "MISSING_FIELD",
        "FORK_JOIN 'fork' has no forkTasks, and the server requires it.",
    ),
    "an empty branch": (
        lambda: flow(fork(simple("a"), [])),
        "EMPTY_BRANCH",
        "A branch of FORK_JOIN 'fork' has no tasks, which the server does not accept. Remove it.",
    ),
    "a join on a missing step": (
        lambda: flow(fork(simple("first"), join_on=["frist"])),
        "UNKNOWN_JOIN",
        "JOIN 'fork_join' waits for 'frist', but no task has that name; did you mean 'first'?",
    ),
    "a join on a step of one case": (
        join_on_case,
        "JOIN_NEVER_ENDS",
        "JOIN 'fork_join' waits for 'a', which runs only in some cases of 'switch': in the others",
    ),
    "a join on what comes later": (
        join_in_front,
        "JOIN_NEVER_ENDS",
        "JOIN 'join' waits for 'a', which does not run before it: it never completes.",
    ),
    "an exclusive join on nobody": (
        lambda: flow(exclusive_join(["ghost"])),
        "UNKNOWN_JOIN",
        "EXCLUSIVE_JOIN 'exclusive_join' waits for 'ghost', but no task has that name (known: exc",
    ),
    "a dynamic fork of nothing": (
        lambda: flow(raw("FORK_JOIN_DYNAMIC"), join()),
        "DYNAMIC_FORK",
        "FORK_JOIN_DYNAMIC 'fork_join_dynamic' does not define what to run: pass tasks and their inp",
    ),
    "a dynamic fork without a task": (
        lambda: flow(dynamic_fork(each=[1])),
        "DYNAMIC_FORK",
        "FORK_JOIN_DYNAMIC 'dynamic_fork' has inputs, but no task to run with them: pass task=, t",
    ),
    "a dynamic fork without inputs": (
        lambda: flow(dynamic_fork("${workflow.input.tasks}")),
        "DYNAMIC_FORK",
        "dynamicForkTasksInputParamName of FORK_JOIN_DYNAMIC 'dynamic_fork' names the input param",
    ),
    "a version that the server cannot read": (
        lambda: flow(dynamic_fork(each=[1], workflow="x", inputs={"forkTaskWorkflowVersion": 2})),
        "DYNAMIC_FORK",
        "forkTaskWorkflowVersion of FORK_JOIN_DYNAMIC 'dynamic_fork' is the number 2; the server ",
    ),
    "half of a dynamic fork": (
        lambda: flow(raw("FORK_JOIN_DYNAMIC", {"t": []}, fields={"dynamicForkTasksParam": "t"}), join()),
        "DYNAMIC_FORK",
        "FORK_JOIN_DYNAMIC 'fork_join_dynamic' has dynamicForkTasksParam, but no dynamicForkTasks",
    ),
    "both forms of a dynamic fork": (
        lambda: flow(dynamic_fork([], {}, fields={"dynamicForkJoinTasksParam": "dynamicTasks"})),
        "DYNAMIC_FORK",
        "FORK_JOIN_DYNAMIC 'dynamic_fork' has dynamicForkTasksParam, dynamicForkTasksInputParamNa",
    ),
    # loops
    "a loop without a condition": (
        lambda: flow(do_while(simple("a"))),
        "MISSING_FIELD",
        "DO_WHILE 'loop' has no loopCondition, and the server requires it.",
    ),
    "a loop without a body": (
        lambda: flow(do_while(count=3)),
        "MISSING_FIELD",
        "DO_WHILE 'loop' has no loopOver, and the server requires it.",
    ),
    "a condition that reads a missing value": (
        lambda: flow(do_while(simple("check"), condition="$.chek.done")),
        "UNKNOWN_SCRIPT_NAME",
        "The script of DO_WHILE 'loop' reads $.chek, which is not an input parameter; did you mea",
    ),
    # order
    "a step after the end": (
        lambda: flow(terminate(), simple("a")),
        "UNREACHABLE",
        "SIMPLE 'a' is never reached: TERMINATE 'terminate' before it always ends the workflow.",
    ),
    "a step after a loop whose body ends": (
        lambda: flow(do_while([simple("a"), terminate()], count=2), simple("b")),
        "UNREACHABLE",
        "SIMPLE 'b' is never reached: DO_WHILE 'loop' before it always ends the workflow.",
    ),
    "a step after a switch that ends in every case": (
        lambda: flow(switch("x", {"1": terminate()}, terminate("FAILED")), simple("a")),
        "UNREACHABLE",
        "SIMPLE 'a' is never reached: SWITCH 'switch' before it always ends the workflow.",
    ),
    # sub-workflows
    "sub-workflows in a circle": (
        circle,
        "CIRCLE",
        "The sub-workflows contain each other: one -> two -> one. Refer to one of them by its name, in a ",
    ),
    "sub-workflows in a circle by name": (circle_by_name, "CIRCLE", "one -> two -> one"),
    "an input of a function in a sub-workflow": (
        lambda: flow(sub_workflow(Workflow("child") >> simple(price))),
        "MISSING_INPUT",
        "price() requires 'sku', but SIMPLE 'price' does not pass it.",
    ),
    "an output of a workflow that is named": (
        lambda: output_of(sub_workflow(flow(noop(), output_parameters={"total": 1}), inline=False), "sum"),
        "UNKNOWN_OUTPUT",
        "${order.output.sum}: the output of SUB_WORKFLOW 'order' has no 'sum' (known: total, subW",
    ),
    "a workflow that always runs itself": (
        lambda: flow(sub_workflow("order")),
        "ENDLESS",
        "SUB_WORKFLOW 'order' always runs its own workflow, without end. Put it into a case of a ",
    ),
    "a sub-workflow without a name": (
        lambda: flow(sub_workflow("")),
        "MISSING_FIELD",
        "SUB_WORKFLOW 'sub_workflow' does not name a workflow, so this workflow cannot start. Set",
    ),
    "a version as text": (
        lambda: flow(sub_workflow("x", version=-1)),
        "WRONG_TYPE",
        "version of SUB_WORKFLOW 'x' is -1; it must be an integer, 0 or greater.",
    ),
    "a mistake in a sub-workflow": (
        wrong_in_sub_workflow,
        "UNKNOWN_REFERENCE",
        "${ghost.output.x} refers to 'ghost', but no task of this workflow has that name (known: ",
    ),
    # the workflow
    "no steps": (
        lambda: Workflow("order"),
        "NO_TASKS",
        "The workflow has no tasks; the server refuses it. Add one: workflow >> step.",
    ),
    "no name": (lambda: Workflow("") >> noop(), "NO_NAME", "The workflow has no name."),
    "a slash in the name": (
        lambda: Workflow("a/b") >> noop(),
        "NAME",
        "The workflow's name 'a/b' contains a slash: the server would store the workflow, but cou",
    ),
    "a policy of tasks": (
        lambda: flow(noop(), timeout=5, timeout_policy="RETRY"),
        "TIMEOUT_POLICY",
        "timeoutPolicy is 'RETRY'; use TIME_OUT_WF, ALERT_ONLY.",
    ),
    "an old schema": (
        lambda: flow(noop(), fields={"schemaVersion": 1}),
        "SCHEMA_VERSION",
        "schemaVersion is 1; the server accepts only 2.",
    ),
    "a failure workflow from a step": (
        lambda: flow(simple("a"), failure_workflow="${a.output.x}"),
        "FAILURE_WORKFLOW",
        "failureWorkflow is ${a.output.x}; use a workflow name, or a reference to the workflow's ",
    ),
    "a limit as text": (
        lambda: flow(noop(), rate_limit=("k", "5")),
        "WRONG_TYPE",
        "concurrentExecLimit is '5'; it must be an integer, 0 or greater.",
    ),
    "a time-out as a flag": (
        lambda: flow(noop(), timeout=True),
        "WRONG_TYPE",
        "timeoutSeconds is True; it must be an integer, 0 or greater.",
    ),
}


def maybe():
    a = simple("a")
    return flow(switch("x", {"1": a}), simple("b", x=a.output.x))


def not_joined():
    a = simple("a")
    return flow(fork(a, simple("b"), join_on=["b"]), simple("c", x=a.output.x))


WARNINGS = {
    "a switch on a missing parameter": (
        lambda: flow(switch("x", {"1": noop()}, fields={"expression": "switchCaseValu"})),
        "SWITCH_EXPRESSION",
        "which is missing; did you mean 'switchCaseValue'?",
    ),
    "a case without steps": (
        lambda: flow(switch("x", {"1": noop(), "2": []}, noop())),
        "EMPTY_CASE",
        "The case '2' of SWITCH 'switch' has no tasks: nothing runs for it, not even the default ",
    ),
    "a reference as a name": (
        lambda: flow(simple("a", {"x": [{"${workflow.input.name}": 1}]})),
        "REFERENCE_AS_KEY",
        "The server replaces ${...} only in values, not in names.",
    ),
    "a reference without braces": (
        lambda: flow(simple("a"), simple("b", x="a.output.x", y=["workflow.input.y"])),
        "NO_REFERENCE_BRACES",
        "'a.output.x' is a plain string; write a reference as '${a.output.x}'.",
    ),
    "a switch on text": (
        lambda: flow(switch("input.status", {"active": noop()})),
        "NO_REFERENCE_BRACES",
        "'input.status' is a plain string; write a reference as '${workflow.input.status}'.",
    ),
    "a variable and its value": (
        lambda: flow(set_variable(variableName="total", value=1)),
        "VARIABLE_NAME",
        "SET_VARIABLE 'set_variable' sets the variables 'variableName' and 'value'; to set 'total",
    ),
    "a step of one case": (
        maybe,
        "MAY_NOT_HAVE_RUN",
        "${a.output.x} refers to 'a', which runs only in some cases of 'switch': in the others th",
    ),
    "a branch that is not joined": (
        not_joined,
        "NOT_JOINED",
        "${a.output.x} refers to 'a', a task of a branch of 'fork' that no JOIN waits for: it may",
    ),
    "an input that was not declared": (
        lambda: flow(simple("a", x="${workflow.input.skuu}"), input_parameters=["sku"]),
        "UNDECLARED_INPUT",
        "${workflow.input.skuu}: 'skuu' is not in the workflow's inputParameters; did you mean 's",
    ),
    "a variable that nobody sets": (
        lambda: flow(set_variable(total=1), simple("a", x="${workflow.variables.totl}")),
        "UNKNOWN_VARIABLE",
        "${workflow.variables.totl}: no task sets the variable 'totl'; did you mean 'total'?",
    ),
    "a field that a workflow does not have": (
        lambda: flow(simple("a", x="${workflow.inputs.x}")),
        "UNKNOWN_FIELD",
        "${workflow.inputs.x}: a workflow has no field 'inputs'; did you mean 'input'?",
    ),
    "a misspelt field": (
        lambda: loaded(task(inputParamaters={})),
        "UNKNOWN_FIELD",
        "There is no field 'inputParamaters'; did you mean 'inputParameters'?",
    ),
    "a misspelt field of the workflow": (
        lambda: flow(noop(), fields={"timeoutSecond": 5}),
        "UNKNOWN_FIELD",
        "There is no field 'timeoutSecond'; did you mean 'timeoutSeconds'?",
    ),
    "a misspelt type": (
        lambda: flow(raw("SUBWORKFLOW")),
        "UNKNOWN_TYPE",
        "Unknown task type 'SUBWORKFLOW'; did you mean 'SUB_WORKFLOW'? The server waits for a wor",
    ),
    **{
        f"a word that there is not: {step.type}": (lambda step=step: flow(step), "NOT_ALLOWED", message)
        for step, message in (
            (
                http_poll("/", "true", strategy="FIXD"),
                "'FIXD'; allowed: FIXED, LINEAR_BACKOFF, EXPONENTIAL_BACKOFF (did you mean 'FIXED'?)",
            ),
            (jdbc("pg", "DROP ...", kind="DROP"), "type of JDBC 'jdbc' is 'DROP'; allowed: SELECT, UPDATE."),
            (business_rule("f", {}, [], strategy="ALL"), "executionStrategy of BUSINESS_RULE 'business_rule' is 'ALL'"),
            (update_task("DONE", task_id="x"), "taskStatus of UPDATE_TASK 'update_task' is 'DONE'"),
            (query_processor("SQL"), "queryType of QUERY_PROCESSOR 'query_processor' is 'SQL'"),
            (human(assignments=[assignment("ann", "FRIEND")]), "userType of HUMAN 'human' is 'FRIEND'"),
            (
                start_workflow("x", idempotency_strategy="FOO"),
                "idempotencyStrategy of START_WORKFLOW 'start_x' is 'FOO'",
            ),
        )
    },
    "a strategy of human tasks": (
        lambda: flow(human(display_name="x", completion_strategy="CLOSE")),
        "NOT_ALLOWED",
        "assignmentCompletionStrategy of HUMAN 'human' is 'CLOSE'; allowed: LEAVE_OPEN, TERMINATE",
    ),
    "a trigger of human tasks": (
        lambda: flow(human(triggers=[trigger("DONE", "w")])),
        "NOT_ALLOWED",
        "triggerType of HUMAN 'human' is 'DONE'",
    ),
    "a negative interval": (
        lambda: flow(http_poll("/", "true", interval=-1)),
        "NOT_ALLOWED",
        "pollingInterval of HTTP_POLL 'http_poll' is -1; it must be a number from 0.",
    ),
    "a priority out of range": (
        lambda: flow(sub_workflow("x", priority=1000)),
        "NOT_ALLOWED",
        "priority of SUB_WORKFLOW 'x' is 1000; it must be a number from 0 to 99.",
    ),
    "a limit of nothing": (
        lambda: flow(noop(), rate_limit=("k", 0)),
        "NOT_ALLOWED",
        "rateLimitConfig.concurrentExecLimit is 0; it must be a number from 1.",
    ),
    "a cache that ends before it begins": (
        lambda: flow(simple("a", cache=("k", -1))),
        "NOT_ALLOWED",
        "ttlInSecond of SIMPLE 'a' is -1; it must be a number from 0.",
    ),
    "a field of task definitions": (
        lambda: loaded(task(retryLogic="FIXED", timeoutSeconds=5)),
        "MISPLACED_FIELD",
        "'retryLogic' is not a field here, and the server ignores it: it belongs to the task defi",
    ),
    "a field of the start": (
        lambda: loaded(task(), taskToDomain={"*": "x"}),
        "MISPLACED_FIELD",
        "'taskToDomain' is not a field here, and the server ignores it: pass it when the workflow",
    ),
    "a schedule in a workflow": (
        lambda: loaded(task(), schedule="0 0 * * * *"),
        "MISPLACED_FIELD",
        "'schedule' is not a field here, and the server ignores it: save a schedule with client.s",
    ),
    "a time that WAIT does not know": (
        lambda: flow(raw("WAIT", {"timeout": 3600})),
        "WAIT",
        "WAIT 'wait' has neither duration nor until, so it waits until a call completes it;",
    ),
    "the output in a condition": (
        lambda: flow(do_while(simple("a"), condition="$.a.output.done != true")),
        "LOOP_OUTPUT",
        "The condition of DO_WHILE 'loop' reads $.a.output, but $.a is already the output of that",
    ),
    "a return in an inline script": (
        lambda: flow(inline("return $.a", {"a": 1})),
        "SCRIPT_SYNTAX",
        "The script of INLINE 'inline' is not valid JavaScript: return outside of a function; the",
    ),
    "a condition that is not JavaScript": (
        lambda: flow(do_while(simple("a"), condition="$.a ==")),
        "SCRIPT_SYNTAX",
        "The script of DO_WHILE 'loop' is not valid JavaScript: unexpected token in expression: '",
    ),
    "a function that is never called": (
        lambda: flow(inline("function execute(input) { return '}' + input.value; }", {"input": 1})),
        "UNCALLED_FUNCTION",
        "The script of INLINE 'inline' is a function that is never called, so it has no result. C",
    ),
    "a reference in a query": (
        lambda: flow(jq('.lines[] | select(.sku == "${workflow.input.sku}")', {"lines": []})),
        "SCRIPT_REFERENCE",
        "The query of JSON_JQ_TRANSFORM 'jq' contains ${workflow.input.sku}, and the server inser",
    ),
    **{
        f"a reference of another language: {text}": (
            lambda text=text: flow(simple("a", x=text)),
            "NO_REFERENCE_BRACES",
            "write a reference as '${workflow.input.a}'.",
        )
        for text in (
            "{{workflow.input.a}}",
            "to {{ workflow.input.a }}",
            "$workflow.input.a",
            "$.workflow.input.a",
            "#{workflow.input.a}",
            "{workflow.input.a}",
        )
    },
    "a workflow that always starts itself": (
        lambda: flow(start_workflow("order")),
        "ENDLESS",
        "START_WORKFLOW 'start_order' always starts another execution of its own workflow, withou",
    ),
    "a script that reads a missing value": (
        lambda: flow(inline("$.totl + 1", {"total": 1})),
        "UNKNOWN_SCRIPT_NAME",
        "The script of INLINE 'inline' reads $.totl, which is not an input parameter; did you mean 'total'?",
    ),
    "a join on a switch": (
        lambda: flow([simple("a"), switch("x", {"1": simple("b")})]),
        "JOIN_ON_SWITCH",
        "JOIN 'fork_join' waits for the switch 'switch', but not for the tasks of its cases. End ",
    ),
    "a join on nothing": (lambda: flow(join()), "JOINS_NOTHING", "JOIN 'join' does not wait for any task. Set joinOn."),
    "a loop in a loop": (
        lambda: flow(do_while(do_while(simple("a"), count=2), count=2)),
        "NESTED_LOOP",
        "DO_WHILE 'loop_2' is a loop inside a loop, which the open-source server does not support",
    ),
    "no variable": (lambda: flow(set_variable()), "NO_VARIABLE", "SET_VARIABLE 'set_variable' sets no variable."),
    "a timeout of the workflow that waits for a person": (
        lambda: flow(human(ref="approval"), timeout=30),
        "HUMAN_TIMEOUT",
        "while HUMAN 'approval' is open, so the 30 s of the workflow have no effect there. Put a WAIT and a TERMINATE",
    ),
    "a timeout of a task that waits for a person": (
        lambda: flow(human(ref="approval", task_definition={"name": "approval", "timeoutSeconds": 60})),
        "HUMAN_TIMEOUT",
        "so the 60 s of HUMAN 'approval' have no effect there",
    ),
    "a policy without a time": (
        lambda: flow(noop(), timeout_policy="TIME_OUT_WF"),
        "TIMEOUT_POLICY",
        "timeoutPolicy is TIME_OUT_WF without timeoutSeconds: the workflow never times out. Set t",
    ),
    "an input that a sub-workflow has": (
        lambda: flow(sub_workflow(flow(noop(), input_parameters=["a", "b"]), {"a": 1, "c": 2})),
        "MISSING_INPUT",
        "The workflow 'order' has the input 'b', but SUB_WORKFLOW 'order' does not pass it.",
    ),
    "an input that a sub-workflow does not have": (
        lambda: flow(sub_workflow(flow(noop(), input_parameters={"sku": ""}), {"skuu": 1})),
        "UNKNOWN_INPUT",
        "The workflow 'order' has no input 'skuu'; did you mean 'sku'?",
    ),
}


@pytest.mark.parametrize(("make", "code", "message"), ERRORS.values(), ids=ERRORS)
def test_a_mistake_is_reported(make, code, message):
    workflow = make()
    problems = workflow.validate()
    assert [p for p in problems if p.code == code and p.is_error and message in p.message], problems
    with pytest.raises(WorkflowDefinitionError, match="has (a problem|[0-9]+ problems):") as raised:
        workflow.check()
    assert [p for p in raised.value.problems if p.code == code]


@pytest.mark.parametrize(("make", "code", "message"), WARNINGS.values(), ids=WARNINGS)
def test_a_possible_mistake_is_only_a_warning(make, code, message):
    workflow = make()
    problems = workflow.validate()
    assert [p for p in problems if p.code == code and not p.is_error and message in p.message], problems
    assert workflow.check() is workflow


def test_valid_definitions_have_no_problem():
    dynamic_body = [{"name": "t", "taskReferenceName": "df", "type": "FORK_JOIN_DYNAMIC"}]
    dynamic_body[0] |= {"inputParameters": {"a": "${workflow.input.a}", "b": "${workflow.input.b}"}}
    dynamic_body[0] |= {"dynamicForkTasksParam": "a", "dynamicForkTasksInputParamName": "b"}
    valid = [
        [task(inputParameters={"k": 1}, cacheConfig={"key": "${k}-${k.x}", "ttlInSecond": 5})],
        [*dynamic_body, task(type="JOIN", name="j", taskReferenceName="j", joinOn=["j"])],
        [task(taskReferenceName="a b"), task(taskReferenceName="c.d")],
        [
            task(
                type="SWITCH",
                evaluatorType="value-param",
                expression="x",
                inputParameters={"x": "${workflow.input.x}"},
                decisionCases={"A": [task(taskReferenceName="b")]},
                defaultCase=[task(taskReferenceName="c")],
                loopOver=[],
                forkTasks=[],
            )
        ],
    ]
    for tasks in valid:
        assert loaded(*tasks).validate() == [], tasks
    assert loaded(task(), version=0).validate() == []
    reads = task(inputParameters={"x": "${workflow.input.order}"})
    assert loaded(reads, inputParameters=['{"customer": ""}']).validate() == []


def test_what_only_some_servers_accept_is_a_warning():
    loop = task(type="DO_WHILE", taskReferenceName="loop", loopCondition="false", loopOver=[task()])
    fetch = http("/", ref="h")
    fork_dynamic = dynamic_fork("${workflow.input.t}", "${workflow.input.i}", ref="f")
    for workflow, word in (
        (loaded(loop, outputParameters={"x": "${loop.output.item}"}), "only Orkes"),
        (flow(fetch, simple("a", x="${h.output._secrets.key}")), "only Orkes"),
        (flow(simple("a", x="${_secrets.key}")), "only Orkes"),
        (flow(fork_dynamic).returns(x="${made.output.y}"), "unless FORK_JOIN_DYNAMIC"),
        (flow(switch("x", {"1": noop()}, fields={"inputParameters": {}})), "default case"),
    ):
        (problem,) = workflow.validate()
        assert not problem.is_error
        assert word in problem.message


def test_there_are_enough_of_them():
    assert len(ERRORS) >= 60


def test_every_code_has_a_mistake_and_is_documented():
    codes = {code for _, code, _ in (*ERRORS.values(), *WARNINGS.values())} | {"NO_WORKER"}
    package = Path(conductor.workflow.__file__).parent
    files = [*package.glob("*.py"), *(package.parent / "validation").glob("*.py")]
    written = "".join(
        path.read_text(encoding="utf-8") for path in files if path.name not in {"task_types.py", "defaults.py"}
    )
    raised = set(re.findall(r'(?:roblem\(|yield|:)\s*\(?\s*"([A-Z]+(?:_[A-Z]+)*)",', written))
    assert raised == codes
    page = (Path(__file__).parents[3] / "docs" / "howto" / "workflows.md").read_text(encoding="utf-8")
    listed = re.search(r"^Each problem has a stable code.*?\n\n(.*?)\n\n", page, re.DOTALL | re.MULTILINE)[1]
    assert set(re.findall(r"`([A-Z_]+)`", listed)) == codes


def test_all_problems_are_reported_together():
    workflow = flow(simple(price), wait("x"), simple("a", x="${ghost.output.x}"))
    with pytest.raises(WorkflowDefinitionError) as raised:
        workflow.check()
    assert [p.code for p in raised.value.problems] == ["WAIT", "UNKNOWN_REFERENCE", "MISSING_INPUT"]
    assert str(raised.value).startswith("Workflow 'order' has 3 problems:\n  tasks[1].inputParameters.duration (")


def test_the_error_is_plain_values_for_a_log():
    with pytest.raises(WorkflowDefinitionError) as raised:
        flow(wait("x")).check()
    logged = json.loads(json.dumps(raised.value.to_dict()))
    assert logged["problems"][0].endswith("[WAIT]")
    assert pickle.loads(pickle.dumps(raised.value)).problems == raised.value.problems


def test_a_problem_names_the_line_where_the_reference_was_written():
    workflow = Workflow("order")
    later = simple("later")
    workflow >> simple(
        "first",
        x=later.output.x,  # this line
    )
    workflow >> later
    (problem,) = workflow.validate()
    line = workflow.validate()[0].place.rpartition(":")[2].rstrip(")")
    with open(__file__, encoding="utf-8") as source:
        assert "# this line" in source.readlines()[int(line) - 1]
    assert problem.place.startswith("tasks[0].inputParameters.x (")
    assert str(problem).endswith("[LATER_REFERENCE]")


def test_a_problem_names_the_line_where_the_step_was_written():
    workflow = Workflow("order")
    workflow >> http("", ref="h")  # that line
    (problem,) = workflow.validate()
    line = problem.place.rpartition(":")[2].rstrip(")")
    with open(__file__, encoding="utf-8") as source:
        assert "# that line" in source.readlines()[int(line) - 1]


def line_of(problem):
    with open(__file__, encoding="utf-8") as source:
        return source.readlines()[int(problem.place.rpartition(":")[2].rstrip(")")) - 1]


def test_foreign_references_in_strings_are_reported_with_their_lines():
    other, workflow = Workflow("other"), Workflow("order", input_parameters=["k", "q"])
    step = other.add(simple("a"))
    text = f"<{other.input.k}>"  # text
    workflow >> simple("a", own=f"{workflow.input.k}")
    workflow >> simple(
        "b",
        x=f"{workflow.input.q}",
        y=text,
        z=[f"{step.output.z}"],  # list
    )
    workflow >> event(f"sqs:{other.input.k}")  # sink
    workflow >> inline(f"{other.input.q} + 1")  # script
    with workflow.do_while(condition=f"{other.input.k} > 1"):  # condition
        workflow >> noop()
    workflow.returns(s=other.input.k)  # output
    workflow.returns(t=f"{step.output.z} of {step.output.z}")  # output text
    problems = workflow.validate()
    assert {p.code for p in problems} == {"FOREIGN_REFERENCE"}
    assert [(p.place.partition(" ")[0], line_of(p).partition("  # ")[2].strip()) for p in problems] == [
        ("tasks[1].inputParameters.y", "text"),
        ("tasks[1].inputParameters.z[0]", "list"),
        ("tasks[2].sink", "sink"),
        ("tasks[3].inputParameters.expression", "script"),
        ("tasks[4].loopCondition", "condition"),
        ("outputParameters.s", "output"),
        ("outputParameters.t", "output text"),
        ("outputParameters.t", "output text"),
    ]


@pytest.mark.parametrize("step", ["a", "y"])
def test_references_of_the_parent_are_reported_in_a_sub_workflow(step):
    parent, child = Workflow("parent", input_parameters=["z"]), Workflow("child")
    before = parent.add(simple(step))
    child >> simple("y", v=f"{before.output.z}", w=f"{parent.input.z}")
    parent >> sub_workflow(child)
    assert [p.code for p in parent.validate()] == ["FOREIGN_REFERENCE"] * 2


def test_strings_of_other_workflows_are_not_mistaken_for_references():
    other, workflow = Workflow("other"), Workflow("order")
    print(f"{other.input.k}")
    workflow >> simple("b", x="${workflow.input.k}")
    for one in (other, workflow):
        one >> simple("c", x=f"{one.input.q}")
        one.returns(q=f"{one.input.q}")
    assert not workflow.validate()
    assert not other.validate()


def test_each_reference_in_a_string_has_its_line():
    workflow = Workflow("order")
    later = simple("later")
    ref = later.output.x  # value
    text = f"{later.output.x}"  # text
    workflow >> simple(
        "b",
        x=text,
        y=ref,
        z=f"{later.output.x}",  # direct
    )
    workflow >> later
    lines = {p.place.partition(" ")[0][-1]: line_of(p).partition("  # ")[2].strip() for p in workflow.validate()}
    assert lines == {"x": "text", "y": "value", "z": "direct"}


def test_a_problem_of_an_output_names_the_line_of_returns():
    workflow = Workflow("order") >> noop()
    workflow.returns(x="${ghost.output.x}")  # returns
    workflow.returns({"y": ["${workflow.input.}"]})  # more
    assert [line_of(p).partition("  # ")[2].strip() for p in workflow.validate()] == ["returns", "more"]


def test_a_circle_hides_no_other_problem():
    one = circle()
    one >> wait("x") >> simple("b", x=object())
    assert [p.code for p in one.validate()] == ["CIRCLE", "NO_JSON", "WAIT"]


def test_a_value_without_a_json_form_is_one_problem_of_several():
    workflow = flow(simple("a", x=object()), wait("x"))
    problem, other = workflow.validate()
    assert problem.place.startswith(f"tasks[0].inputParameters.x ({__file__}:")
    assert other.code == "WAIT"
    with pytest.raises(SerializationError):
        workflow.to_dict()


def test_a_loaded_definition_has_paths_and_no_lines():
    workflow = loaded(task(type="SWITCH", decisionCases={"A": [task(taskReferenceName="b", retryCount=-1)]}))
    places = {p.code: p.place for p in workflow.validate()}
    assert places["WRONG_TYPE"] == "tasks[0].decisionCases.A[0].retryCount"


def test_a_problem_of_a_sub_workflow_has_the_whole_path():
    (problem,) = wrong_in_sub_workflow().validate()
    path = "tasks[0].subWorkflowParam.workflowDefinition.tasks[0].inputParameters.x"
    assert problem.place.startswith(f"{path} ({__file__}:")
    (problem,) = Workflow.from_def(wrong_in_sub_workflow().to_dict()).validate()
    assert problem.place == path


def test_an_empty_workflow_name_is_placed():
    assert isinstance(Workflow("").validate()[0], Problem)


def in_turn():
    other = Workflow("other")
    other >> switch("x", {"1": sub_workflow(Workflow("order") >> noop(), inline=False)})
    return other


TEMPLATE = {"name": "x", "inputTemplate": {"http_request": {"uri": "/", "method": "GET"}}}


def test_definitions_from_files_are_checked_against_functions():
    child = {"name": "child", "tasks": [task(name="pay", inputParameters={"sum": 1})]}
    workflow = loaded(
        task(name="price", inputParameters={"skuu": 1}),
        task(name="pya", taskReferenceName="b", inputParameters={"x": "${a.output.totl}"}),
        task(name="c", taskReferenceName="c", type="SUB_WORKFLOW", subWorkflowParam={"workflowDefinition": child}),
    )
    assert workflow.validate() == []
    found = {(p.code, p.message.partition(".")[0]) for p in workflow.validate(workers=HERE)}
    assert found == {
        ("MISSING_INPUT", "price() requires 'sku', but SIMPLE 'a' does not pass it"),
        ("UNKNOWN_INPUT", "price() has no parameter 'skuu'; did you mean 'sku'?"),
        ("NO_WORKER", "No worker runs the task 'pya'; did you mean 'pay'?"),
        ("UNKNOWN_OUTPUT", "${a"),
        ("MISSING_INPUT", "pay() requires 'total', but SIMPLE 'a' does not pass it"),
        ("UNKNOWN_INPUT", "pay() has no parameter 'sum' (known: total)"),
    }
    with pytest.raises(WorkflowDefinitionError, match="has 5 problems"):
        workflow.check(workers=[price, pay])


ODD = [None, 1, "${", [[{}]], {"a": [None]}]
WHOLE = {
    "name": "order",
    "inputParameters": ["a"],
    "inputTemplate": {"a": 1},
    "variables": {"b": 1},
    "outputParameters": {"c": "${a.output.result}"},
    "rateLimitConfig": {"rateLimitKey": "k"},
    "tasks": [
        task(type="INLINE", inputParameters={"expression": "$.x", "evaluatorType": "javascript"}, taskDefinition={}),
        task(
            type="SWITCH", evaluatorType="javascript", expression="$.y", decisionCases={"1": [task()]}, defaultCase=[]
        ),
        task(type="FORK_JOIN", forkTasks=[[task()]]),
        task(type="JOIN", joinOn=["a"]),
        task(type="DO_WHILE", loopCondition="$.a", loopOver=[task()]),
        task(
            type="SUB_WORKFLOW", subWorkflowParam={"name": "x", "workflowDefinition": {"name": "y", "tasks": [task()]}}
        ),
        task(type="FORK_JOIN_DYNAMIC", dynamicForkTasksParam="x", inputParameters={"forkTaskInputs": 1}),
        task(type="HTTP", inputParameters={"http_request": {"uri": "/", "method": "GET"}}),
        task(type="WAIT", inputParameters={"duration": "5s"}),
        task(type="EVENT", sink="conductor"),
        task(type="DYNAMIC", dynamicTaskNameParam="x"),
    ],
}


def places(value, path=()):
    """Where there is a value, in every object and list."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*path, key)
        if isinstance(item, dict | list):
            yield from places(item, (*path, key))


def test_a_definition_of_any_shape_is_checked_and_written():
    for path in places(WHOLE):
        for odd in ODD:
            definition = copy.deepcopy(WHOLE)
            holder = definition
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = odd
            try:
                workflow = Workflow.from_def(definition)
            except ConfigurationError:
                continue
            assert workflow.validate()
            assert workflow.to_python(tidy=True)


RIGHT = {
    "a step before": lambda a: flow(a, simple("b", x=a.output.x)),
    "a branch that was joined": lambda a: flow([a, simple("c")], simple("b", x=a.output.x)),
    "a branch whose end was joined": lambda a: flow([[a, simple("d")], simple("c")], simple("b", x=a.output.x)),
    "the step before a switch": lambda a: flow(a, switch(a.output.x, {"1": simple("b", x=a.output.x)})),
    "the only case that goes on": lambda a: flow(switch("x", {"1": a}, terminate("FAILED")), simple("b", x=a.output.x)),
    "the last round": lambda a: flow(do_while([simple("b", x=a.output.x, y="${b.output.y}"), a], count=2)),
    "another branch of the last round": lambda a: flow(do_while([[simple("b", x=a.output.x), a]], count=2)),
    "a loop's body afterwards": lambda a: flow(do_while(a, count=2), simple("b", x=a.output.x)),
    "a condition on the body": lambda a: flow(do_while(a, condition=f"{a.output.x} < 2")),
    "a loop from inside": lambda a: flow(do_while(a, count=2, ref="l"), simple("b", x="${l.output.1.a.x}")),
    "a round's own step": lambda a: flow(do_while(a, count=2, ref="l"), simple("b", x="${a__1.output.x}")),
    "paths": lambda a: flow(
        a, simple("b", x="${a.output.x[0][-1][1:2][*]['a b'][?(@.p > 1)].length()} ${workflow.input.x[${a.output.n}]}")
    ),
    "the id of the task": lambda a: flow(a, simple("b", x="${CPEWF_TASK_ID} ${HOME} $${ghost.x}")),
    "a worker that takes anything": lambda a: flow(a, simple(anything, x=1, y=2)),
    "an answer of somebody else": lambda a: flow(
        a, simple(forget, ref="f", async_complete=True), simple("b", x="${f.output.x}")
    ),
    "literals that a worker converts": lambda a: flow(
        a,
        simple(ship, address=Address("a", "1"), lines="3", day=date(2026, 1, 31)),
        simple(ship, address={"street": a.output.street, "zip": "1"}, lines=a.output.lines),
        simple(ship, address={"street": "a", "zip": 1, "more": 2}, lines=2.0, day=None),
    ),
    "a request from a reference": lambda a: flow(a, raw("HTTP", {"http_request": a.output.request})),
    "a template's request": lambda a: flow(a, raw("HTTP", {"method": "GET"}, task_definition=TEMPLATE)),
    "a workflow that runs itself in one case": lambda a: flow(a, switch("x", {"1": sub_workflow("order")})),
    "workflows that run each other in one case": lambda a: flow(
        a, switch("x", {"1": sub_workflow(in_turn(), inline=False)})
    ),
    "a type that is not known": lambda a: flow(a, raw("VERY_NEW")),
    "references instead of strings and numbers": lambda a: flow(
        a,
        http_poll("/", "true", strategy=a.output.strategy, interval="${a.output.interval}"),
        jdbc("pg", "SELECT 1", kind=a.output.kind),
        sub_workflow("x", priority=a.output.priority, definition=a.output.definition),
        wait("${a.output.n} seconds"),
        wait(until="${a.output.day} 10:00"),
    ),
    "what the server reads as well": lambda a: flow(
        a,
        simple("b", task_definition={"name": "b", "timeoutSeconds": 5_000_000_000, "retryDelaySeconds": "5"}),
        sub_workflow("x", fields={"subWorkflowParam": {"name": "x", "version": "1"}}),
        simple("c", on_state_change={"onStart": [{"type": "x", "payload": {}}], "onFailed": None}),
    ),
    **{
        f"the time {text}": lambda a, text=text: flow(a, wait(until=text))
        for text in (
            "2030-1-1",
            "2030-01-01 9:00",
            "2030-01-01 10:00 CET",
            "2030-01-01 10:00 GMT+02:00",
            "2030-01-01 10:00 +0200",
            "2030-01-01 10:00 Pacific Standard Time",
        )
    },
    "functions that are called": lambda a: flow(
        a,
        inline("(function () { return 1; })()"),
        inline("function f(x) { return x; } f($.a)", {"a": 1}),
        inline("((x) => x + 1)($.a)", {"a": 1}),
        inline("const f = (x) => { return x; }; f(1)"),
        inline("f = x => x; f(1)"),
    ),
    "a whole query": lambda a: flow(a, jq(a.output.query)),
    "a condition on an output that is called output": lambda a: flow(
        do_while(a, condition="$.b.output", inputs={"b": {"output": 1}})
    ),
    "a message to who completes a WAIT": lambda a: flow(a, wait(inputs={"question": "ready?"})),
    "a workflow that starts itself in one case": lambda a: flow(a, switch("x", {"1": start_workflow("order")})),
    "a step after a loop over items that may be none": lambda a: flow(for_each([], [terminate()]), a),
    **{
        f"the path {path}": lambda a, path=path: flow(a, simple("b", x=f"${{a.output.{path}}}"))
        for path in (
            "x[?(@.y[0] == 'it')].z['a b'][0]",
            "x[?(@.y =~ /[a-z]+/)]",
            "x[?(@.y == 'a[')].z",
            r"x['it\'s']",
            "x['a]b']",
            "it's",
        )
    },
    "scripts and prompts": lambda a: flow(
        a, inline("$.input.value", {"input": {"value": 1}}), simple("b", x="{{name}} {a.b} $.a.b #{x} {{order.input}}")
    ),
}  # fmt: skip


@pytest.mark.parametrize("make", RIGHT.values(), ids=RIGHT)
def test_what_is_right_is_let_through(make):
    assert make(simple("a")).validate() == []
