"""Secrets and environment variables that clients can write."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from conductor.models.codec import loads
from conductor.server.engine.context import RefusedError
from conductor.server.http.messages import Request, Response, empty_answer, json_answer, text_answer
from conductor.server.http.routing import Route
from conductor.server.orkes.documents import Documents
from conductor.server.orkes.permissions import Permissions
from conductor.server.orkes.tags import ENVIRONMENT, SECRET, Tags
from conductor.server.orkes.vault import Vault
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class Secrets:
    """Stores secrets, encrypted.

    Secrets that were passed at the start of the server are only in memory, and can be replaced.
    """

    def __init__(self, kernel: Kernel, vault: Vault, tags: Tags) -> None:
        self._kernel, self._vault, self._tags = kernel, vault, tags
        self._documents = Documents(kernel, "orkes_secret")
        for one in self._documents.all():
            kernel.secrets[one["name"]] = vault.open(one["value"])

    def names(self) -> list[str]:
        """Return the names of all secrets, sorted."""
        with self._kernel.lock:
            return sorted(self._kernel.secrets)

    def get(self, name: str) -> str:
        """Return the value of a secret.

        Raises:
            RefusedError: It does not exist (404).
        """
        found = self._kernel.secrets.get(name)
        if found is None:
            raise RefusedError(404, f"Secret not found: {name}")
        return found

    def has(self, name: str) -> bool:
        """Return whether a secret exists."""
        return name in self._kernel.secrets

    def put(self, name: str, value: str) -> None:
        """Create or replace a secret.

        Raises:
            RefusedError: The name is invalid (400).
        """
        _check_name(name)
        with self._kernel.change():
            self._documents.put(name, {"name": name, "value": self._vault.seal(value)})
            _set(self._kernel, self._kernel.secrets, name, value)

    def remove(self, name: str) -> None:
        """Delete a secret with its tags.

        Raises:
            RefusedError: It does not exist (500, as on Orkes).
        """
        with self._kernel.change():
            if name not in self._kernel.secrets:
                raise RefusedError(500, f"Secret not found: {name}")
            self._documents.drop(name)
            self._tags.forget(SECRET, name)
            _set(self._kernel, self._kernel.secrets, name, None)


class Environment:
    """Stores environment variables.

    Variables that were passed at the start of the server are only in memory, and can be replaced.
    """

    def __init__(self, kernel: Kernel, tags: Tags) -> None:
        self._kernel, self._tags = kernel, tags
        self._documents = Documents(kernel, "orkes_environment")
        kernel.environment.update({one["name"]: one["value"] for one in self._documents.all()})

    def all(self) -> list[Json]:
        """Return all variables with their tags, sorted by name."""
        with self._kernel.lock:
            known = sorted(self._kernel.environment.items())
        return [self._tags.shown(ENVIRONMENT, name, {"name": name, "value": value}) for name, value in known]

    def get(self, name: str) -> str | None:
        """Return the value of a variable; None if it does not exist."""
        return self._kernel.environment.get(name)

    def put(self, name: str, value: str) -> None:
        """Create or replace a variable.

        Raises:
            RefusedError: The name is invalid, or the value is empty (400).
        """
        _check_name(name)
        if not value:
            raise RefusedError(400, f"The value of the environment variable {name} is empty")
        with self._kernel.change():
            self._documents.put(name, {"name": name, "value": value})
            _set(self._kernel, self._kernel.environment, name, value)

    def remove(self, name: str) -> str | None:
        """Delete a variable with its tags; returns its value, None if it did not exist."""
        with self._kernel.change():
            known = self._kernel.environment.get(name)
            self._documents.drop(name)
            self._tags.forget(ENVIRONMENT, name)
            _set(self._kernel, self._kernel.environment, name, None)
            return known


def _check_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise RefusedError(400, "The name must consist of letters, digits, '_', '-' and '.'")


def _set(kernel: Kernel, values: dict[str, str], name: str, value: str | None) -> None:
    """Set or remove a value in memory, in a change; the known value is restored if the change fails."""
    kernel.after_failure.insert(0, partial(_restore, values, name, values.get(name)))
    _restore(values, name, value)


def _restore(values: dict[str, str], name: str, value: str | None) -> None:
    if value is None:
        values.pop(name, None)
    else:
        values[name] = value


class SecretResource:
    """Handlers of ``/secrets``."""

    def __init__(self, secrets: Secrets, tags: Tags, permissions: Permissions) -> None:
        self._secrets, self._tags, self._permissions = secrets, tags, permissions

    def routes(self) -> list[Route]:
        get = partial(Route, methods=["GET"])
        return [
            Route("/secrets", self.names, methods=["POST"]),
            get("/secrets", self.readable),
            get("/secrets-v2", self.with_tags),
            get("/secrets/clearLocalCache", self.clear),
            get("/secrets/clearRedisCache", self.clear),
            get("/secrets/{key}", self.get),
            Route("/secrets/{key}", self.put, methods=["PUT"]),
            Route("/secrets/{key}", self.remove, methods=["DELETE"]),
            get("/secrets/{key}/exists", self.exists),
        ]

    def names(self, _: Request) -> Response:
        """``POST /secrets``: the names of all secrets."""
        return json_answer(self._secrets.names())

    def readable(self, request: Request) -> Response:
        """``GET /secrets``: the names of those that the caller may read."""
        return json_answer(self._permissions.readable(request.principal, SECRET, self._secrets.names()))

    def with_tags(self, _: Request) -> Response:
        """``GET /secrets-v2``."""
        return json_answer([{"name": name, "tags": self._tags.of(SECRET, name)} for name in self._secrets.names()])

    def clear(self, _: Request) -> Response:
        """``GET /secrets/clearLocalCache`` and ``clearRedisCache``: this server has no cache of secrets."""
        return json_answer({"status": "ok"})

    def get(self, request: Request) -> Response:
        """``GET /secrets/{key}``."""
        return text_answer(self._secrets.get(request.path_params["key"]))

    def exists(self, request: Request) -> Response:
        """``GET /secrets/{key}/exists``."""
        return json_answer(self._secrets.has(request.path_params["key"]))

    def put(self, request: Request) -> Response:
        """``PUT /secrets/{key}``: the body is the value."""
        self._secrets.put(request.path_params["key"], raw_text(request))
        return empty_answer()

    def remove(self, request: Request) -> Response:
        """``DELETE /secrets/{key}``."""
        self._secrets.remove(request.path_params["key"])
        return empty_answer()


def raw_text(request: Request) -> str:
    """Return a body that is a string. A JSON string with a JSON content type is decoded.

    Raises:
        RefusedError: The body is missing, or not UTF-8 (400).
    """
    if not request.body:
        raise RefusedError(400, "The body must have the value")
    try:
        text = request.body.decode()
    except UnicodeDecodeError:
        raise RefusedError(400, "The body is not UTF-8") from None
    if "json" in request.headers.get("content-type", "") and text.lstrip().startswith('"'):
        try:
            found = loads(request.body)
        except ValueError:
            return text
        return found if isinstance(found, str) else text
    return text


class EnvironmentResource:
    """Handlers of ``/environment``."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def routes(self) -> list[Route]:
        return [
            Route("/environment", self.all),
            Route("/environment/{key}", self.get),
            Route("/environment/{key}", self.put, methods=["PUT"]),
            Route("/environment/{key}", self.remove, methods=["DELETE"]),
        ]

    def all(self, _: Request) -> Response:
        """``GET /environment``."""
        return json_answer(self._environment.all())

    def get(self, request: Request) -> Response:
        """``GET /environment/{key}``."""
        return _optional_text(self._environment.get(request.path_params["key"]))

    def put(self, request: Request) -> Response:
        """``PUT /environment/{key}``: the body is the value."""
        self._environment.put(request.path_params["key"], raw_text(request))
        return empty_answer()

    def remove(self, request: Request) -> Response:
        """``DELETE /environment/{key}``: returns the value."""
        return _optional_text(self._environment.remove(request.path_params["key"]))


def _optional_text(text: str | None) -> Response:
    return empty_answer() if text is None else text_answer(text)
