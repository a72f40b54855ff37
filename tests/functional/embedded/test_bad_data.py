"""Data that makes no sense inside a workflow ends it with a reason; it never leaves it where it is."""

import time

import pytest
import requests

NOOP = {"name": "q", "taskReferenceName": "q", "type": "NOOP"}


def task(kind, reference="t", **more):
    return {"name": reference, "taskReferenceName": reference, "type": kind, **more}


def ended(client, workflow_id):
    return client.workflows.wait(workflow_id, timeout=10)


START_WORKFLOW = [
    ({"name": "kid", "input": "text"}, "input must be an object"),
    ({"name": "kid", "input": [1]}, "input must be an object"),
    ({"name": "kid", "version": "x"}, "version must be an integer"),
    ({"name": "kid", "priority": "x"}, "priority must be an integer"),
    ({"name": "kid", "priority": 100}, "priority: 100 should be maximum 99"),
    ({"name": "kid", "taskToDomain": "x"}, "taskToDomain must be an object"),
    ({"name": "kid", "correlationId": {"a": 1}}, "correlationId must be a string"),
    ({"name": "kid", "workflowDef": {"name": "kid"}}, "WorkflowTask list cannot be empty"),
]


@pytest.mark.parametrize(("given", "reason"), START_WORKFLOW)
def test_an_invalid_start_request_fails_its_task(client, define, given, reason):
    define("kid", NOOP)
    parent = define("parent", task("START_WORKFLOW", inputParameters={"startWorkflow": given}))
    run = ended(client, client.workflows.start(parent))
    assert run.status == "FAILED"
    assert reason in run.tasks[0].reason_for_incompletion


def test_a_result_that_leads_to_bad_data_ends_the_workflow(server, client, define):
    define("kid", NOOP)
    start = task("START_WORKFLOW", inputParameters={"startWorkflow": {"name": "kid", "input": "${a.output.v}"}})
    workflow_id = client.workflows.start(define("parent", task("SIMPLE", "a"), start))
    polled = client.tasks.poll("a")
    result = {"workflowInstanceId": workflow_id, "taskId": polled.task_id, "status": "COMPLETED"}
    answer = requests.post(f"{server.url}/tasks", json={**result, "outputData": {"v": "text"}}, timeout=5)
    assert answer.status_code == 200
    assert [one.status for one in ended(client, workflow_id).tasks] == ["COMPLETED", "FAILED"]


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("x", "FAILED"),
        (5, "FAILED"),
        ({"name": "q"}, "COMPLETED"),  # no tasks: the child has nothing to do
        ({"name": "q", "tasks": []}, "COMPLETED"),
        ({"name": "q", "tasks": ["x"]}, "FAILED"),
        ({"name": "q", "tasks": [{"a": 1}]}, "FAILED"),
        ({"name": "q", "tasks": [task("DO_WHILE")]}, "FAILED"),
        ({"tasks": [NOOP]}, "FAILED"),
        ({"name": "q", "tasks": [NOOP], "timeoutSeconds": "x"}, "FAILED"),
    ],
)
def test_a_definition_of_a_child_can_be_an_input(client, define, given, status):
    define("kid", NOOP)
    parameters = {"name": "kid", "version": 1, "workflowDefinition": "${workflow.input.d}"}
    parent = define("parent", task("SUB_WORKFLOW", subWorkflowParam=parameters))
    assert ended(client, client.workflows.start(parent, {"d": given})).status == status


ENTRIES = [
    {"inputParameters": "oops", "type": "HTTP"},
    {"type": "DO_WHILE"},
    {"type": "NOOP", "startDelay": "x"},
    {"type": "SWITCH", "evaluatorType": "value-param", "expression": "x", "decisionCases": {"a": "x"}},
    {"type": "SWITCH"},
    {"type": "SUB_WORKFLOW"},
    {"type": "FORK_JOIN"},
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_invalid_dynamic_branch_fails_the_workflow(client, define, entry):
    given = {"p": [{"name": "n", "taskReferenceName": "r", **entry}], "i": {}}
    names = {"dynamicForkTasksParam": "p", "dynamicForkTasksInputParamName": "i"}
    flow = define("forking", task("FORK_JOIN_DYNAMIC", inputParameters=given, **names), task("JOIN", "j"))
    run = ended(client, client.workflows.start(flow))
    assert run.status == "FAILED"
    assert run.reason_for_incompletion


@pytest.mark.parametrize(
    "given", [[{"taskName": "x"}], ["x"], [{"referenceName": "r", "taskName": "t", "input": "x"}], 5]
)
def test_an_invalid_branch_of_the_old_form_fails_the_workflow(client, define, given):
    fork = task("FORK_JOIN_DYNAMIC", dynamicForkJoinTasksParam="p", inputParameters={"p": {"dynamicTasks": given}})
    run = ended(client, client.workflows.start(define("forking", fork, task("JOIN", "j"))))
    assert run.status == "FAILED"


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"headers": "x"}, "headers must be an object"),
        ({"readTimeOut": "x"}, "readTimeOut must be an integer"),
        ({"method": "get"}, "Invalid HTTP method: get"),
        ({"method": "FOO"}, "Invalid HTTP method: FOO"),
        ({"uri": 5}, "Failed to invoke HTTP task due to: "),
    ],
)
def test_an_invalid_http_request_fails_its_task(client, define, given, reason):
    request = {"uri": "http://127.0.0.1:1/", "method": "GET", **given}
    flow = define("calling", task("HTTP", inputParameters={"http_request": request}))
    run = ended(client, client.workflows.start(flow))
    assert run.status == "FAILED"
    assert reason in run.tasks[0].reason_for_incompletion


def test_an_unexpected_error_ends_the_workflow(client, define):
    given = {"forkTaskName": {"a": 1}, "forkTaskInputs": [1]}
    fork = task(
        "FORK_JOIN_DYNAMIC", inputParameters=given, dynamicForkTasksParam="p", dynamicForkTasksInputParamName="i"
    )
    run = ended(client, client.workflows.start(define("odd", fork, task("JOIN", "j"))))
    assert (run.status, run.reason_for_incompletion) == ("FAILED", "Unexpected TypeError: unhashable type: 'dict'")


def test_a_timer_that_leads_to_bad_data_ends_the_workflow(server, client, define):
    wait = task("WAIT", "w", inputParameters={"duration": "1 days"})
    bad = task("WAIT", "b", inputParameters={"duration": "${workflow.input.d}"})
    workflow_id = client.workflows.start(define("waiting", wait, bad), {"d": "zz"})
    server.clock.skip_to_next_event()
    run = ended(client, workflow_id)
    assert (run.status, run.reason_for_incompletion) == ("FAILED", "Not valid duration: zz")


def test_an_execution_is_evaluated_again_after_a_failed_timer(server, client, define, monkeypatch):
    workflow_id = client.workflows.start(define("w", task("WAIT", "w", inputParameters={"duration": "1 days"})))
    kernel, faults = server.services.kernel, ["once"]
    advance = kernel.advance

    def fails_once(execution):
        if faults:
            raise RuntimeError(faults.pop())
        advance(execution)

    kernel.advance = fails_once
    begin = time.monotonic()
    server.clock.skip_to_next_event()
    while client.workflows.get(workflow_id).status == "RUNNING":
        server.clock.skip_to_next_event()
        assert time.monotonic() - begin < 10
