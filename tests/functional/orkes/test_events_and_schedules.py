"""Event handlers, event queues, schedules and server figures of the Orkes edition, through our own client."""

from datetime import timedelta

import pytest
import requests
from refusals import refused

import conductor.server
from conductor import ConductorClient


@pytest.fixture(scope="module")
def server():
    with conductor.server.start(edition="orkes") as one:
        yield one


@pytest.fixture(scope="module")
def client(server):
    with ConductorClient(server.url) as one:
        one.metadata.register_workflow(
            {"name": "greet", "version": 1, "ownerEmail": "a@b.c", "tasks": [_wait("open")]}, overwrite=True
        )
        yield one


def _wait(reference):
    return {"name": "wait", "taskReferenceName": reference, "type": "WAIT"}


START = {"action": "start_workflow", "start_workflow": {"name": "greet"}}


def handler(name, event, *actions, **more):
    return {"name": name, "event": event, "active": True, "actions": list(actions), **more}


def test_handlers_are_saved_in_lists_with_tags(client, server):
    body = [
        handler("one", "conductor:e1", tags=[{"key": "team", "value": "a"}]),
        handler("two", "conductor:e1", active=False),
    ]
    assert requests.post(f"{server.url}/event", json=body, timeout=30).status_code == 200
    client.events.create_handler({**handler("one", "conductor:e1", START), "description": "again"})
    one = client.events.get_handler("one")
    assert (one.description, one.tags[0].value) == ("again", "a")
    assert one.created_by.startswith("app:")
    assert {found.name for found in client.events.list_handlers_for_event("conductor:e1")} == {"one"}
    assert {found.name for found in client.events.list_handlers_for_event("conductor:e1", active_only=False)} == {
        "one",
        "two",
    }
    assert client.events.probe().name == "test"
    client.events.delete_handler("one")
    client.events.delete_handler("two")
    assert requests.get(f"{server.url}/event/handler/one", timeout=30).content == b""
    for call in (
        lambda: client.events.delete_handler("one"),
        lambda: client.events.update_handler(handler("one", "conductor:e1", START)),
    ):
        refused(404, call)


def test_bad_handlers_are_refused_and_nothing_is_stored(client, server):
    good, bad = handler("good", "e"), handler("", "")
    for body, status in [([good, bad], 400), ([good, 1], 500), ("text", 500), ([good, handler("x", "e", 1)], 500)]:
        assert requests.post(f"{server.url}/event", json=body, timeout=30).status_code == status
    assert requests.post(f"{server.url}/event", data="{", timeout=30).status_code == 500
    assert client.events.list_handlers() == []
    for body in ({}, {"event": ""}, {"event": 1}):
        assert requests.post(f"{server.url}/event/handleIncomingEvent", json=body, timeout=30).status_code == 400


def test_incoming_events_run_every_kind_of_action_and_are_logged(client):
    target = client.workflows.start("greet", {"known": 1})
    client.events.create_handler(
        handler(
            "orders",
            "conductor:order",
            {"action": "start_workflow", "start_workflow": {"name": "greet", "input": {"id": "${id}"}}},
            {"action": "start_workflow", "start_workflow": {"name": "missing"}},
            {
                "action": "update_workflow_variables",
                "update_workflow_variables": {
                    "workflowId": "${target}",
                    "variables": {"ids": ["${id}"], "last": "${id}"},
                    "appendArray": True,
                },
            },
            condition="$.id !== 'ignored'",
        )
    )
    for number in ("7", "8", "ignored"):
        client.events.publish({"event": "conductor:order", "id": number, "target": target})
    done = client.events.list_executions("orders")
    assert [(one.action, one.status) for one in done if one.action] == [
        ("update_workflow_variables", "COMPLETED"),
        ("start_workflow", "FAILED"),
        ("start_workflow", "COMPLETED"),
    ] * 2
    assert [one.status for one in done if not one.action] == ["SKIPPED"]
    started = client.workflows.get(done[-1].output["workflowId"])
    assert (started.input["id"], started.event) == ("7", "conductor:order")
    assert client.workflows.get(target).variables == {"ids": ["7", "8"], "last": "8"}
    messages = client.events.list_messages("conductor:order")
    assert [one.full_payload["id"] for one in messages] == ["ignored", "8", "7"]
    assert len(messages[1].event_executions) == 3
    for found in (client.events.list_active_handlers(), client.events.list_handlers_with_stats()):
        (one,) = [one for one in found.results if one.name == "orders"]
        assert (one.number_of_actions, one.number_of_messages, one.active) == (6, 3, True)
    client.events.create_handler(
        handler(
            "stop",
            "conductor:halt",
            {"action": "terminate_workflow", "terminate_workflow": {"workflowId": "${id}", "terminationReason": "r"}},
        )
    )
    client.events.publish({"event": "conductor:halt", "id": target})
    ended = client.workflows.get(target)
    assert (ended.status, ended.reason_for_incompletion) == ("TERMINATED", "r")
    client.events.delete_handler("orders")
    client.events.delete_handler("stop")


