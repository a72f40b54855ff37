"""Branches and loops: as blocks, as arguments, as functions; their wire forms."""

import pytest

from conductor import Worker, WorkerRegistry, Workflow, worker_task
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
    noop,
    raw,
    simple,
    start_workflow,
    sub_workflow,
    switch,
    terminate_workflow,
)


def shape(tasks):
    """The reference names, nested as the blocks are."""
    return [_shape(task) for task in tasks]


def _shape(task):
    ref = task["taskReferenceName"]
    if "forkTasks" in task:
        return {ref: [shape(branch) for branch in task["forkTasks"]]}
    if "decisionCases" in task:
        cases = {key: shape(case) for key, case in task["decisionCases"].items()}
        return {ref: {**cases, **({"": shape(task["defaultCase"])} if "defaultCase" in task else {})}}
    if "loopOver" in task:
        return {ref: shape(task["loopOver"])}
    return ref


def tasks(*steps):
    workflow = Workflow("w")
    workflow.add(*steps)
    return workflow.to_dict()["tasks"]


SWITCH = {"switch": {"A": ["a", "b"], "true": ["c"], "": ["d"]}}


def test_a_switch_reads_like_python():
    workflow = Workflow("w")
    with workflow.switch(workflow.input.kind) as s:
        with s.case("A"):
            workflow >> simple("a") >> simple("b")
        with s.case(True):
            workflow >> simple("c")
        with s.default():
            workflow >> simple("d")
    workflow >> simple("e")
    assert shape(workflow.to_dict()["tasks"]) == [SWITCH, "e"]
    switched = workflow.to_dict()["tasks"][0]
    assert switched["type"] == "SWITCH"
    assert switched["evaluatorType"] == "value-param"
    assert switched["expression"] == "switchCaseValue"
    assert switched["inputParameters"] == {"switchCaseValue": "${workflow.input.kind}"}


def test_cases_can_be_given_as_lists_chains_steps_and_functions():
    workflow = Workflow("w")

    def d():
        workflow.add(simple("d"))

    cases = {"A": simple("a") >> simple("b"), True: lambda: simple("c")}
    workflow >> switch("x", cases, default=d) >> simple("e")
    assert shape(workflow.to_dict()["tasks"]) == [SWITCH, "e"]


def test_cases_can_be_added_to_an_existing_switch():
    workflow = Workflow("w")
    s = workflow.add(switch("x", {"A": [simple("a")]}))
    workflow >> simple("e")
    s.case("A", [simple("b")])
    s.case(True, simple("c"))
    s.default(simple("d"))
    assert shape(workflow.to_dict()["tasks"]) == [SWITCH, "e"]


@pytest.mark.parametrize(
    ("value", "key"), [("a", "a"), (7, "7"), (2.0, "2"), (3.5, "3.5"), (True, "true"), (None, "null")]
)
def test_a_case_is_the_text_that_the_server_compares(value, key):
    assert list(tasks(switch("x", {value: simple("a")}))[0]["decisionCases"]) == [key]


def test_references_in_a_script_become_its_parameters():
    workflow = Workflow("w")
    step = workflow.add(simple("price"))
    script = f"{step.output.total} > 100 && '{workflow.input.kind}' == 'a' ? 'big' : {step.output.total} + ''"
    workflow >> switch(script=script, cases={"big": simple("b")})
    switched = workflow.to_dict()["tasks"][1]
    assert switched["evaluatorType"] == "javascript"
    assert switched["expression"] == "$.total > 100 && $.kind == 'a' ? 'big' : $.total + ''"
    assert switched["inputParameters"] == {"total": "${price.output.total}", "kind": "${workflow.input.kind}"}


