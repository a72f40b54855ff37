"""Memory of a worker process over many tasks."""

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
