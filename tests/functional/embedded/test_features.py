"""Features that the OSS server lacks or disables by default: faults, keys, a clock for tests, messages."""

import threading
import time
from datetime import timedelta

import pytest
import requests

import conductor.server
from conductor import ConductorClient, ServerError, Workflow
from conductor.errors import APIError
from conductor.models import TaskResult
from conductor.server.http.middleware import Fault
from conductor.workflow import simple


def wait(reference="w", **given):
    return {"name": reference, "taskReferenceName": reference, "type": "WAIT", "inputParameters": given}


def inline(reference, expression, **given):
    parameters = {"evaluatorType": "javascript", "expression": expression, **given}
    return {"name": reference, "taskReferenceName": reference, "type": "INLINE", "inputParameters": parameters}


def test_faults_occur_as_often_as_requested(server):
    server.faults.add(Fault(status=429, times=2, path="/metadata", headers={"Retry-After": "0"}))
    answers = [requests.get(f"{server.url}/metadata/taskdefs", timeout=5) for _ in range(3)]
    assert [one.status_code for one in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "0"
    assert requests.get(f"{server.url}/version", timeout=5).text == "3.32.3"


def test_a_client_retries_faults_and_reports_permanent_ones(server, client):
    server.faults.add(Fault(status=503, times=1, headers={"Retry-After": "0"}))
    assert client.metadata.list_tasks() == []
    server.faults.add(Fault(status=500, times=None, method="POST"))
    with pytest.raises(ServerError):
        client.workflows.start("x")


def test_a_request_with_a_lost_response_is_carried_out(server, client, define):
    define("lost", inline("i", "1"))
    server.faults.add(Fault(status=0, after=True, method="POST"))
    with pytest.raises(APIError):
        client.workflows.start("lost")
    assert client.workflows.search(query="workflowType=lost").total_hits == 1


def test_with_keys_every_call_needs_a_token():
    with conductor.server.start(keys={"me": "secret"}) as server:
        answer = requests.get(f"{server.url}/metadata/taskdefs", timeout=5)
        assert (answer.status_code, answer.json()["error"]) == (401, "MISSING_TOKEN")
        wrong = requests.post(f"{server.url}/token", json={"keyId": "me", "keySecret": "x"}, timeout=5)
        assert wrong.status_code == 401
        with ConductorClient(server_url=server.url, auth_key="me", auth_secret="secret") as client:
            assert client.metadata.list_tasks() == []
            server.keys.expire_all()
            assert client.metadata.list_tasks() == []


def test_time_skips_when_only_timers_are_left():
    with conductor.server.start(skip_time=True) as server, ConductorClient(server_url=server.url) as client:
        flow = {"name": "slow", "tasks": [wait("w1", duration="3 days"), wait("w2", duration="5 hours")]}
        client.metadata.update_workflows([{**flow, "ownerEmail": "a@b.c"}])
        begin = time.monotonic()
        workflow = client.workflows.wait(client.workflows.start("slow"), timeout=10)
        assert time.monotonic() - begin < 5
        assert workflow.end_time - workflow.create_time > (3 * 24 + 5) * 3_600_000 - 1000


def test_time_does_not_skip_while_a_worker_has_a_task():
    with conductor.server.start(skip_time=True) as server, ConductorClient(server_url=server.url) as client:
        task = {"name": "t", "taskReferenceName": "t", "type": "SIMPLE"}
        client.metadata.register_tasks([{"name": "t", "responseTimeoutSeconds": 60, "ownerEmail": "a@b.c"}])
        client.metadata.update_workflows([{"name": "worked", "tasks": [task], "ownerEmail": "a@b.c"}])
        workflow_id = client.workflows.start("worked")
        polled = client.tasks.poll("t")
        time.sleep(0.2)
        assert client.tasks.get(polled.task_id).status == "IN_PROGRESS"
        client.tasks.update(TaskResult(workflow_instance_id=workflow_id, task_id=polled.task_id, status="COMPLETED"))
        assert client.workflows.get(workflow_id).status == "COMPLETED"


def test_each_missed_run_of_a_schedule_with_catch_up(server, client, define):
    define("nightly", inline("i", "1"))
    request = {"name": "nightly", "version": 1}
    body = {"name": "s", "cronExpression": "0 0 3 * * *", "startWorkflowRequest": request}
    requests.post(f"{server.url}/scheduler/schedules", json=body, timeout=5)
    requests.post(
        f"{server.url}/scheduler/schedules", json={**body, "name": "c", "runCatchupScheduleInstances": True}, timeout=5
    )
    server.clock.advance(timedelta(days=3))
    runs = requests.get(f"{server.url}/scheduler/search/executions", timeout=5).json()
    assert runs["totalHits"] == 6
    assert {run["state"] for run in runs["results"]} == {"EXECUTED"}
    assert client.workflows.search(query="workflowType=nightly").total_hits == 6


def test_messages_are_delivered_to_the_waiting_task(server, client, define):
    pull = {
        "name": "p", "taskReferenceName": "p", "type": "PULL_WORKFLOW_MESSAGES", "inputParameters": {"batchSize": 2}
    }  # fmt: skip
    define("listening", pull, {**pull, "taskReferenceName": "q"})
    workflow_id = client.workflows.start("listening")
    url = f"{server.url}/workflow/{workflow_id}/messages"
    first = requests.post(url, json={"n": 1}, timeout=5)
    assert first.status_code == 200
    (task, _) = client.workflows.get(workflow_id).tasks
    assert task.output_data["count"] == 1
    assert task.output_data["messages"][0]["payload"] == {"n": 1}
    requests.post(url, json={"n": 2}, timeout=5)
    assert client.workflows.get(workflow_id).status == "COMPLETED"
    late = requests.post(url, json={}, timeout=5)
    assert late.status_code == 409
    assert late.text == f"Workflow {workflow_id} is not in RUNNING state (current: COMPLETED)"


def test_an_event_starts_a_workflow_and_ends_a_task(server, client, define):
    define("started", inline("i", "$.n", n="${workflow.input.n}"))
    event = {"name": "e", "taskReferenceName": "e", "type": "EVENT", "sink": "conductor", "inputParameters": {"n": 5}}
    define("telling", event, wait())
    actions = [
        {"action": "start_workflow", "start_workflow": {"name": "started", "input": {"n": "${n}"}}},
        {
            "action": "complete_task",
            "complete_task": {"workflowId": "${workflowInstanceId}", "taskRefName": "w", "output": {"by": "${n}"}},
        },
    ]
    workflow_id = client.workflows.start("telling")
    handler = {"name": "h", "event": "conductor:telling:e", "condition": "$.n > 4", "actions": actions, "active": True}
    assert requests.post(f"{server.url}/event", json=handler, timeout=5).status_code == 200
    workflow = client.workflows.get(workflow_id)
    assert workflow.status == "COMPLETED"
    assert workflow.task("w").output_data["by"] == 5
    (started,) = client.workflows.search(query="workflowType=started").results
    assert client.workflows.get(started.workflow_id).output == {"result": 5}


def test_a_message_is_delivered_once_while_a_condition_runs(server, client, define):
    event = {"name": "e", "taskReferenceName": "e", "type": "EVENT", "sink": "conductor"}
    define("started", {"name": "n", "taskReferenceName": "n", "type": "NOOP"})
    telling = define("telling", event)
    for _ in range(2):  # they wait for a handler
        client.workflows.start(telling)
    slow = "var begin = Date.now(); while (Date.now() - begin < 500); true"
    actions = [{"action": "start_workflow", "start_workflow": {"name": "started"}}]
    handler = {"name": "h", "event": "conductor:telling:e", "condition": slow, "actions": actions, "active": True}
    adding = threading.Thread(target=requests.post, args=(f"{server.url}/event",), kwargs={"json": handler})
    adding.start()
    deadline = time.monotonic() + 10
    while not requests.get(f"{server.url}/event", timeout=5).json():
        assert time.monotonic() < deadline
    client.workflows.start(telling)
    adding.join(30)
    assert len(client.workflows.search(query="workflowType=started").results) == 3


def test_secrets_reach_tasks_and_are_not_stored():
    with (
        conductor.server.start(secrets={"K": "hush"}, environment={"E": "open"}) as server,
        ConductorClient(server_url=server.url) as client,
    ):
        given = {"key": "${workflow.secrets.K}", "env": "${workflow.env.E}"}
        task = {"name": "t", "taskReferenceName": "t", "type": "SIMPLE", "inputParameters": given}
        client.metadata.update_workflows([{"name": "secret", "tasks": [task], "ownerEmail": "a@b.c"}])
        workflow_id = client.workflows.start("secret")
        assert client.tasks.poll("t").input_data == {"key": "hush", "env": "open"}
        assert client.workflows.get(workflow_id).tasks[0].input_data == {"key": "${workflow.secrets.K}", "env": "open"}


def test_a_retried_branch_does_not_fail_its_join(client, define):
    branches = [
        [{"name": kind, "taskReferenceName": kind, "type": "SIMPLE"}] for kind in ("branch_a", "branch_b")
    ]  # fmt: skip
    definition = {"name": "branch_a", "retryCount": 1, "retryDelaySeconds": 0, "ownerEmail": "a@b.c"}
    fork = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches}
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["branch_a", "branch_b"]}
    define("forked", fork, join, task_defs=[definition])
    workflow_id = client.workflows.start("forked")
    for kind, status in (("branch_a", "FAILED"), ("branch_b", "COMPLETED"), ("branch_a", "COMPLETED")):
        polled = client.tasks.poll(kind)
        client.tasks.update(TaskResult(workflow_instance_id=workflow_id, task_id=polled.task_id, status=status))
    assert client.workflows.get(workflow_id).status == "COMPLETED"


