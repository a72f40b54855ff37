"""SWITCH, DECISION, FORK_JOIN, JOIN, DO_WHILE, dynamic forks and tasks, TERMINATE."""

from kit import scenario


def task(kind, reference, **more):
    return {"name": reference, "taskReferenceName": reference, "type": kind, **more}


def inline(reference, expression, **parameters):
    given = {"evaluatorType": "javascript", "expression": expression, **parameters}
    return task("INLINE", reference, inputParameters=given)


def switch(
    reference="s", evaluator="value-param", expression="v", cases=None, default=None, value="${workflow.input.v}"
):
    return task(
        "SWITCH",
        reference,
        evaluatorType=evaluator,
        expression=expression,
        decisionCases=cases or {},
        defaultCase=default or [],
        inputParameters={"v": value},
    )


def join(reference="j", *on):
    return task("JOIN", reference, joinOn=list(on))


def fork(reference, *branches):
    return task("FORK_JOIN", reference, forkTasks=[list(branch) for branch in branches])


def variable(reference, **values):
    return task("SET_VARIABLE", reference, inputParameters=values)


# -- SWITCH


def _switched(lab, value, **more):
    cases = {"a": [inline("in_a", "1")], "b": [], "7": [inline("in_7", "7")], "true": [inline("in_true", "2")]}
    flow = [switch(cases=cases, **more), inline("after", "'after'")]
    return lab.end(lab.run(*flow, input={"v": value}))


@scenario
def switch_to_a_case(lab):
    return _switched(lab, "a", default=[inline("in_default", "3")])


@scenario
def switch_to_an_empty_case(lab):
    return _switched(lab, "b", default=[inline("in_default", "3")])


@scenario
def switch_to_the_default(lab):
    return _switched(lab, "zzz", default=[inline("in_default", "3")])


@scenario
def switch_without_a_default(lab):
    return _switched(lab, "zzz")


@scenario
def switch_by_a_number(lab):
    return _switched(lab, 7)


@scenario
def switch_by_a_boolean(lab):
    return _switched(lab, True)


@scenario
def switch_by_nothing(lab):
    return _switched(lab, None)


@scenario
def switch_by_a_script(lab):
    expression = "$.v > 5 ? 'a' : 'b'"
    return [_switched(lab, 6, evaluator="javascript", expression=expression)]


@scenario
def switch_by_a_graal_script(lab):
    return _switched(lab, 6, evaluator="graaljs", expression="$.v + 1")


@scenario
def switch_by_a_script_that_gives_a_fraction(lab):
    return _switched(lab, 7, evaluator="javascript", expression="$.v / 2")


@scenario
def switch_by_a_script_that_fails(lab):
    return _switched(lab, 6, evaluator="javascript", expression="nope.x")


@scenario
def switch_with_an_unknown_evaluator(lab):
    return _switched(lab, 6, evaluator="astrology")


@scenario
def switch_as_the_last_task(lab):
    return lab.end(lab.run(switch(cases={"x": [inline("i", "1")]}), input={"v": "y"}))


@scenario
def a_switch_in_a_switch(lab):
    inner = switch("inner", cases={"a": [inline("deep", "1"), inline("deeper", "2")]})
    return lab.end(lab.run(switch(cases={"a": [inner, inline("tail", "3")]}), inline("end", "4"), input={"v": "a"}))


@scenario
def a_worker_task_in_a_case(lab):
    lab.task()
    workflow_id = lab.run(switch(cases={"a": [lab.simple(), inline("x", "1")]}), inline("y", "2"), input={"v": "a"})
    during = lab.now(workflow_id)
    lab.work()
    return [during, lab.end(workflow_id)]


@scenario
def decision_by_parameter(lab):
    flow = task(
        "DECISION", "d", caseValueParam="v", decisionCases={"a": [inline("i", "1")], "b": []},
        defaultCase=[inline("z", "0")], inputParameters={"v": "${workflow.input.v}"},
    )  # fmt: skip
    lab.flow(flow, inline("after", "9"))
    return [lab.end(lab.start(input={"v": value})) for value in ("a", "b", "c")]


