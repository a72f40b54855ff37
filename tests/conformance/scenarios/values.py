"""Values: how they are written, compared, defaulted and protected; what is refused because of them."""

import time

from kit import scenario


def task(kind, reference, **more):
    return {"name": reference, "taskReferenceName": reference, "type": kind, **more}


def inline(reference, expression, **parameters):
    given = {"evaluatorType": "javascript", "expression": expression, **parameters}
    return task("INLINE", reference, inputParameters=given)


def outputs(outcome):
    """Status and output of each task."""
    return [[one["status"], one.get("reasonForIncompletion"), one["outputData"]] for one in outcome["tasks"]]


@scenario
def inline_with_an_evaluator_that_is_null(lab):
    given = {"evaluatorType": "${workflow.input.kind}", "expression": "1 + 1"}
    return lab.end(lab.run(task("INLINE", "i", inputParameters=given)))


@scenario
def inline_evaluators_and_expressions_of_other_kinds(lab):
    seen = []
    for kind, expression in (("", "1"), (" ", "1"), (1, "1"), (None, "1"), ("javascript", 2), ("javascript", None)):
        given = {"evaluatorType": kind, "expression": expression}
        lab.flow(task("INLINE", "i", inputParameters=given, optional=True))
        answer = lab.post("/workflow", {"name": lab("wf")})
        seen.append(outputs(lab.end(answer.text)) if answer.status == 200 else answer.seen())
    return seen


@scenario
def scripts_whose_results_have_no_json(lab):
    samples = ["10n", "[1n]", "({a: 2n})", "Symbol('a')", "(() => 1)", "new Map([[1, 2]])", "new Date(0)", "/a/g"]
    return [
        outputs(lab.end(lab.run(inline("i", text), name=f"wf{n}", start={"name": f"wf{n}"})))
        for n, text in enumerate(samples)
    ]


@scenario
def lambda_without_a_script(lab):
    samples = ["", " ", None, 5]
    return [
        outputs(lab.end(lab.run(task("LAMBDA", "l", inputParameters={"scriptExpression": text})))) for text in samples
    ]


@scenario
def lambda_whose_script_is_not_given(lab):
    return outputs(lab.end(lab.run(task("LAMBDA", "l", inputParameters={"x": 1}))))


@scenario
def switch_on_values_of_every_kind(lab):
    values = [
        1.0,
        2,
        ["a", True, None],
        {"a": 1},
        {"a": {"b": [1.5, None]}},
        1e21,
        1e6,
        1e7,
        0.001,
        0.0001,
        True,
        "x y",
        -0.0,
    ]
    step = task(
        "SWITCH", "s", evaluatorType="value-param", expression="v", decisionCases={"q": [inline("q", "1")]},
        inputParameters={"v": "${workflow.input.v}"},
    )  # fmt: skip
    lab.flow(step)
    return [lab.end(lab.start(input={"v": value}))["tasks"][0]["outputData"] for value in values]


@scenario
def switch_on_results_of_scripts(lab):
    samples = [
        "1",
        "1.0",
        "2.5",
        "[1, 'a', null, true]",
        "({a: 1, b: [2]})",
        "1e21",
        "1e6",
        "null",
        "true",
        "''",
        "0.1 + 0.2",
    ]
    outcomes = []
    for text in samples:
        step = task("SWITCH", "s", evaluatorType="javascript", expression=text, decisionCases={"q": [inline("q", "1")]})
        outcomes.append(lab.end(lab.run(step))["tasks"][0]["outputData"])
    return outcomes


@scenario
def decision_on_values_of_every_kind(lab):
    step = task(
        "DECISION", "d", caseValueParam="v", decisionCases={"q": [inline("q", "1")]},
        inputParameters={"v": "${workflow.input.v}"},
    )  # fmt: skip
    lab.flow(step)
    values = [1.0, 2, ["a", True, None], {"a": 1}, 1e21, True, None]
    return [lab.end(lab.start(input={"v": value}))["tasks"][0]["outputData"] for value in values]


@scenario
def terminate_with_a_reason_that_is_not_text(lab):
    seen = []
    for reason in (True, 5, ["a"], {"a": 1}, "", None, "${workflow.input.x}"):
        end = {"terminationStatus": "COMPLETED", "terminationReason": reason}
        lab.flow(task("TERMINATE", "t", inputParameters=end))
        answer = lab.post("/workflow", {"name": lab("wf"), "input": {"x": 7}})
        seen.append(answer.status)
    return seen


