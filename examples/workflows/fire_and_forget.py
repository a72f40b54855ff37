"""Start a workflow that sends a notification at its end: python -m examples.workflows.fire_and_forget"""

import threading

from conductor import ConductorClient, TaskHandler, Workflow, worker_task
from conductor.workflow import simple

told: dict[str, str] = {}
something_told = threading.Event()


@worker_task("forget_resize")
def resize(picture: str) -> str:
    return f"{picture} (small)"


@worker_task("forget_tell")
def tell(workflow_id: str, message: str) -> None:
    told[workflow_id] = message
    something_told.set()


resizing = Workflow("forget_resizing", input_parameters=["picture"])
resized = resizing.add(simple(resize, picture=resizing.input.picture))
resizing >> simple(tell, workflow_id=resizing.execution.workflowId, message=f"done: {resized.output.result}")


def main(client: ConductorClient) -> str:
    something_told.clear()
    with TaskHandler(client, workers=[resize, tell]):
        workflow_id = resizing.start(client, {"picture": "cat.png"})
        print(f"started {workflow_id}, going on")
        something_told.wait(60)
        return told[workflow_id]


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
