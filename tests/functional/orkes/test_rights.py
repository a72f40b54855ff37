"""What acts for a principal may do no more than the principal: tasks, schedules, handlers, webhooks, keys."""

import sqlite3
import uuid
from contextlib import closing
from datetime import timedelta

import pytest
import requests

from conductor.errors import PermissionDeniedError

CARD = {"card": "4111"}


@pytest.fixture(scope="module")
def server(shared_access):
    return shared_access.server


@pytest.fixture(scope="module")
def root(shared_access):
    return shared_access.admin


@pytest.fixture(scope="module")
def member(shared_access):
    """The client of an application with the role USER."""
    return shared_access.application("member", "USER")[1]


@pytest.fixture(scope="module")
def victim(root):
    """The id of an execution that the member may not read."""
    define(root, "victim", {"name": "open", "taskReferenceName": "open", "type": "WAIT"})
    return root.workflows.start("victim", CARD)


def define(client, name, *tasks):
    named = [{"name": task["taskReferenceName"], **task} for task in tasks]
    client.metadata.update_workflows([{"name": name, "version": 1, "ownerEmail": "a@b.c", "tasks": named}])


def outcome(client, kind, child=None, **given):
    """Run one task in a workflow of the client; returns the task."""
    name = f"try-{uuid.uuid4()}"
    more = {"subWorkflowParam": {"name": child, "version": 1}} if child else {}
    define(client, name, {"taskReferenceName": "t", "type": kind, "inputParameters": given, **more})
    run = client.workflows.wait(client.workflows.start(name), timeout=30)
    return run.tasks[0]


def test_system_tasks_do_what_the_creator_of_their_execution_may_do(member, root, victim):
    with pytest.raises(PermissionDeniedError):
        member.workflows.get(victim)
    for kind, given in (
        ("GET_WORKFLOW", {"id": victim, "includeTasks": True}),
        ("UPDATE_TASK", {"workflowId": victim, "taskRefName": "open", "taskStatus": "COMPLETED"}),
        ("TERMINATE_WORKFLOW", {"workflowId": [victim]}),
    ):
        task = outcome(member, kind, **given)
        assert task.status == "FAILED", kind
        assert "You don't have permissions" in task.reason_for_incompletion, kind
        assert "4111" not in str(task.output_data), kind
    query = {"queryType": "CONDUCTOR_API", "workflowNames": ["victim"]}
    assert outcome(member, "QUERY_PROCESSOR", **query).output_data["result"]["workflows"] == []
    assert root.workflows.get(victim).status == "RUNNING"
    assert len(outcome(root, "QUERY_PROCESSOR", **query).output_data["result"]["workflows"]) == 1
    assert outcome(root, "GET_WORKFLOW", id=victim).output_data["input"] == CARD


def test_tasks_of_started_workflows_have_the_rights_of_the_first_creator(member, victim):
    inner = f"inner-{uuid.uuid4()}"
    define(member, inner, {"taskReferenceName": "t", "type": "GET_WORKFLOW", "inputParameters": {"id": victim}})
    started = outcome(member, "START_WORKFLOW", startWorkflow={"name": inner})
    child = member.workflows.wait(started.output_data["workflowId"], timeout=30)
    assert child.tasks[0].status == "FAILED"
    assert outcome(member, "SUB_WORKFLOW", child=inner).status == "FAILED"


def test_triggers_start_only_what_their_author_may_start(member, root, victim, server):
    schedule = {"name": "nightly", "cronExpression": "0 0 2 * * *", "startWorkflowRequest": {"name": "victim"}}
    handler = {
        "name": "take",
        "event": "conductor:take",
        "active": True,
        "actions": [{"action": "start_workflow", "start_workflow": {"name": "victim"}}],
    }
    webhook = {"name": "hook", "verifier": "HEADER_BASED", "headers": {"k": "v"}, "workflowsToStart": {"victim": 1}}
    for save in (
        lambda: member.schedules.save(schedule),
        lambda: member.events.create_handler(handler),
        lambda: member.webhooks.create(webhook),
    ):
        with pytest.raises(PermissionDeniedError, match="execute workflow: victim"):
            save()
    scripted = member.webhooks.create(
        {"name": "hook", "verifier": "HEADER_BASED", "headers": {"k": "v"}, "expression": "['victim']"}
    )
    root_url = server.url.removesuffix("/api")
    before = root.workflows.search(workflow_type="victim").total_hits
    for _ in range(2):
        requests.post(f"{root_url}/webhook/{scripted.id}", json={"a": 1}, headers={"k": "v"}, timeout=30)
    assert root.workflows.search(workflow_type="victim").total_hits == before


