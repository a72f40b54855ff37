import contextlib
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import threading

import pytest

from conductor import ConductorClient
from conductor.cli.main import main
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
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    @property
    def json(self):
        return json.loads(self.out)

    def __repr__(self):
        return f"status {self.status}\n--- out\n{self.out}\n--- err\n{self.err}"


@pytest.fixture
def cli(server, tmp_path):
    """Run ``conductor`` as a process, in a folder of the test's own, and wait for it."""

    def run(*words, **environment):
        done = subprocess.run(
            [sys.executable, "-m", "conductor", *map(str, words)],
            env={**os.environ, "CONDUCTOR_SERVER_URL": server.url, **environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture
def here(server, tmp_path, monkeypatch, capsys):
    """The same in this process, which takes a tenth of the time; for commands that import nothing."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CONDUCTOR_SERVER_URL", server.url)

    def run(*words):
        capsys.readouterr()
        status = main([str(word) for word in words])
        return Done(status, *capsys.readouterr())

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


@pytest.fixture
def on_terminal(server, tmp_path):
    """Run ``conductor`` on a pseudo-terminal; returns its exit status and all that it wrote there.

    Once ``when`` was written, ``act`` is called, or typed where it is bytes.
    """

    def run(*words, size=(24, 100), when=None, act=None):
        here, there = pty.openpty()
        environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
        fcntl.ioctl(there, termios.TIOCSWINSZ, struct.pack("HHHH", *size, 0, 0))
        process = subprocess.Popen(
            [sys.executable, "-m", "conductor", *map(str, words)],
            env={**environment, "CONDUCTOR_SERVER_URL": server.url, "TERM": "xterm-256color"},
            cwd=tmp_path,
            stdin=there,
            stdout=there,
            stderr=there,
            start_new_session=True,
        )
        os.close(there)
        deadline = threading.Timer(60, process.kill)
        deadline.start()
        written = b""
        try:
            with contextlib.suppress(OSError):  # Linux says so that the other end is closed
                while piece := os.read(here, 65536):
                    written += piece
                    if when is not None and when in written.decode(errors="ignore"):
                        when = None
                        os.write(here, act) if isinstance(act, bytes) else act()
            return process.wait(), written.decode()
        finally:
            deadline.cancel()
            os.close(here)

    return run