@scenario
def integers_in_scripts(lab):
    big = 9007199254740993
    samples = [
        "$.a", "$.a + 1", "$.a - 1", "$.a * 1", "[$.a, $.b]", "({x: $.a})", "$.c", "$.l", "$.l[0]", "$.m.x", "-$.a",
        "$.a == $.b", "$.l.map(x => x)", "Math.max($.a, 1)", "parseInt('9007199254740993')", "9007199254740993",
        "$.d", "$.d + 1", "String($.a)", "$.a.toString()",
    ]  # fmt: skip
    given = {"a": big, "b": big - 1, "c": 9223372036854775807, "l": [big], "m": {"x": big}, "d": 12345678901}
    return outputs(
        lab.end(lab.run(*[{**inline(f"i{n}", text, **given), "optional": True} for n, text in enumerate(samples)]))
    )


@scenario
def java_methods_of_lists_and_maps(lab):
    samples = [
        "$.l.contains('a')", "$.l.size()", "$.l.get(0)", "$.l.indexOf('b')", "$.l.isEmpty()",
        "$.m.get('a')", "$.m.containsKey('a')", "$.m.size()", "$.m.isEmpty()", "$.m.getOrDefault('z', 5)",
        "$.l.length", "$.l.includes('a')", "$.l.join('-')", "$.m.a", "$.l.concat(['z'])", "$.l.slice(1)",
        "$.m.containsKey('zz')", "$.m.get('zz')", "$.l.stream().count()", "$.l.add('c'); $.l",
        "$.m.put('n', 1); $.m.n", "$.m.keySet().size()", "$.l.getFirst()", "$.l.getLast()",
        "$.m.keySet().contains('a')", "$.m.values().contains(1)", "$.l.remove('a'); $.l", "$.l.equals($.l)",
        "$.m.remove('a'); $.m.size()", "$.l.containsAll(['a'])", "$.l.lastIndexOf('b')",
    ]  # fmt: skip
    given = {"l": ["a", "b"], "m": {"a": 1, "b": {"c": 2}}}
    tasks = [{**inline(f"i{n}", text, **given), "optional": True} for n, text in enumerate(samples)]
    return [
        [text, one["status"], one["outputData"].get("result")]
        for text, one in zip(samples, lab.end(lab.run(*tasks))["tasks"], strict=True)
    ]


@scenario
def scripts_that_fail(lab):
    samples = [
        "x.y", "null.a", "undefined.a", "$.a.b", "$.a()", "throw 'no'", "throw new Error('no')", "var", "1 +",
        "btoa('a')", "atob('YQ==')", "$.nope.x", "throw {a: 1}",
        "[].reduce((a, b) => a)",
        "new Array(-1)", "(1).toFixed(1000)", "'a'.repeat(-1)", "let q = 1; let q = 2", "const c = 1; c = 2",
        "decodeURIComponent('%')", "new RegExp('(')", "Symbol() + ''", "BigInt(1.5)", "1n + 1", "f()", "({}).x.y.z",
        "class A { constructor() { this.x(); } } new A()", "null[0]", "undefined()", "[1,2].foo()", "'a'.foo()",
        "$.l.foo()", "$.m.foo()", "\n\nnope", "function f() { return g(); }\nf()", "Object.defineProperty(1, 'a', {})",
        "structuredClone({})", "setTimeout(() => 1, 1)", "console.log(1)", "require('fs')", "globalThis.process",
    ]  # fmt: skip
    given = {"l": ["a"], "m": {"a": 1}}
    tasks = [{**inline(f"i{n}", text, **given), "optional": True} for n, text in enumerate(samples)]
    return [
        [text, one["status"], one["outputData"]]
        for text, one in zip(samples, lab.end(lab.run(*tasks))["tasks"], strict=True)
    ]


@scenario
def definitions_without_tasks(lab):
    body = {"name": lab("wf"), "version": 1, "ownerEmail": "a@b.c", "timeoutSeconds": 0}
    return [
        lab.call(method, "/metadata/workflow", given).status
        for method, given in (("POST", {**body, "tasks": None}), ("PUT", [{**body, "tasks": None}]))
    ]


