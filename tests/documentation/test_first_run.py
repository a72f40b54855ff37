"""Time a new user: a clone, `make run`, and docs/tutorials/first-worker.md followed in an empty home folder."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading
import time

import pytest
from blocks import DOCS, ROOT, blocks_of

LIMIT = 180.0  # seconds from the clone to the end of the first workflow, on a busy machine with a slow network
PAGE = DOCS / "tutorials" / "first-worker.md"
NOT_THEIRS = ("VENV", "VIRTUAL_ENV", "MAKEFLAGS", "MFLAGS", "MAKELEVEL", "PYTHONPATH", "XDG_", "ENGINE")

pytestmark = pytest.mark.skipif(
    shutil.which("make") is None or not (ROOT / ".git").exists(), reason="needs make, and a repository to clone"
)


@pytest.fixture(scope="module")
def user(tmp_path_factory):
    """Return a function that runs a command as a user with nothing but a clone."""
    home = tmp_path_factory.mktemp("home")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(NOT_THEIRS)}
    environment |= {"HOME": str(home), "PYTHON": sys.executable}

    def call(*command, cwd=home, **more):
        done = subprocess.run(
            command, cwd=cwd, env=environment | more, capture_output=True, text=True, timeout=2 * LIMIT, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    call.home, call.environment = home, environment
    return call


@pytest.fixture(scope="module")
def first_run(user):
    """Clone the repository and execute `make run`; return the clone, the duration and the output."""
    start = time.monotonic()
    user("git", "clone", "-q", str(ROOT), "conductor")
    said = user("make", "run", cwd=user.home / "conductor")
    return user.home / "conductor", time.monotonic() - start, said


def test_a_clone_runs_its_first_workflow_within_three_minutes(first_run, capsys):
    _, took, said = first_run
    with capsys.disabled():
        print(f"\nfrom the clone to the first finished workflow: {took:.0f} s")

    assert "COMPLETED" in said
    assert took < LIMIT


def test_the_steps_of_the_first_tutorial_work(first_run, user):
    clone, _, _ = first_run
    path = f"{clone / '.venv' / 'bin'}{os.pathsep}{user.environment['PATH']}"
    install, hello, server, program = [block.code for block in blocks_of(PAGE)]
    user("bash", "-ec", install, cwd=clone, PATH=path)
    (user.home / "hello.py").write_text(hello)
    port = free_port()

    with running(server.replace("8080", port), user.home, user.environment | {"PATH": path}) as line:
        assert f"http://127.0.0.1:{port}/api" in line
        said = user("bash", "-ec", program, PATH=path, CONDUCTOR_SERVER_URL=f"http://127.0.0.1:{port}/api")

    assert f"It prints `{said.strip()}`." in PAGE.read_text(encoding="utf-8")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return str(one.getsockname()[1])


@contextlib.contextmanager
def running(command, folder, environment):
    """Run a command in the background, yield its first line, and stop it afterwards."""
    how = {"cwd": folder, "env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    process = subprocess.Popen(["bash", "-ec", f"exec {command}"], **how)
    deadline = threading.Timer(60, process.kill)
    deadline.start()
    try:
        yield process.stdout.readline()
    finally:
        deadline.cancel()
        process.terminate()
        process.communicate(timeout=30)
