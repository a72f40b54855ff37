"""The API gateway: services with routes that run workflows, and the authentication of their callers."""

from __future__ import annotations

import hmac
import re
import uuid
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from conductor.models.codec import dumps, loads
from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import Reader, boolean, integer, list_of, mapping, read, record, string
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.integration_kinds import MASK
from conductor.server.orkes.vault import Vault
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "PATCH"})
#: First segments of paths that belong to the server itself.
_RESERVED = frozenset({
    "admin", "applications", "auth", "docs", "environment", "event", "external", "gateway", "global_schema", "groups",
    "health", "human", "integrations", "limits", "metadata", "prompts", "queue", "registry", "roles", "scheduler",
    "schema", "secrets", "secrets-v2", "tasks", "token", "users", "version", "webhook", "workflow",
})  # fmt: skip
_AUTH: Mapping[str, Reader] = {
    "id": string,
    "applicationId": string,
    "authenticationType": string,
    "authType": string,
    "apiKeys": list_of(string),
    "fallbackToDefaultAuth": boolean,
}
_SERVICE: Mapping[str, Reader] = {
    "id": string,
    "name": string,
    "path": string,
    "description": string,
    "enabled": boolean,
    "mcpEnabled": boolean,
    "authConfigId": string,
    "corsConfig": mapping,
}
_ROUTE: Mapping[str, Reader] = {
    "httpMethod": string,
    "path": string,
    "description": string,
    "workflowExecutionMode": string,
    "mappedWorkflow": record({"name": string, "version": integer, "requestMetadataAsInput": boolean}),
    "waitUntilTasks": string,
    "waitForSeconds": integer,
    "requestMetadataAsInput": boolean,
    "workflowMetadataInOutput": boolean,
}
_MODES = ("SYNC", "SYNCHRONOUS", "ASYNC", "ASYNCHRONOUS")
_SEALED = "_apiKeys"
_PARAMETER = re.compile(r"\{([^{}/]+)\}")


@frozen
class Match:
    """A route that a request has reached.

    Attributes:
        service: The service.
        route: The route.
        parameters: The values of the path's ``{names}``.
    """

    service: Json
    route: Json
    parameters: dict[str, str]


