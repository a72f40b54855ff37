"""Attach a file to an execution."""

from conductor import ConductorClient, Workflow
from conductor.workflow import wait

claim = Workflow("example_claim")
claim >> wait()

with ConductorClient() as client:
    workflow_id = claim.start(client)
    stored = client.files.upload(
        workflow_id,
        b"%PDF-1.7 ...",
        file_name="claim.pdf",
        content_type="application/pdf",
    )
    file_id = stored.file_handle_id.rpartition("/")[2]
    print(client.files.download_content(workflow_id, file_id))
