import pytest

import conductor.server
from conductor import ConductorClient


@pytest.fixture
def server():
    with conductor.server.start() as one:
        yield one


@pytest.fixture
def client(server):
    with ConductorClient(server_url=server.url) as one:
        yield one


@pytest.fixture
def define(client):
    """Register a workflow of these tasks, and the definitions of its SIMPLE tasks."""

    def register(name, *tasks, task_defs=(), **more):
        if task_defs:
            client.metadata.register_tasks(list(task_defs))
        definition = {"name": name, "version": 1, "ownerEmail": "a@b.c", "tasks": list(tasks), **more}
        client.metadata.update_workflows([definition])
        return name

    return register
