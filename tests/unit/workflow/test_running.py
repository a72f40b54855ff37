"""A workflow and a server: registering, starting, differences. The HTTP is that of ``responses``."""

import json

import pytest
import responses
from responses import matchers

from conductor import (
    ConductorClient,
    ConflictError,
    RetryPolicy,
    TaskDef,
    WorkerRegistry,
    Workflow,
    WorkflowDefinitionError,
    WorkflowFailedError,
    worker_task,
)
from conductor.models import WorkflowDef
from conductor.models.definition_diff import compare
from conductor.workflow import do_while, dynamic_fork, fork, simple, sub_workflow, switch

API = "http://server/api"


@worker_task("price", registry=WorkerRegistry(), task_def=TaskDef(name="price", retry_count=1))
def price(sku: str) -> float: ...


@pytest.fixture
def client():
    with ConductorClient(server_url=API, retry=RetryPolicy.none()) as client:
        yield client


@pytest.fixture
def server():
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def workflow():
    workflow = Workflow("order", 2)
    workflow >> simple(price, sku=workflow.input.sku)
    return workflow


def sent(server, index=0):
    return json.loads(server.calls[index].request.body)


def stored(workflow, **changes):
    """A definition as the server gives it back: with its defaults."""
    wire = workflow.to_dict()
    task = {
        "startDelay": 0,
        "optional": False,
        "asyncComplete": False,
        "permissive": False,
        "decisionCases": {},
        "defaultCase": [],
        "forkTasks": [],
        "joinOn": [],
        "loopOver": [],
        "onStateChange": {},
    }
    return {
        "createTime": 1,
        "updateTime": 2,
        "schemaVersion": 2,
        "restartable": True,
        "timeoutPolicy": "ALERT_ONLY",
        "timeoutSeconds": 0,
        "enforceSchema": True,
        "workflowStatusListenerEnabled": False,
        "inputParameters": [],
        "outputParameters": {},
        "variables": {},
        **wire,
        "tasks": [{**task, **one} for one in wire["tasks"]],
        **changes,
    }


def test_it_registers_itself(server, client, workflow):
    server.post(f"{API}/metadata/workflow", match=[matchers.query_param_matcher({"overwrite": "true"})])
    workflow.register(client, overwrite=True)
    assert sent(server) == workflow.to_dict()


def test_it_registers_the_task_definitions_of_its_functions(server, client, workflow):
    workflow >> simple(price, sku="other") >> simple("elsewhere")
    server.post(f"{API}/metadata/taskdefs")
    server.post(f"{API}/metadata/workflow")
    workflow.register(client, task_defs=True)
    assert [(task["name"], task["retryCount"]) for task in sent(server)] == [("price", 1)]


def test_functions_of_dynamic_forks_and_inline_sub_workflows_are_defined():
    forked = Workflow("forked", input_parameters=["items"])
    forked >> dynamic_fork(each=forked.input["items"], task=price)
    outer = Workflow("outer")
    outer >> sub_workflow(forked)
    for workflow in (forked, outer):
        assert [(task.name, task.retry_count) for task in workflow.task_defs()] == [("price", 1)]
    registered = Workflow("registered")
    registered >> sub_workflow(forked, inline=False)
    assert registered.task_defs() == []


def test_an_equal_registered_definition_is_not_written(server, client, workflow):
    server.post(f"{API}/metadata/workflow", status=409, json={"message": "exists"})
    server.get(f"{API}/metadata/workflow/order", json=stored(workflow))
    workflow.register(client)


def test_a_different_registered_definition_is_an_error(server, client, workflow):
    server.post(f"{API}/metadata/workflow", status=409, json={"message": "exists"})
    server.get(f"{API}/metadata/workflow/order", json=stored(workflow, description="old"))
    with pytest.raises(ConflictError):
        workflow.register(client)


@pytest.mark.parametrize("call", ["register", "start", "execute", "run"])
def test_nothing_is_sent_of_a_workflow_with_mistakes(server, client, call):
    workflow = Workflow("order")
    workflow >> simple(price)
    with pytest.raises(WorkflowDefinitionError, match="price\\(\\) requires 'sku'"):
        getattr(workflow, call)(client)
    assert len(server.calls) == 0


