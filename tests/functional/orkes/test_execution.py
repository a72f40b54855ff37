"""Execution on the Orkes edition: return strategies, signals, state, jump, upgrade, idempotency and rate limits."""

import threading
import time
import uuid

import pytest
import requests

from conductor import ConductorClient, ConflictError, NotFoundError
from conductor.errors import APIStatusError, BadRequestError
from conductor.server import start


@pytest.fixture
def define(client):
    """Register a workflow with a new name, and the definitions of its SIMPLE tasks; returns the name."""

    def register(*tasks, name=None, **more):
        name = name or f"flow-{uuid.uuid4()}"
        names = {task["name"] for task in tasks if task["type"] == "SIMPLE"}
        if names:
            client.metadata.register_tasks([{"name": one} for one in names])
        client.metadata.update_workflows(
            [{"name": name, "version": 1, "ownerEmail": "a@b.c", "tasks": list(tasks), **more}]
        )
        return name

    return register


def task(kind, reference, **more):
    return {"name": reference, "taskReferenceName": reference, "type": kind, **more}


def wait(reference="pause", **given):
    return task("WAIT", reference, inputParameters=given)


def child(name, reference="child", **more):
    return task("SUB_WORKFLOW", reference, subWorkflowParam={"name": name, "version": 1, **more})


def http(server, reference="call"):
    request = {"uri": f"{server.url.removesuffix('/api')}/health", "method": "GET"}
    return task("HTTP", reference, inputParameters={"http_request": request})


def states(client, workflow_id):
    return [(one.reference_task_name, one.status) for one in client.workflows.get(workflow_id).tasks]


def until(check):
    """Wait until ``check`` returns something true; returns it."""
    deadline = time.monotonic() + 30
    while not (found := check()):
        assert time.monotonic() < deadline, "the condition is not met"
        time.sleep(0.01)
    return found


# -- synchronous execution, return strategies and signals


def test_each_strategy_returns_what_blocks_and_signals_walk_on(server, client, define):
    inner = define(http(server), task("YIELD", "yes"))
    middle = define(http(server), task("YIELD", "yes"), child(inner))
    outer = define(http(server), child(middle))
    for strategy in ("TARGET_WORKFLOW", "BLOCKING_WORKFLOW", "BLOCKING_TASK", "BLOCKING_TASK_INPUT"):
        run = client.workflows.execute(outer, {"n": 1}, return_strategy=strategy, wait_until="", wait_for=30)
        assert (run.response_type, run.target_workflow_status) == (strategy, "RUNNING")
        about = client.workflows.get(run.workflow_id)
        assert about.status == "RUNNING"
        assert about.tasks[0].status == "COMPLETED"
        if strategy == "TARGET_WORKFLOW":
            assert run.workflow_id == run.target_workflow_id
            assert run.input == {"n": 1}
            assert [one.reference_task_name for one in run.tasks] == ["call", "child"]
        else:
            assert about.workflow_name == middle
            assert run.workflow_id != run.target_workflow_id
        if strategy.startswith("BLOCKING_TASK"):
            assert (run.task_type, run.reference_task_name, run.workflow_type) == ("YIELD", "yes", middle)
        target = run.workflow_id
        second = client.tasks.signal(target, output={"by": "me"}, return_strategy=strategy, wait_ms=30_000)
        assert second.response_type == strategy
        (ended,) = [one for one in client.workflows.get(about.workflow_id).tasks if one.status == "COMPLETED"][1:] or [
            None
        ]
        if strategy != "TARGET_WORKFLOW":
            assert (ended.reference_task_name, ended.output_data) == ("yes", {"by": "me"})
        answer = _signal(server, target, strategy)
        assert answer.status_code == 200
        if strategy.startswith("BLOCKING_TASK"):
            assert answer.content == b"", "nothing blocks any more"
        else:
            assert answer.json()["targetWorkflowStatus"] == "COMPLETED"
        until(lambda: client.workflows.get(run.target_workflow_id).status == "COMPLETED")  # noqa: B023 - called at once
        assert _signal(server, target, strategy).status_code == 200, "a signal to an execution that has completed"


