"""Places for large payloads: this server has no store of its own for them, and names a path only."""

from __future__ import annotations

import uuid

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conductor.server.http.answers import json_answer


def storage_routes() -> list[Route]:
    """The paths, with the older spelling too."""
    names = ("external-storage-location", "externalstoragelocation")
    return [Route(f"/{kind}/{name}", _location, methods=["GET"]) for kind in ("tasks", "workflow") for name in names]


async def _location(request: Request) -> Response:
    return json_answer({"path": f"{request.query_params.get('path', '')}{uuid.uuid4()}.json"})
