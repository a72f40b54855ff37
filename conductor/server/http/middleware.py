"""What every request passes: faults on demand, the host it asked for, and the keys, where the server has some."""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import define, field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conductor.models.codec import loads
from conductor.server.http.answers import error_answer, json_answer
from conductor.server.origin_check import Guard, is_loopback


@define
class Fault:
    """What happens to requests.

    Attributes:
        status: The HTTP status that they get in place of their answer; 0 breaks the connection instead.
        times: How many requests it happens to; None for all until it is removed.
        path: Only to requests whose path contains this.
        method: Only to requests of this method.
        delay: How long they wait first, in seconds. With a status of None they are answered as usual after it.
        headers: Headers of the answer, such as ``{"Retry-After": "1"}``.
        after: Whether the request is carried out, and only its answer is lost or replaced.
    """

    status: int | None = 500
    times: int | None = 1
    path: str = ""
    method: str | None = None
    delay: float = 0.0
    headers: dict[str, str] = field(factory=dict)
    after: bool = False


class Faults:
    """The faults of a server; each request meets the first that fits it."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Let it happen from now on."""
        with self._lock:
            self._faults.append(fault)
        return fault

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self._faults.clear()

    def __iter__(self) -> Iterator[Fault]:
        return iter(tuple(self._faults))

    def next_for(self, method: str, path: str) -> Fault | None:
        """The fault that a request meets, which is counted; None for none."""
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


_TOKEN_SECONDS = 3600.0


class BrokenConnectionError(Exception):
    """A fault breaks the connection."""


class Keys:
    """Keys and the tokens made with them; without keys no token is needed, as on the open-source server."""

    def __init__(self, keys: Mapping[str, str], token_seconds: float = _TOKEN_SECONDS) -> None:
        self._keys = dict(keys)
        self._token_seconds = token_seconds
        self._tokens: dict[str, float] = {}

    @property
    def is_needed(self) -> bool:
        """Whether requests must have a token."""
        return bool(self._keys)

    def make_token(self, key: Any, secret: Any) -> str | None:
        """A token for a key and its secret; None when they are wrong."""
        known = self._keys.get(key) if isinstance(key, str) else None
        if known is None or not isinstance(secret, str) or not secrets.compare_digest(known, secret):
            return None
        token = secrets.token_urlsafe(32)
        self._tokens[token] = time.monotonic() + self._token_seconds
        return token

    def fault_of(self, token: str) -> str | None:
        """Why a token does not count; None when it does."""
        if not token:
            return "MISSING_TOKEN"
        expires = self._tokens.get(token)
        if expires is None:
            return "INVALID_TOKEN"
        return "EXPIRED_TOKEN" if time.monotonic() > expires else None

    def expire_all(self) -> None:
        """Let every token be too old."""
        self._tokens = dict.fromkeys(self._tokens, 0.0)


class Gate:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, faults: Faults, keys: Keys) -> None:
        self._app, self._faults, self._keys = app, faults, keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or answer it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path, method = scope["path"], scope["method"]
        fault = self._faults.next_for(method, path)
        if fault is not None:
            await self._fail(fault, scope, receive, send)
        elif self._keys.is_needed and path.startswith("/api"):
            await self._check(path, method, scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _fail(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.delay:
            await asyncio.sleep(fault.delay)
        if fault.status is None:
            await self._app(scope, receive, send)
            return
        if fault.after:
            await self._app(scope, receive, _nowhere)
        if not fault.status:
            raise BrokenConnectionError
        answer = error_answer(fault.status, "A fault on demand")
        answer.headers.update(fault.headers)
        await answer(scope, receive, send)

    async def _check(self, path: str, method: str, scope: Scope, receive: Receive, send: Send) -> None:
        if path == "/api/token" and method == "POST":
            token = await self._token(receive)
            answer = error_answer(401, "Invalid key or secret") if token is None else json_answer({"token": token})
            await answer(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"x-authorization", b"").decode("latin-1")
        why = self._keys.fault_of(given)
        if why is None:
            await self._app(scope, receive, send)
        else:
            body = {"status": 401, "error": why, "message": why, "retryable": False}
            await json_answer(body, 401)(scope, receive, send)

    async def _token(self, receive: Receive) -> str | None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        try:
            given = loads(body)
        except ValueError:
            return None
        return self._keys.make_token(given.get("keyId"), given.get("keySecret")) if isinstance(given, dict) else None


async def _nowhere(_: Message) -> None:
    return None


def guarded(app: ASGIApp, host: str) -> ASGIApp:
    """Return the application for a server on this address.

    On a loopback address it answers only to the names of this machine, so that no page can reach it under a name of its
    own; elsewhere to any name. Requests that a browser sends for pages of other origins are refused everywhere.
    """
    guard = Guard((host,) if is_loopback(host) else None)

    async def checked(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            refused = guard.refusal(scope["method"], scope["path"], headers)
            if refused:
                await error_answer(*refused)(scope, receive, send)
                return
        await app(scope, receive, send)

    return checked


logger = logging.getLogger(__name__)


class Unhandled:
    """ASGI middleware around the handlers. The framework's own would answer in plain text and raise the error again."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through; answer 500 when that fails before anything was answered."""
        is_answered = False

        async def send_and_note(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            await self._app(scope, receive, send_and_note)
        except Exception as error:
            if scope["type"] != "http" or is_answered:
                raise
            logger.exception("%s %s failed", scope["method"], scope["path"])
            await error_answer(500, f"{type(error).__name__}: {error}")(scope, receive, send)
