"""A role of your own, made of permissions."""

from conductor import ConductorClient

with ConductorClient() as client:
    client.roles.create("example_reader", ["METADATA_MANAGEMENT_READ"])
    print([role.name for role in client.roles.list_custom()])
