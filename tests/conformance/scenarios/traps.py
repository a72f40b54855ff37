"""The real server's traps, which a strict embedded server copies."""

import time

from kit import scenario


def inline(reference, expression, **parameters):
    given = {"evaluatorType": "javascript", "expression": expression, "optional": True, **parameters}
    return {"name": reference, "taskReferenceName": reference, "type": "INLINE", "inputParameters": given}


@scenario(kind="strict")
def java_maps_in_scripts(lab):
    scripts = [
        "JSON.stringify($)", "JSON.stringify($.m)", "JSON.stringify({a: $.m})", "JSON.stringify($.l)",
        "Object.keys($.m).sort().join()", "Object.keys($.m).length", "typeof $.m", "$.m instanceof Object",
        "$.m.get('a')", "$.m.size()", "$.m.a", "({...$.m})", "JSON.stringify({...$.m})", "$.m.hasOwnProperty('a')",
        "String($.m)", "'' + $.m", "var k = []; for (var x in $.m) k.push(x); k", "$.m.containsKey('a')",
        "$.l.map(x => x)", "$.m.zz", "$.m.b.c", "$.m.x = 1; $.m", "delete $.m.a; $.m", "$.m.isEmpty()",
        "var o = {}; for (const [k, v] of $.m) o[k] = v; o", "Object.values($.m).length",
    ]  # fmt: skip
    tasks = [inline(f"i{n}", script, m={"a": 1, "b": {"c": [2]}}, l=[1, {"x": 2}]) for n, script in enumerate(scripts)]
    return [[task["status"], task["outputData"]] for task in lab.end(lab.run(*tasks))["tasks"]]


@scenario(kind="strict")
def a_failure_workflow_that_an_input_names(lab):
    lab.flow(inline("i", "1"), name="other")
    end = {"terminationStatus": "FAILED", "terminationReason": "asked"}
    task = {"name": "x", "taskReferenceName": "x", "type": "TERMINATE", "inputParameters": end}
    given = {"on": lab("other")}
    return lab.end(lab.run(task, failureWorkflow="${workflow.input.on}", input=given))


@scenario(kind="strict")
def a_blank_in_a_list_of_a_search(lab):
    names = [lab.flow(inline("i", "1"), name=name) for name in "ab"]
    ids = [lab.start(name) for name in "ab"]
    for one in ids:
        lab.end(one)
    return [
        lab.get("/workflow/search", query=f"workflowType IN ({joined.join(names)})").json["totalHits"]
        for joined in (",", ", ")
    ]


@scenario(kind="strict")
def idempotency_keys_that_are_ignored(lab):
    lab.flow(inline("i", "1"))
    ids = {lab.start(idempotencyKey=lab("k"), idempotencyStrategy="FAIL") for _ in range(2)}
    return [len(ids), "idempotencyKey" in lab.document(ids.pop())]


@scenario(kind="strict")
def rates_that_do_not_hold(lab):
    lab.task(rateLimitPerFrequency=1, rateLimitFrequencyInSeconds=60)
    lab.flow(lab.simple())
    for _ in range(2):
        lab.start()
    return [lab.poll()["rateLimitPerFrequency"] for _ in range(2)]


def human(**more):
    return {"name": "h", "taskReferenceName": "h", "type": "HUMAN", **more}


@scenario(kind="strict")
def a_workflow_timeout_next_to_a_human_task(lab):
    workflow_id = lab.run(human(), timeoutSeconds=1, timeoutPolicy="TIME_OUT_WF")
    time.sleep(3)
    before = lab.document(workflow_id)["status"]
    lab.put(f"/workflow/decide/{workflow_id}")
    return [before, lab.end(workflow_id)["status"]]
