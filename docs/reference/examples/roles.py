"""Create a role from permissions."""

from conductor import ConductorClient

with ConductorClient() as client:
    client.roles.create("example_reader", ["METADATA_MANAGEMENT_READ"])
    print([role.name for role in client.roles.list_custom()])
