"""Memory of a worker process over many tasks. The long run, 50,000 tasks, is bench/soak.py by hand."""

import subprocess
import sys
from pathlib import Path

import pytest

SOAK = Path(__file__).parents[2] / "bench" / "soak.py"


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
def test_ten_thousand_tasks_leave_memory_flat():
    run = [sys.executable, str(SOAK), "--tasks", "10000", "--limit", "5"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "10,000 tasks" in done.stdout
