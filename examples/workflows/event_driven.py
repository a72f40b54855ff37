"""Start a workflow with an event: python -m examples.workflows.event_driven

The open-source server checks for new event handlers once a minute, so the first event can take that long.
"""

import time

from conductor import ConductorClient, Workflow
from conductor.models import Workflow as Execution
from conductor.workflow import event, set_variable

pipeline = Workflow("events_pipeline", input_parameters=["branch"])
pipeline >> set_variable(built=pipeline.input.branch)
pipeline.returns(built=pipeline.variables.built)

push = Workflow("events_push", input_parameters=["branch"])
push >> event("conductor:pushed", {"branch": push.input.branch})

HANDLER = {
    "name": "events_on_push",
    "event": f"conductor:{push.name}:pushed",
    "actions": [
        {
            "action": "start_workflow",
            "start_workflow": {
                "name": pipeline.name,
                "version": pipeline.version,
                "correlationId": "${workflowInstanceId}",
                "input": {"branch": "${branch}"},
            },
        }
    ],
    "active": True,
}


def started_by(client: ConductorClient, workflow_id: str, seconds: float = 90) -> Execution:
    """Return the execution that the event of another execution started."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := client.workflows.list_by_correlation_id(pipeline.name, workflow_id, include_closed=True):
            return client.workflows.wait(found[0].workflow_id, timeout=30)
        time.sleep(0.5)
    raise TimeoutError(f"no {pipeline.name} was started by {workflow_id}")


def main(client: ConductorClient) -> str:
    pipeline.register(client, overwrite=True)
    client.events.create_handler(HANDLER)
    try:
        return started_by(client, push.start(client, {"branch": "main"})).output["built"]
    finally:
        client.events.delete_handler(HANDLER["name"])


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
