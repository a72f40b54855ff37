"""Definitions as Python source, and back."""

import pytest

from conductor import Workflow
from conductor.workflow import (
    decision,
    do_while,
    dynamic,
    dynamic_fork,
    exclusive_join,
    for_each,
    fork,
    http,
    inline,
    join,
    jq,
    noop,
    raw,
    set_variable,
    simple,
    start_workflow,
    sub_workflow,
    switch,
    terminate,
    terminate_workflow,
    wait,
)


def rebuilt(source, variable="workflow"):
    names = {}
    exec(compile(source, "<written>", "exec"), names)
    return names[variable]


def task(ref="a", **fields):
    return {"name": ref, "taskReferenceName": ref, "type": "SIMPLE", **fields}


def order():
    workflow = Workflow("order", input_parameters=["sku"])
    price = workflow.add(simple("price", sku=workflow.input.sku))
    with workflow.switch(price.output.kind, ref="kind") as kind:
        with kind.case("express"):
            workflow >> http(f"http://shop/{price.output.id}?sku={workflow.input['the sku']}", ref="call-it")
        with kind.default():
            workflow >> [simple("pack"), [simple("print_label"), simple("stick_label")]]
    with workflow.do_while(count=3) as loop:
        workflow >> simple("check", round=loop.iteration)
    return workflow.returns(total=price.output.total)


ORDER = """from conductor import Workflow
from conductor.workflow import http, simple

workflow = Workflow("order", input_parameters=["sku"])
price = workflow.add(simple("price", sku=workflow.input.sku))
with workflow.switch(price.output.kind, ref="kind") as kind:
    with kind.case("express"):
        workflow >> http(f"http://shop/{price.output.id}?sku={workflow.input['the sku']}", ref="call-it")
    with kind.default():
        with workflow.fork() as fork_step:
            with fork_step.branch():
                workflow >> simple("pack")
            with fork_step.branch():
                workflow >> simple("print_label")
                workflow >> simple("stick_label")
with workflow.do_while(count=3) as loop:
    workflow >> simple("check", round=loop.output.iteration)
workflow.returns(total=price.output.total)
"""


def test_source_is_what_one_writes():
    assert order().to_python() == ORDER


def test_source_makes_the_same_definition():
    assert rebuilt(ORDER).to_dict() == order().to_dict()


STEPS = {
    "simple": lambda: simple("a", {"ref": 1, "not a name": 2}, x="${workflow.input.x}", optional=True),
    "dynamic": lambda: dynamic("x", {"a": 1}, param="p"),
    "decision": lambda: decision("x", {"1": noop()}, noop()),
    "decision by script": lambda: decision(script="$.x", cases={"1": noop()}, inputs={"x": 1}),
    "switch by script": lambda: switch(script="$.x > 1", cases={"true": noop()}, inputs={"x": 1}, evaluator="graaljs"),
    "switch by its own parameter": lambda: switch("x", {"1": noop(), "2": []}, [], param="kind"),
    "fork": lambda: fork(noop(), [noop(), noop()], []),
    "fork with another join": lambda: fork(noop(ref="n"), join=join(["n"], ref="j")),
    "dynamic fork": lambda: dynamic_fork("x", "y"),
    "dynamic fork over inputs": lambda: dynamic_fork(each=[1], task="a"),
    "dynamic fork of workflows": lambda: dynamic_fork(each=[1], workflow="w", workflow_version=2),
    "old dynamic fork": lambda: dynamic_fork("x", old_style=True),
    "join by script": lambda: join([], script="x", mode="ASYNC"),
    "bare join": lambda: join(None),
    "exclusive join": lambda: exclusive_join(["a"], default=["b"]),
    "loop": lambda: do_while(noop(), condition="$.x < 1", inputs={"x": 1}, keep_last=2),
    "empty loop": lambda: do_while(count=2),
    "loop over items": lambda: for_each("${workflow.input.x}", noop()),
    "http": lambda: http("/", "POST", body={"a": [1, "x" * 100, "y" * 30]}, read_timeout_ms=5),
    "http without a method": lambda: http("/", None),
    "flat http": lambda: http("/", "PUT", headers={"a": "b"}, flat=True, inputs={"x": 1}),
    "flat http without a method": lambda: http("/", None, flat=True),
    "inline": lambda: inline("$.a\n + '\"{}\\'", {"a": 1}, evaluator="graaljs"),
    "jq": lambda: jq(".a"),
    "set variable": lambda: set_variable({"ref": 1}, a=2, fields={"optional": True}),
    "variables called as options": lambda: set_variable({"name": 1, "a b": 2, "c": 3}),
    "set variable with options": lambda: set_variable({"a": 1}, optional=True, retry_count=3, name="n"),
    "wait": lambda: wait("5 seconds"),
    "wait until": lambda: wait(until="2027-01-01"),
    "terminate": lambda: terminate("FAILED", "why"),
    "sub-workflow": lambda: sub_workflow("x", {"a": 1}, version=2, priority=3),
    "inline sub-workflow": lambda: sub_workflow(Workflow("y")),
    "sub-workflow by reference": lambda: sub_workflow("${workflow.input.name}"),
    "start workflow": lambda: start_workflow("x", {"a": 1}, correlation_id="c"),
    "start what a reference says": lambda: raw("START_WORKFLOW", {"startWorkflow": "${workflow.input.x}"}),
    "terminate workflow": lambda: terminate_workflow("x", "y"),
    "a newer type": lambda: raw("NEWER", {"a": None}, fields={"x": {"y": [1]}}),
    "a string with braces": lambda: simple(
        "a", x='{"a": "${workflow.input.b}"} $${c}\t\\', y="${workflow.input.class._x}"
    ),
    "every option": lambda: noop(
        ref="r",
        name="n",
        description="d",
        optional=True,
        permissive=True,
        async_complete=True,
        start_delay=1,
        retry_count=2,
        cache=("k", 3),
        rate_limited=True,
        task_definition={"name": "n"},
        on_state_change={"onStart": []},
        metadata={"m": 1},
        inputs={"a": 1},
        fields={"x": 1, "y": None},
    ),
}


