"""Errors that nobody foresaw: they are logged, and answered as the real server answers them."""

from __future__ import annotations

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from conductor.server.http.answers import error_answer

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
