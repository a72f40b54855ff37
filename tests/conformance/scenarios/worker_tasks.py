"""Worker tasks: polls, updates, retries, lifecycles."""

from kit import scenario


@scenario
def one_task(lab):
    lab.task()
    workflow_id = lab.run(lab.simple(inputParameters={"x": "${workflow.input.x}"}), input={"x": 1})
    before = lab.now(workflow_id)
    task = lab.poll()
    during = lab.now(workflow_id)
    answer = lab.update(task, output={"y": [1, None, "two"]})
    return [before, during, answer.seen(), lab.end(workflow_id)]


@scenario
def two_tasks_and_output_parameters(lab):
    lab.task("a")
    lab.task("b")
    workflow_id = lab.run(
        lab.simple("a"),
        lab.simple("b", inputParameters={"from": "${a.output.n}", "none": "${a.output.missing}"}),
        outputParameters={"n": "${a.output.n}", "text": "n=${b.output.m}", "missing": "${b.output.none}"},
    )
    lab.work("a", output={"n": 7})
    second = lab.work("b", output={"m": {"k": [True]}})
    return [second["inputData"], lab.end(workflow_id)]


@scenario
def the_polled_task(lab):
    lab.task(timeoutSeconds=7200, responseTimeoutSeconds=60)
    lab.run(lab.simple(), start={"correlationId": "c-1", "priority": 3})
    task = lab.poll()
    gone = ("workflowTask", "taskDefinition", "queueWaitTime")
    return {key: value for key, value in task.items() if key not in gone}