@scenario
def input_parameters_of_blanks(lab):
    seen = []
    for text in ("${ }", "${  }", "${}", "a ${ } b", "${   x}"):
        answer = lab.register(inline("i", "1", x=text))
        seen.append(answer.seen())
    return seen


@scenario
def forks_that_cannot_be_scheduled(lab):
    join = task("JOIN", "j", joinOn=["i"])
    lab.flow(task("FORK_JOIN", "f", forkTasks=[[inline("i", "1")], []]), join)
    first = lab.post("/workflow", {"name": lab("wf")}).seen()
    lab.flow(task("SUB_WORKFLOW", "s", subWorkflowParam={"name": "${workflow.input.n}"}), name="other")
    return [first, lab.post("/workflow", {"name": lab("other"), "input": {"n": lab("wf")}}).seen()]


@scenario
def a_total_timeout_and_a_failure_of_its_own(lab):
    lab.task(retryCount=1, retryDelaySeconds=0, totalTimeoutSeconds=2, timeoutPolicy="RETRY")
    workflow_id = lab.run(lab.simple())
    lab.work(status="FAILED", reason="first")
    polled = lab.poll()

    time.sleep(2.2)  # the limit has passed, and the server may not have looked yet
    lab.update(polled, "FAILED", reason="second")
    outcome = lab.end(workflow_id)
    return [outcome["status"], outcome["reasonForIncompletion"]]


@scenario
def a_failed_workflow_in_its_failure_workflow(lab):
    lab.flow(inline("i", "$.f", f="${workflow.input.failedWorkflow}"), name="other")
    lab.task()
    workflow_id = lab.run(lab.simple(), failureWorkflow=lab("other"), input={"a": 1})
    lab.work(status="FAILED", reason="no")
    document = lab.until(workflow_id, lambda d: "conductor.failure_workflow" in d["output"])
    started = lab.document(document["output"]["conductor.failure_workflow"])
    failed = started["input"]["failedWorkflow"]
    return [
        sorted(failed),
        sorted(failed["tasks"][0]),
        {key: failed[key] for key in ("status", "reasonForIncompletion", "input") if key in failed},
    ]


@scenario
def a_loop_whose_body_fails(lab):
    lab.task()
    loop = task("DO_WHILE", "l", loopCondition="$.l['iteration'] < 3", loopOver=[inline("i", "7"), lab.simple()])
    workflow_id = lab.run(loop)
    lab.work(output={"x": 1})
    lab.work(status="FAILED", output={"y": 2}, reason="no")
    return lab.end(workflow_id)


@scenario
def a_loop_in_a_loop(lab):
    inner = task("DO_WHILE", "in", loopCondition="$.in['iteration'] < 2", loopOver=[inline("i", "7")])
    outer = task("DO_WHILE", "out", loopCondition="$.out['iteration'] < 2", loopOver=[inner, inline("k", "8")])
    workflow_id = lab.run(outer)

    time.sleep(1.0)
    return lab.now(workflow_id)


@scenario
def outputs_of_children_of_children(lab):
    lab.flow(inline("i", "1"), name="grandchild")
    lab.flow(task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("grandchild"), "version": 1}), name="child")
    workflow_id = lab.run(task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("child"), "version": 1}))
    lab.end(workflow_id)
    own = lab.document(workflow_id)["tasks"][0]
    return [
        own["subWorkflowId"] == own["outputData"]["subWorkflowId"],
        lab.document(workflow_id)["output"] == own["outputData"],
    ]


@scenario
def surrogates_without_a_partner(lab):
    return lab.end(
        lab.run(inline("i", "[$.a, $.a.length]", a="${workflow.input.a}"), input={"a": "\ud800x", "b": "\U0001f600"})
    )


@scenario
def children_of_blank_versions(lab):
    lab.flow(inline("i", "1"), name="child")
    child = task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("child"), "version": ""})
    return lab.end(lab.run(child))