@pytest.mark.parametrize(
    ("script", "lifted"),
    [
        ("'${workflow.input.kind}'", "$.kind"),
        ("'a ${workflow.input.kind} b'", "'a ' + $.kind + ' b'"),
        ('"${workflow.input.kind} b"', '"" + $.kind + " b"'),
        ("`a ${workflow.input.kind}`", "`a ` + $.kind + ``"),
        ("'it\\'s' + ${workflow.input.kind}", "'it\\'s' + $.kind"),
        ("${workflow.input['odd name']}", "$.input"),
        ("${workflow.input.x[${workflow.input.kind}]}", "$.x"),
        ("$${workflow.input.kind}", "$${workflow.input.kind}"),
        ("${workflow.input.kind", "${workflow.input.kind"),
    ],
)
def test_references_in_scripts_become_values_wherever_they_stand(script, lifted):
    assert tasks(switch(script=script, cases={"1": simple("a")}))[0]["expression"] == lifted
    assert tasks(inline(script))[0]["inputParameters"]["expression"] == lifted


def test_references_in_an_inline_script_become_its_parameters():
    workflow = Workflow("w")
    workflow >> inline(f"{workflow.input.name}.length", ref="n")
    assert workflow.to_dict()["tasks"][0]["inputParameters"] == {
        "evaluatorType": "javascript",
        "expression": "$.name.length",
        "name": "${workflow.input.name}",
    }


def test_python_reads_its_parameters_as_variables():
    workflow = Workflow("w")
    workflow >> inline(f"return len({workflow.input.name})", evaluator="python")
    workflow >> switch(script=f"return str({workflow.input.n})", evaluator="python", cases={"1": simple("a")})
    one, two = workflow.to_dict()["tasks"]
    assert one["inputParameters"]["expression"] == "return len(name)"
    assert two["expression"] == "return str(n)"
    assert two["inputParameters"] == {"n": "${workflow.input.n}"}


def test_parameters_that_are_there_are_used_and_not_overwritten():
    workflow = Workflow("w")
    script = f"$.total + {workflow.input.total} + {workflow.input.there}"
    workflow >> switch(script=script, cases={"1": simple("b")}, inputs={"total": 1, "old": "${workflow.input.there}"})
    switched = workflow.to_dict()["tasks"][0]
    assert switched["expression"] == "$.total + $.total_2 + $.old"
    assert switched["inputParameters"] == {
        "total": 1,
        "old": "${workflow.input.there}",
        "total_2": "${workflow.input.total}",
    }


def test_a_list_runs_in_parallel_and_is_joined():
    workflow = Workflow("w")
    workflow >> [simple("a"), [simple("b"), simple("c")], simple("d") >> simple("e")] >> simple("f")
    forked, joined, _ = workflow.to_dict()["tasks"]
    assert shape([forked]) == [{"fork": [["a"], ["b", "c"], ["d", "e"]]}]
    assert forked["type"] == "FORK_JOIN"
    assert joined == {
        "name": "fork_join",
        "taskReferenceName": "fork_join",
        "type": "JOIN",
        "joinOn": ["a", "c", "e"],
    }


def test_an_empty_list_is_nothing():
    assert tasks([]) == []


def test_a_fork_reads_like_python():
    workflow = Workflow("w")
    with workflow.fork(ref="both") as f:
        with f.branch():
            workflow >> simple("a")
            with workflow.fork() as inner:
                inner.branch(simple("x"))
                inner.branch(simple("y"))
        with f.branch():
            last = workflow.add(simple("b"))
    workflow >> simple("c", all=f.join.output[last.ref].total)
    assert shape(workflow.to_dict()["tasks"]) == [
        {"both": [["a", {"fork": [["x"], ["y"]]}, "fork_join"], ["b"]]},
        "both_join",
        "c",
    ]
    assert workflow.to_dict()["tasks"][1]["joinOn"] == ["fork_join", "b"]
    assert workflow.to_dict()["tasks"][2]["inputParameters"] == {"all": "${both_join.output.b.total}"}


def test_a_join_can_wait_for_less():
    a, b = simple("a"), simple("b")
    assert tasks(fork(a, b, join_on=[b]))[1]["joinOn"] == ["b"]


def test_a_join_can_be_given_or_left_out():
    assert tasks(fork(simple("a"), join=join(["a"], ref="j", optional=True)))[1] == {
        "name": "j",
        "taskReferenceName": "j",
        "type": "JOIN",
        "joinOn": ["a"],
        "optional": True,
    }
    alone = fork(simple("a"), join=False)
    assert len(tasks(alone)) == 1
    with pytest.raises(TypeError, match="join=False, so it has no JOIN"):
        _ = alone.join


