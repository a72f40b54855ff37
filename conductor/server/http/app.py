"""The ASGI application."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route, Router

from conductor.server.engine.world import RefusedError
from conductor.server.http.admin import AdminResource, SecretResource, storage_routes
from conductor.server.http.answers import error_answer, json_answer, text_answer
from conductor.server.http.bulk import BulkResource
from conductor.server.http.events import EventResource
from conductor.server.http.long_poll import Waiting
from conductor.server.http.metadata import MetadataResource
from conductor.server.http.middleware import Faults, Gate, Keys, Unhandled
from conductor.server.http.runs import RunResource
from conductor.server.http.schedules import ScheduleResource
from conductor.server.http.search import SearchResource
from conductor.server.http.tasks import TaskResource
from conductor.server.http.workflows import WorkflowResource
from conductor.server.services.all import Services
from conductor.server.ui.routes import page_routes

VERSION = "3.32.3"
"""The release of the real server that this one behaves like."""


def make_app(services: Services, waiting: Waiting, faults: Faults, keys: Keys) -> Gate:
    """The application: the API under ``/api``, and ``/health``."""
    kernel = services.kernel
    tasks = TaskResource(services.tasks, waiting)
    workflows = WorkflowResource(services.executions, services.metadata)
    api: list[BaseRoute] = [
        *tasks.hot_routes(),
        *storage_routes(),
        *RunResource(services, waiting, workflows).routes(),
        *SearchResource(services.search).routes(),
        *BulkResource(services.executions).routes(),
        *EventResource(services.events, services.messages).routes(),
        *workflows.routes(),
        *tasks.routes(),
        *MetadataResource(services.metadata).routes(),
        *ScheduleResource(services.schedules).routes(),
        *SecretResource(kernel.secrets, kernel.environment).routes(),
        *AdminResource(services, VERSION).routes(),
        Route("/version", _version, methods=["GET"]),
        Route("/health", _health, methods=["GET"]),
    ]
    app = Starlette(
        routes=[
            Mount("/api", app=Router(api, redirect_slashes=False)),
            Route("/health", _health, methods=["GET"]),
            *page_routes(),
        ],
        exception_handlers={RefusedError: _refused, HTTPException: _not_routed},
        middleware=[Middleware(Unhandled)],
    )
    return Gate(app, faults, keys)


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
