import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conductor.server import start_oss_server

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    """What a server leaves behind can be seen: its temporary folders lie below tmp_path."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


@pytest.fixture
def fake_java(tmp_path):
    script = tmp_path / "java"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{HERE / "fake_java.py"}" "$@"\n')
    script.chmod(0o755)
    return str(script)


@pytest.fixture
def fake_jar(tmp_path):
    jar = tmp_path / "fake.jar"
    jar.touch()
    return str(jar)


@pytest.fixture
def start(fake_java, fake_jar):
    """Start a fake server of a mode; all are stopped at the end."""
    servers = []

    def start_one(port=0, directory=None, *, mode="good", properties=None, **options):
        properties = {"fake.mode": mode, **(properties or {})}
        options.setdefault("ready_timeout", 20)
        server = start_oss_server(port, directory, java=fake_java, jar=fake_jar, properties=properties, **options)
        servers.append(server)
        return server

    yield start_one
    for server in servers:
        server.stop()


@pytest.fixture
def spawn():
    """Start a Python process; all are killed at the end."""
    processes = []

    def spawn_one(*words):
        process = subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=HERE.parents[2]
        )
        processes.append(process)
        return process

    yield spawn_one
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def becomes():
    def wait(condition, what, timeout=15.0):
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
            time.sleep(0.02)

    return wait


@pytest.fixture
def is_alive():
    def alive(pid):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):  # no /proc on this system, or the process has just ended
            return not Path("/proc/self/stat").exists()
        return status.rpartition(")")[2].split()[0] != "Z"

    return alive


@pytest.fixture
def is_free():
    def free(port):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
            return True

    return free
