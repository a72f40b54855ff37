"""Variables, which definitions name as ``${workflow.env.EXAMPLE_REGION}``.

The open-source server and the embedded one have those of their ``CONDUCTOR_ENV_*`` variables; on Orkes,
``client.environment.save("EXAMPLE_REGION", "eu-west")`` makes one.
"""

from conductor import ConductorClient

with ConductorClient() as client:
    print(client.environment.get("EXAMPLE_REGION"))
    print([variable.name for variable in client.environment.list()])
