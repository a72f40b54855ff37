"""Use your own types as inputs, and end a task in every way: python -m examples.workers.typed"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from conductor import ConductorClient, NonRetryableError, Task, TaskHandler, TaskResult, Workflow, worker_task
from conductor.workflow import simple


@dataclass
class Line:
    article: str
    amount: int
    price: Decimal


@dataclass
class Invoice:
    due: date
    total: Decimal


@worker_task("typed_invoice")
def invoice(lines: list[Line], due: date, discount: Decimal = Decimal(0)) -> Invoice:
    if not lines:
        raise NonRetryableError("an invoice needs lines")  # fails permanently; other exceptions are retried
    return Invoice(due, sum((line.amount * line.price for line in lines), Decimal(0)) - discount)


@worker_task("typed_book")
def book(task: Task) -> TaskResult:  # receive the complete task, and return a complete result
    return TaskResult(
        workflow_instance_id=task.workflow_instance_id or "",
        task_id=task.task_id or "",
        status="COMPLETED",
        output_data={"booked": task.input_data["total"]},
    )


billing = Workflow("typed_billing", input_parameters=["lines", "due"])
made = billing.add(simple(invoice, ref="invoice", lines=billing.input.lines, due=billing.input.due))
booked = billing.add(simple(book, ref="book", total=made.output.total))
billing.returns(due=made.output.due, booked=booked.output.booked)


def main(client: ConductorClient) -> tuple[dict, str | None]:
    lines = [{"article": "tea", "amount": 3, "price": "4.50"}]
    with TaskHandler(client, workers=[invoice, book]):
        good = billing.run(client, {"lines": lines, "due": "2030-01-31"}, timeout=60)
        bad = client.workflows.wait(billing.start(client, {"lines": [], "due": "2030-01-31"}), timeout=60)
    return good.output, bad.task("invoice").reason_for_incompletion


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
