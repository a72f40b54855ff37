"""Tokens (Orkes). A client with ``auth_key`` and ``auth_secret`` gets and renews its own."""

from __future__ import annotations

from typing import Any

from conductor.clients._resource import Resource
from conductor.models import GenerateTokenRequest, Token
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["TokenClient"]

CREATE: Operation[Token] = Operation("POST", "/token", Token, Repeat.SAFE, Edition.ORKES, anonymous=True)
USER_INFO: Operation[dict[str, Any]] = Operation("GET", "/token/userInfo", dict, edition=Edition.ORKES)


class TokenClient(Resource):
    """Tokens (``client.tokens``, Orkes)."""

    def create(self, key_id: str, key_secret: str, *, expiration: int | None = None) -> Token:
        """A token for an access key (``POST /token``, sent without a token). Never in a repr.

        Raises:
            AuthenticationError: The key or its secret is wrong.
        """
        return self._call(CREATE, body=GenerateTokenRequest(key_id, key_secret, expiration))

    def get_user_info(self, *, claims: bool = False) -> dict[str, Any]:
        """Who the client is (``GET /token/userInfo``); ``claims`` adds those of the token."""
        return self._call(USER_INFO, query={"claims": claims})
