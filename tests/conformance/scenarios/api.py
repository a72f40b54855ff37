"""Starting, reading, definitions and their faults, searches, queues, events, schedules, errors."""

import itertools
import time
from datetime import datetime, timedelta, timezone

from kit import scenario


def task(kind, reference, **more):
    return {"name": reference, "taskReferenceName": reference, "type": kind, **more}


def inline(reference, expression="1", **parameters):
    given = {"evaluatorType": "javascript", "expression": expression, **parameters}
    return task("INLINE", reference, inputParameters=given)


# -- starting and reading


@scenario
def starts_that_are_refused(lab):
    name = lab.flow(inline("i"))
    bodies = [
        {}, {"name": ""}, {"name": lab("ghost")}, {"name": name, "version": 9}, {"name": name, "input": None},
        {"name": name, "priority": 100}, {"name": name, "priority": -1},
    ]  # fmt: skip
    seen = [lab.post("/workflow", body).seen() for body in bodies]
    seen.append(lab.post(f"/workflow/{lab('ghost')}", {}).seen())
    seen.append(lab.post(f"/workflow/{name}", {}, version=9).seen())
    return seen


@scenario
def starts_by_path(lab):
    name = lab.flow(inline("i"))
    answer = lab.post(f"/workflow/{name}", {"x": 1}, version=1, correlationId="c", priority=7)
    lab.started.append(answer.text)
    document = lab.document(answer.text)
    return [answer.status, answer.kind, document["input"], document["correlationId"], document["priority"]]


@scenario
def unreadable_requests(lab):
    lab.flow(inline("i"))
    headers = {"content-type": "application/json"}
    return [
        lab.call("POST", "/workflow", data="{", headers=headers).status,
        lab.call("POST", "/workflow", data="", headers=headers).status,
        lab.call("POST", "/workflow", data="[1]", headers=headers).status,
        lab.call("POST", "/workflow", data="{}", headers={"content-type": "text/plain"}).status,
        lab.call("POST", f"/workflow/{lab('wf')}", data="5", headers=headers).status,
    ]


@scenario
def an_inline_definition(lab):
    definition = {"name": lab("own"), "version": 3, "tasks": [inline("i", "$.x", x="${workflow.input.x}")]}
    answer = lab.post("/workflow", {"name": lab("own"), "input": {"x": 1}, "workflowDef": definition})
    lab.started.append(answer.text)
    return [answer.status, lab.end(answer.text), lab.get(f"/metadata/workflow/{lab('own')}").seen()]


@scenario
def versions(lab):
    lab.flow(inline("i", "1"), version=1)
    lab.flow(inline("i", "3"), version=3)
    lab.flow(inline("i", "2"), version=2)
    return [lab.end(lab.start(**more))["output"] for more in ({}, {"version": 1}, {"version": 2})]


@scenario
def fields_of_documents(lab):
    lab.task()
    workflow_id = lab.run(lab.simple(), input={"a": 1}, start={"correlationId": "c", "priority": 2})
    document = lab.document(workflow_id)
    status = lab.get(f"/workflow/{workflow_id}/status", includeOutput="true", includeVariables="true").json
    return [
        sorted(document), sorted(document["tasks"][0]), sorted(document["workflowDefinition"]),
        sorted(document["tasks"][0]["workflowTask"]), sorted(document["tasks"][0]["taskDefinition"]), status,
        lab.get(f"/workflow/{workflow_id}/status").json,
    ]  # fmt: skip


@scenario
def without_tasks(lab):
    workflow_id = lab.run(inline("i"))
    return lab.get(f"/workflow/{workflow_id}", includeTasks="false").json["tasks"]


@scenario
def pages_of_tasks(lab):
    workflow_id = lab.run(*[inline(f"i{n}") for n in range(5)])
    lab.end(workflow_id)
    path = f"/workflow/{workflow_id}/tasks"

    def references(**query):
        page = lab.get(path, **query).json
        return page["totalHits"], [one["referenceTaskName"] for one in page["results"]]

    return [references(), references(start=1, count=2), references(status="COMPLETED"), references(status="FAILED")]


