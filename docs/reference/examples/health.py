"""Is the server well, and which one is it?"""

from conductor import ConductorClient

with ConductorClient() as client:
    print(client.health.check().healthy)
    print(client.health.get_version())
