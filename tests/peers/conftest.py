"""Other SDKs for Conductor, from their registries, as customers of the embedded server.

They are installed below CONDUCTOR_TEST_PEERS, which keeps them for the next run, or else in a temporary folder.
"""

import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

import conductor.server

PYTHON_PEER = "conductor-python==2.0.0"
JAVASCRIPT_PEER = "@io-orkes/conductor-javascript@4.0.0"
_INSTALL_TIMEOUT = 240  # s
_RUN_TIMEOUT = 60  # s


@pytest.fixture(scope="session")
def peers_folder(tmp_path_factory):
    if kept := os.environ.get("CONDUCTOR_TEST_PEERS"):
        return Path(kept)
    return tmp_path_factory.mktemp("peers")


@pytest.fixture(scope="session")
def python_peer(peers_folder):
    """The interpreter of an environment that has conductor-python and not this package."""
    folder = peers_folder / PYTHON_PEER
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"

    def install():
        _install([sys.executable, "-m", "venv", str(folder)])
        _install([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", PYTHON_PEER])

    _once(folder, install)
    return python


@pytest.fixture(scope="session")
def javascript_peer(peers_folder):
    """A folder whose node_modules has the JavaScript SDK."""
    if not (shutil.which("npm") and shutil.which("node")):
        _fail_or_skip("npm and node are not installed")
    folder = peers_folder / JAVASCRIPT_PEER.rpartition("/")[2]

    def install():
        folder.mkdir(parents=True, exist_ok=True)
        # Its optional peer dependencies contradict each other; it runs without them.
        options = ["--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund"]
        _install([shutil.which("npm"), "install", "--prefix", str(folder), *options, JAVASCRIPT_PEER])

    _once(folder, install)
    return folder


@pytest.fixture
def server():
    with conductor.server.start() as one:
        yield one


@pytest.fixture
def run_customer(server, tmp_path):
    """Runs a customer's process against the server; returns what it printed, fails with it where it fails."""
    return partial(_run, {"CONDUCTOR_SERVER_URL": server.url}, tmp_path)


@pytest.fixture
def run_orkes_customer(tmp_path):
    """As ``run_customer``, against a server of the Orkes edition that needs keys."""
    with conductor.server.start(edition="orkes", keys={"peer": "peer-secret"}) as one:
        keys = {"CONDUCTOR_AUTH_KEY": "peer", "CONDUCTOR_AUTH_SECRET": "peer-secret"}
        yield partial(_run, {"CONDUCTOR_SERVER_URL": one.url, **keys}, tmp_path)


def _run(settings, folder, *command):
    process = subprocess.run(
        [str(part) for part in command],
        env={**os.environ, **settings},
        cwd=folder,
        timeout=_RUN_TIMEOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, f"{process.stdout[-4000:]}\n{process.stderr[-8000:]}"
    return process.stdout.splitlines()


def _once(folder, install):
    """Install unless an earlier run completed the folder; an incomplete one is replaced."""
    done = folder / ".installed"
    if done.exists():
        return
    shutil.rmtree(folder, ignore_errors=True)
    install()
    done.touch()


def _install(command):
    process = subprocess.run(command, timeout=_INSTALL_TIMEOUT, capture_output=True, text=True, check=False)
    if process.returncode:
        _fail_or_skip(f"{' '.join(command)}: {process.stderr[-2000:]}")


def _fail_or_skip(reason):
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"the other SDK is not available: {reason}")
