"""The launcher with the real jar, as a command."""

import os
import re
import signal
import socket
import subprocess
import sys

from conductor import ConductorClient


def test_the_command_runs_oss_until_sigterm_and_keeps_its_data(tmp_path, server_url):
    assert server_url  # the jar is available, or this would have failed already
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "conductor.server", "--engine", "oss", "--port", str(port), "--dir", str(tmp_path)],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        assert re.search(rf"http://127.0.0.1:{port}/api", line), line + process.stderr.read()
        with ConductorClient(server_url=f"http://127.0.0.1:{port}") as client:
            client.metadata.register_task({"name": "kept", "ownerEmail": "test@example.com"})
            assert client.metadata.get_task("kept").name == "kept"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert (tmp_path / "c123.db").exists()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
