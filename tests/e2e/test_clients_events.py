"""Event handlers on the real server, one of which starts a workflow."""

import pytest

from conductor.errors import ConflictError, NotFoundError
from conductor.models import EventAction, EventHandler, StartWorkflowAction

DONE = {"name": "done", "taskReferenceName": "done", "type": "SET_VARIABLE", "inputParameters": {"x": 1}}


@pytest.fixture
def handlers(client):
    """Names of handlers that go when the test ends."""
    made = []
    yield made
    for one in client.events.list_handlers():
        if one.name in made:
            client.events.delete_handler(one.name)


def test_a_handler_is_created_read_changed_and_deleted(client, names, handlers):
    name, event = names("handler"), f"conductor:{names('source')}"
    handlers.append(name)
    action = {"action": "complete_task", "complete_task": {"workflowId": "${id}", "taskRefName": "approve"}}
    client.events.create_handler({"name": name, "event": event, "active": False, "actions": [action]})
    with pytest.raises(ConflictError):
        client.events.create_handler({"name": name, "event": event, "actions": [action]})

    stored = client.events.get_handler(name)
    assert (stored.event, stored.active, stored.actions[0].action) == (event, False, "complete_task")
    assert name in [one.name for one in client.events.list_handlers()]
    assert client.events.list_handlers_for_event(event) == []
    assert [one.name for one in client.events.list_handlers_for_event(event, active_only=False)] == [name]

    stored.condition = "$.total > 100"
    client.events.update_handler(stored)
    assert client.events.get_handler(name).condition == "$.total > 100"

    client.events.delete_handler(name)
    with pytest.raises(NotFoundError):
        client.events.get_handler(name)
    with pytest.raises(NotFoundError):
        client.events.delete_handler(name)
    with pytest.raises(NotFoundError):
        client.events.update_handler(stored)


def test_several_handlers_are_created(client, names, handlers):
    handlers += [names("one"), names("two")]
    action = {"action": "fail_task", "fail_task": {"workflowId": "${id}", "taskRefName": "approve"}}

    client.events.create_handlers(
        {"name": name, "event": f"conductor:{name}", "active": False, "actions": [action]} for name in handlers
    )

    assert set(handlers) <= {one.name for one in client.events.list_handlers()}


def test_an_event_of_a_workflow_starts_another(client, names, handlers, wait_until):
    started = names.workflow([DONE], base="started")["name"]
    source = names("source")
    publish = {
        "name": "publish",
        "taskReferenceName": "publish",
        "type": "EVENT",
        "sink": "conductor",
        "inputParameters": {"order": "${workflow.input.order}"},
    }
    # an EVENT task with the sink "conductor" publishes to conductor:<workflow>:<reference name>
    flow = names.workflow([publish], base="source")["name"]
    assert flow == source
    handlers.append(names("starter"))
    client.events.create_handler(
        EventHandler(
            handlers[0],
            event=f"conductor:{flow}:publish",
            active=True,
            actions=[
                EventAction(
                    "start_workflow",
                    start_workflow=StartWorkflowAction(started, input={"order": "${order}"}, correlation_id="by-event"),
                )
            ],
        )
    )

    # the server looks for new handlers now and then, and begins to listen to their queues
    wait_until(
        lambda: f"{flow}:publish" in str(client.admin.list_event_queues(verbose=True)),
        timeout=90,
        what="the server listens to the queue",
    )
    assert client.workflows.run(flow, {"order": "o-17"}, timeout=20).is_successful
    ids = wait_until(
        lambda: [one.workflow_id for one in client.workflows.search(workflow_type=started)],
        timeout=30,
        what="the workflow that the event starts",
    )

    finished = client.workflows.wait(ids[0], timeout=20)
    assert (finished.input["order"], finished.correlation_id) == ("o-17", "by-event")
