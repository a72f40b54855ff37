"""Continue a failed execution at the failed task, at an earlier task, or from the start.

python -m examples.workflows.retried
"""

from conductor import ConductorClient, NonRetryableError, TaskHandler, Workflow, worker_task
from conductor.workflow import simple

stock = {"tea": 0}
calls: list[str] = []


@worker_task("retried_price")
def price(article: str) -> int:
    calls.append("price")
    return {"tea": 4, "pot": 20}[article]


@worker_task("retried_pack")
def pack(article: str) -> str:
    calls.append("pack")
    if not stock.get(article):
        raise NonRetryableError(f"no {article} in stock")
    return f"{article} packed"


order = Workflow("retried_order", input_parameters=["article"])
priced = order.add(simple(price, ref="price", article=order.input.article))
packed = order.add(simple(pack, ref="pack", article=order.input.article))
order.returns(price=priced.output.result, text=packed.output.result)


def main(client: ConductorClient) -> list[tuple[str, list[str]]]:
    stock.update(tea=0, pot=1)
    calls.clear()
    said = []
    order.register(client, overwrite=True)

    def ended(what: str) -> str | None:
        run = client.workflows.wait(workflow_id, timeout=60)
        said.append((f"{what}: {run.status} {run.output.get('text')}", calls.copy()))
        calls.clear()
        return run.task("price").task_id

    with TaskHandler(client, workers=[price, pack]):
        workflow_id = order.start(client, {"article": "tea"}, registered=True)
        ended("start")
        stock["tea"] = 5
        client.workflows.retry(workflow_id)  # the failed task again, with the same input
        first = ended("retry")
        client.workflows.rerun(workflow_id, from_task_id=first, task_input={"article": "pot"})
        ended("rerun")
        client.workflows.restart(workflow_id)  # all steps again, with the same input
        ended("restart")
    return said


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
