"""Django's Tasks framework with the backend of this package."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_the_backend_meets_the_framework(server):
    done = subprocess.run(
        [sys.executable, str(HERE / "tasks_checks.py")],
        env={**os.environ, "CONDUCTOR_SERVER_URL": server.url, "PYTHONPATH": str(HERE.parents[2])},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("ok ")


def test_a_task_waits_until_a_worker_starts(server):
    program = "import tasks_project as shop; print(shop.add.enqueue(3, b=4).id)"
    env = {**os.environ, "CONDUCTOR_SERVER_URL": server.url, "PYTHONPATH": f"{HERE.parents[2]}:{HERE}"}
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=60, check=True
    )
    result_id = done.stdout.strip()
    worker = """
import threading
import tasks_project as shop
from conductor.contrib.django.handler import make_handler
import time, sys
with make_handler(only=["django_tasks_default"], poll_interval_ms=20):
    result = shop.add.get_result(sys.argv[1])
    deadline = time.monotonic() + 20
    while not result.is_finished and time.monotonic() < deadline:
        time.sleep(0.02)
        result.refresh()
    print(result.return_value)
"""
    done = subprocess.run(
        [sys.executable, "-c", worker, result_id], env=env, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "7\n", done.stderr
