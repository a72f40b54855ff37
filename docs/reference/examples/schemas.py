"""Save a versioned JSON schema for inputs."""

from conductor import ConductorClient

with ConductorClient() as client:
    client.schemas.save(
        {
            "name": "example_order",
            "version": 1,
            "type": "JSON",
            "data": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "string"}},
            },
        }
    )
    print(client.schemas.get("example_order").data["required"])
