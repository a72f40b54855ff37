"""Puts the token on requests: cached from ``POST /token``, fixed, from a callable, or the user's own scheme."""

from __future__ import annotations

from collections.abc import Callable

import requests
from requests.auth import AuthBase

from conductor.transport.token import TokenCache

__all__ = ["HEADER", "ConductorAuth", "NoAuth"]

HEADER = "X-Authorization"


class ConductorAuth(AuthBase):
    """Adds ``X-Authorization``.

    Args:
        source: A ``TokenCache``, a fixed token, or a callable that returns a token and is asked for each request.
    """

    def __init__(self, source: TokenCache | str | Callable[[], str]) -> None:
        self._source = source

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the token on ``request``."""
        if token := self.token():
            request.headers[HEADER] = token
        return request

    def __repr__(self) -> str:
        return "ConductorAuth(***)"

    def token(self) -> str | None:
        """The token for the next request.

        Raises:
            AuthenticationError: None can be had.
        """
        if isinstance(self._source, TokenCache):
            return self._source.get()
        return self._source if isinstance(self._source, str) else self._source()

    def renew(self, rejected: str | None) -> str | None:
        """Another token than ``rejected``; the same or None when there is no other."""
        if isinstance(self._source, TokenCache):
            return self._source.renew(rejected)
        return self.token()

    @property
    def state(self) -> str:
        """How the token is, see ``TokenCache.state``; one that is not ours to refresh counts as valid."""
        return self._source.state if isinstance(self._source, TokenCache) else "valid"

    def after_fork(self) -> None:
        """In a forked child: begin with locks of its own."""
        if isinstance(self._source, TokenCache):
            self._source.reset_lock()


class NoAuth(AuthBase):
    """No authentication. As an object, so that requests does not look into ``.netrc`` instead."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave ``request`` as it is."""
        return request
