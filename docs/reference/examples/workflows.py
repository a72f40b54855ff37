"""Start a workflow, wait for its end and find it again."""

from conductor import ConductorClient, Workflow
from conductor.workflow import set_variable

greeting = Workflow("example_greeting", input_parameters=["name"])
greeting >> set_variable(text=f"Hello {greeting.input.name}")
greeting.returns(text=greeting.variables.text)

with ConductorClient() as client:
    greeting.register(client, overwrite=True)

    run = client.workflows.run(
        "example_greeting", {"name": "Ada"}, timeout=30, correlation_id="visit-1"
    )
    print(run.status, run.output)

    for found in client.workflows.list_by_correlation_id(
        "example_greeting", "visit-1", include_closed=True
    ):
        print(found.workflow_id == run.workflow_id)
