"""Memory of a worker process over many tasks, and their results across a restart."""

import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "bench" / "soak.py"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize(("tasks", "limit"), [(10_000, 5), pytest.param(50_000, 10, marks=pytest.mark.slow)])
def test_many_tasks_leave_memory_flat(tasks, limit):
    run = [sys.executable, str(SOAK), "--tasks", str(tasks), "--limit", str(limit)]
    done = subprocess.run(run, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{tasks:,} tasks" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_a_restart_of_server_and_worker_loses_no_result():
    options = ["--rate", "300", "--minutes", "0.04", "--restart", "--down", "0.5", "--response-timeout", "2"]
    run = [sys.executable, str(SOAK), *options]
    done = subprocess.run(run, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "restart of the server and the worker" in done.stdout
    assert "720 tasks, 720 results, 0 lost" in done.stdout