def _signal(server, workflow_id, strategy):
    url = f"{server.url}/tasks/{workflow_id}/COMPLETED/signal/sync"
    return requests.post(url, params={"returnStrategy": strategy, "timeoutMillis": 30_000}, json={}, timeout=40)


def test_named_tasks_end_the_wait(client, define):
    name = define(task("INLINE", "one", inputParameters={"evaluatorType": "javascript", "expression": "1"}),
                  task("SIMPLE", "work"), task("SIMPLE", "later"))  # fmt: skip
    for wait_until in ("one", "work", ["nothing", "work"]):
        begin = time.monotonic()
        run = client.workflows.execute(name, {}, wait_until=wait_until, wait_for=60)
        assert (run.status, time.monotonic() - begin < 50) == ("RUNNING", True)
    run = client.workflows.execute(name, {}, wait_until="work", wait_for=60, return_strategy="BLOCKING_TASK_INPUT")
    assert (run.reference_task_name, run.status) == ("work", "SCHEDULED")
    begin = time.monotonic()
    assert client.workflows.execute(name, {}, wait_until="unknown", wait_for=1).signal_timeout
    assert time.monotonic() - begin >= 0.9
    short = define(task("NOOP", "noop"))
    assert client.workflows.execute(short, {}, wait_until="unknown", consistency="REGION_DURABLE").status == "COMPLETED"


def test_only_waits_without_a_time_or_with_yield_block(client, define):
    for given, is_blocking in (
        ({}, True),
        ({"duration": "1 hours", "yield": True}, True),
        ({"duration": "1 hours"}, False),
    ):
        run = client.workflows.execute(define(wait(**given)), {}, wait_for=60 if is_blocking else 1)
        assert (run.status, run.signal_timeout) == ("RUNNING", not is_blocking)
        client.tasks.signal(run.workflow_id)
        assert client.workflows.get(run.workflow_id).status == "COMPLETED"


def test_the_response_of_an_execution_as_api_is_its_output(client, define):
    name = define(task("NOOP", "noop"), outputParameters={"sum": "${workflow.input.n}"})
    assert client.workflows.execute_as_api(name, {"n": 1}) == {"sum": 1}
    assert client.workflows.execute_as_api(name, {"n": 1}, as_get=True) == {"sum": "1"}
    first = client.workflows.execute_as_api(name, {"n": 1}, idempotency_key="k", idempotency_strategy="RETURN_EXISTING")
    second = client.workflows.execute_as_api(
        name, {"n": 2}, idempotency_key="k", idempotency_strategy="RETURN_EXISTING"
    )
    assert first == second == {"sum": 1}
    with pytest.raises(ConflictError):
        client.workflows.execute_as_api(name, {}, idempotency_key="k")


def test_signals_of_any_kind(server, client, define):
    name = define(task("YIELD", "yes"), wait("pause"), task("HUMAN", "person"))
    workflow_id = client.workflows.start(name)
    client.tasks.signal_async(workflow_id, "FAILED_WITH_TERMINAL_ERROR", {"why": "no"})
    assert client.workflows.get(workflow_id).status == "FAILED"
    workflow_id = client.workflows.start(name)
    client.tasks.signal_async(workflow_id, output={"a": 1})
    client.tasks.signal_async(workflow_id)
    assert states(client, workflow_id)[-1] == ("person", "IN_PROGRESS")
    client.tasks.signal_async(workflow_id)
    assert states(client, workflow_id)[-1] == ("person", "IN_PROGRESS"), "a signal does not complete a HUMAN task"
    with pytest.raises(NotFoundError, match="no blocked task"):
        client.tasks.signal(workflow_id)
    for path, status in (
        (f"{uuid.uuid4()}/COMPLETED/signal", 400),
        (f"{uuid.uuid4()}/COMPLETED/signal/sync", 400),
        (f"{workflow_id}/DONE/signal", 500),
        (f"{workflow_id}/COMPLETED/signal/sync?returnStrategy=NONE", 500),
    ):
        assert requests.post(f"{server.url}/tasks/{path}", json={}, timeout=30).status_code == status, path


def test_a_signal_to_the_parent_ends_a_wait_of_its_child(client, define):
    workflow_id = client.workflows.start(define(child(define(wait()))))
    client.tasks.signal_async(workflow_id)
    until(lambda: client.workflows.get(workflow_id).status == "COMPLETED")


