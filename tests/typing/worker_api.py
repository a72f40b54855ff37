"""Checked by mypy, never run: what a user's editor will say."""

from collections.abc import Callable
from typing import Any

from typing_extensions import assert_type

from conductor import ConductorClient, Task, TaskHandler, Worker, worker_task
from conductor.contrib.opentelemetry import trace_workers
from conductor.contrib.prometheus import ConductorCollector
from conductor.models import TaskRun, Workflow, WorkflowRun
from conductor.worker.health import HandlerHealth


@worker_task("charge", thread_count=2, domain="eu")
def charge(order_id: str, amount: float = 1.0) -> dict[str, float]:
    return {order_id: amount}


@worker_task
def bare(task: Task) -> int:
    return task.retry_count


assert_type(charge("a", amount=2.0), dict[str, float])
assert_type(bare(Task()), int)
charge(1)  # type: ignore[arg-type]
worker_task("x", thread_count="2")  # type: ignore[call-overload]

counter: Callable[[int], int] = worker_task("counted")(lambda n: n + 1)


def clients(client: ConductorClient) -> None:
    assert_type(client.workflows.start("w", {"a": 1}), str)
    assert_type(client.workflows.get("id"), Workflow)
    assert_type(client.workflows.run("w"), Workflow)
    assert_type(client.workflows.execute("w"), WorkflowRun | TaskRun)
    assert_type(client.tasks.poll("t"), Task | None)
    client.workflows.nonsense()  # type: ignore[attr-defined]


def handlers() -> None:
    assert_type(TaskHandler(workers=[Worker(charge), charge]).start(), TaskHandler)


def observing(handler: TaskHandler) -> None:
    assert_type(handler.health(), HandlerHealth)
    assert_type(handler.health_port, int | None)
    assert_type(handler.metrics(), dict[str, Any])
    assert_type(handler.stop(1.5).drained, bool)
    trace_workers(handler)
    ConductorCollector(handler)
