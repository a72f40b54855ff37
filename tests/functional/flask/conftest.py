import contextlib
import os
import signal
import subprocess
import sys

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
def spawn(server, tmp_path):
    """Start ``python -m ...`` in a folder with the test's app, in its own process group."""
    processes = []

    def start(*words, **environ):
        process = subprocess.Popen(
            [sys.executable, "-m", *words],
            cwd=tmp_path,
            env={**os.environ, "CONDUCTOR_SERVER_URL": server.url, "PYTHONUNBUFFERED": "1", **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def define(client):
    def register(name, task):
        client.metadata.register_tasks([{"name": task, "retryCount": 0}])
        step = {
            "name": task,
            "taskReferenceName": task,
            "type": "SIMPLE",
            "inputParameters": {"number": "${workflow.input.number}"},
        }
        client.metadata.update_workflows([{"name": name, "version": 1, "ownerEmail": "a@b.c", "tasks": [step]}])
        return name

    return register
