"""A token that all threads share and that is refreshed in time, for clients and for the web page's proxy."""

from __future__ import annotations

import contextlib
import copy
import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from conductor.errors import APIError, APITimeoutError, AuthenticationError, ConductorError

__all__ = ["NoTokenEndpoint", "TokenCache", "checked_token"]

logger = logging.getLogger(__name__)
#: Share of a token's life after which it is refreshed while it can still be used.
_STALE_SHARE = 0.8
#: Longest delay in seconds between failing requests for a token.
_MAX_BACKOFF_S = 60.0
#: Seconds between requests for a token to a server without a token endpoint.
_REDISCOVERY_S = 2.0
_TOKEN = re.compile(r"[\x20-\x7e]+", re.ASCII)


class NoTokenEndpoint(Exception):  # noqa: N818  a signal between two functions, not an error
    """Raised by a fetch: the server has no ``/token``, so it is an open-source server without authentication."""


class TokenCache:
    """Keeps one token for all threads.

    After 80% of the token's lifetime, one thread refreshes it while the others continue to use it. After its lifetime,
    all threads wait for one refresh. A failed refresh is repeated after 1, 2, 4, ... 60 seconds. Until then, a valid
    token is used; without one, the error is raised again immediately. If a server without authentication rejects a
    request because a token is missing, a token is requested again, at most every two seconds. The log has one line when
    failures begin, one when their cause changes, and one when they end.

    Args:
        fetch: Returns a new token from the server; takes the maximum number of seconds (None for the default limit).
        life: The lifetime of a token in seconds.
        clock: Monotonic seconds.
    """

    def __init__(
        self, fetch: Callable[[float | None], str], life: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetch = fetch
        self._life = life
        self._clock = clock
        self._lock = threading.Lock()
        self._token: str | None = None
        self._number = 0
        self._got_at = 0.0
        self._failures = 0
        self._failing_since = 0.0
        self._not_before = 0.0
        self._last_error: ConductorError | None = None
        self._disabled = False

    def reset_lock(self) -> None:
        """Replace the lock in a forked child: another thread of the parent may have held it."""
        self._lock = threading.Lock()

    @property
    def is_disabled(self) -> bool:
        """Whether the server was found to have no authentication."""
        return self._disabled

    @property
    def state(self) -> str:
        """``none`` (no authentication), ``new``, ``valid``, ``expired`` or ``failing`` (the last attempt failed)."""
        if self._disabled:
            return "none"
        if self._last_error is not None:
            return "failing"
        if self._token is None:
            return "new"
        return "valid" if self._clock() - self._got_at < self._life else "expired"

    def get(self, limit: float | None = None) -> str | None:
        """Return a valid token, or None for a server without authentication.

        Args:
            limit: Maximum number of seconds to wait for a token.

        Raises:
            AuthenticationError: No token is available; the cause is in the message.
            APIError: ``POST /token`` failed, or another thread's refresh took longer than ``limit``.
        """
        if self._disabled:
            return None
        # No local variable holds a token below, because tools show the variables in a traceback.
        token = self._younger_than(self._life * _STALE_SHARE)
        if token is not None:
            return token
        if self._younger_than(self._life) is not None:
            # The thread that gets the lock refreshes the token; the others use the old token during the last fifth of
            # its lifetime.
            if self._lock.acquire(blocking=False):
                try:
                    self._refresh_stale(limit)
                finally:
                    self._lock.release()
            return self._token
        with self._locked(limit) as left:
            return self._current_or_new(left)

    def _younger_than(self, seconds: float) -> str | None:
        token = self._token
        return token if self._clock() - self._got_at < seconds else None

    def renew(self, rejected: str | None, limit: float | None = None) -> str | None:
        """Return a token other than ``rejected``, which the server did not accept; all callers share one refresh."""
        # If the token has changed since the request was created, another thread has renewed it, and the new token is
        # used.
        number = self._number if self._token == rejected else None
        del rejected  # what follows may raise
        with self._locked(limit) as left:
            if number == self._number:
                self._token = None
            # The server now refuses requests without a token: it was restarted with authentication, or a proxy has
            # answered `/token` before.
            if self._disabled and self._clock() >= self._not_before:
                self._disabled = False
            return self._current_or_new(left)

    @contextlib.contextmanager
    def _locked(self, limit: float | None) -> Iterator[float | None]:
        """Hold the lock; yields the rest of ``limit`` seconds."""
        began = self._clock()
        if not self._lock.acquire(timeout=-1 if limit is None else max(limit, 0.0)):
            raise APITimeoutError("POST /token, which another thread has sent, was not answered in time")
        try:
            yield None if limit is None else max(limit - (self._clock() - began), 0.001)
        finally:
            self._lock.release()

    def _refresh_stale(self, limit: float | None) -> None:
        if self._clock() - self._got_at < self._life * _STALE_SHARE or self._clock() < self._not_before:
            return
        try:
            self._refresh(limit)
        except ConductorError:
            return  # the old token is still valid; the failure is counted

    def _current_or_new(self, limit: float | None) -> str | None:
        if self._disabled:
            return None
        if self._token is not None and self._clock() - self._got_at < self._life:
            return self._token
        if self._clock() < self._not_before and self._last_error is not None:
            # A copy for each caller, because threads that raise the same exception would mix their tracebacks.
            error = copy.copy(self._last_error)
            if isinstance(error, APIError):
                error.token_retry_after = self._not_before - self._clock()
            raise error
        self._refresh(limit)
        return self._token

    def _refresh(self, limit: float | None) -> None:
        try:
            self._token = checked_token(self._fetch(limit))
        except NoTokenEndpoint:
            self._disabled = True
            self._not_before = self._clock() + _REDISCOVERY_S
            self._token = None
            self._last_error = None
            logger.info("The server has no token endpoint; continuing without authentication")
            return
        except ConductorError as error:
            self._after_failure(error)
            raise
        self._number += 1
        self._got_at = self._clock()
        self._after_success()

    def _after_success(self) -> None:
        if self._last_error is not None:
            lasted = self._clock() - self._failing_since
            logger.info("Got a token again after %.1f s and %d failed attempt(s)", lasted, self._failures)
        self._failures = 0
        self._last_error = None

    def _after_failure(self, error: ConductorError) -> None:
        if self._last_error is None:
            self._failing_since = self._clock()
        # One line in the log for each kind of failure: with hundreds of threads, an outage would otherwise fill it.
        if type(error) is not type(self._last_error):
            level = logging.ERROR if isinstance(error, AuthenticationError) else logging.WARNING
            logger.log(level, "Cannot get a token; retrying with back-off: %s", error)
        self._failures += 1
        wait = min(2.0 ** (self._failures - 1), _MAX_BACKOFF_S)
        self._not_before = self._clock() + wait
        if isinstance(error, APIError):
            error.token_retry_after = wait
        self._last_error = copy.copy(error)  # without a traceback, which would keep frames alive


def checked_token(token: Any) -> str:
    """Return a token without the white space around it, such as the newline at the end of a file.

    Raises:
        AuthenticationError: It is not a string of printable ASCII characters; the message does not show it.
    """
    text = token.strip() if isinstance(token, str) else ""
    if _TOKEN.fullmatch(text):
        return text
    del token, text
    raise AuthenticationError("The token is empty, or has a character that an HTTP header cannot hold.")
