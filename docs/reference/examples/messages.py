"""Send a message to a workflow that waits for one."""

from conductor import ConductorClient, Workflow
from conductor.workflow import pull_workflow_messages

inbox = Workflow("example_inbox")
inbox >> pull_workflow_messages(batch_size=1, ref="next")
inbox.returns(messages="${next.output.messages}")

with ConductorClient() as client:
    workflow_id = inbox.start(client)
    client.messages.send(workflow_id, {"text": "hello"})
    run = client.workflows.wait(workflow_id, timeout=30)
    print([message["payload"] for message in run.output["messages"]])
