"""Puts the token on requests: cached from ``POST /token``, fixed, from a callable, or the user's own scheme."""

from __future__ import annotations

from collections.abc import Callable

import requests
from requests.auth import AuthBase

from conductor.errors import AuthenticationError
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

    def within(self, limit: float | None) -> AuthBase:
        """The same for one request, with the token at hand already: to be had within ``limit`` seconds.

        Raises:
            AuthenticationError: None can be had.
        """
        return _Ready(self.token(limit))

    def __repr__(self) -> str:
        return "ConductorAuth(***)"

    def token(self, limit: float | None = None) -> str | None:
        """The token for the next request.

        Args:
            limit: The longest to wait for one, in seconds.

        Raises:
            AuthenticationError: None can be had.
        """
        if isinstance(self._source, TokenCache):
            return self._source.get(limit)
        return self._source if isinstance(self._source, str) else self._asked(self._source)

    @staticmethod
    def _asked(source: Callable[[], str]) -> str:
        try:
            return source()
        except Exception as error:
            raise AuthenticationError(
                f"The callable that was given as auth raised {type(error).__name__}, so there is no token."
            ) from error

    def renew(self, rejected: str | None, limit: float | None = None) -> str | None:
        """Another token than ``rejected``; the same or None when there is no other."""
        if isinstance(self._source, TokenCache):
            return self._source.renew(rejected, limit)
        return self.token()

    @property
    def state(self) -> str:
        """How the token is, see ``TokenCache.state``; one that is not ours to refresh counts as valid."""
        return self._source.state if isinstance(self._source, TokenCache) else "valid"

    def after_fork(self) -> None:
        """In a forked child: begin with locks of its own."""
        if isinstance(self._source, TokenCache):
            self._source.reset_lock()


class _Ready(AuthBase):
    """Adds a token that is at hand."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token:
            request.headers[HEADER] = self._token
        return request


class NoAuth(AuthBase):
    """No authentication. As an object, so that requests does not look into ``.netrc`` instead."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave ``request`` as it is."""
        return request
