"""Terminate several executions with one call."""

from conductor import ConductorClient, Workflow
from conductor.workflow import wait

waiting = Workflow("example_waiting")
waiting >> wait()

with ConductorClient() as client:
    ids = [waiting.start(client) for _ in range(3)]
    answer = client.bulk.terminate(
        [*ids, "no-such-execution"], reason="no longer needed"
    )
    print(len(answer.bulk_successful_results), list(answer.bulk_error_results))
