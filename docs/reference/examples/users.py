"""Save a user and list their permissions."""

from conductor import ConductorClient

with ConductorClient() as client:
    client.users.save("ada@example.com", "Ada", roles=["USER"])
    for granted in client.users.list_permissions("ada@example.com"):
        print(
            granted.target.type,
            granted.target.id,
            [str(access) for access in granted.access],
        )