@scenario
def correlated_executions(lab):
    lab.task()
    name = lab.flow(lab.simple())
    first, second = lab.start(correlationId=lab("c")), lab.start(correlationId=lab("c"))
    lab.delete(f"/workflow/{first}", reason="x")
    path = f"/workflow/{name}/correlated/{lab('c')}"
    many = lab.post(f"/workflow/{name}/correlated", [lab("c"), "none"], includeClosed="true").json
    return [
        [one["workflowId"] == second for one in lab.get(path).json],
        len(lab.get(path, includeClosed="true").json),
        [len(one["tasks"]) for one in lab.get(path, includeTasks="true").json],
        {key: len(value) for key, value in many.items()},
        len(lab.get(f"/workflow/running/{name}").json),
    ]


# -- definitions


@scenario
def a_task_definition(lab):
    name = lab.task(retryCount=5, timeoutSeconds=9000, description="d", inputKeys=["a"], unknownField=1)
    got = lab.get(f"/metadata/taskdefs/{name}").json
    put = lab.put("/metadata/taskdefs", {**got, "retryCount": 6}).seen()
    changed = lab.get(f"/metadata/taskdefs/{name}").json
    removed = lab.delete(f"/metadata/taskdefs/{name}").seen()
    again = lab.delete(f"/metadata/taskdefs/{name}").seen()
    gone = ("createTime", "updateTime", "updatedBy", "createdBy")
    for one in (got, changed):
        for key in gone:
            one.pop(key, None)
    return [got, put, changed, removed, again, lab.get(f"/metadata/taskdefs/{name}").seen(),
            lab.put("/metadata/taskdefs", {"name": name}).seen()]  # fmt: skip


@scenario
def lists_of_versions(lab):
    for version in (2, 1):
        lab.flow(inline("i"), version=version)
    return [
        lab.get(f"/metadata/workflow/{lab('wf')}/versions").json,
        lab.get("/metadata/workflow/names-and-versions").json[lab("wf")],
        [one["version"] for one in lab.get("/metadata/workflow/latest-versions").json if one["name"] == lab("wf")],
        lab.get("/metadata/workflow/names").status,
    ]


@scenario
def records_of_executions(lab):
    workflow_id = lab.run(inline("i"), start={"correlationId": "c"})
    lab.end(workflow_id)
    answer = lab.post("/workflow/bulk/search", [workflow_id, "ghost"]).json
    (record,) = answer["bulkSuccessfulResults"]
    return [sorted(record), answer["bulkErrorResults"], record["output"], len(record["tasks"])]


@scenario
def task_definitions_that_are_refused(lab):
    name = lab("x")
    cases = [
        [{}], [{"name": ""}], [{"name": name, "retryCount": -1}], [{"name": name, "responseTimeoutSeconds": 0}],
        [{"name": name, "responseTimeoutSeconds": 20, "timeoutSeconds": 10}], [{"name": name, "timeoutSeconds": 10}],
        [{"name": name, "timeoutSeconds": 100, "responseTimeoutSeconds": 10, "totalTimeoutSeconds": 50}],
        [{"name": name, "pollTimeoutSeconds": -1}], [{"name": name, "backoffScaleFactor": 0}], [],
        [{"name": name}, {"name": name, "maxRetryDelaySeconds": -1}],
    ]  # fmt: skip
    seen = []
    for case in cases:
        answer = lab.post("/metadata/taskdefs", case).seen()
        if isinstance(answer["body"], dict):
            answer["body"].get("validationErrors", []).sort(key=str)
        seen.append(answer)
    return [seen, lab.get(f"/metadata/taskdefs/{name}").status]


@scenario
def task_definitions_that_cannot_be_read(lab):
    name = lab("x")
    cases = [
        [{"name": name, "retryLogic": "SOMETIMES"}], [{"name": name, "retryCount": "many"}], {"name": name},
        [{"name": name, "timeoutPolicy": "NEVER"}],
    ]  # fmt: skip
    return [lab.post("/metadata/taskdefs", case).status for case in cases]


