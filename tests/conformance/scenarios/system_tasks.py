"""INLINE, LAMBDA, jq, WAIT, HTTP, EVENT, SUB_WORKFLOW, START_WORKFLOW; expressions."""

import target
from kit import scenario

TARGET = target.address()


def task(kind, reference, **more):
    return {"name": reference, "taskReferenceName": reference, "type": kind, **more}


def inline(reference, expression, **parameters):
    given = {"evaluatorType": "javascript", "expression": expression, **parameters}
    return task("INLINE", reference, inputParameters=given)


def _inline(lab, **parameters):
    return lab.end(lab.run(task("INLINE", "i", inputParameters=parameters)))


@scenario
def inline_results(lab):
    scripts = ["1", "'a'", "null", "undefined", "[1, 'b', null]", "({a: {b: 1.5}})", "true", "1/0", "0.1+0.2", "2.0"]
    flow = [inline(f"i{n}", text) for n, text in enumerate(scripts)]
    return [one["outputData"] for one in lab.end(lab.run(*flow))["tasks"]]


@scenario
def inline_input(lab):
    expression = "var s = 0; for (var i = 0; i < $.list.length; i++) { s += $.list[i].n; } s + $.add"
    return _inline(lab, evaluatorType="graaljs", expression=expression, list=[{"n": 1}, {"n": 2}], add=10)


@scenario
def inline_function(lab):
    return _inline(lab, evaluatorType="javascript", expression="(function () { return {v: $.x}; })()", x=[1])


@scenario
def inline_error(lab):
    return _inline(lab, evaluatorType="javascript", expression="nope.x")


@scenario
def inline_without_an_expression(lab):
    return _inline(lab, evaluatorType="javascript", expression=" ")


@scenario
def inline_with_an_unknown_evaluator(lab):
    return _inline(lab, evaluatorType="cobol", expression="1")


@scenario
def inline_without_an_evaluator(lab):
    return _inline(lab, expression="7")


@scenario
def inline_value_param(lab):
    return _inline(lab, evaluatorType="value-param", expression="x", x={"a": 1})


@scenario
def inline_optional(lab):
    flow = inline("i", "nope.x")
    flow["optional"] = True
    return lab.end(lab.run(flow, inline("j", "1")))


@scenario
def lambda_task(lab):
    flow = task("LAMBDA", "l", inputParameters={"scriptExpression": "return $.x + 1;", "x": 2})
    return lab.end(lab.run(flow))


@scenario
def lambda_that_fails(lab):
    flow = task("LAMBDA", "l", inputParameters={"scriptExpression": "return nope.x;", "x": 2})
    outcome = lab.end(lab.run(flow))
    return [outcome["status"], outcome["tasks"][0]["status"], sorted(outcome["tasks"][0]["outputData"])]


@scenario
def jq_results(lab):
    queries = [".x", ".x | length", ".x[]", "empty", ".x | map(. * 2)", "{a: .x[0]}", ".none"]
    flow = [
        task("JSON_JQ_TRANSFORM", f"q{n}", inputParameters={"queryExpression": query, "x": [1, 2, 3]})
        for n, query in enumerate(queries)
    ]
    return [one["outputData"] for one in lab.end(lab.run(*flow))["tasks"]]


@scenario
def jq_that_fails(lab):
    flow = task("JSON_JQ_TRANSFORM", "q", inputParameters={"queryExpression": ".x | error", "x": "boom"})
    outcome = lab.end(lab.run(flow))
    return [outcome["status"], outcome["tasks"][0]["status"], sorted(outcome["tasks"][0]["outputData"])]


@scenario
def wait_for_a_time(lab):
    workflow_id = lab.run(task("WAIT", "w", inputParameters={"duration": "1 seconds"}), inline("i", "1"))
    during = lab.now(workflow_id)
    return [during, lab.end(workflow_id)]


@scenario
def wait_callback_seconds(lab):
    flows = [{}, {"duration": "2 hours"}, {"duration": "1 days 2 hrs 3 mins 4 secs"}, {"duration": "1h30m"}]
    seen = []
    for given in flows:
        workflow_id = lab.run(task("WAIT", "w", inputParameters=given))
        seen.append(lab.document(workflow_id)["tasks"][0]["callbackAfterSeconds"])
    return seen


@scenario
def wait_until_a_past_date(lab):
    return lab.end(lab.run(task("WAIT", "w", inputParameters={"until": "2020-01-01 10:00"})))


@scenario
def wait_until_nonsense(lab):
    workflow_id = lab.run(task("WAIT", "w", inputParameters={"until": "${workflow.input.u}"}), input={"u": "soon"})
    lab.put(f"/workflow/decide/{workflow_id}")
    return lab.end(workflow_id)