@scenario
def decision_by_expression(lab):
    flow = task(
        "DECISION", "d", caseExpression="$.v > 3 ? 'a' : 'b'", decisionCases={"a": [inline("i", "1")]},
        inputParameters={"v": "${workflow.input.v}"},
    )  # fmt: skip
    return lab.end(lab.run(flow, input={"v": 5}))


@scenario
def decision_by_an_expression_that_fails(lab):
    flow = task("DECISION", "d", caseExpression="nope.x", decisionCases={"a": [inline("i", "1")]})
    return lab.end(lab.run(flow))


# -- FORK_JOIN and JOIN


@scenario
def fork_and_join(lab):
    lab.task("a")
    lab.task("b")
    lab.task("c")
    workflow_id = lab.run(
        fork("f", [lab.simple("a")], [lab.simple("b"), lab.simple("c")]), join("j", "a", "c"), inline("end", "1")
    )
    begin = lab.now(workflow_id)
    lab.work("a", output={"n": 1})
    lab.work("b", output={"n": 2})
    lab.work("c", output={"n": 3})
    return [begin, lab.end(workflow_id)]


@scenario
def fork_of_inline_tasks(lab):
    return lab.end(lab.run(fork("f", [inline("a", "1")], [inline("b", "2")]), join("j", "a", "b")))


@scenario
def a_failed_branch(lab):
    lab.task("a")
    lab.task("b")
    workflow_id = lab.run(fork("f", [lab.simple("a")], [lab.simple("b")]), join("j", "a", "b"))
    lab.work("a", "FAILED", reason="no")
    outcome = lab.end(workflow_id)
    for one in outcome["tasks"]:
        if one["taskType"] == "JOIN":  # FAILED or CANCELED, by chance
            for key in ("status", "reasonForIncompletion", "outputData"):
                one.pop(key, None)
    outcome["output"] = None
    return outcome


@scenario
def a_join_of_some_branches(lab):
    lab.task("a")
    lab.task("b")
    workflow_id = lab.run(fork("f", [lab.simple("a")], [lab.simple("b")]), join("j", "a"), variable("v", done=True))
    lab.work("a", output={"n": 1})
    lab.until_task(workflow_id, "v", "COMPLETED")
    lab.work("b", output={"n": 2})
    return lab.end(workflow_id)


@scenario
def a_join_on_nothing(lab):
    lab.task("a")
    workflow_id = lab.run(fork("f", [lab.simple("a")]), join("j"))
    lab.until_task(workflow_id, "j", "COMPLETED")
    lab.work("a", output={"n": 1})
    return lab.end(workflow_id)


@scenario
def an_optional_branch_that_fails(lab):
    lab.task("a")
    lab.task("b")
    workflow_id = lab.run(
        fork("f", [lab.simple("a", optional=True)], [lab.simple("b")]), join("j", "a", "b"), inline("end", "1")
    )
    lab.work("a", "FAILED", reason="no", output={"n": 1})
    lab.work("b", output={"n": 2})
    return lab.end(workflow_id)


@scenario
def a_permissive_branch_that_fails(lab):
    lab.task("a")
    lab.task("b")
    workflow_id = lab.run(
        fork("f", [lab.simple("a", permissive=True)], [lab.simple("b")]), join("j", "a", "b"), inline("end", "1")
    )
    lab.work("a", "FAILED", reason="no", output={"n": 1})
    lab.work("b", output={"n": 2})
    outcome = lab.end(workflow_id)
    return outcome["status"]


@scenario
def a_fork_in_a_fork(lab):
    inner = [fork("f2", [inline("a", "1")], [inline("b", "2")]), join("j2", "a", "b")]
    return lab.end(lab.run(fork("f1", inner, [inline("c", "3")]), join("j1", "j2", "c"), inline("end", "4")))