@scenario
def a_workflow_definition(lab):
    lab.flow(inline("i"), description="d", outputParameters={"a": 1}, unknownField=2)
    path = f"/metadata/workflow/{lab('wf')}"
    got = lab.get(path).json
    again = lab.post("/metadata/workflow", {"name": lab("wf"), "version": 1, "tasks": [inline("i")]}).seen()
    put = lab.put("/metadata/workflow", [{"name": lab("wf"), "version": 2, "tasks": [inline("k")]}]).seen()
    latest = lab.get(path).json["version"]
    versions = [one["version"] for one in lab.get(f"{path}/versions").json]
    ghost = lab.get(f"/metadata/workflow/{lab('ghost')}").seen()
    missing = lab.get(path, version=7).seen()
    removed = [lab.delete(f"{path}/2").seen(), lab.delete(f"{path}/2").seen()]
    for key in ("createTime", "updateTime"):
        got.pop(key, None)
    return [got, again, put, latest, versions, ghost, missing, removed, lab.get(path).json["version"]]


def _faults(lab, *cases):
    """What the server says about definitions of these tasks."""
    seen = []
    for tasks in cases:
        answer = lab.post("/metadata/workflow/validate", {"name": lab("v"), "version": 1, "tasks": tasks}).seen()
        if isinstance(answer["body"], dict):
            answer["body"].get("validationErrors", []).sort(key=str)
        seen.append(answer)
    return seen


@scenario
def faults_of_operators(lab):
    value = {"evaluatorType": "value-param", "expression": "x"}
    return _faults(
        lab,
        [task("SWITCH", "r")],
        [task("SWITCH", "r", **value, decisionCases={})],
        [task("SWITCH", "r", evaluatorType="javascript", expression="1 +", decisionCases={"a": [inline("x")]})],
        [task("DECISION", "r")],
        [task("FORK_JOIN", "r")],
        [task("FORK_JOIN_DYNAMIC", "r")],
        [task("FORK_JOIN_DYNAMIC", "r", dynamicForkTasksParam="a", dynamicForkJoinTasksParam="b")],
        [task("DO_WHILE", "r")],
        [task("DO_WHILE", "r", loopCondition="", loopOver=[])],
        [task("TERMINATE", "r")],
        [task("TERMINATE", "r", inputParameters={"terminationStatus": "${workflow.input.x}"}, optional=True)],
        [task("FORK_JOIN", "f", forkTasks=[[task("HTTP", "h")]]), task("JOIN", "j")],
        [task("SWITCH", "s", **value, decisionCases={"a": [task("HTTP", "h")]}, defaultCase=[task("EVENT", "e")])],
        [task("DO_WHILE", "l", loopCondition="true", loopOver=[task("HTTP", "h")])],
    )


@scenario
def faults_of_system_tasks(lab):
    return _faults(
        lab,
        [task("SUB_WORKFLOW", "r")],
        [task("EVENT", "r")],
        [task("DYNAMIC", "r")],
        [task("HTTP", "r")],
        [task("JSON_JQ_TRANSFORM", "r")],
        [task("KAFKA_PUBLISH", "r")],
        [task("WAIT", "r", inputParameters={"duration": "1s", "until": "2020-01-01"})],
        [task("WAIT", "r", inputParameters={"duration": "a while"})],
        [task("WAIT", "r", inputParameters={"until": "soon"})],
        [task("LAMBDA", "a"), task("SET_VARIABLE", "b"), task("INLINE", "c"), task("EXCLUSIVE_JOIN", "d")],
    )


