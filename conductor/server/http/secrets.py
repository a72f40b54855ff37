"""``/secrets`` and ``/environment``: given to the server when it starts, read only."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from conductor.server.http.answers import empty_answer, error_answer, json_answer, text_answer

_READ_ONLY = 501


class SecretResource:
    """The handlers."""

    def __init__(self, secrets: Mapping[str, str], environment: Mapping[str, str]) -> None:
        self._secrets, self._environment = secrets, environment

    def routes(self) -> list[Route]:
        """The paths."""
        get = partial(Route, methods=["GET"])
        write = partial(Route, methods=["PUT", "DELETE"])
        return [
            Route("/secrets", self.names, methods=["GET", "POST"]),
            get("/secrets/v2", self.details),
            get("/secrets/{name}", self.value),
            get("/secrets/{name}/exists", self.exists),
            write("/secrets/{name}", self.refuse),
            get("/environment", self.variables),
            get("/environment/{name}", self.variable),
            write("/environment/{name}", self.refuse),
        ]

    async def names(self, _: Request) -> Response:
        """``GET /secrets``."""
        return json_answer(sorted(self._secrets))

    async def details(self, _: Request) -> Response:
        """``GET /secrets/v2``."""
        return json_answer([{"name": name, "partial": "..."} for name in sorted(self._secrets)])

    async def value(self, request: Request) -> Response:
        """``GET /secrets/{name}``."""
        found = self._secrets.get(request.path_params["name"])
        return empty_answer(404) if found is None else text_answer(found)

    async def exists(self, request: Request) -> Response:
        """``GET /secrets/{name}/exists``."""
        return json_answer(request.path_params["name"] in self._secrets)

    async def variables(self, _: Request) -> Response:
        """``GET /environment``."""
        return json_answer([{"name": name, "value": value} for name, value in sorted(self._environment.items())])

    async def variable(self, request: Request) -> Response:
        """``GET /environment/{name}``."""
        found = self._environment.get(request.path_params["name"])
        return empty_answer() if found is None else text_answer(found)

    async def refuse(self, _: Request) -> Response:
        """Writing is not possible."""
        return error_answer(_READ_ONLY, "The secrets and the environment of this server are read only")