def test_a_join_by_script():
    assert tasks(join([], script="true", mode="ASYNC"))[0] == {
        "name": "join",
        "taskReferenceName": "join",
        "type": "JOIN",
        "joinOn": [],
        "evaluatorType": "js",
        "expression": "true",
        "joinMode": "ASYNC",
    }


def test_an_exclusive_join():
    a, b = simple("a"), simple("b")
    assert tasks(switch("x", {"1": a, "2": b}), exclusive_join([a, b], default=[a]))[1] == {
        "name": "exclusive_join",
        "taskReferenceName": "exclusive_join",
        "type": "EXCLUSIVE_JOIN",
        "joinOn": ["a", "b"],
        "defaultExclusiveJoinTask": ["a"],
    }


def test_a_loop_by_count():
    workflow = Workflow("w")
    with workflow.do_while(count=3, keep_last=2) as loop:
        workflow >> simple("a", round=loop.iteration)
    (task,) = workflow.to_dict()["tasks"]
    assert task == {
        "name": "loop",
        "taskReferenceName": "loop",
        "type": "DO_WHILE",
        "inputParameters": {"keepLastN": 2},
        "loopOver": [
            {
                "name": "a",
                "taskReferenceName": "a",
                "type": "SIMPLE",
                "inputParameters": {"round": "${loop.output.iteration}"},
            }
        ],
        "loopCondition": "$.loop.iteration < 3",
    }


def test_a_loop_by_condition_reads_its_body_and_everything_else():
    workflow = Workflow("w")
    body = inline("({done: true})", ref="check")
    workflow >> do_while(
        body,
        condition=f"!{body.output.result.done} && '{body.output.result.state}' != 'x' && {workflow.input.more}",
        count=workflow.input.limit,
        ref="poll-it",
    )
    (task,) = workflow.to_dict()["tasks"]
    assert task["loopCondition"] == (
        "$['poll-it'].iteration < $.limit && (!$.check.result.done && $.check.result.state != 'x' && $.more)"
    )
    assert task["inputParameters"] == {"limit": "${workflow.input.limit}", "more": "${workflow.input.more}"}


def test_a_loop_over_items():
    workflow = Workflow("w")
    with workflow.for_each(workflow.input.lines, ref="lines") as loop:
        workflow >> simple("a", line=loop.item, place=loop.index)
    (task,) = workflow.to_dict()["tasks"]
    assert task["inputParameters"] == {"_items": "${workflow.input.lines}"}
    assert task["loopCondition"] == ""
    assert task["loopOver"][0]["inputParameters"] == {
        "line": "${lines.output.loopItem}",
        "place": "${lines.output.loopIndex}",
    }
    assert tasks(for_each([1, 2], [simple("a"), simple("b")]))[0]["inputParameters"] == {"_items": [1, 2]}


def test_blocks_nest():
    workflow = Workflow("w")
    with workflow.do_while(count=2), workflow.switch("x") as s, s.case("1"), workflow.fork() as f:
        f.branch([simple("a"), [simple("b"), simple("c")]])
    assert shape(workflow.to_dict()["tasks"]) == [
        {"loop": [{"switch": {"1": [{"fork": [["a", {"fork_2": [["b"], ["c"]]}, "fork_2_join"]]}, "fork_join"]}}]}
    ]


def test_a_block_closes_when_it_fails():
    workflow = Workflow("w")
    with pytest.raises(ZeroDivisionError), workflow.do_while(count=2):
        _ = 1 / 0
    workflow >> simple("a")
    assert shape(workflow.to_dict()["tasks"]) == [{"loop": []}, "a"]


def test_steps_between_the_branches_are_refused():
    workflow = Workflow("w")
    with workflow.fork() as f, pytest.raises(TypeError, match=r"outside of the branches of .*with step\.branch\(\)"):
        workflow >> simple("a")
    f.branch(simple("b"))
    with workflow.switch("x") as s, pytest.raises(TypeError, match=r"with step\.case\(\"\.\.\.\"\)"):
        workflow >> simple("c")
    s.case("1", simple("d"))
    assert shape(workflow.to_dict()["tasks"]) == [{"fork": [["b"]]}, "fork_join", {"switch": {"1": ["d"]}}]


