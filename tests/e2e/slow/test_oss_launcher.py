"""The launcher with the published jar: what the fakes of the functional tests cannot show."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from conductor.server import start_oss_server
from conductor.server.oss import launch

pytestmark = pytest.mark.e2e

SCRIPT = """
import sys, time
from conductor.server import start_oss_server
server = start_oss_server(directory=sys.argv[1])
print(server.pid, server.port, flush=True)
time.sleep(300)
"""


def call(address, body=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data=data, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()


def wait_until(condition, what, timeout=20.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.05)


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_crash_of_the_owner_frees_the_port_and_keeps_the_data(tmp_path):
    owner = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    )
    try:
        pid, port = map(int, owner.stdout.readline().split())
        call(f"http://127.0.0.1:{port}/api/metadata/taskdefs", [{"name": "kept", "ownerEmail": "a@b.example"}])
    finally:
        owner.send_signal(signal.SIGKILL)
        owner.communicate()
    wait_until(lambda: not is_alive(pid), "the server ends")
    assert is_free(port)

    with start_oss_server(port, tmp_path) as server:
        assert call(f"{server.url}/version") == "3.32.3"
        assert json.loads(call(f"{server.url}/metadata/taskdefs/kept"))["name"] == "kept"
        assert "swagger" in call(f"{server.address}/swagger-ui.html")
        assert (tmp_path / "c123.db").exists()
    assert not is_alive(server.pid)
    assert is_free(port)
    with pytest.raises(urllib.error.URLError):
        call(f"{server.address}/health")


@pytest.mark.slow
def test_the_server_s_own_word_about_a_taken_port_is_understood(tmp_path, monkeypatch):
    monkeypatch.setattr(launch, "check_port_free", lambda host, port: None)  # as if it were taken a moment later
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(launch.ServerStartError, match=f"Port {port} cannot be used: another process took it"):
            start_oss_server(port, tmp_path)
    assert "was already in use" in (tmp_path / "server.log").read_text()