@scenario
def a_switch_in_a_branch(lab):
    branch = [switch(cases={"a": [inline("x", "1"), inline("y", "2")]})]
    return lab.end(lab.run(fork("f", branch, [inline("c", "3")]), join("j", "y", "c"), input={"v": "a"}))


@scenario
def a_fork_without_a_join(lab):
    return lab.end(lab.run(fork("f", [inline("a", "1")]), inline("end", "1")))


@scenario
def an_exclusive_join(lab):
    cases = {"a": [inline("x", "'from x'")], "b": [inline("y", "'from y'")]}
    flow = [
        switch(cases=cases),
        task("EXCLUSIVE_JOIN", "e", joinOn=["x", "y"], defaultExclusiveJoinTask=["s"]),
        inline("end", "1"),
    ]
    lab.flow(*flow)
    return [lab.end(lab.start(input={"v": value})) for value in ("a", "b", "none")]


# -- DO_WHILE


def loop(reference, condition, *body, **more):
    return task("DO_WHILE", reference, loopCondition=condition, loopOver=list(body), **more)


@scenario
def three_rounds(lab):
    body = [inline("i", "$.n * 10", n="${l.output.iteration}"), inline("k", "1")]
    return lab.end(lab.run(loop("l", "$.l['iteration'] < 3", *body), inline("end", "1")))


@scenario
def one_round(lab):
    return lab.end(lab.run(loop("l", "false", inline("i", "1"))))


@scenario
def rounds_until_a_result(lab):
    flow = loop("l", "$.i.result < 3", inline("i", "$.n", n="${l.output.iteration}"))
    return lab.end(lab.run(flow))


@scenario
def rounds_by_a_parameter(lab):
    flow = loop("l", "$.l['iteration'] < $.max", inline("i", "1"), inputParameters={"max": "${workflow.input.max}"})
    return lab.end(lab.run(flow, input={"max": 2}))


@scenario
def a_condition_that_is_a_number(lab):
    return lab.end(lab.run(loop("l", "3 - $.l.iteration", inline("i", "1"))))


@scenario
def a_condition_that_is_a_text(lab):
    return lab.end(lab.run(loop("l", "'yes'", inline("i", "1"))))


@scenario
def a_condition_that_fails(lab):
    return lab.end(lab.run(loop("l", "nope.x", inline("i", "1"))))


@scenario
def a_worker_task_in_a_loop(lab):
    lab.task()
    workflow_id = lab.run(loop("l", "$.l['iteration'] < 2", lab.simple(inputParameters={"n": "${l.output.iteration}"})))
    first = lab.work(output={"n": 1})
    during = lab.now(workflow_id)
    second = lab.work(output={"n": 2})
    return [first["inputData"], second["inputData"], second["iteration"], during, lab.end(workflow_id)]


@scenario
def a_failing_task_in_a_loop(lab):
    lab.task()
    workflow_id = lab.run(loop("l", "$.l['iteration'] < 3", lab.simple(), inline("i", "1")), inline("end", "1"))
    lab.work(output={"n": 1})
    lab.work(status="FAILED", reason="no")
    return lab.end(workflow_id)


@scenario
def a_retried_task_in_a_loop(lab):
    lab.task(retryCount=1, retryDelaySeconds=0)
    workflow_id = lab.run(loop("l", "$.l['iteration'] < 2", lab.simple()))
    lab.work(status="FAILED", reason="no")
    lab.work(output={"n": 1})
    lab.work(output={"n": 2})
    return lab.end(workflow_id)


@scenario
def an_optional_task_in_a_loop(lab):
    lab.task()
    workflow_id = lab.run(loop("l", "$.l['iteration'] < 2", lab.simple(optional=True), inline("i", "1")))
    lab.work(status="FAILED", reason="no")
    lab.work(output={"n": 2})
    return lab.end(workflow_id)