def test_it_is_sent_unchecked_when_asked(server, client):
    workflow = Workflow("order")
    workflow >> simple(price)
    server.post(f"{API}/workflow", body="id")
    assert workflow.start(client, check=False) == "id"


def test_clients_take_a_workflow_as_code_as_its_definition(server, client, workflow):
    server.post(f"{API}/metadata/workflow")
    server.post(f"{API}/metadata/workflow/validate")
    server.put(f"{API}/metadata/workflow", json={"bulkSuccessfulResults": ["order"], "bulkErrorResults": {}})
    server.get(f"{API}/metadata/workflow/order", json=stored(workflow))
    server.post(f"{API}/workflow", body="id-1")
    server.post(f"{API}/workflow/execute/order/2", json={"workflowId": "id-2", "responseType": "TARGET_WORKFLOW"})

    client.metadata.register_workflow(workflow)
    client.metadata.validate_workflow(workflow)
    client.metadata.update_workflows([workflow])
    assert not client.metadata.ensure_workflow(workflow)
    assert client.workflows.start(workflow, {"sku": "a"}) == "id-1"
    assert client.workflows.execute(workflow).workflow_id == "id-2"

    wire = workflow.to_dict()
    started = [sent(server, index) for index in (4, 5)]
    assert [sent(server, index) for index in range(3)] == [wire, wire, [wire]]
    assert [(one["name"], one["version"], one["workflowDef"]) for one in started] == [("order", 2, wire)] * 2


def test_it_starts_without_being_registered(server, client, workflow):
    server.post(f"{API}/workflow", body="id-1")
    assert workflow.start(client, {"sku": "a"}, correlation_id="c") == "id-1"
    body = sent(server)
    assert body["workflowDef"] == workflow.to_dict()
    assert (body["name"], body["version"], body["input"], body["correlationId"]) == ("order", 2, {"sku": "a"}, "c")


def test_it_starts_what_is_registered(server, client, workflow):
    server.post(f"{API}/workflow", body="id-1")
    workflow.start(client, registered=True)
    assert "workflowDef" not in sent(server)
    assert (sent(server)["name"], sent(server)["version"]) == ("order", 2)


def test_it_executes(server, client, workflow):
    answer = {"responseType": "TARGET_WORKFLOW", "workflowId": "i", "targetWorkflowStatus": "COMPLETED"}
    server.post(f"{API}/workflow/execute/order/2", json=answer)
    run = workflow.execute(client, {"sku": "a"}, wait_for=2)
    assert run.workflow_id == "i"


def test_it_runs_to_its_end(server, client, workflow):
    server.post(f"{API}/workflow", body="id-1")
    server.get(f"{API}/workflow/id-1/status", json={"workflowId": "id-1", "status": "COMPLETED"})
    server.get(f"{API}/workflow/id-1", json={"workflowId": "id-1", "status": "COMPLETED", "output": {"total": 3}})
    assert workflow.run(client, {"sku": "a"}).output == {"total": 3}


def test_a_run_that_fails_is_an_error(server, client, workflow):
    server.post(f"{API}/workflow", body="id-1")
    server.get(f"{API}/workflow/id-1/status", json={"workflowId": "id-1", "status": "FAILED"})
    server.get(f"{API}/workflow/id-1", json={"workflowId": "id-1", "status": "FAILED"})
    with pytest.raises(WorkflowFailedError):
        workflow.run(client)


def test_defaults_and_timestamps_are_not_differences(server, client, workflow):
    server.get(f"{API}/metadata/workflow/order", json=stored(workflow))
    diff = workflow.diff(client)
    assert not diff
    assert str(diff) == "no differences"


def test_an_owner_added_by_the_server_is_not_a_difference(server, client, workflow):
    there = stored(workflow, ownerApp="app", ownerEmail="ann@example.com")
    server.get(f"{API}/metadata/workflow/order", json=there)
    assert not workflow.diff(client)