@scenario
def failed_without_retries(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    lab.work(status="FAILED", reason="no luck", output={"half": 1})
    return lab.end(workflow_id)


@scenario
def failed_without_a_reason(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    lab.work(status="FAILED")
    return lab.end(workflow_id)


@scenario
def failed_and_retried_at_once(lab):
    lab.task(retryCount=2, retryDelaySeconds=0)
    workflow_id = lab.run(lab.simple())
    lab.work(status="FAILED", reason="first")
    during = lab.now(workflow_id)
    lab.work(status="FAILED", reason="second", output={"n": 2})
    lab.work(output={"n": 3})
    return [during, lab.end(workflow_id)]


@scenario
def retries_used_up(lab):
    lab.task(retryCount=1, retryDelaySeconds=0)
    workflow_id = lab.run(lab.simple())
    lab.work(status="FAILED", reason="first")
    lab.work(status="FAILED", reason="second")
    return lab.end(workflow_id)


@scenario
def a_retry_that_is_waiting(lab):
    lab.task(retryCount=1, retryDelaySeconds=100)
    workflow_id = lab.run(lab.simple())
    lab.work(status="FAILED", reason="first")
    return [lab.now(workflow_id), lab.poll_once().seen()]


def _delays(lab, count, **definition):
    lab.task(retryCount=count, **definition)
    workflow_id = lab.run(lab.simple())
    for _ in range(count):
        task = lab.document(workflow_id)["tasks"][-1]
        lab.update(task, "FAILED", reason="again")
    tasks = lab.document(workflow_id)["tasks"]
    return [(task["startDelayInSeconds"], task["callbackAfterSeconds"], task["retryCount"]) for task in tasks]


@scenario
def fixed_delays(lab):
    return _delays(lab, 2, retryLogic="FIXED", retryDelaySeconds=7)


@scenario
def linear_delays(lab):
    return _delays(lab, 4, retryLogic="LINEAR_BACKOFF", retryDelaySeconds=2, backoffScaleFactor=3)


@scenario
def exponential_delays(lab):
    return _delays(lab, 5, retryLogic="EXPONENTIAL_BACKOFF", retryDelaySeconds=3, backoffScaleFactor=3)


@scenario
def capped_delays(lab):
    return _delays(lab, 4, retryLogic="EXPONENTIAL_BACKOFF", retryDelaySeconds=3, maxRetryDelaySeconds=10)


@scenario
def terminal_error(lab):
    lab.task(retryCount=3)
    workflow_id = lab.run(lab.simple())
    lab.work(status="FAILED_WITH_TERMINAL_ERROR", reason="never")
    return lab.end(workflow_id)


@scenario
def canceled_by_a_worker(lab):
    lab.task(retryCount=3)
    workflow_id = lab.run(lab.simple())
    lab.work(status="CANCELED", reason="not wanted")
    return lab.end(workflow_id)


@scenario
def in_progress_with_a_callback(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    first = lab.work(status="IN_PROGRESS", output={"part": 1}, callbackAfterSeconds=100)
    waiting = lab.now(workflow_id)
    polled = lab.poll_once().seen()
    lab.update(first, "COMPLETED", {"part": 2})
    return [waiting, polled, lab.end(workflow_id)]


@scenario
def in_progress_at_once(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    first = lab.work(status="IN_PROGRESS", output={"part": 1})
    second = lab.poll()
    lab.update(second, output={"part": 2})
    return [first["taskId"] == second["taskId"], second["outputData"], second["pollCount"], lab.end(workflow_id)]


@scenario
def an_extended_lease(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    task = lab.poll()
    answer = lab.update(task, "IN_PROGRESS", {"ignored": 1}, extendLease=True)
    return [answer.seen(), lab.now(workflow_id)]


@scenario
def a_second_update_changes_nothing(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    task = lab.work(output={"n": 1})
    answer = lab.update(task, "FAILED", {"n": 2})
    return [answer.seen(), lab.end(workflow_id)]


@scenario
def an_update_without_a_poll(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    task = lab.document(workflow_id)["tasks"][0]
    lab.update(task, output={"n": 1})
    ended = lab.end(workflow_id)
    return [ended, lab.document(workflow_id)["tasks"][0]["startTime"]]


@scenario
def updates_of_unknown_things(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    task = lab.poll()
    body = {"workflowInstanceId": workflow_id, "taskId": task["taskId"], "status": "COMPLETED"}
    cases = [
        {**body, "workflowInstanceId": "ghost"},
        {**body, "taskId": "ghost"},
        {"status": "COMPLETED"},
        {"taskId": task["taskId"], "status": "COMPLETED"},
    ]
    answers = [lab.post("/tasks", case).seen() for case in cases]
    for answer in answers:
        answer["body"].get("validationErrors", []).sort(key=str)
    return answers


@scenario
def statuses_of_updates_that_are_no_words(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    task = lab.poll()
    body = {"workflowInstanceId": workflow_id, "taskId": task["taskId"]}
    return [lab.post("/tasks", {**body, "status": word}).status for word in ("DONE", "", "TIMED_OUT", "SCHEDULED")]


@scenario
def update_v2_brings_the_next_task(lab):
    lab.task()
    lab.flow(lab.simple())
    first, second = lab.start(), lab.start()
    task = lab.poll()
    body = {"workflowInstanceId": task["workflowInstanceId"], "taskId": task["taskId"], "status": "COMPLETED"}
    following = lab.post("/tasks/update-v2", {**body, "workerId": "w"})
    other = following.json
    body = {"workflowInstanceId": other["workflowInstanceId"], "taskId": other["taskId"], "status": "COMPLETED"}
    last = lab.post("/tasks/update-v2", {**body, "workerId": "w"})
    return [
        following.status,
        other["status"],
        {first, second} == {task["workflowInstanceId"], other["workflowInstanceId"]},
        last.seen(),
    ]


@scenario
def update_v2_that_leaves_the_task_open(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    task = lab.poll()
    body = {"workflowInstanceId": workflow_id, "taskId": task["taskId"], "status": "IN_PROGRESS"}
    return [lab.post("/tasks/update-v2", {**body, "workerId": "w"}).seen(), lab.now(workflow_id)]


@scenario
def batch_polls(lab):
    lab.task()
    lab.flow(lab.simple())
    for _ in range(3):
        lab.start()
    path = f"/tasks/poll/batch/{lab('t')}"
    first = lab.get(path, count=2, timeout=1000, workerid="w").json
    second = lab.get(path, count=5, timeout=200, workerid="w").json
    third = lab.get(path, count=5, timeout=100, workerid="w")
    return [len(first), len(second), third.seen(), lab.get(path, timeout=6000).seen()]


@scenario
def priorities_come_first(lab):
    lab.task()
    lab.flow(lab.simple())
    ids = [lab.start(priority=priority) for priority in (0, 5, 99)]
    return [ids.index(lab.poll()["workflowInstanceId"]) for _ in ids]


@scenario
def domains(lab):
    lab.task()
    lab.flow(lab.simple())
    workflow_id = lab.start(taskToDomain={lab("t"): "d1"})
    return [
        lab.poll_once().status,
        lab.poll(domain="d1")["domain"],
        lab.now(workflow_id),
    ]


@scenario
def domains_of_all_tasks(lab):
    lab.task()
    lab.task("u")
    lab.flow(lab.simple(), lab.simple("u"))
    workflow_id = lab.start(taskToDomain={"*": "d1", lab("u"): "d2,NO_DOMAIN"})
    task = lab.poll(domain="d1")
    lab.update(task)
    return lab.now(workflow_id)


@scenario
def an_optional_task_that_fails(lab):
    lab.task(retryCount=1, retryDelaySeconds=0)
    lab.task("u")
    workflow_id = lab.run(lab.simple(optional=True), lab.simple("u"))
    lab.work(status="FAILED", reason="one", output={"n": 1})
    lab.work(status="FAILED", reason="two", output={"n": 2})
    lab.work("u")
    return lab.end(workflow_id)


@scenario
def an_optional_task_as_the_last(lab):
    lab.task()
    workflow_id = lab.run(lab.simple(optional=True))
    lab.work(status="FAILED_WITH_TERMINAL_ERROR", reason="one", output={"n": 1})
    return lab.end(workflow_id)


@scenario
def a_permissive_task_that_fails(lab):
    lab.task()
    lab.task("u")
    workflow_id = lab.run(lab.simple(permissive=True), lab.simple("u"))
    lab.work(status="FAILED", reason="one")
    during = lab.now(workflow_id)
    lab.work("u", output={"n": 1})
    return [during, lab.end(workflow_id)]


@scenario
def a_task_without_a_definition(lab):
    workflow_id = lab.run(lab.simple("nodef"))
    lab.work("nodef", status="FAILED", reason="one")
    return lab.now(workflow_id)


@scenario
def a_type_that_the_engine_does_not_know(lab):
    kind = lab("CUSTOM")
    workflow_id = lab.run({"name": "x", "taskReferenceName": "x", "type": kind, "inputParameters": {"a": 1}})
    task = lab.poll("CUSTOM")
    lab.update(task, output={"n": 1})
    return lab.end(workflow_id)


@scenario
def a_start_delay(lab):
    lab.task()
    workflow_id = lab.run(lab.simple(startDelay=100))
    return [lab.now(workflow_id), lab.poll_once().seen()]


@scenario
def an_inline_task_definition(lab):
    definition = {"name": lab("t"), "retryCount": 1, "retryDelaySeconds": 0, "responseTimeoutSeconds": 77}
    workflow_id = lab.run(lab.simple(taskDefinition=definition))
    lab.work(status="FAILED")
    lab.work()
    return lab.end(workflow_id)


@scenario
def a_retry_count_of_the_workflow_task(lab):
    lab.task(retryCount=0, retryDelaySeconds=0)
    workflow_id = lab.run(lab.simple(retryCount=1))
    lab.work(status="FAILED")
    lab.work()
    return lab.end(workflow_id)


@scenario
def an_input_template_of_a_task(lab):
    lab.task(inputTemplate={"a": "from template", "b": 2, "c": {"d": [1]}})
    workflow_id = lab.run(lab.simple(inputParameters={"a": "given", "b": "${workflow.input.none}"}))
    lab.work()
    return lab.end(workflow_id)


@scenario
def updates_by_reference(lab):
    lab.task()
    lab.task("u")
    workflow_id = lab.run(lab.simple(), lab.simple("u"))
    task = lab.poll()
    first = lab.post(f"/tasks/{workflow_id}/t/IN_PROGRESS", {"a": 1})
    during = lab.now(workflow_id)
    second = lab.post(f"/tasks/{workflow_id}/t/COMPLETED", {"b": 2}, workerid="me")
    again = lab.post(f"/tasks/{workflow_id}/t/COMPLETED", {"b": 3})
    ghost = lab.post(f"/tasks/{workflow_id}/ghost/COMPLETED", {"b": 3})
    third = lab.post(f"/tasks/{workflow_id}/u/FAILED", {"c": 1})
    return [
        first.text == task["taskId"],
        during,
        second.text == task["taskId"],
        again.seen(),
        ghost.seen(),
        third.status,
        lab.end(workflow_id),
    ]


@scenario
def synchronous_updates_by_reference(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    first = lab.post(f"/tasks/{workflow_id}/t/COMPLETED/sync", {"b": 2})
    again = lab.post(f"/tasks/{workflow_id}/t/COMPLETED/sync", {"b": 2})
    return [first.status, first.json["status"], again.seen()]


@scenario
def a_status_by_reference_that_is_no_word(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    return lab.post(f"/tasks/{workflow_id}/t/DONE", {}).status


@scenario
def logs_of_a_task(lab):
    lab.task()
    workflow_id = lab.run(lab.simple())
    task = lab.poll()
    empty = lab.get(f"/tasks/{task['taskId']}/log").seen()
    added = lab.call("POST", f"/tasks/{task['taskId']}/log", data="by hand", headers={"content-type": "text/plain"})
    lab.update(task, logs=[{"log": "one", "createdTime": 1795000000001}, {"log": "two", "createdTime": 1795000000002}])
    lab.end(workflow_id)
    found = lab.get(f"/tasks/{task['taskId']}/log").json
    ghost = lab.call("POST", "/tasks/ghost/log", data="x", headers={"content-type": "text/plain"})
    return [empty, added.seen(), sorted((line["log"], line["taskId"]) for line in found), ghost.status]


@scenario
def a_task_by_its_id(lab):
    lab.task()
    workflow_id = lab.run(lab.simple(inputParameters={"a": 1}))
    task = lab.document(workflow_id)["tasks"][0]
    found = lab.get(f"/tasks/{task['taskId']}")
    return [lab.task_shape(found.json), found.json.keys() == task.keys(), lab.get("/tasks/ghost").seen()]


@scenario
def a_concurrency_limit(lab):
    lab.task(concurrentExecLimit=1)
    lab.flow(lab.simple())
    lab.start()
    lab.start()
    lab.poll()
    return lab.poll_once().seen()


@scenario
def response_timeout_retried(lab):
    lab.task(retryCount=1, retryDelaySeconds=100, responseTimeoutSeconds=1, timeoutSeconds=0)
    workflow_id = lab.run(lab.simple())
    lab.poll()
    lab.until_task(workflow_id, "t", "IN_PROGRESS")
    deadline_passed(lab, workflow_id, lambda d: d["tasks"][0]["status"] == "TIMED_OUT")
    return lab.now(workflow_id)


def deadline_passed(lab, workflow_id, condition):
    """Have the server look until the condition holds."""

    def look(document):
        lab.put(f"/workflow/decide/{workflow_id}")
        return condition(lab.document(workflow_id)) or None

    lab.until(workflow_id, look, "a timeout")


@scenario
def response_timeout_without_retries(lab):
    lab.task(retryCount=0, responseTimeoutSeconds=1, timeoutSeconds=0)
    workflow_id = lab.run(lab.simple())
    lab.poll()
    deadline_passed(lab, workflow_id, lambda d: d["status"] != "RUNNING")
    return lab.end(workflow_id)


def _without_seconds(outcome):
    """Elapsed seconds differ from run to run."""
    import json
    import re

    return json.loads(re.sub(r"after \d+ seconds", "after N seconds", json.dumps(outcome)))


@scenario
def poll_timeout_ends_the_workflow(lab):
    lab.task(pollTimeoutSeconds=1, timeoutSeconds=0)
    workflow_id = lab.run(lab.simple())
    deadline_passed(lab, workflow_id, lambda d: d["status"] != "RUNNING")
    return _without_seconds(lab.end(workflow_id))


@scenario
def poll_timeout_retried(lab):
    lab.task(pollTimeoutSeconds=1, retryCount=1, retryDelaySeconds=50, timeoutPolicy="RETRY", timeoutSeconds=0)
    workflow_id = lab.run(lab.simple())
    deadline_passed(lab, workflow_id, lambda d: len(d["tasks"]) > 1)
    return _without_seconds(lab.now(workflow_id))


@scenario
def execution_timeout_ends_the_workflow(lab):
    lab.task(timeoutSeconds=1, responseTimeoutSeconds=1)
    lab.task("u")
    workflow_id = lab.run(lab.simple(), outputParameters={"s": "${t.status}"})
    lab.poll()
    deadline_passed(lab, workflow_id, lambda d: d["status"] != "RUNNING")
    return _without_seconds(lab.end(workflow_id))


@scenario
def execution_timeout_retried(lab):
    lab.task(timeoutSeconds=1, responseTimeoutSeconds=1, retryCount=1, retryDelaySeconds=50, timeoutPolicy="RETRY")
    workflow_id = lab.run(lab.simple())
    lab.poll()
    deadline_passed(lab, workflow_id, lambda d: len(d["tasks"]) > 1)
    return _without_seconds(lab.now(workflow_id))


@scenario
def execution_timeout_as_an_alert(lab):
    import time

    lab.task(timeoutSeconds=1, responseTimeoutSeconds=1, timeoutPolicy="ALERT_ONLY", retryCount=0)
    workflow_id = lab.run(lab.simple())
    task = lab.poll()
    lab.update(task, "IN_PROGRESS", callbackAfterSeconds=100)
    time.sleep(1.2)
    lab.put(f"/workflow/decide/{workflow_id}")
    return lab.now(workflow_id)


@scenario
def a_workflow_timeout(lab):
    lab.task()
    workflow_id = lab.run(lab.simple(), timeoutSeconds=1, timeoutPolicy="TIME_OUT_WF")
    deadline_passed(lab, workflow_id, lambda d: d["status"] != "RUNNING")
    return _without_seconds(lab.end(workflow_id))


@scenario
def a_total_timeout(lab):
    lab.task(
        totalTimeoutSeconds=1, timeoutSeconds=1, responseTimeoutSeconds=1, retryCount=5, retryDelaySeconds=0,
        timeoutPolicy="RETRY",
    )  # fmt: skip
    workflow_id = lab.run(lab.simple())
    lab.poll()
    deadline_passed(lab, workflow_id, lambda d: d["status"] != "RUNNING")
    return _without_seconds(lab.end(workflow_id))
