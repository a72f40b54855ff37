"""Create a group and add users to it."""

from conductor import ConductorClient

with ConductorClient() as client:
    client.groups.save(
        "example_support", "People who answer tickets", roles=["USER"]
    )
    client.groups.add_users(
        "example_support", ["ada@example.com", "bob@example.com"]
    )
    print([user.id for user in client.groups.list_users("example_support")])
