"""Checked by mypy and pyright, never run: typical declarations of workers, and the mistakes that both report.

Each mistake has a comment that makes both ignore it. A comment that one of them does not need is an error, so a mistake
that is no longer reported fails the check.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from typing_extensions import assert_type

from conductor import (
    Settings,
    Task,
    TaskContext,
    TaskDef,
    TaskHandler,
    TaskResult,
    Worker,
    WorkerRegistry,
    register_type,
    worker_task,
)
from conductor.models import RetryLogic, TaskTimeoutPolicy
from conductor.testing import run_task


@dataclass
class Order:
    number: str
    amount: Decimal


# -- declarations as in the documentation


@worker_task
def plain(order: Order) -> dict[str, str]:
    return {"receipt": order.number}


@worker_task("named")
def named(order: Order, context: TaskContext | None = None) -> Order:
    return order


@worker_task(
    "charge",
    domain="eu",
    thread_count=4,
    poll_interval_ms=250,
    poll_timeout_ms=1000,
    worker_id="worker-1",
    paused=False,
    lease_extension=True,
    max_lease_seconds=3600,
    hand_back=True,
    register_task_def=True,
    overwrite_task_def=False,
    description="Charges a card.",
    owner_email="billing@example.com",
    retry_count=5,
    retry_delay_seconds=timedelta(seconds=30),
    retry_logic="EXPONENTIAL_BACKOFF",
    backoff_scale_factor=2,
    max_retry_delay_seconds=600,
    backoff_jitter_ms=500,
    timeout_seconds=timedelta(minutes=10),
    timeout_policy="RETRY",
    response_timeout_seconds=60,
    poll_timeout_seconds=timedelta(hours=1),
    total_timeout_seconds=timedelta(days=1),
    concurrent_exec_limit=10,
    rate_limit_per_frequency=100,
    rate_limit_frequency_in_seconds=60,
    task_def={"inputKeys": ["order"]},
    should_poll=lambda: True,
    registry=WorkerRegistry(),
)
def charge(order: Order, attempts: int = 1) -> Decimal:
    return order.amount * attempts


@worker_task("enums", retry_logic=RetryLogic.FIXED, timeout_policy=TaskTimeoutPolicy.RETRY, task_def=TaskDef("enums"))
def with_enums(task: Task) -> None: ...


class Billing:
    @worker_task("checked")
    @staticmethod
    def check(n: int) -> int:
        return n

    def bill(self, n: int) -> int:
        return n


assert_type(plain(Order("1", Decimal(1))), dict[str, str])
assert_type(charge(Order("1", Decimal(1)), attempts=2), Decimal)
assert_type(worker_task("counted")(Billing().bill)(1), int)
assert_type(Worker(Billing().bill, "bill", retry_count=3, thread_count=2), Worker)
assert_type(TaskHandler(Settings(), workers=[charge, Worker(plain)], thread_count=2, domain="eu"), TaskHandler)
assert_type(run_task(charge, {"order": {}}), TaskResult)
register_type(Order, from_json=lambda value: Order(value["number"], Decimal(value["amount"])))
register_type(Order, from_json=lambda value: Order(value, Decimal(1)), to_json=lambda order: order.number)
counter: Callable[[int], int] = worker_task("counter", retry_count=1)(lambda n: n + 1)


def changes(handler: TaskHandler) -> None:
    handler.update_options("charge", paused=True, thread_count=8)
    handler.update_options(poll_interval_ms=500, poll_timeout_ms=100)
    handler.update_options(retry_count=3)  # type: ignore[call-arg]


# -- mistakes

worker_task("x", thread_count="2")  # type: ignore[call-overload]
worker_task("x", thread_counts=2)  # type: ignore[call-overload]
worker_task("x", retries=3)  # type: ignore[call-overload]
worker_task("x", retry_count="3")  # type: ignore[call-overload]
worker_task("x", retry_logic="LINEAR")  # type: ignore[call-overload]
worker_task("x", timeout_policy="FAIL")  # type: ignore[call-overload]
worker_task("x", timeout_seconds="10m")  # type: ignore[call-overload]
worker_task("x", task_def="x")  # type: ignore[call-overload]
worker_task("x", should_poll=True)  # type: ignore[call-overload]
worker_task("x", paused="no")  # type: ignore[call-overload]
worker_task(5)  # type: ignore[call-overload]
worker_task("x", registry=[])  # type: ignore[call-overload]
Worker(charge, "x", thread_count="2")  # type: ignore[arg-type]
Worker(charge, "x", retry_count=1.5)  # type: ignore[arg-type]
Worker(charge, "x", retries=3)  # type: ignore[call-arg]
Worker("charge")  # type: ignore[arg-type]
TaskHandler(workers=[charge], thread_count="2")  # type: ignore[arg-type]
TaskHandler(workers=[charge], retry_count=3)  # type: ignore[call-arg]
TaskHandler(workers=["charge"])  # type: ignore[list-item]
charge("1")  # type: ignore[arg-type]
plain(Order("1", Decimal(1)), 2)  # type: ignore[call-arg]
register_type("Order", from_json=str)  # type: ignore[arg-type]