def test_a_schedule_stops_when_its_author_loses_the_permission(root, server, shared_access):
    author_id, author = shared_access.application("author", "USER")
    define(author, "mine", {"taskReferenceName": "w", "type": "WAIT"})
    author.schedules.save({"name": "hourly", "cronExpression": "0 0 * * * *", "startWorkflowRequest": {"name": "mine"}})
    server.clock.advance(timedelta(hours=1))
    assert root.workflows.search(workflow_type="mine").total_hits == 1
    root.applications.delete(author_id)
    server.clock.advance(timedelta(hours=1))
    assert root.workflows.search(workflow_type="mine").total_hits == 1
    root.schedules.delete("hourly")


def test_keys_of_an_administrators_application_need_an_administrator(root, shared_access):
    powerful = root.applications.create("powerful")
    root.applications.add_role(powerful.id, "ADMIN")
    key = root.applications.create_access_key(powerful.id)
    _, manager = shared_access.application("manager", "APPLICATION_MANAGER")
    for call in (
        lambda: manager.applications.create_access_key(powerful.id),
        lambda: manager.applications.toggle_access_key(powerful.id, key.id),
        lambda: manager.applications.delete_access_key(powerful.id, key.id),
        lambda: manager.applications.update(powerful.id, "renamed"),
        lambda: manager.applications.delete(powerful.id),
    ):
        with pytest.raises(PermissionDeniedError):
            call()
    other = root.applications.create("other")
    assert manager.applications.create_access_key(other.id).id
    assert root.applications.get(powerful.id).name == "powerful"


def test_only_administrators_use_files_of_the_server(member, root, tmp_path):
    database, rules, new = tmp_path / "data.db", tmp_path / "rules.csv", tmp_path / "new.db"
    rules.write_text("a,b\n1,topsecret\n")
    with closing(sqlite3.connect(database)) as opened, opened:
        opened.execute("CREATE TABLE t AS SELECT 5 AS n")
    settings = {
        "type": "jdbc",
        "category": "RELATIONAL_DB",
        "configuration": {"datasourceURL": f"jdbc:sqlite:{database}"},
    }
    root.integrations.save_provider("theirs", settings)
    member.integrations.save_provider("own", settings)
    query = {"statement": "SELECT n FROM t", "type": "SELECT"}
    for name in ("theirs", "own"):
        task = outcome(member, "JDBC", integrationName=name, **query)
        assert (task.status, task.output_data) == ("FAILED", {}), name
    assert outcome(root, "JDBC", integrationName="theirs", **query).output_data["result"] == [{"n": 5}]
    for statement in (f"ATTACH DATABASE '{new}' AS z", f"VACUUM INTO '{new}'"):
        assert outcome(root, "JDBC", integrationName="theirs", statement=statement).status == "FAILED"
    assert not new.exists()
    given = {"ruleFileLocation": str(rules), "inputColumns": {"a": "1"}, "outputColumns": ["b"]}
    assert "topsecret" not in str(outcome(member, "BUSINESS_RULE", **given).to_dict())
    assert outcome(root, "BUSINESS_RULE", **given).output_data["result"] == {"b": "topsecret"}


def test_models_are_called_through_integrations_that_the_creator_may_use(member, root):
    root.integrations.save_provider("closed", {"type": "openai", "configuration": {"endpoint": "http://127.0.0.1:1"}})
    task = outcome(member, "LLM_TEXT_COMPLETE", llmProvider="closed", model="m", prompt="p")
    assert task.reason_for_incompletion == "You don't have permissions to execute integration: closed"


def test_integrations_without_a_type_and_deep_configurations_are_refused(root, server):
    headers = {"X-Authorization": root.transport.auth.token(10.0), "Content-Type": "application/json"}
    for path, body in (
        ("integrations/provider/untyped", "{}"),
        ("event/queue/config/kafka/deep", '{"a":' * 5000 + "1" + "}" * 5000),
    ):
        call = requests.put if "queue" in path else requests.post
        assert call(f"{server.url}/{path}", data=body, headers=headers, timeout=30).status_code in {400, 500}, path
    assert "untyped" not in [one.name for one in root.integrations.list()]
