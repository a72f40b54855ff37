"""Tag a definition."""

from conductor import ConductorClient

with ConductorClient() as client:
    client.tags.set_workflow_tags(
        "example_payment", {"team": "payments", "tier": "1"}
    )
    print(
        [
            (tag.key, tag.value)
            for tag in client.tags.list_workflow_tags("example_payment")
        ]
    )