def test_event_queues_are_stored_without_showing_secrets(client, server):
    queues = client.events
    queues.save_queue_config("kafka", "orders", {"bootstrap": "host:9092", "password": "hunter2"})
    assert queues.get_queue_config("kafka", "orders") == {"bootstrap": "host:9092", "password": "***"}
    assert queues.list_queue_configs() == {}
    queues.delete_queue_config("kafka", "orders")
    refused(404, queues.get_queue_config, "kafka", "orders")
    for body in ("[1]", "{", ""):
        path = f"{server.url}/event/queue/config/kafka/orders"
        assert (
            requests.put(path, data=body, headers={"Content-Type": "application/json"}, timeout=30).status_code >= 400
        )
    refused(404, queues.get_queue_config, "kafka", "orders")
    assert queues.test_connectivity({"sink": "conductor:mine"}).successful
    outside = queues.test_connectivity({"sink": "kafka:orders"})
    assert not outside.successful
    assert "kafka" in outside.reason


def schedule(name, **more):
    return {"name": name, "cronExpression": "0 0 9 * * *", "startWorkflowRequest": {"name": "greet"}, **more}


def test_schedules_have_tags_and_are_checked(client, server):
    schedules = client.schedules
    schedules.save(schedule("daily"))
    schedules.set_tags("daily", {"team": "a"})
    assert [one.name for one in schedules.list_by_tag("team", "a")] == ["daily"]
    assert schedules.list_by_tag("team", "b") == []
    assert [tag.value for tag in schedules.get("daily").tags] == ["a"]
    schedules.pause("daily")
    schedules.resume("daily")
    schedules.resume("daily")
    assert not schedules.get("daily").paused
    done = schedules.bulk_pause(["daily", "nothing"])
    assert (done.bulk_successful_results, list(done.bulk_error_results)) == (["daily"], ["nothing"])
    assert "nothing" in done.bulk_error_results["nothing"]
    found = requests.get(f"{server.url}/scheduler/schedules/search?freeText=daily&paused=true", timeout=30).json()
    assert (found["totalHits"], found["results"][0]["tags"]) == (1, [{"key": "team", "value": "a"}])
    for body in (
        schedule("bad-name"),
        schedule(""),
        schedule("five", cronExpression="0 9 * * *"),
        schedule("none", cronExpression=None),
        schedule("tagged", tags=[{"value": "no key"}]),
        {"name": "empty", "cronExpression": "0 0 9 * * *"},
    ):
        assert requests.post(f"{server.url}/scheduler/schedules", json=body, timeout=30).status_code == 400, body
    assert [one.name for one in schedules.list()] == ["daily"]
    preview = f"{server.url}/scheduler/nextFewSchedules?cronExpression=0 0 9 * * *"
    assert [len(requests.get(preview + more, timeout=30).json()) for more in ("", "&limit=0", "&limit=9")] == [3, 0, 5]
    assert requests.get(f"{server.url}/scheduler/schedules/tags", timeout=30).status_code == 400
    schedules.delete("daily")
    schedules.save(schedule("daily"))
    assert not schedules.get("daily").tags
    schedules.delete("daily")


def test_a_schedule_with_an_idempotency_key_starts_once(client, server):
    request = {"name": "greet", "idempotencyKey": "k-{}", "idempotencyStrategy": "RETURN_EXISTING"}
    client.schedules.save(schedule("hourly", cronExpression="0 0 * * * *", startWorkflowRequest=request))
    server.clock.advance(timedelta(hours=3))
    runs = client.schedules.search_executions(query="scheduleName IN (hourly)").results
    assert len(runs) == 3
    assert len({one.workflow_id for one in runs}) == 1
    client.schedules.delete("hourly")


def test_figures_of_the_server(client, server):
    assert client.admin.get_limits()["workflowDefinitions"] == 1
    assert client.admin.get_redis_usage()["usedMemory"] == 0
    for path in ("workflow-importer/import-bpm", "workflow-task-defs/upload"):
        refusal = requests.post(f"{server.url}/metadata/{path}", json={}, timeout=30)
        assert (refusal.status_code, "not available" in refusal.json()["message"]) == (501, True)