@scenario
def faults_of_references_and_expressions(lab):
    return _faults(
        lab,
        [],
        [inline("r"), inline("r")],
        [{"type": "SIMPLE"}],
        [{"type": "SIMPLE", "name": "", "taskReferenceName": ""}],
        [task("SIMPLE", "r", startDelay=-1)],
        [task("SIMPLE", "r", inputParameters={"a": "${ghost.output.x}", "b": {"c": "x ${ghost2.output.y}"}})],
        [task("SIMPLE", "r", inputParameters={"a": ["${ghost.output.x}"]})],
        [task("SIMPLE", "r", inputParameters={"a": "${}"})],
        [task("SIMPLE", "r", inputParameters={"a": "${workflow.input.[x}"})],
        [task("SIMPLE", "r", inputParameters={"a": "${workflow.input.x} ${r.output.y} ${CPEWF_TASK_ID}"})],
    )


@scenario
def faults_of_definitions(lab):
    good = {"name": lab("v"), "version": 1, "tasks": [inline("i")]}
    cases = [
        {**good, "name": ""}, {**good, "schemaVersion": 1}, {**good, "timeoutSeconds": -5}, {**good, "version": 0},
        {**good, "ownerEmail": "nobody"}, {**good, "outputParameters": {"a": "${ghost.output}"}},
    ]  # fmt: skip
    seen = [lab.post("/metadata/workflow/validate", case).seen() for case in cases]
    return [seen, lab.post("/metadata/workflow/validate", {**good, "timeoutPolicy": "NEVER"}).status]


# -- searches and queues


@scenario
def searches(lab):
    lab.task()
    name = lab.flow(lab.simple())
    open_id, failed = lab.start(correlationId="c1", input={"word": "needle"}), lab.start()
    for _ in range(2):
        polled = lab.poll()
        if polled["workflowInstanceId"] == failed:
            lab.update(polled, "FAILED", reason="no")
    lab.until_status(failed, "FAILED")

    def hits(query, **more):
        found = lab.get("/workflow/search", query=query, **more).json
        return found["totalHits"], sorted(one["status"] for one in found["results"])

    return [
        hits(f"workflowType={name}"),
        hits(f"workflowType='{name}' AND status=FAILED"),
        hits(f"workflowType={name} AND status IN (FAILED,RUNNING)"),
        hits(f"workflowType={name} AND correlationId=c1"),
        hits(f"workflowId={open_id}"),
        hits(f"workflowType={name}", freeText="needle"),
        hits(f"workflowType={name} AND startTime<1000"),
        hits(f"workflowType={name}", start=1, size=1),
        hits(f"workflowType={name} AND nonsense=1"),
        sorted(lab.get("/workflow/search", query=f"workflowId={failed}").json["results"][0]),
    ]


@scenario
def the_summary_of_an_execution(lab):
    workflow_id = lab.run(inline("i", "({a: [1, null]})"), input={"x": {"y": [1, "b"]}}, start={"correlationId": "c"})
    lab.end(workflow_id)
    (found,) = lab.get("/workflow/search", query=f"workflowId={workflow_id}").json["results"]
    for key in ("startTime", "endTime", "updateTime", "executionTime"):
        found.pop(key)
    return found


@scenario
def searches_of_tasks(lab):
    lab.task()
    lab.flow(lab.simple())
    for _ in range(2):
        lab.start()
    polled = lab.poll()
    lab.update(polled, output={"n": 1})
    lab.end(polled["workflowInstanceId"])
    query = f"taskType={lab('t')}"
    found = lab.get("/tasks/search", query=query).json
    return [
        found["totalHits"], sorted(one["status"] for one in found["results"]),
        lab.get("/tasks/search", query=f"{query} AND status=COMPLETED").json["totalHits"],
        sorted(found["results"][0]),
    ]  # fmt: skip


@scenario
def queue_sizes(lab):
    lab.task()
    lab.flow(lab.simple())
    for _ in range(3):
        lab.start()
    name = lab("t")
    before = lab.get("/tasks/queue/size", taskType=name).seen()
    lab.poll()
    return [
        before, lab.get("/tasks/queue/size", taskType=name).seen(),
        lab.get("/tasks/queue/sizes", taskType=name).seen(), lab.get("/tasks/queue/all").json[name],
        lab.get("/tasks/queue/size", taskType="ghost").seen(),
    ]  # fmt: skip


