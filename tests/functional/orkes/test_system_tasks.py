"""System tasks of the Orkes edition, with the clients and builders of this SDK."""

import time
import uuid
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa


@pytest.fixture
def run(client):
    """Run a workflow of one task until it has ended; returns the task and the execution."""

    def run_one(kind, given, *, until="COMPLETED", inputs=None):
        workflow_id = start_one(client, kind, given, inputs=inputs)
        deadline = time.monotonic() + 30
        while (found := client.workflows.get(workflow_id)).status == "RUNNING" and time.monotonic() < deadline:
            time.sleep(0.01)
        assert found.status == until, found.reason_for_incompletion
        return found.tasks[-1]

    return run_one


def start_one(client, kind, given, reference="one", inputs=None):
    name = f"flow-{uuid.uuid4()}"
    task = {"name": reference, "taskReferenceName": reference, "type": kind, "inputParameters": given}
    client.metadata.register_task({"name": reference, "retryCount": 0})
    client.metadata.update_workflows([{"name": name, "version": 1, "ownerEmail": "a@b.c", "tasks": [task]}])
    return client.workflows.start(name, inputs)


def test_a_poll_waits_on_the_clock_of_the_server(server, client, stub_url):
    given = {"http_request": {"uri": stub_url, "terminationCondition": "$.output.response.body.healthy === false"}}
    workflow_id = start_one(client, "HTTP_POLL", given)

    def polled(count):
        deadline = time.monotonic() + 30
        while (
            task := client.workflows.get(workflow_id).tasks[0]
        ).callback_after_seconds != 60 or task.poll_count < count:
            assert time.monotonic() < deadline, task
            time.sleep(0.01)
        return task

    polled(1)
    server.clock.advance(timedelta(seconds=61))
    task = polled(2)
    assert (task.status, task.output_data["response"]["statusCode"]) == ("IN_PROGRESS", 200)
    client.tasks.update_by_reference_name(workflow_id, "one", "FAILED")
    assert client.workflows.get(workflow_id).status == "FAILED"


@pytest.fixture
def stub_url(server):
    return f"{server.url.removesuffix('/api')}/health"


def test_executions_are_read_updated_and_terminated_by_others(client, run):
    other = start_one(client, "YIELD", {}, "pause")
    read = run("GET_WORKFLOW", {"id": other, "includeTasks": True}).output_data
    assert (read["workflowId"], read["status"], len(read["tasks"])) == (other, "RUNNING", 1)
    given = {"workflowId": other, "taskRefName": "pause", "taskStatus": "IN_PROGRESS", "taskOutput": {"a": 1}}
    task = run("UPDATE_TASK", given)
    assert task.output_data["updatedTaskId"] == read["tasks"][0]["taskId"]
    run("UPDATE_TASK", {**given, "taskStatus": "COMPLETED", "taskOutput": {"b": 2}, "mergeOutput": True})
    found = client.workflows.get(other)
    assert (found.status, found.tasks[0].output_data) == ("COMPLETED", {"a": 1, "b": 2})
    assert "has no open" in run("UPDATE_TASK", given, until="FAILED").reason_for_incompletion.replace(
        "Found no", "has no"
    )
    by_id = {"taskId": found.tasks[0].task_id, "taskStatus": "COMPLETED"}
    assert "has ended" in run("UPDATE_TASK", by_id, until="FAILED").reason_for_incompletion
    assert "taskStatus" in run("UPDATE_TASK", {"taskStatus": "DONE"}, until="FAILED").reason_for_incompletion
    assert "unknown" in run("GET_WORKFLOW", {"id": "unknown"}, until="FAILED").reason_for_incompletion

    open_ids = [start_one(client, "YIELD", {}, "pause") for _ in range(3)]
    run("TERMINATE_WORKFLOW", {"workflowId": open_ids[0], "terminationReason": "enough"})
    assert client.workflows.get(open_ids[0]).reason_for_incompletion == "enough"
    task = run("TERMINATE_WORKFLOW", {"workflowId": [*open_ids[1:], other]}, until="FAILED")
    assert task.output_data == {"terminatedWorkflows": open_ids[1:]}
    assert {client.workflows.get(one).status for one in open_ids} == {"TERMINATED"}


def test_secrets_are_written_and_hidden(client, run):
    name, value = f"secret-{uuid.uuid4()}", f"value-{uuid.uuid4()}"
    secret = {"secretKey": name, "secretValue": "${workflow.input._masked.value}"}
    task = run("UPDATE_SECRET", {"_secrets": secret}, inputs={"_masked": {"value": value}})
    assert client.secrets.get(name) == value
    assert value not in str(task.to_dict())
    for bad in ({}, {"_secrets": {"secretKey": name}}, {"_secrets": {"secretKey": "a b", "secretValue": "x"}}):
        assert run("UPDATE_SECRET", bad, until="FAILED").reason_for_incompletion


