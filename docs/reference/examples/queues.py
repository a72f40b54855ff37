"""End a WAIT task through the server's queue, as another system would."""

from conductor import ConductorClient, Workflow
from conductor.workflow import wait

approval = Workflow("example_approval")
approval >> wait(ref="approved")

with ConductorClient() as client:
    workflow_id = approval.start(client)
    client.queues.complete_wait_task(workflow_id, "approved", output={"by": "Ada"})
    print(client.workflows.wait(workflow_id, timeout=30).output)
