"""Configure how callers of the API gateway authenticate."""

from conductor import ConductorClient

with ConductorClient() as client:
    client.gateway.create_auth_config(
        {
            "id": "example_keys",
            "authenticationType": "API_KEY",
            "apiKeys": ["k-1"],
            "applicationId": "app-1",
        }
    )
    print([config["id"] for config in client.gateway.list_auth_configs()])
