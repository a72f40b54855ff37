"""The open-source server on the Redis and the PostgreSQL of this machine, with the settings of the launcher."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from conductor import ConductorClient, TaskHandler, Worker
from conductor.errors import ConductorError, ServerStartError
from conductor.server import start_oss_server
from conductor.server.oss.launch import start_database

pytestmark = pytest.mark.slow


@pytest.fixture
def open_folder():
    """A folder that other users can reach: if the tests are root's, another user runs PostgreSQL."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield folder


@contextmanager
def server_on(backend, directory):
    try:
        server = start_oss_server(backend=backend, directory=directory, ready_timeout=300)
    except ServerStartError as error:
        if "Cannot start" in str(error) and not os.environ.get("CI"):
            pytest.skip(str(error))
        raise
    with server:
        yield server


@pytest.mark.parametrize("backend", ["redis", "postgres"])
def test_executions_end_and_survive_a_restart_of_server_and_database(backend, open_folder, wait_until):
    steps = [{"name": f"s{number}", "taskReferenceName": f"s{number}", "type": "SIMPLE"} for number in range(3)]
    workers = [Worker(lambda: {"done": True}, f"s{number}", thread_count=10) for number in range(3)]
    with server_on(backend, open_folder) as server, ConductorClient(server_url=server.url) as client:
        client.metadata.register_tasks([{"name": f"s{number}", "retryCount": 0} for number in range(3)])
        client.metadata.register_workflow({"name": "flow", "version": 1, "tasks": steps})
        ids = [client.workflows.start("flow") for _ in range(100)]
        with TaskHandler(client, workers=workers):
            wait_until(lambda: not client.workflows.list_running_ids("flow", version=1), timeout=120)
        assert {client.workflows.get_status(one).status for one in ids} == {"COMPLETED"}
        waiting = client.workflows.start("flow")
    with server_on(backend, open_folder) as server, ConductorClient(server_url=server.url) as client:
        with TaskHandler(client, workers=workers):
            wait_until(lambda: client.workflows.get_status(waiting).status != "RUNNING", timeout=180)
        assert client.workflows.get_status(waiting).status == "COMPLETED"
        assert client.workflows.get_status(ids[0]).status == "COMPLETED"


WORKER = """
import sys
from conductor import TaskHandler, Worker, get_task_context

log = open(sys.argv[1], "a", buffering=1)

def step():
    task = get_task_context().task
    log.write(f"{task.workflow_instance_id} {task.reference_task_name}\\n")
    return {"done": True}

workers = [Worker(step, f"s{number}", thread_count=5) for number in range(3)]
TaskHandler(workers=workers, outbox=sys.argv[2]).run()
"""
ORDERS, PROCESSES = 1000, 4


class Fleet:
    """Worker processes, each with a log of its executions and an outbox."""

    def __init__(self, url, folder):
        self.environment = {**os.environ, "CONDUCTOR_SERVER_URL": url, "CONDUCTOR_HEALTH_PORT": "", "PYTHONPATH": "."}
        self.folder = folder
        self.processes = [self.start(number) for number in range(PROCESSES)]

    def start(self, number):
        arguments = [str(self.folder / f"log{number}"), str(self.folder / f"outbox{number}")]
        return subprocess.Popen([sys.executable, "-c", WORKER, *arguments], env=self.environment)

    def executions(self):
        return Counter(line for log in self.folder.glob("log*") for line in log.read_text().splitlines())

    def kill_and_restart(self, number):
        self.processes[number].send_signal(signal.SIGKILL)
        self.processes[number].wait()
        self.processes[number] = self.start(number)

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait(60)


@pytest.mark.parametrize("backend", ["redis", "postgres"])
def test_a_thousand_orders_survive_a_kill_an_outage_and_a_restart(backend, open_folder, tmp_path):
    folder = Path(open_folder)
    try:
        database = start_database(backend, folder)
    except ServerStartError as error:
        if "Cannot start" in str(error) and not os.environ.get("CI"):
            pytest.skip(str(error))
        raise
    url, server, fleet = database.url, None, None
    steps = [{"name": f"s{number}", "taskReferenceName": f"s{number}", "type": "SIMPLE"} for number in range(3)]
    definition = {"retryCount": 5, "retryDelaySeconds": 1, "responseTimeoutSeconds": 30, "timeoutSeconds": 0}
    try:
        server = start_oss_server(url=url, ready_timeout=300)
        with ConductorClient(server_url=server.url) as client:
            client.metadata.register_tasks([{"name": f"s{number}", **definition} for number in range(3)])
            client.metadata.register_workflow({"name": "order", "version": 1, "tasks": steps})
            began = time.monotonic()
            fleet = Fleet(server.url, tmp_path)
            ids = [client.workflows.start("order") for _ in range(ORDERS // 4)]
            fleet.kill_and_restart(0)
            ids += [client.workflows.start("order") for _ in range(ORDERS // 4)]
            server.stop()
            time.sleep(20)  # the outage
            server = start_oss_server(server.port, url=url, ready_timeout=300)
            ids += [client.workflows.start("order") for _ in range(ORDERS // 4)]
            database.stop()
            database = start_database(backend, folder, urlsplit(url).port)
            ids += [start_when_possible(client) for _ in range(ORDERS - len(ids))]
            unfinished, deadline = set(ids), time.monotonic() + 400
            while unfinished and time.monotonic() < deadline:
                unfinished = {one for one in unfinished if client.workflows.get_status(one).status == "RUNNING"}
                time.sleep(1)
            took = time.monotonic() - began
            assert not unfinished, f"{len(unfinished)} orders did not end"
            assert {client.workflows.get_status(one).status for one in ids} == {"COMPLETED"}
            executions = fleet.executions()
            twice = sum(executions.values()) - len(executions)
            print(f"{backend}: {ORDERS} orders in {took:.0f} s, {twice} of {len(executions)} steps executed twice")
            assert {line.split()[0] for line in executions} >= set(ids)
            assert twice <= PROCESSES * 15  # what runs or is on its way at a kill or restart, at most
    finally:
        if fleet is not None:
            fleet.stop()
        if server is not None:
            server.stop()
        database.stop()


def start_when_possible(client):
    """Start an order, although the server may not have reconnected to its database yet."""
    deadline = time.monotonic() + 60
    while True:
        try:
            return client.workflows.start("order")
        except ConductorError:
            assert time.monotonic() < deadline
            time.sleep(0.5)
