"""Register, compare and list definitions of tasks and workflows."""

from conductor import ConductorClient, TaskDef

with ConductorClient() as client:
    charge = TaskDef(
        name="example_charge",
        retry_count=2,
        response_timeout_seconds=60,
        owner_email="you@example.com",
    )
    client.metadata.register_task(charge)
    print(client.metadata.get_task("example_charge").retry_count)

    client.metadata.register_workflow(
        {
            "name": "example_payment",
            "version": 1,
            "ownerEmail": "you@example.com",
            "tasks": [
                {
                    "name": "example_charge",
                    "taskReferenceName": "charge",
                    "type": "SIMPLE",
                }
            ],
        },
        overwrite=True,
    )
    print(
        [
            one.version
            for one in client.metadata.list_workflow_versions("example_payment")
        ]
    )
