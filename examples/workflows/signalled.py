"""Advance an execution step by step; each call returns its state.

python -m examples.workflows.signalled
"""

from conductor import ConductorClient, Workflow
from conductor.workflow import set_variable, wait

checkout = Workflow("signalled_checkout", variables={"basket": "empty"})
address = checkout.add(wait(ref="address"))
checkout >> set_variable(basket="addressed")
payment = checkout.add(wait(ref="payment"))
checkout.returns(city=address.output.city, card=payment.output.card)


def main(client: ConductorClient) -> tuple[list[str], dict]:
    checkout.register(client, overwrite=True)
    run = checkout.execute(client, registered=True, wait_until="address", wait_for=5)  # returns at the WAIT task
    said = [f"started: {run.status}"]
    after = client.tasks.update_sync(
        run.workflow_id, "address", output={"city": "Rome"}
    )  # completes one task by its reference name
    said.append(f"address: {after.status}, basket {after.variables['basket']}")
    after = client.tasks.signal(run.workflow_id, output={"card": "visa"})  # completes the waiting task
    said.append(f"payment: {after.status}")
    return said, client.workflows.wait(run.workflow_id, timeout=60).output


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