@scenario
def poll_data(lab):
    lab.task()
    lab.run(lab.simple())
    lab.poll(worker="one")
    lab.get(f"/tasks/poll/{lab('t')}", workerid="two", domain="d")
    found = sorted(lab.get("/tasks/queue/polldata", taskType=lab("t")).json, key=str)
    for one in found:
        one.pop("lastPollTime")
    return sorted(found, key=lambda one: one.get("domain", ""))


# -- errors, version


@scenario
def unknown_paths_and_methods(lab):
    return [
        lab.get("/nope").seen(), lab.call("PATCH", "/workflow").seen(), lab.call("DELETE", "/metadata/taskdefs").seen(),
        lab.get("/version").seen(), lab.post("/token", {}).status,
    ]  # fmt: skip


@scenario
def wrong_query_values(lab):
    workflow_id = lab.run(inline("i"))
    return [
        lab.get(f"/workflow/{workflow_id}", includeTasks="maybe").status,
        lab.get("/workflow/search", size="many").status,
        lab.get(f"/tasks/poll/batch/{lab('t')}", count="x").status,
    ]


# -- events


@scenario
def event_handlers(lab):
    event = f"conductor:{lab('wf')}:e"
    action = {"action": "start_workflow", "start_workflow": {"name": lab("other")}}
    handler = {"name": lab("h"), "event": event, "actions": [action], "active": True}
    first = lab.post("/event", handler).seen()
    again = lab.post("/event", handler).seen()
    found = lab.get(f"/event/{event}").json
    changed = lab.put("/event", {**handler, "active": False}).seen()
    none = lab.get(f"/event/{event}", activeOnly="true").json
    removed = [lab.delete(f"/event/{lab('h')}").seen(), lab.delete(f"/event/{lab('h')}").seen()]
    ghost = lab.put("/event", handler).seen()
    refused = lab.post("/event", {}).seen()
    refused["body"]["validationErrors"].sort(key=str)
    return [first, again, len(found), changed, none, removed, ghost, refused]


def _heard(lab, wanted, count):
    """The inputs of what a handler has started; the real server listens to a new event after up to a minute."""
    deadline = time.monotonic() + 90
    while True:
        found = lab.get("/workflow/search", query=f"workflowType={lab(wanted)}", sort="startTime:ASC").json["results"]
        if len(found) >= count:
            return [lab.document(one["workflowId"])["input"] for one in found]
        assert time.monotonic() < deadline, found
        time.sleep(0.5)


@scenario
def handlers_with_conditions_and_json_in_texts(lab):
    lab.flow(inline("i"), name="yes")
    lab.flow(inline("i"), name="parsed")
    event = task(
        "EVENT", "e", sink=f"conductor:{lab('q')}", inputParameters={"n": "${workflow.input.n}", "text": '{"a": [1]}'}
    )
    lab.flow(event)
    given = {"n": "${n}", "text": "${text}"}
    actions = [
        {"action": "start_workflow", "start_workflow": {"name": lab("yes"), "input": given}},
        {
            "action": "start_workflow",
            "start_workflow": {"name": lab("parsed"), "input": given},
            "expandInlineJSON": True,
        },
    ]
    handler = {"name": lab("h"), "event": f"conductor:{lab('wf')}:{lab('q')}", "actions": actions, "active": True}
    saved = lab.post("/event", {**handler, "condition": "$.n > 1"}).status
    for n in (1, 2, 3):
        lab.end(lab.start(input={"n": n}))
    seen = [_heard(lab, name, 2) for name in ("yes", "parsed")]
    lab.delete(f"/event/{lab('h')}")
    for inputs in seen:
        inputs.sort(key=lambda one: one["n"])
    return [saved, seen]


# -- schedules


