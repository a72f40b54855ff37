"""Create a webhook that starts a workflow for each signed request."""

from conductor import ConductorClient

with ConductorClient() as client:
    webhook = client.webhooks.create(
        {
            "name": "example_github",
            "verifier": "HMAC_BASED",
            "headerKey": "X-Hub-Signature-256",
            "secretKey": "X-Hub-Signature-256",
            "secretValue": "s3cret",
            "workflowsToStart": {"example_build": 1},
        }
    )
    print(f"requests go to /webhook/{webhook.id}")
