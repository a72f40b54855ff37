"""What happens in the workers, heard by listeners and counted: python -m examples.workers.observed

With TaskHandler(health_port=9090) the same numbers are served at /metrics, as Prometheus reads them.
"""

from conductor import ConductorClient, TaskHandler, WorkerListener, Workflow, worker_task
from conductor.worker.events import TaskExecutionCompleted, TaskExecutionFailure, TaskUpdateCompleted
from conductor.workflow import simple


@worker_task("observed_divide", task_def={"retryCount": 1, "retryDelaySeconds": 0})
def divide(a: int, b: int) -> float:
    return a / b


class Journal(WorkerListener):
    """An audit of what the workers did; what a listener raises is logged and stops nothing."""

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
    handler.on(TaskUpdateCompleted, delivered.append)  # one kind of event, without a class
    with handler:
        sums.run(client, {"b": 2}, timeout=60)
        client.workflows.wait(sums.start(client, {"b": 0}), timeout=60)
    [called] = handler.metrics()["task_execution_started_total"]["samples"]
    return journal.lines, len(delivered), called["value"]


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
