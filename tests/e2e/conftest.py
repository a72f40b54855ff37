"""Tests on the real open-source server."""

import contextlib
import sys
import uuid
from collections import defaultdict
from pathlib import Path

import pytest

from conductor.clients.client import ConductorClient
from conductor.errors import NotFoundError

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.e2e)
    items.sort(key=lambda item: item.path.name == "test_operations.py")  # it looks back at all others


@pytest.fixture(scope="session")
def statuses():
    """The statuses with which the servers have answered each operation so far."""
    return defaultdict(set)


@pytest.fixture
def watch(statuses):
    """Has the answers to a client's requests remembered in ``statuses``."""

    def remember(method, path, status, _seconds):
        statuses[method, path].add(status)

    def watched(client):
        client.transport.observers = (*client.transport.observers, remember)
        return client

    return watched


@pytest.fixture
def client(server_url, watch):
    with ConductorClient(server_url=server_url) as client:
        yield watch(client)


@pytest.fixture
def full_client(full_server_url, watch):
    with ConductorClient(server_url=full_server_url) as client:
        yield watch(client)


class Names:
    """Unique names; what was registered and started under them goes when the test ends."""

    def __init__(self, client):
        self.client = client
        self.suffix = uuid.uuid4().hex[:8]
        self.workflows = []
        self.tasks = []

    def __call__(self, base):
        return f"test_{base}_{self.suffix}"

    def workflow(self, tasks, base="flow", **more):
        """Register a workflow and return its definition."""
        definition = {"name": self(base), "version": 1, "tasks": tasks, "ownerEmail": "test@example.com", **more}
        self.client.metadata.register_workflow(definition, overwrite=True)
        self.workflows.append((definition["name"], definition["version"]))
        return definition

    def task(self, base="task", **more):
        """Register a task that is not retried, and return its name."""
        definition = {"name": self(base), "retryCount": 0, "ownerEmail": "test@example.com", **more}
        self.client.metadata.register_task(definition)
        self.tasks.append(definition["name"])
        return definition["name"]

    def clean(self):
        for name, version in self.workflows:
            for workflow_id in self.client.workflows.list_running_ids(name, version=version):
                self.client.workflows.terminate_and_delete(workflow_id, "the test is over", archive=False)
            self._forget(self.client.metadata.unregister_workflow, name, version)
        for name in self.tasks:
            self._forget(self.client.metadata.unregister_task, name)

    @staticmethod
    def _forget(unregister, *args):
        with contextlib.suppress(NotFoundError):  # the test did it
            unregister(*args)


@pytest.fixture
def names(client):
    names = Names(client)
    yield names
    names.clean()
