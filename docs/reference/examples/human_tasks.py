"""Find a human task, claim it and complete it."""

from conductor import ConductorClient

with ConductorClient() as client:
    for task in client.human_tasks.search(
        states=["ASSIGNED"], workflow_names=["example_loan"]
    ).results:
        client.human_tasks.claim(task.task_id)
        client.human_tasks.complete(task.task_id, {"approved": True})
        print(task.display_name)