def test_nested_values_added_by_the_server_are_not_differences():
    child = Workflow("child", rate_limit=("key", 1))
    child >> simple("inner")
    here = Workflow("order", rate_limit=("key", 2), input_schema={"name": "in", "type": "JSON"}, cache=("key", 0))
    here >> simple("a", task_definition={"name": "a", "retryCount": 1}) >> sub_workflow(child)
    there = json.loads(json.dumps(here.to_dict()))
    inner = there["tasks"][1]["subWorkflowParam"]["workflowDefinition"]
    there["rateLimitConfig"]["policy"] = inner["rateLimitConfig"]["policy"] = "QUEUE"
    there["tasks"][0]["taskDefinition"] |= {"createTime": 0, "timeoutPolicy": "TIME_OUT_WF", "backoffScaleFactor": 1}
    there["inputSchema"] |= {"createTime": 0, "updateTime": 0, "version": 1}

    assert str(compare(here.to_def(), WorkflowDef.from_dict(there))) == "no differences"
    there["rateLimitConfig"]["policy"] = "REJECT"
    there["tasks"][0]["taskDefinition"]["retryCount"] = 0
    assert [str(one) for one in compare(here.to_def(), WorkflowDef.from_dict(there))] == [
        "~ tasks[a].taskDefinition.retryCount: 0 -> 1",
        "- rateLimitConfig.policy: 'REJECT'",
    ]


def test_tags_are_compared_and_how_they_are_written_is_not(server, client):
    workflow = Workflow("order", tags={"team": "pay"}, overwrite_tags=True)
    workflow >> simple("a")
    there = {key: value for key, value in workflow.to_dict().items() if key != "overwriteTags"}
    asked = [matchers.query_param_matcher({"version": 1, "metadata": "true"})]
    server.get(f"{API}/metadata/workflow/order", json=there, match=asked)
    assert not workflow.diff(client)
    assert not client.metadata.ensure_workflow(workflow)
    server.replace("GET", f"{API}/metadata/workflow/order", json={**there, "tags": []}, match=asked)
    assert [change.path for change in workflow.diff(client)] == ["tags"]
    assert [change.path for change in client.metadata.ensure_workflow(workflow, dry_run=True).changes] == ["tags"]


def test_a_workflow_that_is_not_registered(server, client, workflow):
    server.get(f"{API}/metadata/workflow/order", status=404, json={"message": "no"})
    diff = workflow.diff(client)
    assert diff
    assert not diff.is_registered
    assert str(diff) == "the server has no such definition"


def test_differences_are_reported_by_reference_name():
    def build(*, amount, cases, order):
        workflow = Workflow("order")
        workflow >> simple("a", amount=amount)
        workflow >> switch("x", {case: simple(f"in_{case}") for case in cases})
        workflow >> fork(*(simple(name) for name in order))
        workflow >> do_while(simple("again"), count=amount)
        workflow >> sub_workflow(Workflow("child", description=str(amount)))
        return workflow.to_dict()

    def compared():
        return compare(WorkflowDef.from_dict(here), WorkflowDef.from_dict(there))

    here = build(amount=2, cases=["one"], order=["l", "r"])
    there = {**build(amount=1, cases=["one", "two"], order=["r", "l"]), "description": "old"}

    def task(name):
        return {"name": name, "taskReferenceName": name, "type": "SIMPLE"}

    assert str(compared()).splitlines() == [
        "~ tasks[a].inputParameters.amount: 1 -> 2",
        f"- tasks[switch].decisionCases.two: {[task('in_two')]}",
        f"+ tasks[fork].forkTasks[0][l]: {task('l')}",
        f"- tasks[fork].forkTasks[0][r]: {task('r')}",
        f"+ tasks[fork].forkTasks[1][r]: {task('r')}",
        f"- tasks[fork].forkTasks[1][l]: {task('l')}",
        "~ tasks[fork_join].joinOn[0]: 'r' -> 'l'",
        "~ tasks[fork_join].joinOn[1]: 'l' -> 'r'",
        "~ tasks[loop].loopCondition: '$.loop.iteration < 1' -> '$.loop.iteration < 2'",
        "~ tasks[child].subWorkflowParam.workflowDefinition.description: '1' -> '2'",
        "- description: 'old'",
    ]
    assert len(compared()) == len(list(compared()))