@scenario
def a_switch_in_a_loop(lab):
    body = switch(
        cases={"1": [inline("x", "1")], "2": [inline("y", "2"), inline("z", "3")]}, value="${l.output.iteration}"
    )
    return lab.end(lab.run(loop("l", "$.l['iteration'] < 3", body)))


@scenario
def a_fork_in_a_loop(lab):
    body = [fork("f", [inline("a", "1")], [inline("b", "2")]), join("j", "a", "b")]
    return lab.end(lab.run(loop("l", "$.l['iteration'] < 2", *body)))


@scenario
def only_the_last_rounds_are_kept(lab):
    flow = loop(
        "l", "$.l['iteration'] < 4", inline("i", "$.n", n="${l.output.iteration}"), inputParameters={"keepLastN": 2}
    )
    return lab.end(lab.run(flow, inline("end", "1")))


@scenario
def a_loop_over_items(lab):
    flow = loop("l", "", inline("i", "$.x", x="${l.output.loopItem}"), items="${workflow.input.items}")
    lab.flow(flow)
    return [lab.end(lab.start(input={"items": items})) for items in (["a", {"b": 1}], [], "one", None)]


@scenario
def a_loop_over_items_with_a_condition(lab):
    flow = loop(
        "l", "$.loopItem != 'b'", inline("i", "$.x", x="${l.output.loopIndex}"), items="${workflow.input.items}"
    )
    return lab.end(lab.run(flow, input={"items": ["a", "b", "c"]}))


@scenario
def terminate_in_a_loop(lab):
    body = [
        inline("i", "1"),
        switch(cases={"2": [task("TERMINATE", "stop", inputParameters={"terminationStatus": "COMPLETED"})]},
               value="${l.output.iteration}"),
    ]  # fmt: skip
    return lab.end(lab.run(loop("l", "$.l['iteration'] < 5", *body)))


# -- dynamic tasks and forks


@scenario
def a_dynamic_task(lab):
    lab.task("real")
    flow = task("DYNAMIC", "d", dynamicTaskNameParam="which", inputParameters={"which": "${workflow.input.w}", "x": 1})
    workflow_id = lab.run(flow, input={"w": lab("real")})
    polled = lab.work("real", output={"n": 1})
    return [polled["inputData"], lab.end(workflow_id)]


@scenario
def a_dynamic_task_without_a_name(lab):
    flow = task("DYNAMIC", "d", dynamicTaskNameParam="which", inputParameters={"which": "${workflow.input.w}", "x": 1})
    return lab.end(lab.run(flow))


@scenario
def a_dynamic_task_without_a_definition(lab):
    flow = task("DYNAMIC", "d", dynamicTaskNameParam="which", inputParameters={"which": "${workflow.input.w}"})
    workflow_id = lab.run(flow, input={"w": lab("ghost")})
    return lab.now(workflow_id)


def dynamic_fork(**parameters):
    return task(
        "FORK_JOIN_DYNAMIC", "df", dynamicForkTasksParam="tasks", dynamicForkTasksInputParamName="inputs",
        inputParameters={"tasks": "${workflow.input.tasks}", "inputs": "${workflow.input.inputs}", **parameters},
    )  # fmt: skip


@scenario
def a_dynamic_fork(lab):
    lab.task("a")
    given = {
        "tasks": [
            {"name": lab("a"), "taskReferenceName": "a1", "type": "SIMPLE", "inputParameters": {"own": 1, "x": 0}},
            {"name": lab("a"), "taskReferenceName": "a2", "type": "SIMPLE"},
            {"name": "i", "taskReferenceName": "i1", "type": "INLINE",
             "inputParameters": {"evaluatorType": "javascript", "expression": "5"}},
        ],
        "inputs": {"a1": {"x": 1}, "a2": {"x": 2}},
    }  # fmt: skip
    workflow_id = lab.run(dynamic_fork(), join("j"), inline("end", "1"), input=given)
    begin = lab.now(workflow_id)
    first, second = sorted([lab.poll("a"), lab.poll("a")], key=lambda one: one["referenceTaskName"])
    lab.update(first, output={"n": 1})
    lab.update(second, output={"n": 2})
    for shape in (begin,):
        for one in shape["tasks"]:
            if one["taskType"] == "JOIN":  # looked at, or not yet
                one.pop("outputData")
    return [begin, first["inputData"], lab.end(workflow_id)]


