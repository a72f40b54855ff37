"""Pause, resume, terminate, retry, restart, rerun, skip; failure workflows; execute and signals; bulk."""

from kit import scenario


def task(kind, reference, **more):
    return {"name": reference, "taskReferenceName": reference, "type": kind, **more}


def inline(reference, expression, **parameters):
    given = {"evaluatorType": "javascript", "expression": expression, **parameters}
    return task("INLINE", reference, inputParameters=given)


def two_tasks(lab, **more):
    lab.task("a")
    lab.task("b")
    return lab.run(lab.simple("a"), lab.simple("b", inputParameters={"x": "${a.output.x}"}), **more)


@scenario
def pause_and_resume(lab):
    workflow_id = two_tasks(lab)
    first = lab.put(f"/workflow/{workflow_id}/pause").seen()
    again = lab.put(f"/workflow/{workflow_id}/pause").seen()
    lab.work("a", output={"x": 1})
    paused = lab.now(workflow_id)
    resumed = lab.put(f"/workflow/{workflow_id}/resume").seen()
    twice = lab.put(f"/workflow/{workflow_id}/resume").seen()
    lab.work("b")
    ended = lab.end(workflow_id)
    return [first, again, paused, resumed, twice, ended, lab.put(f"/workflow/{workflow_id}/pause").seen()]


@scenario
def terminate(lab):
    workflow_id = two_tasks(lab)
    lab.work("a", output={"x": 1})
    first = lab.delete(f"/workflow/{workflow_id}", reason="enough").seen()
    again = lab.delete(f"/workflow/{workflow_id}", reason="more than enough").seen()
    return [first, again, lab.end(workflow_id)]


@scenario
def terminate_without_a_reason(lab):
    workflow_id = two_tasks(lab, outputParameters={"s": "${a.status}"})
    lab.delete(f"/workflow/{workflow_id}")
    return lab.end(workflow_id)


@scenario
def terminate_what_has_ended(lab):
    done = lab.run(inline("i", "1"))
    failed = lab.run(inline("i", "nope.x"))
    lab.end(done)
    lab.end(failed)
    answers = [lab.delete(f"/workflow/{one}", reason="late").seen() for one in (done, failed)]
    return [answers, lab.now(failed)]


@scenario
def a_worker_that_reports_to_a_terminated_workflow(lab):
    workflow_id = two_tasks(lab)
    polled = lab.poll("a")
    lab.delete(f"/workflow/{workflow_id}", reason="enough")
    return [lab.update(polled, output={"x": 1}).seen(), lab.now(workflow_id)]


@scenario
def a_queued_task_of_a_terminated_workflow(lab):
    workflow_id = two_tasks(lab)
    lab.delete(f"/workflow/{workflow_id}", reason="enough")
    return lab.poll_once("a").seen()


@scenario
def control_of_unknown_executions(lab):
    calls = [
        ("PUT", "/workflow/ghost/pause"), ("PUT", "/workflow/ghost/resume"), ("DELETE", "/workflow/ghost"),
        ("POST", "/workflow/ghost/retry"), ("POST", "/workflow/ghost/restart"), ("GET", "/workflow/ghost"),
        ("PUT", "/workflow/ghost/skiptask/x"), ("POST", "/workflow/ghost/resetcallbacks"),
        ("GET", "/workflow/ghost/status"), ("GET", "/workflow/ghost/tasks"), ("DELETE", "/workflow/ghost/remove"),
        ("PUT", "/workflow/decide/ghost"),
    ]  # fmt: skip
    return [lab.call(method, path).seen() for method, path in calls]


# -- retry


@scenario
def retry(lab):
    workflow_id = two_tasks(lab)
    lab.work("a", output={"x": 1})
    lab.work("b", "FAILED", reason="no")
    failed = lab.end(workflow_id)
    answer = lab.post(f"/workflow/{workflow_id}/retry").seen()
    during = lab.now(workflow_id)
    lab.work("b", output={"y": 2})
    return [failed, answer, during, lab.end(workflow_id)]