def test_a_dynamic_fork_takes_no_branches():
    with pytest.raises(TypeError, match="a dynamic fork gets its branches from its input"):
        Workflow("w").add(dynamic_fork("x", "y")).branch(simple("a"))


def test_a_block_needs_a_workflow():
    with pytest.raises(TypeError, match="is not in a workflow yet"), switch("x") as s:
        pass
    with pytest.raises(TypeError, match="is not in a workflow yet"), do_while(count=1):
        pass
    s = switch("x")
    with pytest.raises(TypeError, match="is not in a workflow yet"), s.case("A"):
        pass


def test_a_decision_is_the_old_switch():
    assert tasks(decision("${workflow.input.x}", {"a": simple("a")}, simple("b")))[0] == {
        "name": "decision",
        "taskReferenceName": "decision",
        "type": "DECISION",
        "inputParameters": {"case": "${workflow.input.x}"},
        "caseValueParam": "case",
        "decisionCases": {"a": [{"name": "a", "taskReferenceName": "a", "type": "SIMPLE"}]},
        "defaultCase": [{"name": "b", "taskReferenceName": "b", "type": "SIMPLE"}],
    }


@worker_task("resize_image", registry=WorkerRegistry())
def resize(size: int) -> None: ...


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            dynamic_fork("${a.output.tasks}", "${a.output.inputs}"),
            {
                "inputParameters": {"dynamicTasks": "${a.output.tasks}", "dynamicTasksInput": "${a.output.inputs}"},
                "dynamicForkTasksParam": "dynamicTasks",
                "dynamicForkTasksInputParamName": "dynamicTasksInput",
            },
        ),
        (
            dynamic_fork(each=[{"size": 1}], task=resize),
            {"inputParameters": {"forkTaskInputs": [{"size": 1}], "forkTaskName": "resize_image"}},
        ),
        (
            dynamic_fork(each="${a.output.list}", task_type="HTTP"),
            {"inputParameters": {"forkTaskInputs": "${a.output.list}", "forkTaskType": "HTTP"}},
        ),
        (
            dynamic_fork(each=[], workflow=Workflow("child", 3)),
            {"inputParameters": {"forkTaskInputs": [], "forkTaskWorkflow": "child", "forkTaskWorkflowVersion": "3"}},
        ),
        (
            dynamic_fork({"dynamicTasks": []}, old_style=True),
            {
                "inputParameters": {"dynamicTasks": {"dynamicTasks": []}},
                "dynamicForkJoinTasksParam": "dynamicTasks",
            },
        ),
    ],
)
def test_a_dynamic_fork_brings_its_join(step, expected):
    forked, joined = tasks(step)
    assert forked == {
        "name": "dynamic_fork",
        "taskReferenceName": "dynamic_fork",
        "type": "FORK_JOIN_DYNAMIC",
        **expected,
    }
    assert joined == {
        "name": "dynamic_fork_join",
        "taskReferenceName": "dynamic_fork_join",
        "type": "JOIN",
        "joinOn": [],
    }


def test_a_sub_workflow_by_name():
    step = sub_workflow(
        "child",
        {"a": 1},
        version=2,
        task_to_domain={"*": "d"},
        priority=5,
        idempotency_key="k",
        idempotency_strategy="FAIL",
    )
    assert tasks(step)[0] == {
        "name": "child",
        "taskReferenceName": "child",
        "type": "SUB_WORKFLOW",
        "inputParameters": {"a": 1},
        "subWorkflowParam": {
            "name": "child",
            "version": 2,
            "taskToDomain": {"*": "d"},
            "priority": 5,
            "idempotencyKey": "k",
            "idempotencyStrategy": "FAIL",
        },
    }