@scenario
def schedules(lab):
    request = {"name": lab("wf"), "version": 1}
    name = lab("s")
    body = {"name": name, "cronExpression": "0 0 3 1 1 *", "startWorkflowRequest": request}
    saved = lab.post("/scheduler/schedules", body).seen()
    path = f"/scheduler/schedules/{name}"
    seen = [saved, lab.get(path).seen(), len(lab.get("/scheduler/schedules", workflowName=lab("wf")).json)]
    seen += [lab.put(f"{path}/pause", reason="holiday").seen(), lab.get(path).seen(), lab.put(f"{path}/resume").seen()]
    seen += [lab.put(f"{path}/resume").status, lab.get(f"/scheduler/schedules/{lab('ghost')}").seen()]
    seen += [lab.delete(path).seen(), lab.delete(path).seen(), lab.get(path).status]
    for one in seen:
        if isinstance(one, dict) and isinstance(one["body"], dict):
            one["body"].pop("nextRunTime", None)
    return seen


@scenario
def next_times(lab):
    begin = 4_000_000_000_000
    path = "/scheduler/nextFewSchedules"

    def times(cron, **more):
        answer = lab.get(path, cronExpression=cron, scheduleStartTime=begin, limit=3, **more)
        return answer.seen()["body"] if answer.status == 200 else answer.status

    return [
        times("0 0 3 * * *"),
        times("*/10 * * * * MON-FRI"),
        times("0 0 12 L * ?"),
        times("0 0 * * *"),
        times("0 0 0 30 2 *"),
    ]


@scenario
def a_schedule_that_runs(lab):
    lab.flow(inline("i"))
    name = lab("s")
    body = {"name": name, "cronExpression": "* * * * * *", "startWorkflowRequest": {"name": lab("wf"), "version": 1}}
    lab.post("/scheduler/schedules", body)
    deadline = time.monotonic() + 20
    found = {"results": []}
    while not found["results"] and time.monotonic() < deadline:
        time.sleep(0.2)
        found = lab.get("/scheduler/search/executions", query=f"scheduleName IN ({name}) AND state IN (EXECUTED)").json
    lab.delete(f"/scheduler/schedules/{name}")
    record = found["results"][0]
    document = lab.until_status(record["workflowId"], "COMPLETED")
    return [sorted(record), record["state"], sorted(document["input"]), document["input"]["_schedulerCron"]]


def _runs(lab, count, **more):
    """The status of saving a schedule, and the planned times of its first runs."""
    lab.flow(inline("i"))
    name = lab("s")
    request = {"name": lab("wf"), "version": 1}
    body = {"name": name, "cronExpression": "*/2 * * * * *", "startWorkflowRequest": request, **more}
    saved = lab.post("/scheduler/schedules", body).status
    deadline = time.monotonic() + 40
    found = []
    while len(found) < count:
        assert time.monotonic() < deadline, found
        time.sleep(0.3)
        query = f"scheduleName IN ({name}) AND state IN (EXECUTED)"
        found = lab.get("/scheduler/search/executions", query=query, size=50).json["results"]
    lab.delete(f"/scheduler/schedules/{name}")
    return saved, sorted(one["scheduledTime"] for one in found)


@scenario
def a_schedule_catches_up_without_gaps(lab):
    saved, times = _runs(lab, 3, runCatchupScheduleInstances=True)
    return [saved, [later - earlier for earlier, later in itertools.pairwise(times[:3])]]


@scenario
def a_schedule_runs_by_the_hours_of_its_zone(lab):
    now = datetime.now(timezone(timedelta(hours=5, minutes=30)))
    hours = f"{now.hour},{(now.hour + 1) % 24}"
    elsewhere = {"name": lab("utc"), "cronExpression": f"* * {hours} * * *", "zoneId": "UTC"}
    elsewhere["startWorkflowRequest"] = {"name": lab("wf"), "version": 1}
    lab.post("/scheduler/schedules", elsewhere)
    saved, times = _runs(lab, 1, cronExpression=f"* * {hours} * * *", zoneId="Asia/Kolkata")
    others = lab.get("/scheduler/search/executions", query=f"scheduleName IN ({lab('utc')})").json["totalHits"]
    lab.delete(f"/scheduler/schedules/{lab('utc')}")
    bad = lab.post("/scheduler/schedules", {**elsewhere, "name": lab("bad"), "zoneId": "Nowhere/Else"}).status
    return [saved, len(times) > 0, others, bad]


