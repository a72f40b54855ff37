"""List the scheduled tasks of a type, and have an execution evaluated again."""

from conductor import ConductorClient, Workflow
from conductor.workflow import simple

parcel = Workflow("example_stuck_parcel")
parcel >> simple("example_nobody_polls")

with ConductorClient() as client:
    workflow_id = parcel.start(client)
    print(
        [
            str(task.status)
            for task in client.admin.list_pending_tasks("example_nobody_polls")
        ]
    )
    client.admin.requeue_workflow(workflow_id)