# -- state and variables


def test_a_state_update_sets_variables_and_completes_a_task(server, client, define):
    name = define(task("SIMPLE", "work"), wait(), variables={"kept": 1})
    workflow_id = client.workflows.start(name)
    url = f"{server.url}/workflow/{workflow_id}/state"
    run = client.workflows.update_state(workflow_id, {"variables": {"n": None, "x": [1]}}, wait_for=60)
    assert (run.status, run.variables) == ("RUNNING", {"kept": 1, "n": None, "x": [1]})
    update = {"taskReferenceName": "work", "taskResult": {"outputData": {"done": 1}}, "variables": {"x": 2}}
    run = requests.post(url, json=update, params={"requestId": "r", "waitForSeconds": 60}, timeout=70).json()
    seen = [(one["referenceTaskName"], one["status"], one["outputData"]) for one in run["tasks"]]
    assert seen == [("work", "COMPLETED", {"done": 1}), ("pause", "IN_PROGRESS", {})], "no status counts as COMPLETED"
    assert (run["variables"], run["requestId"]) == ({"kept": 1, "n": None, "x": 2}, "r")
    for bad, status in (
        ({"taskReferenceName": "work", "taskResult": {}, "variables": {"x": 3}}, 404),
        ({"taskResult": {"status": "COMPLETED"}, "variables": {"x": 3}}, 400),
        ({"taskReferenceName": "pause", "taskResult": {"status": "DONE"}, "variables": {"x": 3}}, 500),
        ({"variables": [3]}, 500),
    ):
        assert requests.post(url, json=bad, timeout=30).status_code == status, bad
    found = client.workflows.get(workflow_id)
    assert found.variables["x"] == 2, "a refused update changes nothing"
    result = {"workflowInstanceId": workflow_id, "taskId": found.task("pause").task_id, "status": "COMPLETED"}
    update = {"taskReferenceName": "pause", "taskResult": result}
    assert client.workflows.update_state(workflow_id, update, wait_for=60).status == "COMPLETED"
    with pytest.raises(ConflictError):
        client.workflows.update_state(workflow_id, {"variables": {"x": 3}})
    with pytest.raises(NotFoundError):
        client.workflows.update_state("unknown", {"variables": {"x": 3}})


def test_variables_are_merged_and_may_be_null(client, define):
    workflow_id = client.workflows.start(define(wait()))
    found = client.workflows.update_variables(workflow_id, {"a": 1, "b": None})
    assert (found.workflow_id, found.variables) == (workflow_id, {"a": 1, "b": None})
    assert client.workflows.update_variables(workflow_id, {"a": {"deep": 2}}).variables == {"a": {"deep": 2}, "b": None}
    with pytest.raises(BadRequestError):
        client.workflows.update_variables("unknown", {"a": 1})
    client.workflows.terminate(workflow_id)
    with pytest.raises(ConflictError):
        client.workflows.update_variables(workflow_id, {"a": 1})


# -- jump and upgrade


def test_a_jump_skips_what_is_open_and_what_lies_between(server, client, define):
    name = define(
        task("SIMPLE", "a"), task("NOOP", "b"), task("SIMPLE", "c", inputParameters={"x": 1}), task("NOOP", "d")
    )
    workflow_id = client.workflows.start(name)
    client.workflows.jump_to_task(workflow_id, "c", input={"y": 2})
    assert sorted(states(client, workflow_id)) == [("a", "SKIPPED"), ("b", "SKIPPED"), ("c", "SCHEDULED")]
    assert client.workflows.get(workflow_id).task("c").input_data == {"y": 2}
    client.workflows.jump_to_task(workflow_id, "a")
    assert states(client, workflow_id) == [("a", "SCHEDULED")], "a jump back runs again from there"
    url = f"{server.url}/workflow/{workflow_id}/jump/{{taskReferenceName}}"
    assert requests.post(url, params={"taskReferenceName": "c"}, json={}, timeout=30).status_code == 200
    assert client.workflows.get(workflow_id).task("c").input_data == {"x": 1}
    client.tasks.update_by_reference_name(workflow_id, "c", "COMPLETED")
    assert client.workflows.get(workflow_id).status == "COMPLETED"


