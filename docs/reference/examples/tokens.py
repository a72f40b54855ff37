"""Get a token for an access key. Clients with a key do this themselves."""

from conductor import ConductorClient

with ConductorClient() as client:
    token = client.tokens.create("example-key", "example-secret")
    print(token)  # token.token has the token; it is never printed
    print(client.tokens.get_user_info()["id"])
