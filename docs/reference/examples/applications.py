"""Create an application for a worker, with a role and an access key."""

from conductor import ConductorClient

with ConductorClient() as client:
    application = client.applications.create("example_shop")
    client.applications.add_role(application.id, "WORKER")
    key = client.applications.create_access_key(application.id)
    print(key)  # key.secret is returned only once; it is not printed
    client.applications.toggle_access_key(application.id, key.id)