def test_a_jump_ends_children_and_is_refused_without_a_target(server, client, define):
    fork = task("FORK_JOIN", "fork", forkTasks=[[task("SIMPLE", "inside")]])
    name = define(child(define(wait())), fork, task("JOIN", "join", joinOn=["inside"]))
    workflow_id = client.workflows.start(name)
    child_id = client.workflows.get(workflow_id).task("child").sub_workflow_id
    before = states(client, workflow_id)
    for reference in ("inside", "unknown"):
        with pytest.raises(BadRequestError, match=reference):
            client.workflows.jump_to_task(workflow_id, reference)
    url = f"{server.url}/workflow/{workflow_id}/jump/{{taskReferenceName}}"
    assert requests.post(url, json={}, timeout=30).status_code == 400
    assert states(client, workflow_id) == before
    client.workflows.jump_to_task(workflow_id, "fork")
    assert dict(states(client, workflow_id))["inside"] == "SCHEDULED"
    assert client.workflows.get(child_id).status == "TERMINATED"
    client.workflows.terminate(workflow_id)
    with pytest.raises(ConflictError):
        client.workflows.jump_to_task(workflow_id, "fork")
    with pytest.raises(NotFoundError):
        client.workflows.jump_to_task("unknown", "fork")


def test_an_upgrade_continues_with_the_other_version(client, define):
    name = define(task("SIMPLE", "a"), task("SIMPLE", "gone"), task("SIMPLE", "c"))
    define(task("NOOP", "new"), task("SIMPLE", "a"), task("SIMPLE", "c"), task("SIMPLE", "d"), name=name, version=2)
    workflow_id = client.workflows.start(name, {"n": 1}, version=1)
    client.tasks.update_by_reference_name(workflow_id, "a", "COMPLETED", {"kept": True})
    request = {"name": name, "version": 2, "taskOutput": {"new": {"k": 1}}, "workflowInput": {"m": 2}}
    client.workflows.upgrade(workflow_id, request)
    found = client.workflows.get(workflow_id)
    assert (found.workflow_version, found.input) == (2, {"n": 1, "m": 2})
    assert found.task("new").output_data == {"k": 1}
    assert found.task("a").output_data == {"kept": True}
    assert {(one.reference_task_name, one.status) for one in found.tasks} == {
        ("new", "SKIPPED"), ("a", "COMPLETED"), ("gone", "SKIPPED"), ("c", "SCHEDULED"),
    }  # fmt: skip
    for reference in ("c", "d"):
        client.tasks.update_by_reference_name(workflow_id, reference, "COMPLETED")
    assert client.workflows.get(workflow_id).status == "COMPLETED"
    with pytest.raises(ConflictError):
        client.workflows.upgrade(workflow_id, {"name": name, "version": 1})


def test_an_upgrade_that_is_impossible_changes_nothing(client, define):
    name = define(wait())
    workflow_id = client.workflows.start(name)
    for request, error in (
        ({"name": name, "version": 7, "workflowInput": {"m": 2}}, NotFoundError),
        ({"name": "other", "version": 1}, BadRequestError),
        ({"name": name}, BadRequestError),
        ({"name": name, "version": 1, "taskOutput": {"pause": [1]}}, APIStatusError),
    ):
        with pytest.raises(error):
            client.workflows.upgrade(workflow_id, request)
    with pytest.raises(BadRequestError):
        client.workflows.upgrade("unknown", {"name": name, "version": 1})
    found = client.workflows.get(workflow_id)
    assert (found.input, found.workflow_version) == ({}, 1)


# -- idempotency


def test_idempotency_strategies(client, define):
    name = define(wait())
    first = client.workflows.start(name, idempotency_key="k")
    with pytest.raises(ConflictError, match=first):
        client.workflows.start(name, idempotency_key="k")
    with pytest.raises(ConflictError):
        client.workflows.start(name, idempotency_key="k", idempotency_strategy="FAIL_ON_RUNNING")
    assert client.workflows.start(name, idempotency_key="k", idempotency_strategy="RETURN_EXISTING") == first
    client.tasks.signal(first)
    with pytest.raises(ConflictError):
        client.workflows.start(name, idempotency_key="k", idempotency_strategy="FAIL")
    second = client.workflows.start(name, idempotency_key="k", idempotency_strategy="FAIL_ON_RUNNING")
    assert second != first
    assert client.workflows.get(second).idempotency_key == "k"
    assert client.workflows.start(name, idempotency_key="k", idempotency_strategy="RETURN_EXISTING") == second


