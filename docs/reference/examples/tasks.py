"""Poll a task, add a line to its log and complete it by hand, as a worker does."""

from conductor import ConductorClient, Workflow
from conductor.workflow import simple

parcel = Workflow("example_parcel")
parcel >> simple("example_weigh")

with ConductorClient() as client:
    workflow_id = parcel.start(client)
    print(client.tasks.get_queue_sizes("example_weigh"))

    task = client.tasks.poll("example_weigh", worker_id="scale-1")
    client.tasks.add_log(task.task_id, "on the scale")
    client.tasks.update(
        workflow_id=workflow_id,
        task_id=task.task_id,
        status="COMPLETED",
        output={"grams": 420},
    )

    print(client.workflows.wait(workflow_id, timeout=30).output)
