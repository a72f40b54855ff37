"""The ASGI application."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route

from conductor.server.engine.world import RefusedError
from conductor.server.http.answers import error_answer, json_answer, text_answer
from conductor.server.http.metadata import MetadataResource
from conductor.server.http.tasks import TaskResource
from conductor.server.http.waiting import Waiting
from conductor.server.http.workflows import WorkflowResource
from conductor.server.page.routes import page_routes
from conductor.server.services.all import Services

logger = logging.getLogger(__name__)

VERSION = "3.32.3"
"""The release of the real server that this one behaves like."""

Handler = Callable[[Request, Any], Awaitable[Response]]


def make_app(services: Services, waiting: Waiting) -> Starlette:
    """The application: the API under ``/api``, and ``/health``."""
    api: list[BaseRoute] = [
        *TaskResource(services.tasks, waiting).routes(),
        *WorkflowResource(services.executions, services.metadata).routes(),
        *MetadataResource(services.metadata).routes(),
        Route("/version", _version, methods=["GET"]),
    ]
    return Starlette(
        routes=[Mount("/api", routes=api), Route("/health", _health, methods=["GET"]), *page_routes()],
        exception_handlers={RefusedError: _refused, HTTPException: _not_routed, Exception: _failed},
    )


async def _version(_: Request) -> Response:
    return text_answer(VERSION)


async def _health(_: Request) -> Response:
    return json_answer({"healthResults": [], "suppressedHealthResults": [], "healthy": True})


async def _refused(_: Request, error: Any) -> Response:
    return error_answer(error.status, error.message, error.errors)


async def _not_routed(request: Request, error: Any) -> Response:
    if error.status_code == 404:  # noqa: PLR2004
        return error_answer(404, f"No static resource {request.url.path.lstrip('/')}.")
    if error.status_code == 405:  # noqa: PLR2004
        return error_answer(405, f"Request method '{request.method}' is not supported")
    return error_answer(error.status_code, str(error.detail))


async def _failed(request: Request, error: Exception) -> Response:
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return error_answer(500, f"{type(error).__name__}: {error}")
