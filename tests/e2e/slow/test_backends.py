"""The open-source server on the Redis and the PostgreSQL of this machine, with the settings of the launcher."""

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from conductor import ConductorClient, TaskHandler, Worker
from conductor.errors import ServerStartError
from conductor.server import start_oss_server

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
        if "can be started" in str(error) and not os.environ.get("CI"):
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
            wait_until(lambda: client.workflows.get_status(waiting).status != "RUNNING", timeout=60)
        assert client.workflows.get_status(waiting).status == "COMPLETED"
        assert client.workflows.get_status(ids[0]).status == "COMPLETED"
