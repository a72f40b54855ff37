"""The order example under load while its real server is stopped and started again."""

import time

import pytest

from conductor import ConductorClient, TaskHandler
from conductor.server import start_oss_server
from examples.order_processing.main import load, outcome

pytestmark = pytest.mark.slow

ROUNDS = 15


def started(client):
    """Execution id -> the outcome that its order should have."""
    return {
        client.workflows.start("order_processing", {"order": sample["order"]}): sample["expected"]
        for _ in range(ROUNDS)
        for sample in load("orders.json")
    }


def ended(client, running):
    """Execution id -> outcome, of those that have ended, compensations included."""
    found = {}
    for workflow_id in running:
        order = client.workflows.get(workflow_id)
        compensation_id = order.output.get("conductor.failure_workflow")
        compensation = client.workflows.get(compensation_id) if compensation_id else None
        if order.is_terminal and (order.is_successful or (compensation is not None and compensation.is_terminal)):
            found[workflow_id] = outcome(order, compensation)
    return found


def until(condition, seconds):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.5)


def test_orders_survive_a_restart_of_the_server(tmp_path):
    server = start_oss_server(directory=tmp_path)
    port = int(server.url.rpartition(":")[2].partition("/")[0])
    try:
        with ConductorClient(server_url=server.url) as client:
            client.metadata.register_tasks(load("tasks.json"))
            client.metadata.update_workflows(load("workflows.json"))
            with TaskHandler(client, import_modules=["examples.order_processing.workers"]) as handler:
                running = started(client)
                until(lambda: len(ended(client, running)) >= ROUNDS, 120)
                server.stop()
                server = start_oss_server(port, tmp_path)
                until(lambda: len(ended(client, running)) == len(running), 240)
                assert ended(client, running) == running
                assert handler.health().refused == 0
    finally:
        server.stop()