def test_children_and_started_workflows_use_idempotency_keys(client, define):
    inner = define(wait())
    started = client.workflows.start(inner, idempotency_key="k")
    request = {"name": inner, "idempotencyKey": "k"}
    starter = define(task("START_WORKFLOW", "go", inputParameters={"startWorkflow": request}))
    found = client.workflows.get(client.workflows.start(starter))
    assert (found.status, started in found.tasks[0].reason_for_incompletion) == ("FAILED", True)
    request["idempotencyStrategy"] = "RETURN_EXISTING"
    starter = define(task("START_WORKFLOW", "go", inputParameters={"startWorkflow": request}))
    assert client.workflows.get(client.workflows.start(starter)).tasks[0].output_data["workflowId"] == started

    parent = define(child(inner, idempotencyKey="${workflow.input.key}", idempotencyStrategy="RETURN_EXISTING"))
    both = [client.workflows.start(parent, {"key": "shared"}) for _ in range(2)]
    ids = {client.workflows.get(one).task("child").sub_workflow_id for one in both}
    assert len(ids) == 1
    client.tasks.signal(*ids)
    until(lambda: [client.workflows.get(one).status for one in both] == ["COMPLETED"] * 2)

    parent = define(child(inner, idempotencyStrategy="RETURN_EXISTING"))
    one = client.workflows.start(parent, idempotency_key="of-the-parent")
    child_id = client.workflows.get(one).task("child").sub_workflow_id
    assert client.workflows.get(child_id).idempotency_key == "of-the-parent"


# -- rate limits


def test_executions_over_the_limit_wait_in_their_order(client, define):
    config = {"rateLimitKey": "${workflow.input.key}", "concurrentExecLimit": 2}
    name = define(task("SIMPLE", "work"), rateLimitConfig=config)
    ids = [client.workflows.start(name, {"key": "x"}) for _ in range(5)]
    other = client.workflows.start(name, {"key": "y"})
    free = [client.workflows.start(name, given) for given in ({"key": ""}, {"key": None}, {})]

    def running():
        found = [client.workflows.get(one) for one in ids]
        assert all(bool(one.rate_limited) == (one.status == "RUNNING" and not one.tasks) for one in found)
        return [index for index, one in enumerate(found) if one.status == "RUNNING" and one.tasks]

    assert running() == [0, 1]
    assert all(client.workflows.get(one).tasks for one in [other, *free]), "other keys and no key are not limited"
    client.workflows.terminate(ids[3])
    assert running() == [0, 1], "the end of one that waited frees no slot"
    client.tasks.update_by_reference_name(ids[1], "work", "COMPLETED")
    assert running() == [0, 2]
    client.workflows.delete(ids[0], archive=False)
    ids.pop(0)
    assert running() == [1, 3]
    assert client.workflows.get(ids[3]).to_dict()["rateLimitKey"] == "x"


def test_waiting_executions_survive_a_restart(tmp_path):
    definition = {
        "name": "limited", "version": 1, "ownerEmail": "a@b.c", "tasks": [wait()],
        "rateLimitConfig": {"rateLimitKey": "one", "concurrentExecLimit": 1},
    }  # fmt: skip
    with start(database=tmp_path / "db", edition="orkes") as server, ConductorClient(server_url=server.url) as client:
        client.metadata.update_workflows([definition])
        ids = [client.workflows.start("limited") for _ in range(3)]
    with start(database=tmp_path / "db", edition="orkes") as server, ConductorClient(server_url=server.url) as client:
        assert [len(client.workflows.get(one).tasks) for one in ids] == [1, 0, 0]
        for position, lengths in enumerate(([1, 1, 0], [1, 1, 1], [1, 1, 1])):
            client.tasks.signal(ids[position])
            assert [len(client.workflows.get(one).tasks) for one in ids] == lengths
        assert {client.workflows.get(one).status for one in ids} == {"COMPLETED"}