# -- operators


@scenario
def what_operators_ask(lab):
    lab.task()
    workflow_id = lab.run(lab.simple(), inline("i"))
    pending = lab.get(f"/admin/task/{lab('t')}", count=5).json
    return [
        [(one["status"], one["referenceTaskName"]) for one in pending],
        lab.post(f"/admin/sweep/requeue/{workflow_id}").seen(),
        lab.post(f"/admin/consistency/verifyAndRepair/{workflow_id}").seen(),
        lab.post(f"/queue/update/{workflow_id}/t/COMPLETED", {}).seen(),
        lab.get("/queue/size").seen(),
        lab.get("/health").json["healthy"],
        lab.get("/admin/config").status,
        lab.get("/scheduler/admin/requeue").seen(),
    ]


# -- what cannot be read


@scenario
def starts_with_values_of_other_types(lab):
    lab.task()
    name = lab.flow(lab.simple())
    given = [
        {"input": [1]}, {"input": "x"}, {"taskToDomain": "x"}, {"taskToDomain": {"a": 5}}, {"taskToDomain": {"a": [1]}},
        {"version": "1"}, {"version": "x"}, {"version": [1]}, {"version": 1.7}, {"version": True}, {"version": ""},
        {"name": ["w"]}, {"name": 5}, {"correlationId": {"a": 1}}, {"correlationId": 5}, {"correlationId": True},
        {"priority": "5"}, {"priority": 49.0}, {"priority": "x"}, {"idempotencyStrategy": "NOPE"},
    ]  # fmt: skip
    seen = []
    for fields in given:
        answer = lab.post("/workflow", {"name": name, **fields})
        document = {}
        if answer.status == 200:
            lab.started.append(answer.text)
            document = lab.document(answer.text)
        kept = ("taskToDomain", "correlationId", "priority", "workflowVersion")
        seen.append([fields, answer.status, answer.kind, {key: document.get(key) for key in kept}])
    return seen


