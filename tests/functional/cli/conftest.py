import json
import os
import subprocess
import sys

import pytest

from conductor import ConductorClient
from conductor.server import start


@pytest.fixture(scope="package")
def server():
    with start() as running:
        yield running


@pytest.fixture(scope="package")
def client(server):
    with ConductorClient(server_url=server.url) as made:
        yield made


class Done:
    def __init__(self, process):
        self.status, self.out, self.err = process.returncode, process.stdout, process.stderr

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"status {self.status}\n--- out\n{self.out}\n--- err\n{self.err}"


@pytest.fixture
def cli(server, tmp_path):
    """Run ``conductor`` as a process, in a folder of the test's own, and wait for it."""

    def run(*words, **environment):
        return Done(
            subprocess.run(
                [sys.executable, "-m", "conductor", *map(str, words)],
                env={**os.environ, "CONDUCTOR_SERVER_URL": server.url, **environment},
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
        )

    return run


@pytest.fixture
def background(server, tmp_path):
    """Start ``conductor`` as a process that goes on."""
    started = []

    def start(*words, **environment):
        process = subprocess.Popen(
            [sys.executable, "-u", "-m", "conductor", *map(str, words)],
            env={**os.environ, "CONDUCTOR_SERVER_URL": server.url, **environment},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
