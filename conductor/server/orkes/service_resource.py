"""Routes of ``/registry/service``."""

from __future__ import annotations

from functools import partial

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import Request, Response, empty_answer, flag, json_answer, read_object
from conductor.server.http.routing import Route
from conductor.server.orkes.service_registry import ServiceRegistry

_ROOT = "/registry/service"


class ServiceResource:
    """Handlers of the service registry."""

    def __init__(self, registry: ServiceRegistry) -> None:
        self._registry = registry

    def routes(self) -> list[Route]:
        get, post, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "DELETE"))
        return [
            *(get(path, self.all) for path in (_ROOT, f"{_ROOT}/")),
            *(post(path, self.save) for path in (_ROOT, f"{_ROOT}/")),
            get(f"{_ROOT}/{{name}}", self.get),
            delete(f"{_ROOT}/{{name}}", self.remove),
            get(f"{_ROOT}/{{name}}/discover", self.discover),
            post(f"{_ROOT}/{{name}}/methods", self.save_method),
            delete(f"{_ROOT}/{{name}}/methods", self.remove_method),
            get(f"{_ROOT}/{{name}}/circuit-breaker/status", self.breaker_status),
            post(f"{_ROOT}/{{name}}/circuit-breaker/open", self.open_breaker),
            post(f"{_ROOT}/{{name}}/circuit-breaker/close", self.close_breaker),
            get(f"{_ROOT}/protos/{{name}}", self.protos),
            get(f"{_ROOT}/protos/{{name}}/{{file}}", self.proto),
            post(f"{_ROOT}/protos/{{name}}/{{file}}", self.save_proto),
            delete(f"{_ROOT}/protos/{{name}}/{{file}}", self.remove_proto),
        ]

    def all(self, _: Request) -> Response:
        """``GET /registry/service``."""
        return json_answer(self._registry.all())

    def save(self, request: Request) -> Response:
        """``POST /registry/service``."""
        self._registry.save(read_object(request))
        return empty_answer()

    def get(self, request: Request) -> Response:
        """``GET /registry/service/{name}``: the body is empty if the service does not exist, as on Orkes."""
        found = self._registry.get(request.path_params["name"])
        return empty_answer() if found is None else json_answer(found)

    def remove(self, request: Request) -> Response:
        """``DELETE /registry/service/{name}``."""
        self._registry.remove(request.path_params["name"])
        return empty_answer()

    def discover(self, request: Request) -> Response:
        """``GET /registry/service/{name}/discover``."""
        create = flag(request, "create", default=False)
        return json_answer(self._registry.discover(request.path_params["name"], request.principal.id, create=create))

    def save_method(self, request: Request) -> Response:
        """``POST /registry/service/{registryName}/methods``."""
        self._registry.save_method(request.path_params["name"], read_object(request))
        return empty_answer()

    def remove_method(self, request: Request) -> Response:
        """``DELETE /registry/service/{registryName}/methods``."""
        query = request.query_params
        missing = [name for name in ("serviceName", "method", "methodType") if query.get(name) is None]
        if missing:
            raise RefusedError(400, f"Required parameter '{missing[0]}' is not present.")
        named = (query.get(name, "") for name in ("serviceName", "method", "methodType"))
        self._registry.remove_method(request.path_params["name"], *named)
        return empty_answer()

    def breaker_status(self, request: Request) -> Response:
        """``GET /registry/service/{name}/circuit-breaker/status``."""
        return json_answer(self._registry.breaker_status(request.path_params["name"]))

    def open_breaker(self, request: Request) -> Response:
        """``POST /registry/service/{name}/circuit-breaker/open``."""
        return json_answer(self._registry.move_breaker(request.path_params["name"], is_open=True))

    def close_breaker(self, request: Request) -> Response:
        """``POST /registry/service/{name}/circuit-breaker/close``."""
        return json_answer(self._registry.move_breaker(request.path_params["name"], is_open=False))

    def protos(self, request: Request) -> Response:
        """``GET /registry/service/protos/{registryName}``."""
        return json_answer(self._registry.protos(request.path_params["name"]))

    def proto(self, request: Request) -> Response:
        """``GET /registry/service/protos/{registryName}/{filename}``."""
        content = self._registry.proto(request.path_params["name"], request.path_params["file"])
        return Response(content, media_type="application/octet-stream")

    def save_proto(self, request: Request) -> Response:
        """``POST /registry/service/protos/{registryName}/{filename}``."""
        self._registry.save_proto(request.path_params["name"], request.path_params["file"], request.body)
        return empty_answer()

    def remove_proto(self, request: Request) -> Response:
        """``DELETE /registry/service/protos/{registryName}/{filename}``."""
        self._registry.remove_proto(request.path_params["name"], request.path_params["file"])
        return empty_answer()