@scenario
def a_dynamic_fork_of_nothing(lab):
    return lab.end(lab.run(dynamic_fork(), join("j"), inline("end", "1"), input={"tasks": [], "inputs": {}}))


@scenario
def a_dynamic_fork_of_no_list(lab):
    return lab.end(lab.run(dynamic_fork(), join("j"), input={"tasks": "x", "inputs": {}}))


@scenario
def a_dynamic_fork_without_inputs(lab):
    return lab.end(lab.run(dynamic_fork(), join("j"), input={"tasks": [], "inputs": None}))


@scenario
def a_dynamic_fork_entry_without_a_reference(lab):
    return lab.end(lab.run(dynamic_fork(), join("j"), input={"tasks": [{"name": "x", "type": "NOOP"}], "inputs": {}}))


@scenario
def a_dynamic_fork_without_a_join(lab):
    return lab.end(lab.run(dynamic_fork(), inline("end", "1"), input={"tasks": [], "inputs": {}}))


@scenario
def a_dynamic_fork_in_the_old_form(lab):
    lab.task("a")
    flow = task(
        "FORK_JOIN_DYNAMIC", "df", dynamicForkJoinTasksParam="list", inputParameters={"list": "${workflow.input.list}"}
    )
    entries = [{"taskName": lab("a"), "referenceName": "r1", "type": "SIMPLE", "input": {"x": 1}}]
    workflow_id = lab.run(flow, join("j"), input={"list": {"dynamicTasks": entries}})
    polled = lab.work("a", output={"n": 1})
    return [polled["inputData"], lab.end(workflow_id)]


@scenario
def a_dynamic_fork_of_inputs(lab):
    lab.task("a")
    flow = task(
        "FORK_JOIN_DYNAMIC", "df",
        inputParameters={"forkTaskName": lab("a"), "forkTaskInputs": "${workflow.input.list}"},
        dynamicForkTasksParam="x", dynamicForkTasksInputParamName="y",
    )  # fmt: skip
    workflow_id = lab.run(flow, join("j"), input={"list": [{"x": 1}, "two"]})
    polled = sorted([lab.poll("a"), lab.poll("a")], key=lambda one: one["referenceTaskName"])
    for one in polled:
        lab.update(one, output={"n": one["inputData"]["__index"]})
    return [[one["inputData"] for one in polled], lab.end(workflow_id)]


@scenario
def a_dynamic_fork_of_a_system_task(lab):
    flow = task(
        "FORK_JOIN_DYNAMIC", "df",
        inputParameters={"forkTaskType": "INLINE", "forkTaskInputs": "${workflow.input.list}"},
        dynamicForkTasksParam="x", dynamicForkTasksInputParamName="y",
    )  # fmt: skip
    entries = [{"evaluatorType": "javascript", "expression": f"{n} + 1"} for n in range(2)]
    return lab.end(lab.run(flow, join("j"), input={"list": entries}))


@scenario
def a_dynamic_fork_of_children(lab):
    lab.flow(inline("i", "$.x", x="${workflow.input.x}"), name="child")
    flow = task(
        "FORK_JOIN_DYNAMIC", "df",
        inputParameters={"forkTaskWorkflow": lab("child"), "forkTaskInputs": [{"x": 1}, {"x": 2}]},
        dynamicForkTasksParam="x", dynamicForkTasksInputParamName="y",
    )  # fmt: skip
    outcome = lab.end(lab.run(flow, join("j")))
    for one in outcome["tasks"]:
        one.pop("executed")  # of the children that end last, by chance
    return outcome


