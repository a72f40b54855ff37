"""Build a workflow for one execution without registering it: python -m examples.workflows.dynamic_workflow"""

from collections.abc import Sequence

from conductor import ConductorClient, TaskHandler, Workflow, worker_task
from conductor.workflow import simple


@worker_task("dynamic_measure")
def measure(text: str) -> int:
    return len(text)


@worker_task("dynamic_add")
def add(numbers: list[int]) -> int:
    return sum(numbers)


def measuring(sentences: Sequence[str]) -> Workflow:
    workflow = Workflow("measuring")
    lengths = [simple(measure, text=text) for text in sentences]
    workflow >> lengths
    total = workflow.add(simple(add, numbers=[step.output.result for step in lengths]))
    return workflow.returns(total=total.output.result)


def main(client: ConductorClient) -> int:
    with TaskHandler(client, workers=[measure, add]):
        return measuring(["as", "many", "branches", "as", "words"]).run(client, timeout=60).output["total"]


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