class Gateway:
    """Stores authentication, services and routes of the gateway, and finds the route of a request.

    Args:
        kernel: The server's state.
        vault: Encrypts the API keys.
    """

    def __init__(self, kernel: Kernel, vault: Vault) -> None:
        self._kernel, self._vault = kernel, vault
        self._auth = Documents(kernel, "orkes_gateway_auth")
        self._services = Documents(kernel, "orkes_gateway_service")
        self._routes = Documents(kernel, "orkes_gateway_route")

    # -- authentication

    def save_auth(self, given: Json, auth_id: str | None, author: str) -> Json:
        """Create an authentication configuration, or replace one, and return it without its keys.

        Args:
            given: The configuration. ``***`` among the keys keeps the known ones.
            auth_id: The id of the configuration to replace; None to create one.
            author: The id of the user or application.

        Raises:
            RefusedError: The configuration to replace does not exist (404), or API keys are needed (400).
        """
        made = {key: value for key, value in read(given, _AUTH).items() if value is not None}
        with self._kernel.change() as context:
            if auth_id is not None:
                self._find(self._auth, auth_id, "authentication")
            auth_id = auth_id or made.get("id") or str(uuid.uuid4())
            known = self._auth.get(auth_id) or {}
            keys = [one for one in made.pop("apiKeys", None) or [] if one and one != MASK]
            keys = keys or self._keys(known)
            if _kind(made) == "API_KEY" and not keys and known:
                raise RefusedError(400, f"The authentication {auth_id} needs API keys")
            made = {**made, "id": auth_id, **_stamps(known, author, context.now)}
            if keys:
                made[_SEALED] = self._vault.seal(dumps(keys).decode())
            self._auth.put(auth_id, made)
            return self._shown_auth(made)

    def _keys(self, auth: Json) -> list[str]:
        sealed = auth.get(_SEALED)
        keys: list[str] = loads(self._vault.open(sealed)) if sealed else []
        return keys

    def _shown_auth(self, auth: Json) -> Json:
        shown = {key: value for key, value in auth.items() if key != _SEALED}
        return {**shown, "apiKeys": [MASK for _ in self._keys(auth)]}

    def auth(self, auth_id: str) -> Json:
        """Return an authentication configuration, without its keys.

        Raises:
            RefusedError: It does not exist (404).
        """
        return self._shown_auth(self._find(self._auth, auth_id, "authentication"))

    def all_auth(self) -> list[Json]:
        """Return all authentication configurations, without their keys."""
        return [self._shown_auth(one) for one in self._auth.all()]

    def remove_auth(self, auth_id: str) -> None:
        """Delete an authentication configuration.

        Raises:
            RefusedError: It does not exist (404).
        """
        with self._kernel.change():
            self._find(self._auth, auth_id, "authentication")
            self._auth.drop(auth_id)

    def application_of(self, service: Json, key: str) -> str | None:
        """Return the application for which a caller acts.

        Args:
            service: The service.
            key: The API key that the caller sent; empty for none.

        Returns:
            The id of the application; empty if the service has no authentication.

        Raises:
            RefusedError: The key is missing or wrong (401), or the authentication is not available (501).
        """
        auth = self._auth.get(service.get("authConfigId") or "")
        kind = _kind(auth) if auth else "NONE"
        if service.get("authConfigId") and auth is None:
            raise RefusedError(401, f"The authentication {service['authConfigId']} of the service does not exist")
        if auth is None or kind in {"NONE", "NO_AUTH"}:
            return (auth or {}).get("applicationId") or ""
        if kind != "API_KEY":
            raise RefusedError(501, f"The embedded server does not authenticate callers with {kind}")
        if not any(hmac.compare_digest(one.encode(), key.encode()) for one in self._keys(auth)):
            raise RefusedError(401, "The API key is missing or wrong")
        return auth.get("applicationId") or ""

    # -- services

    def save_service(self, given: Json, service_id: str | None, author: str) -> Json:
        """Create a service, or replace one; returns it. A replaced service keeps its path if none is given.

        Raises:
            RefusedError: The service to replace does not exist (404); it has no id, or its path is invalid or belongs
                to another service or the server itself (400).
        """
        made = {key: value for key, value in read(given, _SERVICE).items() if value is not None}
        with self._kernel.change() as context:
            if service_id is not None:
                self._find(self._services, service_id, "service")
            service_id = service_id or made.get("id") or ""
            if not service_id.strip():
                raise RefusedError(400, "A service of the gateway must have an id")
            known = self._services.get(service_id) or {}
            path = (made.get("path") or known.get("path") or "").rstrip("/")
            _check_path(path)
            other = next((one["id"] for one in self._services.all() if one["path"] == path), service_id)
            if other != service_id:
                raise RefusedError(400, f"The path {path} belongs to the service {other}")
            made = {"enabled": True, **made, "id": service_id, "path": path, **_stamps(known, author, context.now)}
            return self._services.put(service_id, made)

    def service(self, service_id: str) -> Json:
        """Return a service.

        Raises:
            RefusedError: It does not exist (404).
        """
        return self._find(self._services, service_id, "service")

    def services(self) -> list[Json]:
        """Return all services."""
        return self._services.all()

    def remove_service(self, service_id: str) -> None:
        """Delete a service with its routes.

        Raises:
            RefusedError: It does not exist (404).
        """
        with self._kernel.change():
            self.service(service_id)
            self._services.drop(service_id)
            for route in self.routes(service_id):
                self._routes.drop(_key(service_id, route["httpMethod"], route["path"]))

    # -- routes

    def save_route(self, service_id: str, given: Json, path: str | None, author: str) -> Json:
        """Create a route of a service, or replace one; returns it.

        Args:
            service_id: The service.
            given: The route.
            path: The path of the route to replace; None to create one.
            author: The id of the user or application.

        Raises:
            RefusedError: The service, or the route to replace, does not exist (404); the method, the path, the mode or
                the workflow is missing or invalid (400).
        """
        made = {key: value for key, value in read(given, _ROUTE).items() if value is not None}
        method, new_path = (made.get("httpMethod") or "").upper(), made.get("path") or path or ""
        if method not in METHODS:
            raise RefusedError(400, f"The method of a route must be one of {', '.join(sorted(METHODS))}")
        if not new_path.startswith("/"):
            raise RefusedError(400, "The path of a route must begin with /")
        if "}{" in new_path:
            raise RefusedError(400, "Two parameters of a path need text between them")
        if not (made.get("mappedWorkflow") or {}).get("name"):
            raise RefusedError(400, "A route must have a mappedWorkflow with the name of a workflow")
        if made.get("workflowExecutionMode", _MODES[0]) not in _MODES:
            raise RefusedError(400, f"The workflowExecutionMode of a route must be one of {', '.join(_MODES)}")
        with self._kernel.change() as context:
            self.service(service_id)
            known = self._routes.get(_key(service_id, method, path or new_path)) or {}
            if path is not None and not known:
                raise RefusedError(404, f"The service {service_id} has no route {method} {path}")
            if path is not None and path != new_path:
                self._routes.drop(_key(service_id, method, path))
            stamps = _stamps(known, author, context.now)
            made = {**made, "httpMethod": method, "path": new_path, "serviceId": service_id, **stamps}
            return self._routes.put(_key(service_id, method, new_path), made)

    def routes(self, service_id: str) -> list[Json]:
        """Return the routes of a service."""
        return self._routes.where(lambda one: one["serviceId"] == service_id)

    def remove_route(self, service_id: str, method: str, path: str) -> None:
        """Delete a route.

        Raises:
            RefusedError: It does not exist (404).
        """
        if not self._routes.drop(_key(service_id, method.upper(), path)):
            raise RefusedError(404, f"The service {service_id} has no route {method} {path}")

    def match(self, method: str, path: str) -> Match | None:
        """Return the route of a request; None if there is none, or its service is disabled.

        The path of a service can be preceded by ``/api``. Fixed segments take precedence over parameters.
        """
        for service in self._services.all():
            for prefix in (service["path"], f"/api{service['path']}"):
                rest = path.removeprefix(prefix)
                if service["enabled"] and path.startswith(prefix) and (not rest or rest.startswith("/")):
                    found = self._match_rest(service, method, rest)
                    if found is not None:
                        return found
        return None

    def _match_rest(self, service: Json, method: str, rest: str) -> Match | None:
        routes = [one for one in self.routes(service["id"]) if one["httpMethod"] == method]
        for route in sorted(routes, key=lambda one: len(_PARAMETER.findall(one["path"]))):
            values = _values(route["path"].rstrip("/"), rest.rstrip("/"))
            if values is not None:
                return Match(service, route, values)
        return None

    @staticmethod
    def _find(documents: Documents, name: str, what: str) -> Json:
        found = documents.get(name)
        if found is None:
            raise RefusedError(404, f"No such {what} of the gateway found by id: {name}")
        return found