def test_a_free_slot_can_be_used_at_once(client, define):
    definition = {"name": "narrow", "concurrentExecLimit": 1, "ownerEmail": "a@b.c"}
    define("limited", {"name": "narrow", "taskReferenceName": "n", "type": "SIMPLE"}, task_defs=[definition])
    for _ in range(2):
        client.workflows.start("limited")
    first = client.tasks.poll("narrow")
    assert client.tasks.poll("narrow") is None
    ids = {"workflow_instance_id": first.workflow_instance_id, "task_id": first.task_id}
    client.tasks.update(TaskResult(**ids, status="COMPLETED"))
    assert client.tasks.poll("narrow") is not None


def test_registering_the_same_workflow_again_changes_nothing(client):
    workflow = Workflow("again", rate_limit=("key", 2), input_schema={"name": "order", "type": "JSON"})
    workflow >> simple("charge", task_definition={"name": "charge", "retryCount": 1})

    workflow.register(client)
    workflow.register(client)

    assert str(workflow.diff(client)) == "no differences"
    assert not client.metadata.ensure_workflow(workflow.to_def())


def schedule(server, name, **more):
    body = {"name": name, "startWorkflowRequest": {"name": "nightly", "version": 1}, **more}
    answer = requests.post(f"{server.url}/scheduler/schedules", json=body, timeout=5)
    assert answer.status_code == 200, answer.text


