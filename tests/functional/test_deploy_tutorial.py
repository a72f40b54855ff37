"""The project of docs/tutorials/deploy.md: its definitions are registered, and its worker program is stopped."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

import conductor.server
from conductor import ConductorClient

PAGE = (Path(__file__).parents[2] / "docs" / "tutorials" / "deploy.md").read_text(encoding="utf-8")
LIMIT = 60.0


@pytest.fixture
def server():
    with conductor.server.start() as one:
        yield one


@pytest.fixture
def project(tmp_path):
    for name, code in re.findall(r"```python\n# (\S+\.py)\n(.*?)```", PAGE, re.DOTALL):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    (tmp_path / "shop" / "__init__.py").touch()
    return tmp_path


@pytest.fixture
def environment(server):
    return {**os.environ, "CONDUCTOR_SERVER_URL": server.url, "CONDUCTOR_HEALTH_PORT": "0"}


def until(holds):
    deadline = time.monotonic() + LIMIT
    while not (value := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


def test_the_definitions_are_written_once(project, environment):
    command = [sys.executable, "-m", "shop.register"]
    first, second = (subprocess.check_output(command, cwd=project, env=environment, text=True) for _ in range(2))

    assert f"```text\n{first}```" in PAGE
    assert second == first.replace("created", "unchanged")


def test_sigterm_finishes_the_running_task_and_exits_with_0(project, environment, server):
    subprocess.run([sys.executable, "-m", "shop.register"], cwd=project, env=environment, check=True)
    worker = subprocess.Popen(
        [sys.executable, "-m", "shop.worker"], cwd=project, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        with ConductorClient(server.url) as client:
            workflow_id = client.workflows.start("deploy_order", {"id": "A-1"})
            until(lambda: client.workflows.get(workflow_id).tasks[0].status == "IN_PROGRESS")
            worker.send_signal(signal.SIGTERM)
            output, _ = worker.communicate(timeout=LIMIT)
            assert worker.returncode == 0, output
            assert client.workflows.wait(workflow_id, timeout=LIMIT).output == {"parcel": "P-A-1"}
    finally:
        worker.kill()


def test_the_health_port_of_the_worker_answers(project, environment):
    with conductor.server.start() as other:  # any free port, taken for the worker
        port = str(other.port)
    worker = subprocess.Popen(
        [sys.executable, "-m", "shop.worker"], cwd=project, env={**environment, "CONDUCTOR_HEALTH_PORT": port}
    )

    def answers(path):
        try:
            return requests.get(f"http://127.0.0.1:{port}{path}", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    try:
        paths = re.findall(r"curl http://localhost:8090(/\w+)", PAGE)
        assert paths == ["/livez", "/readyz", "/metrics"]
        for path in paths:
            until(lambda path=path: answers(path))
    finally:
        worker.terminate()
        assert worker.wait(LIMIT) == 0
