"""Environment variables: definitions read ``${workflow.env.EXAMPLE_REGION}``.

The open-source and embedded servers read them from ``CONDUCTOR_ENV_*`` variables.
On Orkes, ``client.environment.save("EXAMPLE_REGION", "eu-west")`` creates one.
"""

from conductor import ConductorClient

with ConductorClient() as client:
    print(client.environment.get("EXAMPLE_REGION"))
    print([variable.name for variable in client.environment.list()])
