"""What the real server takes with a 200 and then drops or never does is refused, with what to do in its place."""

import pytest

from conductor.errors import ConfigurationError
from conductor.transport.editions import ServerInfo
from conductor.transport.operation import Edition

RESULT = {"workflowInstanceId": "w", "taskId": "t"}


def handler(action):
    return {"name": "h", "event": "conductor:orders", "active": True, "actions": [{"action": action, action: {}}]}


@pytest.mark.parametrize(
    "dropped",
    [
        {"status": "COMPLETED"},
        {"status": "IN_PROGRESS", "outputData": {"a": 1}},
        {"status": "IN_PROGRESS", "logs": [{"log": "half way"}]},
    ],
)
@pytest.mark.parametrize("method", ["update", "update_v2"])
def test_results_with_a_lease_extension_are_refused(client, wire, method, dropped):
    with pytest.raises(ConfigurationError, match="separate update"):
        getattr(client.tasks, method)({**RESULT, "extendLease": True, **dropped})

    assert not wire.requests


def test_a_lease_extension_alone_is_sent(client, wire):
    wire.answer("t")

    client.tasks.update({**RESULT, "extendLease": True, "status": "IN_PROGRESS"})

    assert wire.body["extendLease"] is True


@pytest.mark.parametrize("count", [0, -1])
def test_a_poll_for_less_than_one_task_is_refused(client, wire, count):
    with pytest.raises(ConfigurationError, match="must be 1 or more"):
        client.tasks.poll_batch("charge", count=count)

    assert not wire.requests


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("maxConcurrentExecutions", "concurrentExecLimit"),
        ("outputTemplate", "output_parameters"),
        ("pollIntervalSeconds", "poll_interval_ms"),
    ],
)
def test_options_the_server_ignores_are_refused_with_advice(client, wire, name, instead):
    for call in (client.metadata.register_task, client.metadata.update_task):
        with pytest.raises(ConfigurationError, match=instead):
            call({"name": "charge", name: 1})

    assert not wire.requests


@pytest.mark.parametrize("action", ["terminate_workflow", "update_workflow_variables"])
def test_event_actions_the_oss_server_ignores_are_refused_there(client, wire, action):
    client.transport._server = ServerInfo(Edition.OSS, "3.32.3")
    for call in (
        client.events.create_handler,
        client.events.update_handler,
        lambda one: client.events.create_handlers([one]),
    ):
        with pytest.raises(ConfigurationError, match=f"{action}, which the open-source server stores"):
            call(handler(action))
    assert not wire.requests

    client.transport._server = ServerInfo(Edition.ORKES, "")
    wire.answer("")
    client.events.create_handler(handler(action))
    assert wire.method == "POST"
