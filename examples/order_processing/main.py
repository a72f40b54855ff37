"""Run sample orders through a workflow: python -m examples.order_processing [--server URL | --engine embedded|oss]

Without --server and CONDUCTOR_SERVER_URL, the program starts a server: the embedded one, or with --engine oss the
open-source server.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from conductor import ConductorClient, ConductorError, TaskHandler
from conductor.models import Task, Workflow
from conductor.server import start, start_oss_server

if TYPE_CHECKING:
    from conductor.server import EmbeddedServer, OssServer

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def load(name: str) -> list[dict]:
    return json.loads((HERE / name).read_text())


def outcome(order: Workflow, compensation: Workflow | None) -> str:
    if order.is_successful:
        return "shipped" if order.output["in_stock"] else "out of stock"
    return "compensated" if compensation is not None and compensation.is_successful else "failed"


def result(order: Workflow, compensation: Workflow | None) -> str:
    if order.failed_task is None:
        return order.output.get("tracking_number") or ""
    refunded = compensation.output.get("refunded") if compensation else None
    return f"{order.failed_task.reason_for_incompletion}; refunded: {refunded or 'nothing'}"


class Progress:
    """Prints a line for each task that has ended."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.seen: set[str] = set()

    def show(self, order_id: str, workflow: Workflow) -> None:
        for task in workflow.tasks:
            if task.status.is_terminal and task.task_id not in self.seen:
                self.seen.add(task.task_id)
                print(self.line(order_id, task), flush=True)

    def line(self, order_id: str, task: Task) -> str:
        elapsed = time.monotonic() - self.started
        attempt = f"attempt {task.retry_count + 1}"
        why = task.reason_for_incompletion or ""
        line = f"{elapsed:6.1f}s  {order_id}  {task.reference_task_name:<18} {task.status:<26} {attempt}  {why}"
        return line.rstrip()


Ended = dict[str, tuple[Workflow, Workflow | None]]  # by order: the execution, and the execution of its compensation


def follow(client: ConductorClient, running: dict[str, str], timeout: float) -> Ended:
    """Print the tasks of the executions (order id -> execution id) until all of them and their compensations ended."""
    progress, deadline = Progress(), time.monotonic() + timeout
    finished: Ended = {}
    while len(finished) < len(running):
        if time.monotonic() > deadline:
            raise TimeoutError(f"orders still run after {timeout:g} s: {sorted(running.keys() - finished.keys())}")
        for order_id in [one for one in running if one not in finished]:
            order = client.workflows.get(running[order_id])
            progress.show(order_id, order)
            compensation = None
            if compensation_id := order.output.get("conductor.failure_workflow"):
                compensation = client.workflows.get(compensation_id)
                progress.show(order_id, compensation)
            is_failing = order.is_terminal and not order.is_successful
            if order.is_terminal and (not is_failing or (compensation is not None and compensation.is_terminal)):
                finished[order_id] = (order, compensation)
        time.sleep(0.2)
    return finished


def table(orders: list[dict], finished: Ended) -> tuple[str, bool]:
    """Return the final table, and whether every order ended with its expected result."""
    lines = ["order    status     outcome       as expected    total  tasks  seconds  result"]
    good = True
    for sample in orders:
        order_id = sample["order"]["id"]
        order, compensation = finished[order_id]
        ended = outcome(order, compensation)
        good &= ended == sample["expected"]
        seconds = (order.end_time - order.create_time) / 1000
        lines.append(
            f"{order_id:<8} {order.status:<10} {ended:<13} {'yes' if ended == sample['expected'] else 'NO':<12} "
            f"{order.output.get('total') or '':>7}  {len(order.tasks):>5}  {seconds:>7.1f}  "
            f"{result(order, compensation)}".rstrip()
        )
    return "\n".join(lines), good


def run(client: ConductorClient, timeout: float = 120.0) -> bool:
    """Register the definitions, run the orders and print them; return whether every order ended as expected."""
    client.metadata.register_tasks(load("tasks.json"))
    client.metadata.update_workflows(load("workflows.json"))
    orders = load("orders.json")
    with TaskHandler(client, import_modules=["examples.order_processing.workers"]):
        running = {
            sample["order"]["id"]: client.workflows.start(
                "order_processing", {"order": sample["order"]}, correlation_id=sample["order"]["id"]
            )
            for sample in orders
        }
        finished = follow(client, running, timeout)
    text, good = table(orders, finished)
    print(f"\n{text}")
    return good


def start_server(engine: str) -> EmbeddedServer | OssServer:
    if engine == "embedded":
        return start()
    print("Starting the open-source Conductor server (the first start downloads 458 MB) ...", flush=True)
    return start_oss_server()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["embedded", "oss"], default="embedded", help="the server to start")
    parser.add_argument("--server", default=os.environ.get("CONDUCTOR_SERVER_URL"), help="a running server's address")
    arguments = parser.parse_args()
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))  # a script's path does not contain the root of the checkout
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    logging.getLogger("conductor.worker.execution").setLevel(logging.ERROR)  # the sample orders fail on purpose
    try:
        with ExitStack() as stack:
            url = arguments.server
            if url is None:
                url = stack.enter_context(start_server(arguments.engine)).url
            print(f"Using the server at {url}\n", flush=True)
            client = stack.enter_context(ConductorClient(server_url=url))
            return 0 if run(client) else 1
    except (ConductorError, TimeoutError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
