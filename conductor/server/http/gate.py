"""What every request passes: faults on demand, the host it asked for, and the keys, where the server has some."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conductor.models.codec import loads
from conductor.server.faults import Fault, Faults
from conductor.server.http.answers import error_answer, json_answer

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
