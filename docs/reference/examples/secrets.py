"""Secrets, which definitions read as ``${workflow.secrets.EXAMPLE_TOKEN}``.

The open-source and embedded servers read ``CONDUCTOR_SECRET_*`` variables.
On Orkes, ``client.secrets.save("EXAMPLE_TOKEN", "...")`` creates one.
"""

from conductor import ConductorClient

with ConductorClient() as client:
    print(client.secrets.list_names())
    print(client.secrets.exists("EXAMPLE_TOKEN"))