@scenario
def wait_for_a_bad_duration(lab):
    lab.flow(task("WAIT", "w", inputParameters={"duration": "${workflow.input.d}"}))
    return lab.post("/workflow", {"name": lab("wf"), "input": {"d": "a while"}}).seen()


@scenario
def wait_for_a_signal(lab):
    workflow_id = lab.run(task("WAIT", "w"), inline("i", "$.x", x="${w.output.x}"))
    during = lab.now(workflow_id)
    answer = lab.post(f"/tasks/{workflow_id}/COMPLETED/signal", {"x": 5})
    again = lab.post(f"/tasks/{workflow_id}/COMPLETED/signal", {"x": 6})
    return [during, answer.seen(), again.seen(), lab.end(workflow_id)]


# -- children


@scenario
def a_child(lab):
    lab.flow(inline("i", "$.x", x="${workflow.input.x}"), name="child", outputParameters={"out": "${i.output.result}"})
    flow = task(
        "SUB_WORKFLOW",
        "s",
        subWorkflowParam={"name": lab("child")},
        inputParameters={"x": "${workflow.input.x}", "n": None},
    )
    workflow_id = lab.run(flow, inline("end", "$.o", o="${s.output.out}"), input={"x": 3}, start={"correlationId": "c"})
    outcome = lab.end(workflow_id)
    child = lab.document(outcome["tasks"][0]["outputData"]["subWorkflowId"])
    return [
        outcome, lab.shape(child), child["input"], child["parentWorkflowId"] == workflow_id,
        child["parentWorkflowTaskId"] == lab.document(workflow_id)["tasks"][0]["taskId"],
    ]  # fmt: skip


@scenario
def a_child_of_a_version(lab):
    lab.flow(inline("i", "1"), name="child", version=1)
    lab.flow(inline("i", "2"), name="child", version=2)
    flows = [
        task("SUB_WORKFLOW", f"s{n}", subWorkflowParam={"name": lab("child"), **more})
        for n, more in enumerate([{}, {"version": 1}, {"version": 2}])
    ]
    return [(one["inputData"], one["outputData"]) for one in lab.end(lab.run(*flows))["tasks"]]


@scenario
def a_child_that_fails(lab):
    lab.task()
    lab.flow(lab.simple(), name="child")
    workflow_id = lab.run(task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("child")}))
    lab.work(status="FAILED", reason="no", output={"n": 1})
    return lab.end(workflow_id)


@scenario
def a_child_that_is_terminated(lab):
    lab.task()
    lab.flow(lab.simple(), name="child")
    workflow_id = lab.run(task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("child")}))
    child = lab.until_task(workflow_id, "s", "IN_PROGRESS")["subWorkflowId"]
    lab.delete(f"/workflow/{child}", reason="enough")
    return lab.end(workflow_id)


@scenario
def an_optional_child_that_fails(lab):
    lab.task()
    lab.flow(lab.simple(), name="child")
    flow = task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("child")}, optional=True)
    workflow_id = lab.run(flow, inline("end", "1"))
    lab.work(status="FAILED", reason="no")
    return lab.end(workflow_id)


@scenario
def a_parent_that_is_terminated(lab):
    lab.task()
    lab.flow(lab.simple(), name="child")
    workflow_id = lab.run(task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("child")}))
    child = lab.until_task(workflow_id, "s", "IN_PROGRESS")["subWorkflowId"]
    lab.until_task(child, "t", "SCHEDULED")
    lab.delete(f"/workflow/{workflow_id}", reason="enough")
    return [lab.end(workflow_id), lab.end(child)]


@scenario
def a_child_that_is_retried(lab):
    lab.task()
    lab.task("s", retryCount=1, retryDelaySeconds=0)
    lab.flow(lab.simple(), name="child")
    flow = {**task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("child")}), "name": lab("s")}
    workflow_id = lab.run(flow)
    lab.work(status="FAILED", reason="no")
    lab.work(output={"n": 1})
    return lab.end(workflow_id)


@scenario
def a_child_that_is_not_there(lab):
    lab.flow(task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("ghost")}))
    return lab.post("/workflow", {"name": lab("wf")}).seen()


@scenario
def a_version_of_a_child_that_is_not_there(lab):
    lab.flow(inline("i", "1"), name="child")
    return lab.end(lab.run(task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("child"), "version": 9})))


