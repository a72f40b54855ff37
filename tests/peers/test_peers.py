"""The clients of other SDKs run workers and workflows on the embedded server as on the real one."""

import shutil
from pathlib import Path

HERE = Path(__file__).parent
STORIES = ["definitions", "simple", "branches", "computed", "retried", "executed", "failed", "steered", "found"]


def told(lines):
    return [line for line in lines if line in STORIES]


def test_conductor_python_runs_its_workers_and_workflows(python_peer, run_customer):
    assert told(run_customer(python_peer, HERE / "customer.py")) == STORIES


def test_the_javascript_sdk_runs_its_workers_and_workflows(javascript_peer, run_customer):
    script = shutil.copy(HERE / "customer.mjs", javascript_peer)  # imports are looked up next to the script
    assert told(run_customer("node", script)) == STORIES