def runs_of(server, name):
    query = {"query": f"scheduleName IN ({name})"}
    return requests.get(f"{server.url}/scheduler/search/executions", query, timeout=5).json()["results"]


@pytest.mark.parametrize("path", ["schedules/s/resume", "bulk/resume"])
def test_a_schedule_runs_after_it_was_resumed(server, define, path):
    define("nightly", inline("i", "1"))
    schedule(server, "s", cronExpression="0 0 3 * * *")
    requests.put(f"{server.url}/scheduler/schedules/s/pause", timeout=5)
    server.clock.advance(timedelta(days=2))
    assert runs_of(server, "s") == []
    requests.put(f"{server.url}/scheduler/{path}", json=["s"], timeout=5)
    server.clock.advance(timedelta(days=1))
    assert [run["state"] for run in runs_of(server, "s")] == ["EXECUTED"]


def test_a_schedule_created_as_paused_runs_after_resume(server, define):
    define("nightly", inline("i", "1"))
    schedule(server, "s", cronExpression="0 0 3 * * *", paused=True)
    requests.put(f"{server.url}/scheduler/schedules/s/resume", timeout=5)
    server.clock.advance(timedelta(days=1))
    assert len(runs_of(server, "s")) == 1


def test_a_broken_schedule_does_not_stop_others(server, define):
    define("nightly", inline("i", "1"))
    schedule(server, "a", cronExpression="0 0 3 * * *", cronSchedules=[])
    stored = server.services.schedules._schedules["a"]
    stored["startWorkflowRequest"] = {"name": "nightly", "version": 1, "input": ["x"]}  # as an older version stored it
    schedule(server, "b", cronExpression="0 0 3 * * *")
    server.clock.advance(timedelta(days=2))
    assert [run["state"] for run in runs_of(server, "a")] == ["FAILED", "FAILED"]
    assert [run["state"] for run in runs_of(server, "b")] == ["EXECUTED", "EXECUTED"]


def test_a_run_names_the_cron_expression_that_started_it(server, client, define):
    define("nightly", inline("i", "1"))
    crons = [
        {"cronExpression": "0 0 3 * * *", "zoneId": "Europe/Berlin"},
        {"cronExpression": "0 0 0 1 1 *", "zoneId": "UTC"},
    ]
    schedule(server, "s", cronSchedules=crons)
    server.clock.advance(timedelta(days=1))
    (run,) = runs_of(server, "s")
    assert client.workflows.get(run["workflowId"]).input["_schedulerCron"] == "0 0 3 * * * Europe/Berlin"