@scenario
def retry_beyond_the_limit(lab):
    lab.task(retryCount=1, retryDelaySeconds=0)
    workflow_id = lab.run(lab.simple())
    lab.work(status="FAILED", reason="one")
    lab.work(status="FAILED", reason="two")
    lab.end(workflow_id)
    lab.post(f"/workflow/{workflow_id}/retry")
    lab.work(status="FAILED", reason="three")
    return lab.end(workflow_id)


@scenario
def retry_after_terminate(lab):
    workflow_id = two_tasks(lab)
    lab.delete(f"/workflow/{workflow_id}", reason="enough")
    answer = lab.post(f"/workflow/{workflow_id}/retry").seen()
    return [answer, lab.now(workflow_id)]


@scenario
def retries_that_are_refused(lab):
    running = two_tasks(lab)
    done = lab.run(inline("i", "1"), name="done")
    done = lab.start("done")
    lab.end(done)
    return [lab.post(f"/workflow/{one}/retry").seen() for one in (running, done)]


@scenario
def retry_in_a_loop(lab):
    lab.task()
    workflow_id = lab.run(task("DO_WHILE", "l", loopCondition="$.l['iteration'] < 2", loopOver=[lab.simple()]))
    lab.work(output={"n": 1})
    lab.work(status="FAILED", reason="no")
    lab.end(workflow_id)
    lab.post(f"/workflow/{workflow_id}/retry")
    lab.work(output={"n": 2})
    return lab.end(workflow_id)


def _with_child(lab):
    lab.task()
    lab.flow(lab.simple(), name="child")
    workflow_id = lab.run(task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("child")}), inline("end", "1"))
    lab.work(status="FAILED", reason="no")
    lab.end(workflow_id)
    return workflow_id


@scenario
def retry_with_a_new_child(lab):
    workflow_id = _with_child(lab)
    answer = lab.post(f"/workflow/{workflow_id}/retry").seen()
    lab.work(output={"n": 1})
    outcome = lab.end(workflow_id)
    return [answer, outcome]


@scenario
def retry_in_the_child(lab):
    workflow_id = _with_child(lab)
    answer = lab.post(f"/workflow/{workflow_id}/retry", resumeSubworkflowTasks="true").seen()
    lab.work(output={"n": 1})
    outcome = lab.end(workflow_id)
    child = lab.document(workflow_id)["tasks"][0]["subWorkflowId"]
    return [answer, outcome, lab.now(child)]


@scenario
def retry_of_the_child_itself(lab):
    workflow_id = _with_child(lab)
    child = lab.document(workflow_id)["tasks"][0]["subWorkflowId"]
    answer = lab.post(f"/workflow/{child}/retry").seen()
    lab.work(output={"n": 1})
    return [answer, lab.end(workflow_id), lab.end(child)]


# -- restart and rerun


@scenario
def restart(lab):
    workflow_id = two_tasks(lab, input={"k": 1})
    lab.work("a", "FAILED", reason="no")
    lab.end(workflow_id)
    answer = lab.post(f"/workflow/{workflow_id}/restart").seen()
    during = lab.now(workflow_id)
    lab.work("a", output={"x": 1})
    lab.work("b")
    return [answer, during, lab.end(workflow_id), lab.document(workflow_id)["input"]]


@scenario
def restart_with_the_latest_definition(lab):
    lab.flow(inline("i", "1"))
    workflow_id = lab.start()
    lab.end(workflow_id)
    lab.flow(inline("k", "2"))
    lab.post(f"/workflow/{workflow_id}/restart")
    old = lab.end(workflow_id)
    lab.post(f"/workflow/{workflow_id}/restart", useLatestDefinitions="true")
    return [old, lab.end(workflow_id)]


