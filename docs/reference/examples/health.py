"""Check the health and the version of the server."""

from conductor import ConductorClient

with ConductorClient() as client:
    print(client.health.check().healthy)
    print(client.health.get_version())