def test_time_does_not_skip_to_a_timeout_while_a_human_task_is_open():
    human = {"name": "h", "taskReferenceName": "h", "type": "HUMAN"}
    limits = {"timeoutSeconds": 3600, "timeoutPolicy": "TIME_OUT_WF", "ownerEmail": "a@b.c"}
    child = {"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW", "subWorkflowParam": {"name": "asked"}}
    with conductor.server.start(skip_time=True) as server, ConductorClient(server_url=server.url) as client:
        client.metadata.update_workflows([{"name": "asked", "version": 1, "tasks": [human], **limits}])
        client.metadata.update_workflows([{"name": "asking", "version": 1, "tasks": [child], **limits}])
        slow = {"name": "slow", "version": 1, "tasks": [wait("w", duration="5 minutes")], "ownerEmail": "a@b.c"}
        client.metadata.update_workflows([slow])
        parent = client.workflows.start("asking")
        assert client.workflows.wait(client.workflows.start("slow"), timeout=10).status == "COMPLETED"
        run = client.workflows.get(parent)
        assert run.status == "RUNNING"
        client.tasks.update_by_reference_name(run.tasks[0].sub_workflow_id, "h", "COMPLETED", {})
        assert client.workflows.wait(parent, timeout=10).status == "COMPLETED"


@pytest.mark.parametrize("kind", ["LLM_CHAT_COMPLETE", "CALL_MCP_TOOL", "AGENT", "GENERATE_IMAGE", "GENERATE_PDF"])
def test_a_task_that_calls_a_model_waits_for_an_update(client, define, kind):
    define("ai", {"name": "m", "taskReferenceName": "m", "type": kind}, inline("i", "$.r", r="${m.output.result}"))
    workflow_id = client.workflows.start("ai")
    (task,) = client.workflows.get(workflow_id).tasks
    assert task.status == "IN_PROGRESS"
    assert "does not call models" in client.tasks.list_logs(task.task_id)[0].log
    client.tasks.update_by_reference_name(workflow_id, "m", "COMPLETED", {"result": "hello"})
    run = client.workflows.get(workflow_id)
    assert (run.status, run.output) == ("COMPLETED", {"result": "hello"})


def rerun(server, client, workflow_id, reference):
    (task_id,) = [
        task.task_id for task in client.workflows.get(workflow_id).tasks if task.reference_task_name == reference
    ]
    url = f"{server.url}/workflow/{workflow_id}/rerun"
    return requests.post(url, json={"reRunFromTaskId": task_id}, timeout=5)


def test_a_rerun_from_a_wait_starts_the_wait_again(server, client, define):
    workflow_id = client.workflows.start(define("waiting", wait(duration="2 days"), inline("i", "1")))
    server.clock.advance(timedelta(days=2, seconds=1))
    assert client.workflows.get(workflow_id).status == "COMPLETED"
    server.clock.advance(timedelta(days=1))
    assert rerun(server, client, workflow_id, "w").status_code == 200
    server.clock.advance(timedelta(days=1))
    assert client.workflows.get(workflow_id).status == "RUNNING"
    server.clock.advance(timedelta(days=1, seconds=1))
    assert client.workflows.get(workflow_id).status == "COMPLETED"


def test_a_rerun_in_a_fork_keeps_the_other_branches(server, client, define):
    branches = [[{"name": name, "taskReferenceName": name, "type": "SIMPLE"}] for name in ("a", "b")]
    fork = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches}
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": ["a", "b"]}
    workflow_id = client.workflows.start(define("forked", fork, join))

    def work(*names):
        for name in names:
            task = client.tasks.poll(name)
            result = TaskResult(workflow_instance_id=workflow_id, task_id=task.task_id, status="COMPLETED")
            client.tasks.update(result)
        assert client.workflows.get(workflow_id).status == "COMPLETED"

    work("a", "b")
    for reference, polled in (("a", "a"), ("b", "b"), ("f", "ab")):
        assert rerun(server, client, workflow_id, reference).status_code == 200
        assert client.workflows.get(workflow_id).status == "RUNNING", reference
        work(*polled)
        references = [task.reference_task_name for task in client.workflows.get(workflow_id).tasks]
        assert sorted(references) == ["a", "b", "f", "j"], reference


def test_a_rerun_in_a_loop_continues_with_its_iteration(server, client, define):
    step = {"name": "step", "taskReferenceName": "step", "type": "SIMPLE"}
    loop = {
        "name": "l",
        "taskReferenceName": "l",
        "type": "DO_WHILE",
        "loopCondition": "$.l['iteration'] < 3",
        "loopOver": [step],
    }
    workflow_id = client.workflows.start(define("looped", loop, inline("i", "1")))

    def work(count):
        for _ in range(count):
            task = client.tasks.poll("step")
            result = TaskResult(workflow_instance_id=workflow_id, task_id=task.task_id, status="COMPLETED")
            client.tasks.update(result)
        assert client.workflows.get(workflow_id).status == "COMPLETED"

    work(3)
    assert rerun(server, client, workflow_id, "step__2").status_code == 200
    work(2)
    tasks = client.workflows.get(workflow_id).tasks
    assert [task.reference_task_name for task in tasks] == ["l", "step__1", "step__2", "step__3", "i"]