def test_a_signed_token_is_hidden_in_the_output(client, run):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    name = f"key-{uuid.uuid4()}"
    client.secrets.save(name, pem)
    given = {"subject": "me", "issuer": "us", "audience": "you", "scopes": ["a", "b"], "ttlInSecond": 60}
    task = run("GET_SIGNED_JWT", {**given, "privateKey": f"${{workflow.secrets.{name}}}"})
    assert task.output_data == {"_secrets": "***"}
    assert pem[40:80] not in str(task.to_dict())
    for bad in ({"privateKey": "none"}, {"privateKey": pem, "algorithm": "HS256"}):
        assert run("GET_SIGNED_JWT", {**given, **bad}, until="FAILED").reason_for_incompletion


def test_sql_and_rules_run_on_local_files(client, run, tmp_path):
    name = f"db-{uuid.uuid4()}"
    configuration = {"datasourceURL": f"jdbc:sqlite:{tmp_path / 'data.db'}"}
    provider = {"type": "relational_db", "category": "RELATIONAL_DB", "enabled": True, "configuration": configuration}
    client.integrations.save_provider(name, provider)
    create = {"integrationName": name, "type": "UPDATE", "statement": "CREATE TABLE t AS SELECT 7 AS a"}
    run("JDBC", create)
    task = run("JDBC", {"integrationName": name, "type": "SELECT", "statement": "SELECT a FROM t", "parameters": []})
    assert task.output_data == {"result": [{"a": 7}]}
    update = {"connectionId": name, "type": "UPDATE", "statement": "UPDATE t SET a = ?", "parameters": [8]}
    task = run("JDBC", {**update, "expectedUpdateCount": 2}, until="FAILED")
    assert task.output_data == {"update_count": 1}
    task = run("JDBC", {**update, "connectionId": "postgres"}, until="FAILED")
    assert task.reason_for_incompletion == "No such datasource configured by connectionId postgres"

    table = tmp_path / "rules.csv"
    table.write_text("age,price\n< 18,5\n>= 18,10\n", encoding="utf-8")
    rules = {"executionStrategy": "FIRE_FIRST", "inputColumns": {"age": 20}, "outputColumns": ["price"]}
    assert run("BUSINESS_RULE", {**rules, "ruleFileLocation": str(table)}).output_data == {"result": {"price": 10}}
    for location in (str(tmp_path / "missing.csv"), str(tmp_path / "rules.xlsx")):
        task = run("BUSINESS_RULE", {**rules, "ruleFileLocation": location}, until="FAILED")
        assert location in task.reason_for_incompletion


def test_executions_are_found_by_a_query(client, run):
    other = start_one(client, "YIELD", {}, "pause")
    name = client.workflows.get(other).workflow_name
    result = run("QUERY_PROCESSOR", {"workflowNames": [name], "statuses": ["RUNNING"], "startTimeFrom": 5}).output_data
    assert (result["result"]["totalHits"], result["result"]["workflows"][0]["workflowId"]) == (1, other)
    assert run("QUERY_PROCESSOR", {"queryType": "METRICS"}, until="FAILED").reason_for_incompletion


def test_tasks_of_other_systems_are_completed_by_hand(client):
    for kind in ("GRPC", "OPS_GENIE", "SENDGRID"):
        workflow_id = start_one(client, kind, {"a": 1})
        (task,) = client.workflows.get(workflow_id).tasks
        assert (task.status, client.tasks.poll_batch(kind, count=1)) == ("IN_PROGRESS", [])
        client.tasks.update_by_reference_name(workflow_id, "one", "COMPLETED", {"sent": True})
        assert client.workflows.get(workflow_id).output == {"sent": True}


def test_a_task_with_a_cache_completes_without_a_worker(server, client):
    work, name = f"work-{uuid.uuid4()}", f"flow-{uuid.uuid4()}"
    task = {
        "name": work, "taskReferenceName": "work", "type": "SIMPLE", "inputParameters": {"id": "${workflow.input.id}"},
        "cacheConfig": {"key": "${id}", "ttlInSecond": 60},
    }  # fmt: skip
    client.metadata.register_task({"name": work})
    client.metadata.update_workflows([{"name": name, "version": 1, "ownerEmail": "a@b.c", "tasks": [task]}])

    def state(value):
        workflow_id = client.workflows.start(name, {"id": value})
        return workflow_id, client.workflows.get(workflow_id).status

    first, status = state(1)
    assert status == "RUNNING"
    client.tasks.update_by_reference_name(first, "work", "COMPLETED", {"found": 7})
    second, status = state(1)
    assert status == "COMPLETED"
    (cached,) = client.workflows.get(second).tasks
    assert (cached.output_data, cached.poll_count) == ({"found": 7, "_cachedResponse": True}, 0)
    assert state(2)[1] == "RUNNING", "another key"
    server.clock.advance(timedelta(seconds=61))
    assert state(1)[1] == "RUNNING", "the result is too old"
    third, _ = state(3)
    client.tasks.update_by_reference_name(third, "work", "COMPLETED")
    assert state(3)[1] == "COMPLETED"
    client.admin.clear_task_cache(work)
    assert state(3)[1] == "RUNNING"