@scenario
def a_child_by_an_inline_definition(lab):
    definition = {
        "name": lab("inner"),
        "version": 1,
        "tasks": [inline("i", "$.x", x="${workflow.input.x}")],
        "schemaVersion": 2,
    }
    flow = task(
        "SUB_WORKFLOW",
        "s",
        subWorkflowParam={"name": lab("inner"), "workflowDefinition": definition},
        inputParameters={"x": 1},
    )
    workflow_id = lab.run(flow)
    outcome = lab.end(workflow_id)
    child = lab.document(outcome["tasks"][0]["outputData"]["subWorkflowId"])
    outcome["tasks"][0]["inputData"].pop("subWorkflowDefinition")
    return [outcome, child["input"], child["output"]]


@scenario
def a_child_in_a_loop(lab):
    lab.flow(inline("i", "$.x", x="${workflow.input.x}"), name="child")
    body = task(
        "SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("child")}, inputParameters={"x": "${l.output.iteration}"}
    )
    flow = task("DO_WHILE", "l", loopCondition="$.l['iteration'] < 2", loopOver=[body])
    return lab.end(lab.run(flow))


@scenario
def start_workflow_task(lab):
    lab.flow(inline("i", "$.x", x="${workflow.input.x}"), name="other")
    given = {"startWorkflow": {"name": lab("other"), "input": {"x": "${workflow.input.x}"}}}
    workflow_id = lab.run(
        task("START_WORKFLOW", "s", inputParameters=given), input={"x": 4}, start={"correlationId": "c"}
    )
    outcome = lab.end(workflow_id)
    other = lab.document(outcome["tasks"][0]["outputData"]["workflowId"])
    return [outcome, other["input"], other["correlationId"], "parentWorkflowId" in other]


@scenario
def start_workflow_tasks_that_fail(lab):
    seen = []
    for given in ({}, {"startWorkflow": {}}, {"startWorkflow": {"name": lab("ghost")}}):
        seen.append(lab.end(lab.run(task("START_WORKFLOW", "s", inputParameters=given))))
    return seen


# -- HTTP, EVENT, KAFKA


def http(reference="h", **request):
    return task("HTTP", reference, inputParameters={"http_request": request})


def _only_kinds(outcome):
    """Headers differ from run to run; only the kind of content is compared."""
    outcome.pop("output")
    for one in outcome["tasks"]:
        response = one["outputData"].get("response")
        if isinstance(response, dict):
            kept = {name.lower(): value for name, value in response["headers"].items()}
            response["headers"] = {"content-type": kept.get("content-type")}
    return outcome


@scenario
def http_json(lab):
    return _only_kinds(lab.end(lab.run(http(uri=f"{TARGET}/json", method="GET"))))


@scenario
def http_other_bodies(lab):
    flows = [
        http(f"h{n}", uri=f"{TARGET}{path}", method="GET")
        for n, path in enumerate(("/text", "/number", "/empty", "/list"))
    ]
    return _only_kinds(lab.end(lab.run(*flows)))


@scenario
def http_post(lab):
    flows = [
        http("h1", uri=f"{TARGET}/echo", method="POST", body={"a": [1, None]}, headers={"X-Mine": "yes"}),
        http("h2", uri=f"{TARGET}/echo", method="PUT", body="plain", contentType="text/plain", accept="text/plain"),
    ]
    return [one["outputData"]["response"]["body"] for one in lab.end(lab.run(*flows))["tasks"]]


@scenario
def http_parameters_at_the_top(lab):
    flow = task("HTTP", "h", inputParameters={"uri": f"{TARGET}/json", "method": "GET"})
    return _only_kinds(lab.end(lab.run(flow)))


@scenario
def http_not_found(lab):
    return lab.end(lab.run(http(uri=f"{TARGET}/status/404", method="GET")))


@scenario
def http_server_error_without_a_body(lab):
    return lab.end(lab.run(http(uri=f"{TARGET}/status/503", method="GET")))


@scenario
def http_without_a_uri(lab):
    flow = task("HTTP", "h", inputParameters={"http_request": {"method": "GET", "uri": "${workflow.input.none}"}})
    return lab.end(lab.run(flow))


@scenario
def http_without_a_method(lab):
    return lab.end(lab.run(http(uri=f"{TARGET}/json")))


@scenario
def http_without_a_server(lab):
    outcome = lab.end(lab.run(http(uri="http://127.0.0.1:9/x", method="GET")))
    (one,) = outcome["tasks"]
    return [outcome["status"], one["status"], one["reasonForIncompletion"][:70], one["outputData"]["response"][:40]]


@scenario
def http_that_waits_for_an_update(lab):
    flow = http(uri=f"{TARGET}/json", method="GET")
    flow["asyncComplete"] = True
    workflow_id = lab.run(flow)
    during = lab.until_task(workflow_id, "h", "IN_PROGRESS")
    lab.until(workflow_id, lambda d: d["tasks"][0]["outputData"])
    lab.post(f"/tasks/{workflow_id}/h/COMPLETED", {"more": 1})
    return [during["status"], _only_kinds(lab.end(workflow_id))]