def _kind(auth: Json) -> str:
    return str(auth.get("authenticationType") or auth.get("authType") or "NONE").upper()


def _stamps(known: Json, author: str, now: int) -> Json:
    return {
        "createTime": known.get("createTime", now),
        "createdBy": known.get("createdBy", author),
        "updateTime": now,
        "updatedBy": author,
    }


def _values(pattern: str, path: str) -> dict[str, str] | None:
    """Return the values of a route's parameters, or None if the path does not match.

    A value ends at the first occurrence of the text that follows its parameter, and the last one of a segment at the
    end of the segment. A regular expression would try every division, which takes a hostile path minutes.
    """
    values: dict[str, str] = {}
    segments, given = pattern.split("/"), path.split("/")
    if len(segments) != len(given):
        return None
    for segment, text in zip(segments, given, strict=True):
        first, *parts = _PARAMETER.split(segment)
        if not text.startswith(first):
            return None
        left = text.removeprefix(first)
        for index in range(0, len(parts), 2):
            is_last = index == len(parts) - 2
            following = parts[index + 1]
            if is_last and left.endswith(following):
                value, left = left.removesuffix(following), ""
            else:
                value, _, left = left.partition(following) if following in left else ("", "", "")
            if not value:
                return None
            values[parts[index]] = value
        if left:
            return None
    return values


def _check_path(path: str) -> None:
    """Refuse a path that is invalid, or that belongs to the server itself."""
    segments = path.split("/")[1:]
    if not path.startswith("/") or not all(segments) or _PARAMETER.search(path):
        raise RefusedError(400, "The path of a service must begin with / and have no parameters")
    first = segments[1:] if segments[0] == "api" else segments
    if not first or first[0] in _RESERVED:
        raise RefusedError(400, f"The path {path} belongs to the server itself; choose another one")


def _key(service_id: str, method: str, path: str) -> str:
    return f"{service_id}\n{method}\n{path}"
