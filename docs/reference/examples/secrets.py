"""Secrets, which definitions name as ``${workflow.secrets.EXAMPLE_TOKEN}``.

The open-source server and the embedded one have those of their ``CONDUCTOR_SECRET_*`` variables; on Orkes,
``client.secrets.save("EXAMPLE_TOKEN", "...")`` makes one.
"""

from conductor import ConductorClient

with ConductorClient() as client:
    print(client.secrets.list_names())
    print(client.secrets.exists("EXAMPLE_TOKEN"))
