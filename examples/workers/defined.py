"""How often a task is tried, how long it may take, how many run at once: python -m examples.workers.defined"""

from conductor import ConductorClient, TaskHandler, Worker, WorkerRegistry, task_definition, worker_task
from conductor.models import RetryLogic

registry = WorkerRegistry()


@worker_task(
    "defined_call",
    registry=registry,
    register_task_def=True,  # the handler registers the definition when it starts
    task_def=task_definition(
        "defined_call",
        description="Calls a partner, not more than five at once",
        retry_count=4,
        retry_logic=RetryLogic.EXPONENTIAL_BACKOFF,
        retry_delay_seconds=2,
        timeout_seconds=300,
        response_timeout_seconds=60,
        concurrent_exec_limit=5,
        rate_limit_per_frequency=100,
        rate_limit_frequency_in_seconds=60,
        owner_email="shop@example.com",
    ),
)
def call(partner: str) -> str:
    return f"{partner} answered"


def main(client: ConductorClient) -> tuple[int, str, bool]:
    with TaskHandler(client, registry=registry):
        there = client.metadata.get_task("defined_call")
    changed = Worker(call, "defined_call", task_def={**there.to_dict(), "retryCount": 6}).task_def()
    was_written = bool(
        client.metadata.ensure_task(changed)
    )  # a definition in a program that deploys: only a difference
    return there.retry_count, str(there.retry_logic), was_written


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
