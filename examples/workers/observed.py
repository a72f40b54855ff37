"""Observe workers with listeners and metrics: python -m examples.workers.observed

With TaskHandler(health_port=9090) the same metrics are served at /metrics in the format of Prometheus.
"""

from conductor import ConductorClient, TaskHandler, WorkerListener, Workflow, worker_task
from conductor.worker.events import TaskExecutionCompleted, TaskExecutionFailure, TaskUpdateCompleted
from conductor.workflow import simple


@worker_task("observed_divide", task_def={"retryCount": 1, "retryDelaySeconds": 0})
def divide(a: int, b: int) -> float:
    return a / b


class Journal(WorkerListener):
    """An audit log. Exceptions of a listener are logged and have no other effect."""

    def __init__(self):
        self.lines = []

    def on_task_execution_completed(self, event: TaskExecutionCompleted) -> None:
        self.lines.append(f"{event.task_type} done")

    def on_task_execution_failure(self, event: TaskExecutionFailure) -> None:
        self.lines.append(f"{event.task_type} failed: {type(event.error).__name__}")


sums = Workflow("observed_sums", input_parameters=["b"])
sums >> simple(divide, a=6, b=sums.input.b)


def main(client: ConductorClient) -> tuple[list[str], int, float]:
    journal, delivered = Journal(), []
    sums.register(client, overwrite=True, task_defs=True)
    handler = TaskHandler(client, workers=[divide], listeners=[journal], metrics=True)
    handler.on(TaskUpdateCompleted, delivered.append)  # a function for one event type
    with handler:
        sums.run(client, {"b": 2}, timeout=60)
        client.workflows.wait(sums.start(client, {"b": 0}), timeout=60)
    [called] = handler.metrics()["task_execution_started_total"]["samples"]
    return journal.lines, len(delivered), called["value"]


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
