"""Add the token to requests: cached from ``POST /token``, fixed, or from a callable."""

from __future__ import annotations

import traceback
from collections.abc import Callable

import requests
from requests.auth import AuthBase

from conductor._internal.token_cache import TokenCache, checked_token
from conductor.errors import AuthenticationError

__all__ = ["HEADER", "ConductorAuth", "NoAuth", "ReadyToken"]

HEADER = "X-Authorization"


class ConductorAuth(AuthBase):
    """Adds ``X-Authorization`` to requests.

    Args:
        source: A ``TokenCache``, a fixed token, or a callable that returns a token for each request.
    """

    def __init__(self, source: TokenCache | str | Callable[[], str]) -> None:
        self._source = source

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token to ``request``."""
        if token := self.token():
            request.headers[HEADER] = token
        return request

    def __repr__(self) -> str:
        return "ConductorAuth(***)"

    def token(self, limit: float | None = None) -> str | None:
        """Return the token for the next request; None for a server without authentication.

        Args:
            limit: Seconds to wait for one.

        Raises:
            AuthenticationError: No token is available, or it has a character that is invalid in a header.
        """
        if isinstance(self._source, TokenCache):
            return self._source.get(limit)
        return checked_token(self._source) if isinstance(self._source, str) else self._called(self._source)

    @staticmethod
    def _called(source: Callable[[], str]) -> str:
        try:
            return checked_token(source())
        except AuthenticationError as error:
            failure = error.with_traceback(None)
        except Exception as error:  # a user's code may raise anything, with secrets in it
            *_, frame = traceback.extract_tb(error.__traceback__)
            failure = AuthenticationError(
                f"The callable given as auth raised {type(error).__name__} ({frame.filename}:{frame.lineno}), so there "
                "is no token."
            )
        raise failure

    def renew(self, rejected: str | None, limit: float | None = None) -> str | None:
        """Return a token other than ``rejected``; the same one or None if there is no other."""
        if isinstance(self._source, TokenCache):
            return self._source.renew(rejected, limit)
        return self.token()

    @property
    def state(self) -> str:
        """The state of the token, as in ``TokenCache.state``; a token that this SDK cannot refresh counts as valid."""
        return self._source.state if isinstance(self._source, TokenCache) else "valid"

    def after_fork(self) -> None:
        """Replace the locks in a forked child."""
        if isinstance(self._source, TokenCache):
            self._source.reset_lock()


class ReadyToken(AuthBase):
    """Adds a token that was fetched before."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the token to ``request``."""
        if self._token:
            request.headers[HEADER] = self._token
        return request


class NoAuth(AuthBase):
    """Sends no credentials; with this object, requests does not read ``.netrc`` instead."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Leave ``request`` as it is."""
        return request
