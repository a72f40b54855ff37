"""Register, compare, version and delete definitions.

python -m examples.workflows.definitions
"""

from conductor import ConductorClient, Workflow, task_definition
from conductor.workflow import simple


def shipping(version: int, *carriers: str) -> Workflow:
    workflow = Workflow("definitions_shipping", version, owner_email="shop@example.com", status_listener=False)
    for carrier in carriers:
        workflow >> simple("definitions_ship", ref=carrier, carrier=carrier)
    return workflow


def main(client: ConductorClient) -> list[str]:
    said = []
    client.metadata.register_task(task_definition("definitions_ship", retry_count=2))
    shipping(1, "dhl").register(client, overwrite=True)
    shipping(2, "dhl", "ups").register(client, overwrite=True)

    said.append(f"the same again: {bool(client.metadata.ensure_workflow(shipping(2, 'dhl', 'ups').to_def()))}")
    said.append(f"another differs: {bool(shipping(2, 'dhl').diff(client))}")
    latest = client.metadata.get_workflow("definitions_shipping")
    said.append(f"latest: {latest.version} with {len(latest.tasks)} tasks")
    said.append(f"from the server: {Workflow.from_def(latest).to_dict()['tasks'][1]['taskReferenceName']}")

    for version in (1, 2):
        client.metadata.unregister_workflow("definitions_shipping", version)
    client.metadata.unregister_task("definitions_ship")
    return said


if __name__ == "__main__":
    with ConductorClient() as client:
        print(main(client))
