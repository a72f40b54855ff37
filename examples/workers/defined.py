"""Set retries, timeouts and limits in task definitions: python -m examples.workers.defined"""

import time

from conductor import (
    ConductorClient,
    NotFoundError,
    TaskDef,
    TaskHandler,
    Worker,
    WorkerRegistry,
    task_definition,
    worker_task,
)
from conductor.models import RetryLogic

registry = WorkerRegistry()


@worker_task(
    "defined_call",
    registry=registry,
    register_task_def=True,  # the handler registers the definition
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
    with TaskHandler(client, registry=registry):  # registers the definition in the background
        registered = wait_for_definition(client, "defined_call")
    changed = Worker(call, "defined_call", task_def={**registered.to_dict(), "retryCount": 6}).task_def()
    was_written = bool(client.metadata.ensure_task(changed))  # in a deployment script: saves only if it differs
    return registered.retry_count, str(registered.retry_logic), was_written


def wait_for_definition(client: ConductorClient, name: str, timeout: float = 10) -> TaskDef:
    deadline = time.monotonic() + timeout
    while True:
        try:
            return client.metadata.get_task(name)
        except NotFoundError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
