"""Routes of ``/integrations``."""

from __future__ import annotations

from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import (
    Request,
    Response,
    empty_answer,
    flag,
    json_answer,
    number,
    read_list,
    read_object,
)
from conductor.server.http.routing import Route
from conductor.server.orkes.integrations import Integrations

Json = dict[str, Any]

#: Days for which the use of tokens is returned by default.
_LOOK_UP_DAYS = 31
_API = "/integrations/provider/{name}/integration/{api}"


class IntegrationResource:
    """Handlers of integrations; those of their tags are in ``tagging``."""

    def __init__(self, integrations: Integrations) -> None:
        self._integrations = integrations

    def routes(self) -> list[Route]:
        get, post, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "DELETE"))
        return [
            *(get(path, self.with_apis) for path in ("/integrations/", "/integrations")),
            *(post(path, self.save_all) for path in ("/integrations/", "/integrations")),
            get("/integrations/all", self.names),
            get("/integrations/def", self.kinds),
            post("/integrations/def/register", self.register_kinds),
            get("/integrations/def/{name}", self.kind),
            post("/integrations/eventStats/{type}", self.record_events),
            get("/integrations/llm/{name}/token", self.limit),
            post("/integrations/llm/{name}/token", self.save_limit),
            get("/integrations/llm/{name}/token/history", self.usage),
            get("/integrations/provider", self.providers),
            get("/integrations/provider/{name}", self.provider),
            post("/integrations/provider/{name}", self.save_provider),
            delete("/integrations/provider/{name}", self.remove_provider),
            get("/integrations/provider/{name}/metrics", self.tokens_by_api),
            get("/integrations/provider/{name}/integration", self.apis),
            get("/integrations/provider/{name}/integration/all", self.api_names),
            get(_API, self.api),
            post(_API, self.save_api),
            delete(_API, self.remove_api),
            get(f"{_API}/metrics", self.tokens),
            get(f"{_API}/prompt", self.prompts),
            post(f"{_API}/prompt/{{prompt}}", self.allow_prompt),
        ]

    # -- providers

    def with_apis(self, request: Request) -> Response:
        """``GET /integrations/``."""
        category = request.query_params.get("category")
        return json_answer(self._integrations.with_apis(category, active_only=_active_only(request)))

    def save_all(self, request: Request) -> Response:
        """``POST /integrations/``."""
        self._integrations.save_providers(read_list(request), request.principal.id)
        return empty_answer()

    def names(self, request: Request) -> Response:
        """``GET /integrations/all``."""
        kind = request.query_params.get("type")
        return json_answer(self._integrations.names(kind, active_only=_active_only(request)))

    def providers(self, request: Request) -> Response:
        """``GET /integrations/provider``."""
        category = request.query_params.get("category")
        return json_answer(self._integrations.providers(category, active_only=_active_only(request)))

    def provider(self, request: Request) -> Response:
        """``GET /integrations/provider/{name}``."""
        return json_answer(self._integrations.provider(request.path_params["name"]))

    def save_provider(self, request: Request) -> Response:
        """``POST /integrations/provider/{name}``."""
        self._integrations.save_provider(request.path_params["name"], read_object(request), request.principal.id)
        return empty_answer()

    def remove_provider(self, request: Request) -> Response:
        """``DELETE /integrations/provider/{name}``."""
        self._integrations.remove_provider(request.path_params["name"])
        return empty_answer()

    def tokens_by_api(self, request: Request) -> Response:
        """``GET /integrations/provider/{name}/metrics``."""
        return json_answer(self._integrations.tokens_by_api(request.path_params["name"]))

    # -- models and APIs

    def apis(self, request: Request) -> Response:
        """``GET /integrations/provider/{name}/integration``."""
        name = request.path_params["name"]
        return json_answer(self._integrations.apis(name, active_only=_active_only(request)))

    def api_names(self, request: Request) -> Response:
        """``GET /integrations/provider/{name}/integration/all``."""
        found = self._integrations.apis(request.path_params["name"], active_only=False)
        return json_answer([one["api"] for one in found])

    def api(self, request: Request) -> Response:
        """``GET /integrations/provider/{name}/integration/{integration_name}``."""
        return json_answer(self._integrations.api(*_path(request)))

    def save_api(self, request: Request) -> Response:
        """``POST /integrations/provider/{name}/integration/{integration_name}``."""
        self._integrations.save_api(*_path(request), read_object(request), request.principal.id)
        return empty_answer()

    def remove_api(self, request: Request) -> Response:
        """``DELETE /integrations/provider/{name}/integration/{integration_name}``."""
        self._integrations.remove_api(*_path(request))
        return empty_answer()

    def tokens(self, request: Request) -> Response:
        """``GET /integrations/provider/{name}/integration/{integration_name}/metrics``."""
        return json_answer(self._integrations.tokens_of(*_path(request)))

    def prompts(self, request: Request) -> Response:
        """``GET /integrations/provider/{name}/integration/{integration_name}/prompt``."""
        return json_answer(self._integrations.prompts_of(*_path(request)))

    def allow_prompt(self, request: Request) -> Response:
        """``POST /integrations/provider/{name}/integration/{integration_name}/prompt/{prompt_name}``."""
        self._integrations.allow_prompt(*_path(request), request.path_params["prompt"])
        return empty_answer()

    # -- kinds, token limits, messages

    def kinds(self, _: Request) -> Response:
        """``GET /integrations/def``."""
        return json_answer(self._integrations.kinds())

    def kind(self, request: Request) -> Response:
        """``GET /integrations/def/{name}``."""
        name = request.path_params["name"]
        found = self._integrations.kind(name)
        if found is None:
            raise RefusedError(404, f"No such kind of integration found by name: {name}")
        return json_answer(found)

    def register_kinds(self, request: Request) -> Response:
        """``POST /integrations/def/register``."""
        self._integrations.register_kinds(read_list(request))
        return empty_answer()

    def limit(self, request: Request) -> Response:
        """``GET /integrations/llm/{name}/token``."""
        found = self._integrations.limit(request.path_params["name"])
        return empty_answer() if found is None else json_answer(found)

    def save_limit(self, request: Request) -> Response:
        """``POST /integrations/llm/{name}/token``."""
        self._integrations.save_limit(request.path_params["name"], read_object(request), request.principal.id)
        return empty_answer()

    def usage(self, request: Request) -> Response:
        """``GET /integrations/llm/{name}/token/history``."""
        model = request.query_params.get("model") or "*"
        days = number(request, "lookUpWindow", _LOOK_UP_DAYS)
        return json_answer(self._integrations.usage(request.path_params["name"], model, days))

    def record_events(self, request: Request) -> Response:
        """``POST /integrations/eventStats/{type}``."""
        self._integrations.record_events(request.path_params["type"], read_list(request))
        return empty_answer()


def _active_only(request: Request) -> bool:
    return flag(request, "activeOnly", default=True)


def _path(request: Request) -> tuple[str, str]:
    return request.path_params["name"], request.path_params["api"]
