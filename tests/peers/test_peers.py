"""The clients of other SDKs run workers and workflows on the embedded server as on the real one."""

import shutil
from pathlib import Path

HERE = Path(__file__).parent
STORIES = ["definitions", "simple", "branches", "computed", "retried", "executed", "failed", "steered", "found"]
ORKES_STORIES = ["human_task", "webhook", "secret", "permission", "service_registry", "schema", "signal"]


def told(lines):
    return [line for line in lines if line in {*STORIES, *ORKES_STORIES}]


def test_conductor_python_runs_its_workers_and_workflows(python_peer, run_customer):
    assert told(run_customer(python_peer, HERE / "customer.py")) == STORIES


def test_the_javascript_sdk_runs_its_workers_and_workflows(javascript_peer, run_customer):
    script = shutil.copy(HERE / "customer.mjs", javascript_peer)  # imports are looked up next to the script
    assert told(run_customer("node", script)) == STORIES


def test_conductor_python_uses_the_orkes_edition(python_peer, run_orkes_customer):
    assert told(run_orkes_customer(python_peer, HERE / "orkes_customer.py")) == ORKES_STORIES


def test_the_javascript_sdk_uses_the_orkes_edition(javascript_peer, run_orkes_customer):
    script = shutil.copy(HERE / "orkes_customer.mjs", javascript_peer)  # imports are looked up next to the script
    assert told(run_orkes_customer("node", script)) == ORKES_STORIES