def test_the_limit_of_a_definition_can_be_changed(server, client, define):
    name = define(wait())
    url = f"{server.url}/metadata/workflow/{name}/rate-limit"
    assert requests.get(url, timeout=30).status_code == 404
    assert requests.put(url, json={"concurrentExecLimit": 1}, timeout=30).status_code == 400
    config = {"rateLimitKey": name, "concurrentExecLimit": 1}
    assert requests.put(url, json=config, timeout=30).status_code == 200
    assert requests.get(url, timeout=30).json() == config
    ids = [client.workflows.start(name) for _ in range(2)]
    assert [len(client.workflows.get(one).tasks) for one in ids] == [1, 0]
    assert requests.delete(url, timeout=30).status_code == 200
    assert client.workflows.get(client.workflows.start(name)).tasks
    assert requests.get(f"{server.url}/metadata/workflow/unknown/rate-limit", timeout=30).status_code == 404


# -- schemas


def test_schemas_are_stored_with_versions(server, client):
    name = f"schema-{uuid.uuid4()}"
    schema = {"name": name, "version": 1, "type": "JSON", "data": {"type": "object"}}
    client.schemas.save(schema)
    client.schemas.save({**schema, "data": {"type": "string"}})
    client.schemas.save({**schema, "version": 9}, new_version=True)
    client.schemas.save_global({**schema, "version": 5})
    assert client.schemas.get(name).version == 5
    assert client.schemas.get(name, 1).data == {"type": "string"}
    assert client.schemas.get(name, 2).data == {"type": "object"}
    assert client.schemas.get_global(name).create_time > 0
    assert [one.version for one in client.schemas.list() if one.name == name] == [1, 2, 5]
    (short, *_) = [one.to_dict() for one in client.schemas.list(short=True) if one.name == name]
    assert short == {"name": name, "version": 1, "createTime": 0}
    client.schemas.delete(name, 2)
    for gone in (lambda: client.schemas.get(name, 2), lambda: client.schemas.delete(name, 2)):
        with pytest.raises(NotFoundError, match=name):
            gone()
    client.schemas.delete_all_versions(name)
    with pytest.raises(NotFoundError):
        client.schemas.get(name)
    for bad, status in (
        ([{"data": {}}], 400), ([{"name": name, "version": 0 - 1}], 400), ([{"name": name, "type": "XML"}], 500),
        ("text", 500), ([{"name": name}, {"name": ""}], 400),
    ):  # fmt: skip
        assert requests.post(f"{server.url}/schema", json=bad, timeout=30).status_code == status, bad
    assert requests.post(f"{server.url}/schema", data="{", timeout=30).status_code == 500
    with pytest.raises(NotFoundError):
        client.schemas.get(name)