@scenario
def restarts_that_are_refused(lab):
    running = two_tasks(lab)
    lab.flow(inline("i", "1"), name="once", restartable=False)
    once = lab.start("once")
    lab.end(once)
    return [lab.post(f"/workflow/{one}/restart").seen()["status"] for one in (running, once)]


@scenario
def rerun_from_a_task(lab):
    workflow_id = two_tasks(lab)
    lab.work("a", output={"x": 1})
    lab.work("b", "FAILED", reason="no")
    lab.end(workflow_id)
    task_id = lab.document(workflow_id)["tasks"][0]["taskId"]
    answer = lab.post(f"/workflow/{workflow_id}/rerun", {"reRunFromTaskId": task_id, "taskInput": {"new": 1}})
    during = lab.now(workflow_id)
    polled = lab.work("a", output={"x": 2})
    second = lab.work("b")
    return [
        answer.status, answer.text == workflow_id, during, polled["taskId"] == task_id, second["inputData"],
        lab.end(workflow_id),
    ]  # fmt: skip


@scenario
def rerun_from_the_last_task(lab):
    workflow_id = two_tasks(lab)
    lab.work("a", output={"x": 1})
    lab.work("b", output={"y": 1})
    lab.end(workflow_id)
    task_id = lab.document(workflow_id)["tasks"][1]["taskId"]
    lab.post(f"/workflow/{workflow_id}/rerun", {"reRunFromTaskId": task_id})
    lab.work("b", output={"y": 2})
    return lab.end(workflow_id)


@scenario
def rerun_from_the_beginning(lab):
    workflow_id = two_tasks(lab, input={"k": 1})
    lab.work("a", "FAILED", reason="no")
    lab.end(workflow_id)
    lab.post(f"/workflow/{workflow_id}/rerun", {"workflowInput": {"k": 2}, "correlationId": "again"})
    lab.work("a", output={"x": 2})
    lab.work("b")
    return [lab.end(workflow_id), lab.document(workflow_id)["input"]]


@scenario
def rerun_in_a_child(lab):
    workflow_id = _with_child(lab)
    child = lab.document(workflow_id)["tasks"][0]["subWorkflowId"]
    task_id = lab.document(child)["tasks"][0]["taskId"]
    answer = lab.post(f"/workflow/{workflow_id}/rerun", {"reRunFromTaskId": task_id})
    lab.work(output={"n": 1})
    return [answer.status, lab.end(workflow_id)["status"], lab.end(child)["status"]]


@scenario
def reruns_that_are_refused(lab):
    running = two_tasks(lab)
    failed = lab.run(inline("i", "nope.x"))
    lab.end(failed)
    return [
        lab.post(f"/workflow/{running}/rerun", {}).seen()["status"],
        lab.post(f"/workflow/{failed}/rerun", {"reRunFromTaskId": "ghost"}).seen(),
    ]


# -- skip, callbacks


@scenario
def skip(lab):
    lab.task("a")
    lab.task("b")
    workflow_id = lab.run(lab.simple("a"), lab.simple("b"), inline("c", "3"))
    answer = lab.put(f"/workflow/{workflow_id}/skiptask/b").seen()
    during = lab.now(workflow_id)
    lab.work("a")
    return [answer, during, lab.end(workflow_id)]


@scenario
def skips_that_are_refused(lab):
    workflow_id = two_tasks(lab)
    done = lab.run(inline("i", "1"))
    lab.end(done)
    return [
        lab.put(f"/workflow/{workflow_id}/skiptask/a").seen(),
        lab.put(f"/workflow/{workflow_id}/skiptask/ghost").seen(),
        lab.put(f"/workflow/{done}/skiptask/i").seen(),
    ]


