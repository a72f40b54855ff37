"""Pause, resume, find and terminate an execution: python -m examples.workflows.controlled"""

from conductor import ConductorClient, Workflow
from conductor.workflow import simple, wait

trip = Workflow("controlled_trip", input_parameters=["to"])
trip >> wait(ref="paid") >> simple("controlled_nobody", ref="book") >> wait(ref="boarded")
trip.returns(to=trip.input.to)


def main(client: ConductorClient) -> list[str]:
    said = []
    trip.register(client, overwrite=True)
    workflow_id = trip.start(client, {"to": "Rome"}, registered=True, correlation_id="trip-1")

    def state() -> None:
        run = client.workflows.get(workflow_id)
        said.append(f"{run.status}: {', '.join(f'{task.reference_task_name} {task.status}' for task in run.tasks)}")

    client.workflows.pause(workflow_id)
    client.tasks.update_by_reference_name(workflow_id, "paid")  # while paused, no further task is scheduled
    state()
    client.workflows.resume(workflow_id)
    client.tasks.update_by_reference_name(workflow_id, "book", output={"seat": "12A"})  # instead of a worker
    state()
    found = client.workflows.list_by_correlation_id(trip.name, "trip-1")
    said.append(f"found by its correlation id: {workflow_id in {one.workflow_id for one in found}}")
    client.workflows.terminate(workflow_id, reason="the customer stays at home")
    state()
    client.workflows.delete(workflow_id)
    return said


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