def test_a_workflow_is_sent_along_or_named():
    child = Workflow("child", 4)
    child >> noop()
    param = tasks(sub_workflow(child))[0]["subWorkflowParam"]
    assert param == {"name": "child", "version": 4, "workflowDefinition": child.to_dict()}
    assert tasks(sub_workflow(child, inline=False))[0]["subWorkflowParam"] == {"name": "child", "version": 4}
    given = sub_workflow("x", definition="${workflow.input.definition}")
    assert tasks(given)[0]["subWorkflowParam"] == {
        "name": "x",
        "workflowDefinition": "${workflow.input.definition}",
    }


def test_what_is_added_to_an_inline_workflow_later_is_sent_too():
    child, parent = Workflow("child"), Workflow("parent")
    parent >> sub_workflow(child)
    child >> noop()
    assert len(parent.to_dict()["tasks"][0]["subWorkflowParam"]["workflowDefinition"]["tasks"]) == 1


def test_starting_and_ending_other_workflows():
    started = start_workflow("other", {"a": 1}, version=1, correlation_id="c", task_to_domain={"*": "d"})
    assert tasks(started)[0] == {
        "name": "start_other",
        "taskReferenceName": "start_other",
        "type": "START_WORKFLOW",
        "inputParameters": {
            "startWorkflow": {
                "name": "other",
                "version": 1,
                "input": {"a": 1},
                "correlationId": "c",
                "taskToDomain": {"*": "d"},
            }
        },
    }
    assert tasks(start_workflow(Workflow("o", 2)))[0]["inputParameters"] == {
        "startWorkflow": {"name": "o", "version": 2}
    }
    assert tasks(terminate_workflow("${a.output.id}", "why", trigger_failure_workflow=True))[0]["inputParameters"] == {
        "workflowId": ["${a.output.id}"],
        "terminationReason": "why",
        "triggerFailureWorkflow": True,
    }


def test_a_dynamic_fork_takes_references_to_its_tasks_and_inputs():
    workflow = Workflow("w")
    plan = workflow.add(simple("plan"))
    workflow >> dynamic_fork(plan.output.tasks, plan.output.inputs)

    assert workflow.to_def().tasks[1].input_parameters == {
        "dynamicTasks": "${plan.output.tasks}",
        "dynamicTasksInput": "${plan.output.inputs}",
    }


def test_a_dynamic_task():
    assert tasks(dynamic("${workflow.input.task}", {"a": 1}))[0] == {
        "name": "dynamic",
        "taskReferenceName": "dynamic",
        "type": "DYNAMIC",
        "inputParameters": {"taskToExecute": "${workflow.input.task}", "a": 1},
        "dynamicTaskNameParam": "taskToExecute",
    }


def test_a_function_gets_the_workflow_when_it_asks():
    def part(workflow):
        with workflow.switch("x") as s:
            s.case("1", simple("a"))

    assert shape(tasks(part, simple("b"))) == [{"switch": {"1": ["a"]}}, "b"]


def test_a_step_can_be_added_once():
    workflow = Workflow("w")
    step = http("/")
    workflow >> step >> step
    assert len(workflow.to_dict()["tasks"]) == 1


def test_raw_blocks_are_left_as_they_are():
    wire = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": [[{"name": "a"}]]}
    assert tasks(raw(wire)) == [wire]


def test_the_output_of_a_dynamic_fork_is_that_of_its_join():
    workflow = Workflow("order")
    each = workflow.add(dynamic_fork(each="${workflow.input.items}", task="ship"))
    assert str(each.output.ship_0) == str(each.join.output.ship_0)
    collect = workflow.add(simple("collect", results=each))
    wire = next(task for task in workflow.to_dict()["tasks"] if task["taskReferenceName"] == collect.ref)
    assert wire["inputParameters"] == {"results": f"${{{each.join.ref}.output}}"}


def test_a_worker_s_function_is_a_step_and_is_not_called():
    calls = []

    @worker_task("pack", registry=WorkerRegistry())
    def pack():
        calls.append("pack")

    workflow = Workflow("w") >> pack >> [pack, Worker(pack, "other")] >> switch("x", {"a": pack})
    names = [task.name for task in workflow.to_def().all_tasks() if task.type == "SIMPLE"]
    assert names == ["pack", "pack", "other", "pack"]
    assert calls == []
