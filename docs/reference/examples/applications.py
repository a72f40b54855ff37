"""An application for a worker, with a role and an access key."""

from conductor import ConductorClient

with ConductorClient() as client:
    application = client.applications.create("example_shop")
    client.applications.add_role(application.id, "WORKER")
    key = client.applications.create_access_key(application.id)
    print(key)  # the secret is in key.secret, this once, and in no repr
    client.applications.toggle_access_key(application.id, key.id)
