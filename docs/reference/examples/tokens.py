"""A token for an access key. Clients with a key get theirs by themselves."""

from conductor import ConductorClient

with ConductorClient() as client:
    token = client.tokens.create("example-key", "example-secret")
    print(token)  # the token is in token.token, and in no repr
    print(client.tokens.get_user_info()["id"])