def test_schemas_are_enforced_on_workflows_and_tasks(client, define):
    name = f"schema-{uuid.uuid4()}"
    data = {"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}}
    client.schemas.save({"name": name, "version": 1, "type": "JSON", "data": data})
    reference = {"name": name, "version": 1, "type": "JSON"}
    flow = define(wait(), inputSchema=reference)
    with pytest.raises(BadRequestError, match=r"\$\.n: must be of type integer"):
        client.workflows.start(flow, {"n": "x"})
    assert not client.workflows.list_running_ids(flow)
    assert client.workflows.get(client.workflows.start(flow, {"n": 1})).status == "RUNNING"
    assert client.workflows.start(define(wait(), inputSchema=reference, enforceSchema=False), {"n": "x"})
    assert client.workflows.start(define(wait(), inputSchema={"name": "missing", "type": "JSON"}), {"n": "x"})

    parent = client.workflows.get(client.workflows.start(define(child(flow))))
    assert parent.status == "FAILED"
    assert "required property 'n'" in parent.task("child").reason_for_incompletion

    flow = define(task("NOOP", "noop"), outputSchema=reference, outputParameters={"n": "${workflow.input.n}"})
    assert client.workflows.run(flow, {"n": 1}, timeout=30).status == "COMPLETED"
    found = client.workflows.get(client.workflows.start(flow, {"n": "x"}))
    assert (found.status, found.output) == ("FAILED", {"n": "x"})
    assert "$.n: must be of type integer" in found.reason_for_incompletion

    work = f"work-{uuid.uuid4()}"
    flow = define(task("SIMPLE", work, inputParameters={"n": "${workflow.input.n}"}))
    client.metadata.register_tasks([{"name": work, "inputSchema": reference, "outputSchema": reference}])
    found = client.workflows.get(client.workflows.start(flow, {"n": "x"}))
    assert (found.status, found.tasks[0].status) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")
    workflow_id = client.workflows.start(flow, {"n": 1})
    client.tasks.update_by_reference_name(workflow_id, work, "COMPLETED", {"n": None})
    found = client.workflows.get(workflow_id)
    assert (found.status, found.tasks[0].status) == ("FAILED", "FAILED_WITH_TERMINAL_ERROR")

    configured = task("YIELD", "yes", taskDefinition={"name": "yes", "outputSchema": reference})
    workflow_id = client.workflows.start(define(configured))
    client.tasks.signal_async(workflow_id, output={"n": "x"})
    assert client.workflows.get(workflow_id).status == "FAILED"


# -- other calls


def test_executions_of_several_definitions_by_correlation_id(client, define):
    names = [define(wait()), define(task("NOOP", "noop"))]
    for correlation_id in ("one", "two"):
        for name in names:
            client.workflows.start(name, correlation_id=correlation_id)
    found = client.workflows.list_by_correlation_ids(names, ["one", "none"])
    assert {key: len(value) for key, value in found.items()} == {"one": 1, "none": 0}
    found = client.workflows.list_by_correlation_ids(names, ["one", "two"], include_closed=True, include_tasks=True)
    assert {key: [one.workflow_name for one in value] for key, value in found.items()} == {"one": names, "two": names}
    assert found["two"][0].tasks


def test_a_termination_can_start_the_failure_workflow(client, define):
    failure = define(wait())
    name = define(wait(), failureWorkflow=failure)
    plain, first, second = (client.workflows.start(name, {"n": 1}) for _ in range(3))
    client.workflows.terminate(plain)
    assert "conductor.failure_workflow" not in client.workflows.get(plain).output
    client.workflows.terminate(first, "enough", trigger_failure_workflow=True)
    client.bulk.terminate([second], trigger_failure_workflow=True)
    for workflow_id, reason in ((first, "enough"), (second, None)):
        started = client.workflows.get(client.workflows.get(workflow_id).output["conductor.failure_workflow"])
        assert (started.workflow_name, started.input["workflowId"]) == (failure, workflow_id)
        assert (started.input["failureStatus"], started.input["reason"]) == ("TERMINATED", reason)
        assert started.input["failedWorkflow"]["tasks"]


def test_starts_sizes_and_deletions(server, client, define):
    name = define(wait())
    url = f"{server.url}/workflow"
    answer = requests.post(f"{url}/start/{name}/1?correlationId=c&priority=3", json={"n": 1}, timeout=30)
    found = client.workflows.get(answer.text)
    assert (found.input, found.correlation_id, found.priority, found.workflow_version) == ({"n": 1}, "c", 3, 1)
    assert found.created_by == "admin@localhost"
    assert requests.post(f"{url}/start/{name}/2", json={}, timeout=30).status_code == 404
    assert requests.post(f"{url}/start/{name}/x", json={}, timeout=30).status_code == 500
    size = requests.get(f"{url}/{answer.text}/size", timeout=30).json()
    assert size["limitBytes"] == 20971520
    assert 500 < size["sizeBytes"] == pytest.approx(size["ratio"] * size["limitBytes"])
    deleted = requests.post(f"{url}/bulk/delete", json=[answer.text, "unknown"], timeout=30).json()
    assert deleted["bulkSuccessfulResults"] == [answer.text]
    assert "unknown" in deleted["bulkErrorResults"]["unknown"]
    with pytest.raises(NotFoundError, match=f"no such workflow by Id {answer.text}"):
        client.workflows.get(answer.text)
    assert requests.post(f"{url}/document-store/upload", timeout=30).status_code == 200


def test_an_update_by_reference_of_an_unknown_execution_is_refused(server, client, define):
    assert requests.post(f"{server.url}/tasks/unknown/t/COMPLETED", json={}, timeout=30).status_code == 404
    workflow_id = client.workflows.start(define(wait()))
    assert requests.post(f"{server.url}/tasks/{workflow_id}/t/COMPLETED", json={}, timeout=30).status_code == 200
    result = {"workflowInstanceId": "unknown", "taskId": "unknown", "status": "COMPLETED"}
    assert requests.post(f"{server.url}/tasks", json=result, timeout=30).status_code == 404


def test_masked_values_reach_workers_and_no_reader(server, client, define):
    name = define(
        task("SIMPLE", "charge", inputParameters={"card": "${workflow.input.card}", "_masked": {"pin": 1}}),
        maskedFields=["card"],
        outputParameters={"card": "${charge.output.card}"},
    )
    secret = f"4111-{uuid.uuid4()}"
    workflow_id = client.workflows.start(name, {"card": secret, "_secrets": {"token": secret}})
    (polled,) = client.tasks.poll_batch("charge", count=1)
    assert polled.input_data == {"card": secret, "_masked": {"pin": 1}}
    client.tasks.update_by_reference_name(workflow_id, "charge", "COMPLETED", {"card": secret})
    found = client.workflows.get(workflow_id)
    assert (found.input, found.output) == ({"card": "***", "_secrets": "***"}, {"card": "***"})
    assert found.tasks[0].input_data == {"card": "***", "_masked": "***"}
    for path in (
        f"workflow/{workflow_id}", f"tasks/{polled.task_id}", f"workflow/{workflow_id}/tasks",
        f"workflow/search?query=workflowId='{workflow_id}'", f"workflow/search-v2?query=workflowId='{workflow_id}'",
        f"tasks/search?query=workflowId='{workflow_id}'", f"workflow/{workflow_id}/status?includeOutput=true",
    ):  # fmt: skip
        answer = requests.get(f"{server.url}/{path}", timeout=30)
        assert answer.status_code == 200, path
        assert secret not in answer.text, path
    assert requests.get(f"{server.url}/workflow/search?freeText={secret}", timeout=30).json()["totalHits"] == 0


def test_a_client_that_waits_sees_the_change_of_a_grandchild(client, define):
    inner = define(task("SIMPLE", "of-the-grandchild"), task("YIELD", "yes"))
    outer = define(child(define(child(inner))))
    found = []
    waiting = threading.Thread(
        target=lambda: found.append(client.workflows.execute(outer, {}, wait_for=60, return_strategy="BLOCKING_TASK"))
    )
    waiting.start()
    (polled,) = until(lambda: client.tasks.poll_batch("of-the-grandchild", count=1))
    client.tasks.update_by_reference_name(polled.workflow_instance_id, "of-the-grandchild", "COMPLETED")
    waiting.join(30)
    assert [one.reference_task_name for one in found] == ["yes"]


def test_skipping_an_operator_skips_what_is_inside(client, define):
    inside = {"first": [task("SIMPLE", "case")]}
    operators = (
        ([task("FORK_JOIN", "op", forkTasks=[[task("SIMPLE", "branch")]]), task("JOIN", "join", joinOn=["branch"])],
         {"op", "branch", "join"}),
        ([task("SWITCH", "op", evaluatorType="value-param", expression="x", decisionCases=inside,
               inputParameters={"x": "first"})], {"op", "case"}),
        ([task("DO_WHILE", "op", loopCondition="false", loopOver=[task("SIMPLE", "loop")])], {"op", "loop"}),
    )  # fmt: skip
    for operator, skipped in operators:
        workflow_id = client.workflows.start(define(wait(), *operator, task("SIMPLE", "last")))
        client.workflows.skip_task(workflow_id, "op")
        client.tasks.signal_async(workflow_id)
        assert {name for name, status in states(client, workflow_id) if status == "SKIPPED"} == skipped
        assert dict(states(client, workflow_id))["last"] == "SCHEDULED"
        client.tasks.update_by_reference_name(workflow_id, "last", "COMPLETED")
        assert client.workflows.get(workflow_id).status == "COMPLETED"
