"""Save a model provider and one of its models."""

from conductor import ConductorClient

with ConductorClient() as client:
    client.integrations.save_provider(
        "example_openai",
        {
            "type": "openai",
            "category": "AI_MODEL",
            "description": "for summaries",
            "enabled": True,
            "configuration": {"api_key": "${workflow.secrets.OPENAI_KEY}"},
        },
    )
    client.integrations.save_api(
        "example_openai", "gpt-4o", {"description": "summaries", "enabled": True}
    )
    print([api.api for api in client.integrations.list_apis("example_openai")])
