"""Checks every request before its handler runs: origin, injected faults, and access keys."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, field

from conductor.server.engine.context import RefusedError
from conductor.server.http.edition import Check
from conductor.server.http.messages import (
    BROKEN,
    Outcome,
    Request,
    Response,
    after,
    error_answer,
    json_answer,
    parse_json,
    then,
)
from conductor.server.origin_check import OriginCheck
from conductor.server.ui.files import GUARDED_PATHS

Serve = Callable[[Request], Outcome]


@define
class Fault:
    """A failure to inject into the server, to test how a client handles it.

    Attributes:
        status: The HTTP status of the response; 0 breaks the connection; None only delays the response.
        times: The number of requests that fail; None for all until ``Faults.clear``.
        path: Only requests whose path contains this string fail.
        method: Only requests with this HTTP method fail; None for any.
        delay: Seconds before the response.
        headers: Headers of the response, such as ``{"Retry-After": "1"}``.
        after: Whether to serve the request first, so that only its response is lost or replaced.
    """

    status: int | None = 500
    times: int | None = 1
    path: str = ""
    method: str | None = None
    delay: float = 0.0
    headers: dict[str, str] = field(factory=dict)
    after: bool = False


class Faults:
    """The injected faults of a server. The first fault that matches a request applies."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Add a fault, and return it."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """Remove all faults, so that requests are served normally again."""
        with self._lock:
            self._faults.clear()

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._faults))

    def next_for(self, method: str, path: str) -> Fault | None:
        """Return the fault for a request, and count it; None if no fault matches."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if fault.path in path and fault.method in {None, method}:
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._faults.remove(fault)
                    return fault
        return None


#: Seconds until a token expires.
_TOKEN_SECONDS = 3600.0


class Keys:
    """Access keys and their tokens. Without keys, requests need no token, as on the OSS server.

    Args:
        keys: Secrets by key id.
        token_seconds: Seconds until a token expires.
    """

    def __init__(self, keys: Mapping[str, str], token_seconds: float = _TOKEN_SECONDS) -> None:
        self._keys = dict(keys)
        self._token_seconds = token_seconds
        self._tokens: dict[str, float] = {}

    @property
    def is_needed(self) -> bool:
        """Whether requests need a token."""
        return bool(self._keys)

    def make_token(self, key: Any, secret: Any) -> str | None:
        """Return a new token for a key id and its secret; None if they are wrong."""
        known = self._keys.get(key) if isinstance(key, str) else None
        if known is None or not isinstance(secret, str) or not secrets.compare_digest(known, secret):
            return None
        token = secrets.token_urlsafe(32)
        self._tokens[token] = time.monotonic() + self._token_seconds
        return token

    def refusal_of(self, token: str) -> str | None:
        """Return the code of the reason why a token is refused; None if it is valid."""
        if not token:
            return "MISSING_TOKEN"
        expires = self._tokens.get(token)
        if expires is None:
            return "INVALID_TOKEN"
        return "EXPIRED_TOKEN" if time.monotonic() > expires else None

    def expire_all(self) -> None:
        """Make all tokens expire now."""
        self._tokens = dict.fromkeys(self._tokens, 0.0)

    def check(self, request: Request) -> Response | None:
        """Return the response to a request for a token, or without a valid token; None for any other request."""
        if not self.is_needed or not (request.path.startswith("/api") or request.path in GUARDED_PATHS):
            return None
        if request.path == "/api/token" and request.method == "POST":
            token = self._token(request.body)
            return error_answer(401, "Invalid key or secret") if token is None else json_answer({"token": token})
        reason = self.refusal_of(request.headers.get("x-authorization", ""))
        if reason is None:
            return None
        return json_answer({"status": 401, "error": reason, "message": reason, "retryable": False}, 401)

    def _token(self, body: bytes) -> str | None:
        try:
            given = parse_json(body)
        except RefusedError:
            return None
        return self.make_token(given.get("keyId"), given.get("keySecret")) if isinstance(given, dict) else None


class Middleware:
    """Checks requests and passes them to the handlers.

    Args:
        serve: Calls the handler of a request.
        origins: The hosts and origins that may use the server.
        faults: The injected faults.
        check: Checks the token of a request; returns the response that refuses it, or None.
    """

    def __init__(self, serve: Serve, origins: OriginCheck, faults: Faults, check: Check) -> None:
        self._serve, self._origins, self._faults, self._check = serve, origins, faults, check

    def __call__(self, request: Request) -> Outcome:
        """Apply the faults that match the request, then serve it."""
        refused = self._origins.refusal(request.method, request.path, request.headers)
        if refused:
            return error_answer(*refused)
        fault = self._faults.next_for(request.method, request.path)
        if fault is None:
            return self._checked(request)
        if fault.delay:
            return after(fault.delay, lambda: self._failed(fault, request))
        return self._failed(fault, request)

    def _failed(self, fault: Fault, request: Request) -> Outcome:
        if fault.status is None:
            return self._checked(request)
        if fault.after:
            return then(self._checked(request), lambda _: _response_of(fault))
        return _response_of(fault)

    def _checked(self, request: Request) -> Outcome:
        return self._check(request) or self._serve(request)


def _response_of(fault: Fault) -> Response:
    if not fault.status:
        return BROKEN
    response = error_answer(fault.status, "Injected fault")
    response.headers.update(fault.headers)
    return response