@scenario
def reset_callbacks(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    lab.work(status="IN_PROGRESS", callbackAfterSeconds=1000)
    answer = lab.post(f"/workflow/{workflow_id}/resetcallbacks").seen()
    polled = lab.poll()
    lab.update(polled)
    lab.end(workflow_id)
    return [answer, polled["pollCount"], lab.post(f"/workflow/{workflow_id}/resetcallbacks").seen()]


# -- failure workflows


def _failing(lab, **more):
    lab.flow(inline("f", "$.r", r="${workflow.input.reason}"), name="compensate")
    lab.flow(inline("i", "1"), inline("bad", "nope.x"), failureWorkflow=lab("compensate"), **more)
    workflow_id = lab.start(input={"order": 7}, correlationId="c")
    lab.end(workflow_id)
    document = lab.until(workflow_id, lambda d: "conductor.failure_workflow" in d["output"])
    return workflow_id, document["output"]["conductor.failure_workflow"]


@scenario
def a_failure_workflow(lab):
    workflow_id, failure = _failing(lab)
    outcome = lab.end(failure)
    given = lab.document(failure)["input"]
    seen = {key: given[key] for key in given if key != "failedWorkflow"}
    return [lab.now(workflow_id), outcome["status"], outcome["output"], outcome["correlationId"], seen,
            given["failedWorkflow"]["status"]]  # fmt: skip


@scenario
def a_failure_workflow_that_is_not_there(lab):
    lab.flow(inline("bad", "nope.x"), failureWorkflow=lab("ghost"))
    workflow_id = lab.start()
    lab.end(workflow_id)
    return lab.until(workflow_id, lambda d: "conductor.failure_workflow" in d["output"])["output"]


@scenario
def no_failure_workflow_after_terminate(lab):
    lab.task()
    lab.flow(inline("f", "1"), name="compensate")
    lab.flow(lab.simple(), failureWorkflow=lab("compensate"))
    workflow_id = lab.start()
    lab.delete(f"/workflow/{workflow_id}", reason="enough")
    return lab.end(workflow_id)


# -- execute and signals


def _run_seen(lab, answer):
    body = answer.json
    if not isinstance(body, dict):
        return [answer.status, body]
    gone = ("createTime", "updateTime", "requestId", "tasks")
    seen = {key: body[key] for key in body if key not in gone}
    if "tasks" in body:
        seen["tasks"] = [(one["referenceTaskName"], one["status"]) for one in body["tasks"]]
    return [answer.status, seen]


@scenario
def execute(lab):
    name = lab.flow(inline("i", "$.x", x="${workflow.input.x}"))
    answer = lab.post(f"/workflow/execute/{name}/1", {"input": {"x": 5}, "correlationId": "c"})
    return _run_seen(lab, answer)


@scenario
def execute_of_the_latest_version(lab):
    name = lab.flow(inline("i", "1"))
    lab.flow(inline("i", "2"), version=2)
    return _run_seen(lab, lab.post(f"/workflow/execute/{name}/0", {"input": {}}))


@scenario
def execute_until_a_task(lab):
    lab.task()
    name = lab.flow(inline("i", "1"), lab.simple())
    return _run_seen(lab, lab.post(f"/workflow/execute/{name}/1", {"input": {}}, waitUntilTaskRef="i"))


@scenario
def execute_that_takes_too_long(lab):
    lab.task()
    name = lab.flow(lab.simple())
    return _run_seen(lab, lab.post(f"/workflow/execute/{name}/1", {"input": {}}, waitForSeconds=1))


def _waiting_flow(lab):
    return lab.flow(task("WAIT", "w", inputParameters={"q": 1}), inline("i", "$.x", x="${w.output.x}"))


@scenario
def execute_and_return_strategies(lab):
    name = _waiting_flow(lab)
    seen = []
    for strategy in ("TARGET_WORKFLOW", "BLOCKING_WORKFLOW", "BLOCKING_TASK", "BLOCKING_TASK_INPUT"):
        seen.append(_run_seen(lab, lab.post(f"/workflow/execute/{name}/1", {"input": {}}, returnStrategy=strategy)))
    return seen


@scenario
def execute_of_a_blocking_child(lab):
    lab.flow(task("WAIT", "w"), name="child")
    name = lab.flow(task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("child")}))
    answer = lab.post(f"/workflow/execute/{name}/1", {"input": {}}, returnStrategy="BLOCKING_WORKFLOW")
    return [answer.status, answer.json["status"], answer.json["workflowId"] != answer.json["targetWorkflowId"]]