@pytest.mark.parametrize("make", STEPS.values(), ids=STEPS)
def test_a_step_is_written_and_made_again(make):
    workflow = Workflow("w")
    workflow >> make() >> simple("reader", x="${workflow.variables.x}")
    source = workflow.to_python()
    assert rebuilt(source).to_dict() == workflow.to_dict(), source


DEFINITIONS = {
    "all fields": {
        "name": "w",
        "version": 2,
        "schemaVersion": 2,
        "tags": [{"key": "team", "value": "pay"}],
        "overwriteTags": False,
        "createTime": 1,
        "timeoutSeconds": 5,
        "description": None,
        "outputParameters": {},
        "ownerEmail": "${workflow.input.x}",
        "newer": [1],
        "tasks": [task()],
    },
    "no version": {"name": "w", "tasks": []},
    "an output with odd names": {
        "name": "w",
        "outputParameters": {"a b": "${a.output.x}", "class": 1},
        "tasks": [task()],
    },
    "a task without a name": {"name": "w", "tasks": [{"taskReferenceName": "a", "type": "X"}]},
    "tasks without a reference name": {
        "name": "w",
        "tasks": [{"name": "a", "type": "X"}, task("a"), {"type": "NOOP"}, {"type": "FORK_JOIN", "forkTasks": [[{}]]}],
    },
    "a task without a type": {"name": "w", "tasks": [{"taskReferenceName": "a", "name": "a"}]},
    "malformed blocks": {
        "name": "w",
        "tasks": [task(type="SWITCH", decisionCases={"a": None}, defaultCase=[task("b")])],
    },
    "blocks of a type without blocks": {"name": "w", "tasks": [task(forkTasks=[[task("b")]])]},
    "names that are taken": {
        "name": "w",
        "tasks": [
            task("workflow_"),
            task("http"),
            task("list"),
            task("class"),
            task("1a"),
            task("a-b"),
            task("a_b"),
            task(
                "z",
                inputParameters={
                    n: f"${{{n}.output.x}}" for n in ("workflow_", "http", "list", "class", "1a", "a-b", "a_b")
                },
            ),
        ],
    },
    "the join of a fork": {
        "name": "w",
        "tasks": [
            task("f", type="FORK_JOIN", forkTasks=[[task("b")]]),
            {"name": "f_join", "taskReferenceName": "f_join", "type": "JOIN", "joinOn": ["b"]},
            task("z", inputParameters={"x": "${f_join.output.b.x}"}),
        ],
    },
    "a reference to a later step": {
        "name": "w",
        "tasks": [task("a", inputParameters={"x": "${b.output.x}", "y": "<${b.output.x}>"}), task("b")],
    },
    "empty blocks that the server adds": {
        "name": "w",
        "tasks": [task(type="WAIT", decisionCases={}, defaultCase=[], forkTasks=[], loopOver=[], inputParameters={})],
    },
}


@pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
def test_a_definition_is_written_and_made_again(definition):
    workflow = Workflow.from_def(definition)
    assert workflow.to_dict() == definition
    source = workflow.to_python()
    assert rebuilt(source).to_dict() == definition, source


def nested(kind, depth):
    """Blocks in blocks; the last steps of each level read what comes from inside, or from outside."""
    inner = [task("x0")]
    for level in range(1, depth):
        reader = task(f"r{level}", inputParameters={"in": f"${{x{level - 1}.output.y}}", "out": "${x9.output.y}"})
        if kind == "switch":
            more = {"evaluatorType": "value-param", "expression": "c", "inputParameters": {"c": 1}}
            opened = task(f"x{level}", type="SWITCH", **more, decisionCases={"a": [*inner, reader]})
        elif kind == "loop":
            opened = task(f"x{level}", type="DO_WHILE", loopCondition="$.x < 1", loopOver=[*inner, reader])
        else:
            opened = task(f"x{level}", type="FORK_JOIN", forkTasks=[inner, [reader]])
        name = f"x{level}_join"
        join = {"name": name, "taskReferenceName": name, "type": "JOIN", "joinOn": [inner[-1]["name"], f"r{level}"]}
        inner = [opened, join] if kind == "fork" else [opened]
    return {"name": "w", "version": 1, "tasks": inner}


@pytest.mark.parametrize("kind", ["switch", "loop", "fork"])
@pytest.mark.parametrize("depth", [9, 11, 25, 60])
def test_deeply_nested_blocks_are_written_and_made_again(kind, depth):
    definition = nested(kind, depth)
    source = Workflow.from_def(definition).to_python()
    assert rebuilt(source).to_dict() == definition


def test_long_values_in_each_other_are_written_at_once():
    value = {"text": "x" * 120}
    for _ in range(60):
        value = {"inner": [value]}
    workflow = Workflow("w")
    workflow >> simple("a", x=value)
    assert rebuilt(workflow.to_python()).to_dict() == workflow.to_dict()


def test_tidy_source_is_without_what_the_server_fills_in():
    definition = {
        "name": "w",
        "version": 1,
        "schemaVersion": 2,
        "createTime": 1,
        "timeoutPolicy": "ALERT_ONLY",
        "inputParameters": [],
        "tasks": [
            task("a", startDelay=0, optional=False, defaultCase=[], joinOn=[], onStateChange={}),
            task("s", type="SWITCH", evaluatorType="value-param", expression="x", inputParameters={"x": "y"},
                 decisionCases={"1": [task("b", startDelay=0)]}, defaultCase=[], loopOver=[]),
            task("f", type="FORK_JOIN", forkTasks=[[task("c", optional=False)]]),
            task("f_join", type="JOIN", joinOn=["c"], asyncComplete=False),
            task("l", type="DO_WHILE", loopCondition="$.l.iteration < 2", loopOver=[task("d", joinOn=[])]),
        ],
    }  # fmt: skip
    assert Workflow.from_def(definition).to_python(tidy=True, variable="w") == (
        "from conductor import Workflow\n"
        "from conductor.workflow import simple\n"
        "\n"
        'w = Workflow("w")\n'
        'w >> simple("a")\n'
        'with w.switch("y", param="x", ref="s") as s:\n'
        '    with s.case("1"):\n'
        '        w >> simple("b")\n'
        'with w.fork(ref="f") as f:\n'
        "    with f.branch():\n"
        '        w >> simple("c")\n'
        'with w.do_while(count=2, ref="l") as l:\n'
        '    w >> simple("d")\n'
    )


def test_long_values_take_several_lines():
    workflow = Workflow("w")
    workflow >> http("http://shop", "POST", body={"name": "n" * 50, "lines": ["l" * 40, "m" * 40]})
    assert workflow.to_python().splitlines()[4:] == [
        "workflow >> http(",
        '    "http://shop",',
        '    "POST",',
        "    body={",
        f'        "name": "{"n" * 50}",',
        f'        "lines": ["{"l" * 40}", "{"m" * 40}"],',
        "    },",
        ")",
    ]
