"""Complete a WAIT task through an event queue if the server has one, or directly.

The open-source server has these queues only if
``conductor.default-event-queue.type`` is set, for example to ``sqs``.
"""

from conductor import ConductorClient, Workflow
from conductor.workflow import wait

approval = Workflow("example_approval")
approval >> wait(ref="approved")

with ConductorClient() as client:
    workflow_id = approval.start(client)
    if "COMPLETED" in client.queues.list():
        client.queues.complete_wait_task(
            workflow_id, "approved", output={"by": "Ada"}
        )
    else:
        client.tasks.update_by_reference_name(
            workflow_id, "approved", output={"by": "Ada"}
        )
    print(client.workflows.wait(workflow_id, timeout=30).output)