@scenario
def results_with_values_of_other_types(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    task = lab.poll()
    given = [
        {"outputData": [1]}, {"outputData": "x"}, {"outputData": None}, {"logs": ["x"]}, {"logs": "x"},
        {"logs": [{"log": 5}]}, {"logs": [{"log": {}}]}, {"reasonForIncompletion": 5}, {"reasonForIncompletion": {}},
        {"callbackAfterSeconds": "x"}, {"callbackAfterSeconds": "5"}, {"workerId": [1]}, {"extendLease": "x"},
        {"status": 5}, {"workflowInstanceId": [1]}, {"workflowInstanceId": 5},
    ]  # fmt: skip
    body = {"workflowInstanceId": workflow_id, "taskId": task["taskId"], "status": "IN_PROGRESS"}
    seen = [[fields, lab.post("/tasks", {**body, **fields}).status] for fields in given]
    for body in ({}, {"status": "COMPLETED"}, {"workflowInstanceId": workflow_id, "status": "COMPLETED"}):
        seen.append(lab.post("/tasks/update-v2", body).status)
    seen.append(lab.post(f"/tasks/{task['taskId']}/log").status)
    return seen


@scenario
def other_requests_with_values_of_other_types(lab):
    name = lab.flow(inline("i"))
    calls = [
        ("PUT", "/workflow/bulk/pause", [{"a": 1}]),
        ("PUT", "/workflow/bulk/pause", [None]),
        ("PUT", "/workflow/bulk/pause", [True]),
        ("POST", f"/workflow/{name}/correlated", [{"a": 1}]),
        ("POST", f"/workflow/execute/{name}/x", {"name": name}),
        ("POST", "/workflow/test", {"name": name, "taskRefToMockOutput": "x"}),
        ("POST", "/workflow/test", {"name": name, "taskRefToMockOutput": {"a": "x"}}),
        ("POST", "/workflow/test", {"name": name, "taskRefToMockOutput": {"a": [{"status": "XX"}]}}),
        ("GET", "/workflow/search?start=99999999999999999999", None),
        ("GET", "/workflow/search?size=5001", None),
        ("GET", "/workflow/search?size=-1&query=workflowType%3Dx", None),
        ("GET", "/tasks/poll/batch/zz?count=0", None),
    ]
    return [[path, body, lab.call(method, path, body).status] for method, path, body in calls]


@scenario
def schedules_with_values_of_other_types(lab):
    given = [
        {"zoneId": 5}, {"zoneId": "EST"}, {"zoneId": ""}, {"cronSchedules": "x"}, {"scheduleStartTime": "x"},
        {"scheduleStartTime": "5"}, {"startWorkflowRequest": "x"}, {"startWorkflowRequest": {}}, {"paused": "x"},
        {"startWorkflowRequest": {"name": "x", "input": [1]}}, {"cronExpression": 5}, {"cronExpression": ["x"]},
        {"cronSchedules": [{"cronExpression": 5}]}, {"name": ["s"]}, {"description": 5},
    ]  # fmt: skip
    seen = []
    for fields in given:
        body = {"name": lab("s"), "cronExpression": "0 0 0 1 1 *", "startWorkflowRequest": {"name": "x"}, **fields}
        seen.append([fields, lab.post("/scheduler/schedules", body).status])
        lab.delete(f"/scheduler/schedules/{lab('s')}")
    return seen


@scenario
def a_schedule_runs_after_it_was_resumed(lab):
    name = lab.flow(inline("i"))
    crons = [{"cronExpression": "* * * * * *", "zoneId": "Europe/Berlin"}]
    body = {"name": lab("s"), "cronSchedules": crons, "paused": True, "startWorkflowRequest": {"name": name}}
    lab.post("/scheduler/schedules", body)
    lab.put(f"/scheduler/schedules/{lab('s')}/resume")
    deadline, runs = time.monotonic() + 20, []
    while not runs and time.monotonic() < deadline:
        time.sleep(0.3)
        query = f"scheduleName IN ({lab('s')}) AND state IN (EXECUTED)"
        runs = lab.get("/scheduler/search/executions", query=query).json["results"]
    lab.delete(f"/scheduler/schedules/{lab('s')}")
    return [bool(runs), lab.document(runs[0]["workflowId"])["input"]["_schedulerCron"]]


@scenario
def searches_by_free_text_with_wildcards(lab):
    name = lab.flow(inline("i"))
    for word in ("xneedleone", "needletwo"):
        lab.end(lab.start(input={"k": word}))
    found, deadline = 0, time.monotonic() + 10  # the OSS server indexes in the background
    while found < 2 and time.monotonic() < deadline:
        found = lab.get("/workflow/search", query=f"workflowType={name}").json["totalHits"]
        time.sleep(0.1)
    words = ("needle", "needle*", "*needle", "needletw*", "%needle", "nee_le", "NEEDLE*", "xneed*")
    query = f"workflowType={name}"
    return [[word, lab.get("/workflow/search", query=query, freeText=word).json["totalHits"]] for word in words]


@scenario
def an_execution_of_a_definition_that_comes_along(lab):
    name = lab("along")
    definition = {"name": name, "version": 1, "tasks": [inline("i")]}
    answer = lab.post(f"/workflow/execute/{name}/1", {"name": name, "workflowDef": definition, "input": {"a": 1}})
    return [answer.status, answer.json["input"]]


@scenario
def rate_limits_that_tasks_show(lab):
    lab.task("limited", rateLimitPerFrequency=3, rateLimitFrequencyInSeconds=9)
    lab.task("free")
    flow = [task("NOOP", "n"), inline("i"), lab.simple("limited"), lab.simple("free"), task("HUMAN", "h")]
    workflow_id = lab.run(*flow)
    lab.work("limited")
    lab.work("free")
    lab.until_task(workflow_id, "h", "IN_PROGRESS")
    shown = ("referenceTaskName", "rateLimitPerFrequency", "rateLimitFrequencyInSeconds")
    return [[one[key] for key in shown] for one in lab.document(workflow_id)["tasks"]]