@scenario
def http_retried(lab):
    lab.task("h", retryCount=1, retryDelaySeconds=0)
    flow = {**http(uri=f"{TARGET}/status/500", method="GET"), "name": lab("h")}
    return lab.end(lab.run(flow))


@scenario
def events(lab):
    flows = [
        task("EVENT", f"e{n}", sink=sink, inputParameters={"a": 1})
        for n, sink in enumerate(("conductor", "conductor:mine", "conductor:${workflow.input.q}"))
    ]
    return lab.end(lab.run(*flows, input={"q": "theirs"}))


@scenario
def an_event_that_waits_for_an_update(lab):
    flow = task("EVENT", "e", sink="conductor", asyncComplete=True)
    workflow_id = lab.run(flow)
    lab.until_task(workflow_id, "e", "IN_PROGRESS")
    lab.post(f"/tasks/{workflow_id}/e/COMPLETED", {"more": 1})
    return lab.end(workflow_id)


@scenario
def an_event_for_an_unknown_queue(lab):
    return lab.end(lab.run(task("EVENT", "e", sink="pigeon:post")))["status"]


@scenario
def kafka_without_servers(lab):
    flow = task("KAFKA_PUBLISH", "k", inputParameters={"kafka_request": {"topic": "x", "value": "y"}})
    return lab.end(lab.run(flow))


# -- expressions


@scenario
def expressions(lab):
    given = {
        "whole": "${workflow.input.o}",
        "text": "v=${workflow.input.o} ${workflow.input.l} ${workflow.input.n}",
        "words": "${workflow.input.none} ${workflow.input.t}",
        "big": "${workflow.input.big}",
        "index": "${workflow.input.l[1]}",
        "last": "${workflow.input.l[-1]}",
        "slice": "${workflow.input.l[0:2]}",
        "wild": "${workflow.input.items[*].p}",
        "filter": "${workflow.input.items[?(@.p > 15)].id}",
        "deep": "${workflow.input..id}",
        "quoted": "${workflow.input['odd key']}",
        "length": "${workflow.input.l.length()}",
        "escaped": "$${workflow.input.n}",
        "nested": "${workflow.input.${workflow.input.key}}",
        "map": {"in": ["${workflow.input.n}", {"k": "${workflow.workflowType}"}]},
        "meta": "${workflow.version} ${workflow.status} ${workflow.correlationId}",
        "id": "${workflow.workflowId}",
        "missing": "${workflow.startTime}",
        "unclosed": "${workflow.input.n",
        "task": "${CPEWF_TASK_ID}",
    }
    start = {
        "o": {"a": {"b": ["x", 1]}}, "l": [1, "two", {"three": 3}], "n": 7, "t": True, "big": 12345678901234567890,
        "items": [{"id": "a", "p": 10}, {"id": "b", "p": 20}], "odd key": "odd", "key": "n",
    }  # fmt: skip
    workflow_id = lab.run(
        task("NOOP", "n"), task("HUMAN", "h", inputParameters=given), input=start, start={"correlationId": "c"}
    )
    return lab.now(workflow_id)


@scenario
def references_to_tasks(lab):
    given = {
        key: f"${{i.{key}}}"
        for key in (
            "status",
            "taskType",
            "referenceTaskName",
            "retryCount",
            "taskDefName",
            "iteration",
            "output.result.a[0]",
        )
    }
    return lab.now(lab.run(inline("i", "({a: [1]})"), task("HUMAN", "h", inputParameters=given)))


@scenario
def http_methods_that_do_not_exist(lab):
    ends = []
    for method in ("get", "FOO"):
        request = {"uri": "http://127.0.0.1:1/", "method": method}
        lab.flow({"name": "h", "taskReferenceName": "h", "type": "HTTP", "inputParameters": {"http_request": request}})
        (called,) = lab.end(lab.start())["tasks"]
        ends.append([called["status"], called["reasonForIncompletion"]])
    return ends


@scenario
def waits_until_dates_in_zones(lab):
    given = {"until": "${workflow.input.until}"}
    lab.flow({"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": given})
    zones = ("PST", "CET", "EST", "UTC", "GMT+02:00", "Europe/Berlin", "+02:00", "Z", "Nope")
    seen = []
    for zone in zones:
        workflow_id = lab.start(input={"until": f"2020-01-01 10:00 {zone}"})
        ended = lab.until_task(workflow_id, "w", "COMPLETED", "FAILED_WITH_TERMINAL_ERROR")
        seen.append([zone, ended["status"], ended.get("reasonForIncompletion")])
    return seen
