"""The example as a user runs it: every order ends as its file says, and the one that fails is compensated."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from conductor import ConductorClient

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "order_processing"
ORDERS = {sample["order"]["id"]: sample["expected"] for sample in json.loads((EXAMPLE / "orders.json").read_text())}


def run_example(*words, cwd=ROOT):
    return subprocess.run(
        [sys.executable, *words],
        cwd=cwd,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


@pytest.fixture(scope="module")
def said(server_url):
    """What one run of the example printed, and when it began (epoch ms)."""
    began = time.time() * 1000 - 1000
    process = run_example("-m", "examples.order_processing", "--server", server_url)
    assert process.returncode == 0, process.stdout + process.stderr
    return process.stdout, began


@pytest.fixture(scope="module")
def executions(server_url, said):
    """By order: the execution that the run started."""
    with ConductorClient(server_url=server_url) as client:
        found = {}
        for order_id in ORDERS:
            named = client.workflows.list_by_correlation_id(
                "order_processing", order_id, include_closed=True, include_tasks=True
            )
            found[order_id] = max((one for one in named if one.create_time >= said[1]), key=lambda one: one.create_time)
        return found


def attempts(workflow, reference_name):
    return [str(task.status) for task in workflow.tasks if task.reference_task_name == reference_name]


def test_the_table_shows_every_order_as_expected(said):
    rows = dict(re.findall(r"^(A-\d+)\s+(?:COMPLETED|FAILED)\s+(.+?)\s{2,}yes\s", said[0], re.MULTILINE))
    assert rows == ORDERS


def test_a_line_is_shown_for_each_task_with_its_attempt(said, executions):
    lines = re.findall(r"^ +\d+\.\ds  (A-\d+)  (\S+) +([A-Z_]+) +attempt (\d+)", said[0], re.MULTILINE)
    for order_id, workflow in executions.items():
        # One that was polled while its workflow failed may be cancelled late, or never end: no line to expect.
        ended = {
            (order_id, task.reference_task_name, str(task.status), str(task.retry_count + 1))
            for task in workflow.tasks
            if task.status.is_terminal and task.status != "CANCELED"
        }
        assert ended
        assert ended <= set(lines)


def test_an_order_in_stock_is_charged_and_shipped(executions):
    order = executions["A-1001"]
    assert order.status == "COMPLETED"
    assert order.output["transaction_id"] == "tx-A-1001"
    assert order.output["tracking_number"] == "GB-A-1001"
    assert float(order.output["total"]) == 50.9
    assert attempts(order, "cooling_off") == ["COMPLETED"]


def test_a_flaky_payment_is_retried_until_it_succeeds(executions):
    assert attempts(executions["A-1002"], "payment") == ["FAILED", "FAILED", "COMPLETED"]


def test_an_order_out_of_stock_is_neither_charged_nor_shipped(executions):
    order = executions["A-1003"]
    assert attempts(order, "out_of_stock_email") == ["COMPLETED"]
    assert attempts(order, "payment") == attempts(order, "shipping") == []


def test_an_order_that_cannot_be_shipped_fails_at_once_and_is_refunded(client, executions):
    order = executions["A-1004"]
    assert order.status == "FAILED"
    assert attempts(order, "payment") == ["COMPLETED"]
    assert attempts(order, "shipping") == ["FAILED_WITH_TERMINAL_ERROR"]
    assert order.failed_task.reason_for_incompletion == "NonRetryableError: no carrier ships to South Pole, AQ"
    compensation = client.workflows.get(order.output["conductor.failure_workflow"])
    assert compensation.workflow_name == "order_compensation"
    assert compensation.status == "COMPLETED"
    assert compensation.output["refunded"] == "tx-A-1004"
    assert attempts(compensation, "sorry") == ["COMPLETED"]
    lines = [entry.log for entry in client.tasks.list_logs(compensation.task("refund").task_id)]
    assert any("no carrier ships to South Pole" in line for line in lines)


def test_it_runs_as_a_file_from_any_folder(server_url, tmp_path):
    process = run_example(str(EXAMPLE / "main.py"), "--server", server_url, cwd=tmp_path)
    assert process.returncode == 0, process.stdout + process.stderr


def test_an_unreachable_server_is_one_line_and_status_1():
    process = run_example("-m", "examples.order_processing", "--server", "http://127.0.0.1:9")
    assert process.returncode == 1
    assert process.stderr.startswith("APIConnectionError: ")
    assert "Traceback" not in process.stderr
