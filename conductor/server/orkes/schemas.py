"""Schemas: stored by name and version, and enforced on inputs and outputs of workflows and tasks."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from conductor.server.engine.context import RefusedError
from conductor.server.engine.json_fields import Reader, integer, mapping, one_of, read, string
from conductor.server.engine.json_schema import schema_faults
from conductor.server.http.messages import Request, Response, empty_answer, flag, json_answer, path_number, read_json
from conductor.server.http.routing import Route
from conductor.server.orkes.documents import Documents
from conductor.server.runtime.kernel import Kernel

Json = dict[str, Any]

logger = logging.getLogger(__name__)

_TYPES = ("JSON", "AVRO", "PROTOBUF")
_SCHEMA: Mapping[str, Reader] = {
    "name": string,
    "version": integer,
    "type": one_of(*_TYPES),
    "data": mapping,
    "externalRef": string,
}


class Schemas:
    """Stores schemas. JSON schemas are enforced; AVRO and PROTOBUF schemas are only stored."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._documents = Documents(kernel, "orkes_schema")

    def save(self, given: list[Json], author: str, *, new_version: bool) -> None:
        """Store schemas: each as a new version, or instead of the version that it names (1 by default)."""
        with self._kernel.change() as context:
            for one in given:
                name = one["name"]
                versions = self._documents.versions(name)
                version = max(versions, default=0) + 1 if new_version else one.get("version") or 1
                known = self._documents.get(name, version) or {"createTime": context.now, "createdBy": author}
                body = {
                    "name": name,
                    "version": version,
                    "type": one.get("type") or "JSON",
                    "data": one.get("data") or {},
                    "externalRef": one.get("externalRef"),
                    "createTime": known["createTime"],
                    "createdBy": known["createdBy"],
                    "updateTime": context.now,
                    "updatedBy": author,
                }
                self._documents.put(name, {key: value for key, value in body.items() if value is not None}, version)

    def all(self, *, short: bool) -> list[Json]:
        """Return all schemas; with ``short``, only their names and versions."""
        if not short:
            return self._documents.all()
        return [{"name": one["name"], "version": one["version"], "createTime": 0} for one in self._documents.all()]

    def find(self, name: str, version: int | None) -> Json | None:
        """Return a schema, by default its highest version; None if it does not exist."""
        chosen = version if version is not None else max(self._documents.versions(name), default=None)
        return None if chosen is None else self._documents.get(name, chosen)

    def get(self, name: str, version: int | None = None) -> Json:
        """Return a schema, by default its highest version.

        Raises:
            RefusedError: The schema does not exist (404).
        """
        found = self.find(name, version)
        if found is None:
            raise _missing(name, version)
        return found

    def remove(self, name: str, version: int | None = None) -> None:
        """Delete a version of a schema, or all of them.

        Raises:
            RefusedError: The schema does not exist (404).
        """
        with self._kernel.change():
            versions = self._documents.versions(name) if version is None else [version]
            removed = [self._documents.drop(name, one) for one in versions]
            if not any(removed):
                raise _missing(name, version)

    def fault(self, reference: Json, value: Any) -> str | None:
        """Return why a value violates the schema that a definition names; None if it does not.

        A schema that is missing, or that is not a JSON schema, is not enforced.
        """
        name, version = reference.get("name"), reference.get("version")
        schema = self.find(str(name), version) if name else reference
        if schema is None:
            logger.warning("event=server.schema_missing name=%s version=%s", name, version)
            return None
        if schema.get("type", "JSON") != "JSON":
            return None
        found = schema_faults(schema.get("data") or {}, value)
        return f"it violates the schema {schema.get('name')}: {'; '.join(found)}" if found else None


def _missing(name: str, version: int | None) -> RefusedError:
    shown = "" if version is None else f" with version {version}"
    return RefusedError(404, f"No such schema found by name: {name}{shown}")


class SchemaResource:
    """Handlers of schemas; global schemas are the same."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas

    def routes(self) -> list[Route]:
        get, post, delete = (partial(Route, methods=[method]) for method in ("GET", "POST", "DELETE"))
        return [
            post("/schema", self.save),
            get("/schema", self.all),
            get("/schema/{name}", self.get),
            get("/schema/{name}/{version}", self.get_version),
            delete("/schema/{name}", self.remove),
            delete("/schema/{name}/{version}", self.remove_version),
            post("/global_schema", self.save),
            get("/global_schema", self.all),
            get("/global_schema/{name}", self.get),
        ]

    def save(self, request: Request) -> Response:
        """``POST /schema``: a list of schemas, or one."""
        given = read_json(request)
        schemas = [_read_schema(one) for one in (given if isinstance(given, list) else [given])]
        new_version = flag(request, "newVersion", default=False)
        self._schemas.save(schemas, request.principal.name, new_version=new_version)
        return empty_answer()

    def all(self, request: Request) -> Response:
        """``GET /schema``."""
        return json_answer(self._schemas.all(short=flag(request, "short", default=False)))

    def get(self, request: Request) -> Response:
        """``GET /schema/{name}``."""
        return json_answer(self._schemas.get(request.path_params["name"]))

    def get_version(self, request: Request) -> Response:
        """``GET /schema/{name}/{version}``."""
        return json_answer(self._schemas.get(request.path_params["name"], path_number(request, "version")))

    def remove(self, request: Request) -> Response:
        """``DELETE /schema/{name}``."""
        self._schemas.remove(request.path_params["name"])
        return empty_answer()

    def remove_version(self, request: Request) -> Response:
        """``DELETE /schema/{name}/{version}``."""
        self._schemas.remove(request.path_params["name"], path_number(request, "version"))
        return empty_answer()


def _read_schema(given: Any) -> Json:
    if not isinstance(given, dict):
        raise RefusedError(500, "JSON parse error: A schema must be an object")
    made = read(given, _SCHEMA)
    if not made.get("name"):
        raise RefusedError(400, "A schema must have a name")
    if (made.get("version") or 1) < 1:
        raise RefusedError(400, f"The version of schema {made['name']} is {made['version']}; it must be 1 or more")
    return made