@scenario
def a_negative_callback(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    polled = lab.poll()
    answer = lab.update(polled, "IN_PROGRESS", callbackAfterSeconds=-5)

    time.sleep(0.5)
    again = lab.poll_once()
    return [answer.status, again.status, lab.now(workflow_id)["tasks"][0]["status"]]


@scenario
def waits_until_lenient_dates(lab):
    seen = []
    for text in (
        "2020-12-31 11:59 +0200", "2020-12-31 25:00", "31-12-2020", "2020-13-45", "2020-12-31 11:59 Europe/Paris",
        "2020-12-31 11:59 PST", "2020-1-1", "20-1-1", "2020-12-31T11:59", "2020-12-31 11:59:30",
        "2020-12-31 11:59 +02:00",
        "2020-12-31 11:59 GMT+2", "2020-12-31 11:59 Z", "nonsense", "2020-12-31 x",
    ):  # fmt: skip
        answer = lab.register(task("WAIT", "w", inputParameters={"until": text}))
        seen.append([text, answer.status])
        if answer.status == 200:
            workflow_id = lab.start()
            seen[-1].append(lab.until(workflow_id, lambda d: d["status"] != "RUNNING")["tasks"][0]["status"])
    return seen


@scenario(kind="full")
def secrets_in_tasks_of_the_engine(lab):
    secret = "${workflow.secrets.API_KEY}"
    lab.flow(inline("c", "1"), name="child")
    yes, no, body = inline("yes", "1"), inline("no", "1"), inline("body", "1")
    given = {"inputParameters": {"k": secret}}
    condition = f"('{secret}' == 's3cret' || $.k == 's3cret') && $.d['iteration'] < 2"
    start = {"startWorkflow": {"name": lab("child"), "input": {"k": secret}}}
    end = {"terminationStatus": "COMPLETED", "workflowOutput": {"k": secret}}
    tasks = [
        inline("a", "$.s", s=secret),
        inline("b", f"'{secret}'"),
        task("JSON_JQ_TRANSFORM", "q", inputParameters={"queryExpression": f'"{secret}"', "k": secret}),
        task("JSON_JQ_TRANSFORM", "q2", inputParameters={"queryExpression": ".k", "k": secret}),
        task("LAMBDA", "l", inputParameters={"scriptExpression": f"return '{secret}' + $.k;", "k": secret}),
        task("SET_VARIABLE", "v", **given),
        task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("child"), "version": 1}, **given),
        task("START_WORKFLOW", "st", inputParameters=start),
        task("EVENT", "e", sink="conductor", **given),
        task(
            "SWITCH", "sw", evaluatorType="value-param", expression="k",
            decisionCases={"s3cret": [yes]}, defaultCase=[no], **given,
        ),
        task("DO_WHILE", "d", loopCondition=condition, loopOver=[body], **given),
        task("TERMINATE", "t", inputParameters=end),
    ]  # fmt: skip
    workflow_id = lab.run(*tasks)
    outcome = lab.end(workflow_id)
    children = []
    for reference, where in (("s", "subWorkflowId"), ("st", "workflowId")):
        (found,) = [one for one in lab.document(workflow_id)["tasks"] if one["referenceTaskName"] == reference]
        children.append(lab.until_status(found["outputData"][where], "COMPLETED")["input"])
    return [
        outcome["status"],
        outcome["output"],
        outcome["variables"],
        [[one["referenceTaskName"], one["inputData"], one["outputData"]] for one in outcome["tasks"]],
        children,
    ]


@scenario
def schedules_that_are_odd(lab):
    body = {
        "name": lab("s"), "cronExpression": "0 0 0 1 1 *", "paused": True, "zoneId": "Nowhere",
        "startWorkflowRequest": {"name": lab("wf")},
    }  # fmt: skip
    odd = lab.post("/scheduler/schedules", body).status
    fine = lab.post("/scheduler/schedules", {**body, "zoneId": "UTC"}).status
    first = lab.put(f"/scheduler/schedules/{lab('s')}/resume").status
    second = lab.put(f"/scheduler/schedules/{lab('s')}/resume").seen()
    few = lab.get("/scheduler/nextFewSchedules", cronExpression="0 0 * * * *").json
    lab.delete(f"/scheduler/schedules/{lab('s')}")
    return [odd, fine, first, second["status"], second["body"], len(few)]


@scenario
def searches_for_unknown_fields(lab):
    lab.end(lab.run(inline("i", "1")))
    return [
        lab.get(path, query=query).status
        for path in ("/workflow/search", "/tasks/search", "/workflow/search-v2")
        for query in ("nope=1", "nope IN (a,b)", "workflowType=x AND nope=1", "nope", "status=")
    ]