# -- TERMINATE, SET_VARIABLE, NOOP


def _terminated(lab, **parameters):
    flow = [inline("i", "1"), task("TERMINATE", "t", inputParameters=parameters), inline("never", "1")]
    return lab.end(lab.run(*flow, outputParameters={"not": "used"}))


@scenario
def terminate_as_completed(lab):
    return _terminated(lab, terminationStatus="COMPLETED", workflowOutput={"a": "${i.output.result}"})


@scenario
def terminate_as_failed(lab):
    return _terminated(lab, terminationStatus="FAILED", terminationReason="so ${i.output.result}", workflowOutput=5)


@scenario
def terminate_as_terminated(lab):
    return _terminated(lab, terminationStatus="TERMINATED")


@scenario
def terminate_with_open_branches(lab):
    lab.task()
    stop = task("TERMINATE", "stop", inputParameters={"terminationStatus": "COMPLETED", "workflowOutput": {"x": 1}})
    outcome = lab.end(lab.run(fork("f", [lab.simple()], [stop]), join("j", "t", "stop")))
    for one in outcome["tasks"]:
        if one["taskType"] == "JOIN":
            one.pop("outputData")
    return outcome


@scenario
def variables(lab):
    flow = [
        variable("v1", a=1, b="${workflow.input.x}", c=None),
        variable("v2", a="${workflow.variables.a}-${workflow.variables.b}"),
        inline("i", "$.a", a="${workflow.variables.a}"),
    ]
    return lab.end(lab.run(*flow, input={"x": {"y": 1}}, variables={"a": 0, "start": True}))


@scenario
def variables_that_are_too_large(lab):
    return lab.end(lab.run(variable("v1", a="x" * 300_000), inline("i", "1")))["status"]


@scenario
def noop_and_human(lab):
    workflow_id = lab.run(task("NOOP", "n", inputParameters={"a": 1}), task("HUMAN", "h", inputParameters={"b": 2}))
    during = lab.now(workflow_id)
    lab.post(f"/tasks/{workflow_id}/h/IN_PROGRESS", {"half": 1})
    half = lab.now(workflow_id)
    lab.post(f"/tasks/{workflow_id}/h/COMPLETED", {"done": 1})
    return [during, half, lab.end(workflow_id)]


@scenario
def an_empty_start_and_templates(lab):
    lab.flow(inline("i", "1"), inputTemplate={"a": 1, "b": {"c": 2}})
    seen = []
    for given in ({}, {"x": 1}, {"a": None}, {"a": 5}):
        workflow_id = lab.start(input=given)
        seen.append(lab.document(workflow_id)["input"])
    return seen


@scenario
def starts_by_a_task_that_cannot_be_read(lab):
    lab.flow({"name": "n", "taskReferenceName": "n", "type": "NOOP"}, name="kid")
    seen = []
    for given in ({"input": "x"}, {"priority": "x"}, {"taskToDomain": "x"}, {"priority": "7"}, {"version": "1"}):
        start = {"startWorkflow": {"name": lab("kid"), **given}}
        lab.flow({"name": "s", "taskReferenceName": "s", "type": "START_WORKFLOW", "inputParameters": start})
        end = lab.end(lab.start())
        seen.append([given, end["status"], end["tasks"][0]["status"]])
    return seen


@scenario
def a_child_without_tasks(lab):
    lab.flow({"name": "n", "taskReferenceName": "n", "type": "NOOP"}, name="kid")
    parameters = {"name": lab("kid"), "version": 1, "workflowDefinition": "${workflow.input.d}"}
    lab.flow({"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW", "subWorkflowParam": parameters})
    return [lab.end(lab.start(input={"d": given}))["status"] for given in ({"name": "q"}, {"name": "q", "tasks": []})]
