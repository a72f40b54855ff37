"""Find workers by importing their modules: python -m examples.workers.discovered

The same from the command line: conductor worker run examples.workers.shop.orders examples.workers.shop.payments
"""

from conductor import ConductorClient, TaskHandler, Workflow
from conductor.workflow import simple
from examples.workers.shop import registry

MODULES = ["examples.workers.shop.orders", "examples.workers.shop.payments"]

purchase = Workflow("discovered_purchase", input_parameters=["article"])
priced = purchase.add(simple("discovered_price", ref="price", article=purchase.input.article))
paid = purchase.add(simple("discovered_pay", ref="pay", amount=priced.output.result))
purchase.returns(receipt=paid.output.result)


def main(client: ConductorClient) -> tuple[list[str], str]:
    with TaskHandler(client, registry=registry, import_modules=MODULES) as handler:
        found = sorted(worker.name for worker in handler.workers)
        return found, purchase.run(client, {"article": "pot"}, timeout=60).output["receipt"]


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