@scenario
def execute_of_nothing(lab):
    return lab.post(f"/workflow/execute/{lab('ghost')}/1", {"input": {}}).seen()


@scenario
def a_synchronous_signal(lab):
    name = _waiting_flow(lab)
    answer = lab.post(f"/workflow/execute/{name}/1", {"input": {}})
    workflow_id = answer.json["workflowId"]
    signaled = lab.post(f"/tasks/{workflow_id}/COMPLETED/signal/sync", {"x": 3})
    again = lab.post(f"/tasks/{workflow_id}/COMPLETED/signal/sync", {"x": 3})
    return [_run_seen(lab, signaled), again.seen()]


@scenario
def a_signal_into_a_child(lab):
    lab.flow(task("WAIT", "w"), name="child")
    workflow_id = lab.run(task("SUB_WORKFLOW", "s", subWorkflowParam={"name": lab("child")}))
    child = lab.until_task(workflow_id, "s", "IN_PROGRESS")["subWorkflowId"]
    lab.until_task(child, "w", "IN_PROGRESS")
    answer = lab.post(f"/tasks/{workflow_id}/COMPLETED/signal", {"x": 3})
    return [answer.seen(), lab.end(workflow_id)]


@scenario
def a_workflow_test(lab):
    lab.task()
    flow = lab.flow(lab.simple(), inline("i", "$.x", x="${t.output.n}"))
    body = {"name": flow, "version": 1, "taskRefToMockOutput": {"t": [{"status": "COMPLETED", "output": {"n": 4}}]}}
    answer = lab.post("/workflow/test", body)
    return [answer.status, answer.json["status"], answer.json["output"], len(answer.json["tasks"])]


# -- bulk, removal


@scenario
def bulk_calls(lab):
    one, two = two_tasks(lab), lab.start()
    ids = [one, two, "ghost"]
    return [
        lab.put("/workflow/bulk/pause", ids).seen(),
        lab.put("/workflow/bulk/resume", ids).seen(),
        lab.post("/workflow/bulk/terminate", ids, reason="bulk").seen(),
        lab.post("/workflow/bulk/retry", [one]).seen(),
        lab.post("/workflow/bulk/terminate", [one], reason="bulk").seen(),
        lab.post("/workflow/bulk/restart", [two]).seen(),
        lab.put("/workflow/bulk/pause", []).seen(),
        lab.delete("/workflow/bulk/remove", [one]).seen(),
        lab.get(f"/workflow/{one}").seen(),
    ]


@scenario
def too_many_ids(lab):
    return lab.put("/workflow/bulk/pause", ["x"] * 1001).seen()


@scenario
def removal(lab):
    running, done = two_tasks(lab), lab.run(inline("i", "1"), name="done", start={})
    done = lab.start("done")
    lab.end(done)
    return [
        lab.delete(f"/workflow/{running}/remove").seen(),
        lab.delete(f"/workflow/{running}/remove", archiveWorkflow="false").seen(),
        lab.get(f"/workflow/{running}").seen(),
        lab.delete(f"/workflow/{done}/remove", archiveWorkflow="false").seen(),
        lab.delete(f"/workflow/{done}/remove").seen(),
    ]


@scenario
def terminate_and_remove(lab):
    workflow_id = two_tasks(lab)
    first = lab.delete(f"/workflow/{workflow_id}/terminate-remove", reason="x", archiveWorkflow="false").seen()
    return [first, lab.get(f"/workflow/{workflow_id}").seen()]
