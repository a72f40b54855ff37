"""Workflows without an end keep nobody else from working."""

import time
from datetime import timedelta

import requests

import conductor.server
from conductor import ConductorClient

NOOP = {"name": "n", "taskReferenceName": "n", "type": "NOOP"}


def loop(condition, *body):
    return {
        "name": "l", "taskReferenceName": "l", "type": "DO_WHILE", "loopCondition": condition, "loopOver": list(body)
    }  # fmt: skip


def sub_workflow(name):
    parameters = {"name": name, "version": 1}
    return {"name": "s", "taskReferenceName": "s", "type": "SUB_WORKFLOW", "subWorkflowParam": parameters}


def check_works_for_others(server, client, define):
    define("other", NOOP)
    for _ in range(3):
        assert client.workflows.run("other", timeout=10).status == "COMPLETED"
    assert requests.get(f"{server.url}/version", timeout=5).status_code == 200


def test_an_endless_loop_can_be_terminated(server, client, define):
    workflow_id = client.workflows.start(define("endless", loop("true", NOOP)))
    rounds = [client.workflows.get(workflow_id).tasks[0].iteration]
    check_works_for_others(server, client, define)
    deadline = time.monotonic() + 10
    while rounds[-1] <= rounds[0]:
        assert time.monotonic() < deadline, "it does not go on"
        rounds.append(client.workflows.get(workflow_id).tasks[0].iteration)
    client.workflows.terminate(workflow_id)
    assert client.workflows.get(workflow_id).status == "TERMINATED"


def test_a_workflow_that_starts_itself(server, client, define):
    client.workflows.start(define("self", sub_workflow("self")))
    check_works_for_others(server, client, define)
    running = client.workflows.search(query="workflowType=self", size=1).total_hits
    deadline = time.monotonic() + 10
    while client.workflows.search(query="workflowType=self", size=1).total_hits <= running:
        assert time.monotonic() < deadline, "it does not go on"


def test_workflows_that_multiply(server, client, define):
    names = [f"s{number}" for number in range(10)]
    branches = [[{**sub_workflow("many"), "taskReferenceName": name}] for name in names]
    fork = {"name": "f", "taskReferenceName": "f", "type": "FORK_JOIN", "forkTasks": branches}
    join = {"name": "j", "taskReferenceName": "j", "type": "JOIN", "joinOn": names}
    start = {"type": "START_WORKFLOW", "name": "s", "inputParameters": {"startWorkflow": {"name": "twice"}}}
    define("many", fork, join)
    define("twice", {**start, "taskReferenceName": "a"}, {**start, "taskReferenceName": "b"})
    for name in ("many", "twice"):
        client.workflows.start(name)
    begin = time.monotonic()
    while time.monotonic() - begin < 2:
        check_works_for_others(server, client, define)
    server.stop()  # does not wait for those that are still to be started
    assert time.monotonic() - begin < 30


def test_an_event_handler_that_triggers_itself(server, client, define):
    event = {"name": "e", "taskReferenceName": "e", "type": "EVENT", "sink": "conductor"}
    define("echo", event)
    action = {"action": "start_workflow", "start_workflow": {"name": "echo"}}
    for name in ("h", "again"):  # each message leads to two
        handler = {"name": name, "event": "conductor:echo:e", "active": True, "actions": [action]}
        assert requests.post(f"{server.url}/event", json=handler, timeout=5).status_code == 200
    client.workflows.start("echo")
    until = time.monotonic() + 2
    while time.monotonic() < until:
        check_works_for_others(server, client, define)
    for name in ("h", "again"):
        requests.delete(f"{server.url}/event/{name}", timeout=30)


def test_a_failure_workflow_that_fails_and_starts_itself(server, client, define):
    fail = {"terminationStatus": "FAILED", "terminationReason": "wrong"}
    task = {"name": "t", "taskReferenceName": "t", "type": "TERMINATE", "inputParameters": fail}
    client.workflows.start(define("failing", task, failureWorkflow="failing"), {"order": 7})
    deadline = time.monotonic() + 30
    while (
        found := client.workflows.search(query="workflowType=failing", sort="startTime:DESC", size=1)
    ).total_hits < 40:
        check_works_for_others(server, client, define)
        assert time.monotonic() < deadline, "it does not go on"
    given, depth = client.workflows.get(found.results[0].workflow_id).input, 0
    assert given["order"] == 7
    while "failedWorkflow" in given:
        given, depth = given["failedWorkflow"]["input"], depth + 1
    assert depth == 11  # and not forty


def test_a_long_loop_completes(client, define):
    run = client.workflows.run(define("long", loop("$.l['iteration'] < 350", NOOP)), timeout=60)
    assert (run.status, run.tasks[0].iteration) == ("COMPLETED", 350)


def test_a_workflow_that_starts_itself_continues_after_a_restart(tmp_path):
    database = tmp_path / "c.db"
    flow = {"name": "self", "version": 1, "ownerEmail": "a@b.c", "tasks": [sub_workflow("self")]}
    with conductor.server.start(database=database) as server, ConductorClient(server_url=server.url) as client:
        client.metadata.update_workflows([flow])
        client.workflows.start("self")
        server.stop()
    with conductor.server.start(database=database) as server, ConductorClient(server_url=server.url) as client:
        before = client.workflows.search(query="workflowType=self", size=1).total_hits
        deadline = time.monotonic() + 10
        while client.workflows.search(query="workflowType=self", size=1).total_hits <= before:
            assert time.monotonic() < deadline, "it does not go on"


def test_time_is_not_skipped_while_work_continues():
    wait = {"name": "w", "taskReferenceName": "w", "type": "WAIT", "inputParameters": {"duration": "1 days"}}
    flows = [
        {"name": "endless", "version": 1, "ownerEmail": "a@b.c", "tasks": [loop("true", NOOP)]},
        {"name": "waiting", "version": 1, "ownerEmail": "a@b.c", "tasks": [wait]},
    ]
    with conductor.server.start(skip_time=True) as server, ConductorClient(server_url=server.url) as client:
        client.metadata.update_workflows(flows)
        endless = client.workflows.start("endless")
        begin = server.clock.now()
        waiting = client.workflows.start("waiting")
        assert client.workflows.get(waiting).status == "RUNNING"
        assert server.clock.now() - begin < timedelta(hours=1)
        client.workflows.terminate(endless)
        assert client.workflows.wait(waiting, timeout=10).status == "COMPLETED"
