"""Schemas of inputs and outputs (Orkes)."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from typing import Any

from conductor.clients._resource import Resource
from conductor.clients.checks import addressable, as_model
from conductor.errors import ConfigurationError
from conductor.models import SchemaDef
from conductor.transport.operation import Edition, Operation

__all__ = ["SchemaClient"]

SAVE: Operation[None] = Operation("POST", "/schema", edition=Edition.ORKES)
LIST: Operation[list[SchemaDef]] = Operation("GET", "/schema", list[SchemaDef], edition=Edition.ORKES, on_empty=list)
GET: Operation[SchemaDef] = Operation("GET", "/schema/{name}/{version}", SchemaDef, edition=Edition.ORKES)
GET_LATEST: Operation[SchemaDef] = Operation("GET", "/schema/{name}", SchemaDef, edition=Edition.ORKES)
DELETE: Operation[None] = Operation("DELETE", "/schema/{name}/{version}", edition=Edition.ORKES)
DELETE_ALL: Operation[None] = Operation("DELETE", "/schema/{name}", edition=Edition.ORKES)
SAVE_GLOBAL: Operation[None] = Operation("POST", "/global_schema", edition=Edition.ORKES)
GET_GLOBAL: Operation[SchemaDef] = Operation("GET", "/global_schema/{name}", SchemaDef, edition=Edition.ORKES)

SchemaLike = SchemaDef | Mapping[str, Any]


class SchemaClient(Resource):
    """Schemas (``client.schemas``, Orkes)."""

    def save(self, schemas: SchemaLike | Iterable[SchemaLike], *, new_version: bool = False) -> None:
        """Create or replace schemas (``POST /schema``).

        Args:
            schemas: One, or several.
            new_version: Make each a new version.
        """
        self._call(SAVE, query={"newVersion": new_version}, body=_checked(schemas))

    def list(self, *, short: bool = False) -> builtins.list[SchemaDef]:
        """All schemas; ``short`` leaves out their data (``GET /schema``)."""
        return self._call(LIST, query={"short": short})

    def get(self, name: str, version: int | None = None) -> SchemaDef:
        """A schema (``GET /schema/{name}/{version}``); without a version the latest (``GET /schema/{name}``)."""
        if version is None:
            return self._call(GET_LATEST, {"name": name})
        return self._call(GET, {"name": name, "version": version})

    def delete(self, name: str, version: int) -> None:
        """Delete one version (``DELETE /schema/{name}/{version}``)."""
        self._call(DELETE, {"name": name, "version": version})

    def delete_all_versions(self, name: str) -> None:
        """Delete a schema with all its versions (``DELETE /schema/{name}``)."""
        self._call(DELETE_ALL, {"name": name})

    def save_global(self, schemas: SchemaLike | Iterable[SchemaLike], *, new_version: bool = False) -> None:
        """Create or replace schemas of the whole cluster (``POST /global_schema``)."""
        self._call(SAVE_GLOBAL, query={"newVersion": new_version}, body=_checked(schemas))

    def get_global(self, name: str) -> SchemaDef:
        """A schema of the whole cluster (``GET /global_schema/{name}``)."""
        return self._call(GET_GLOBAL, {"name": name})


def _checked(schemas: SchemaLike | Iterable[SchemaLike]) -> list[SchemaDef]:
    given = [schemas] if isinstance(schemas, SchemaDef | Mapping) else list(schemas)
    found = [as_model(one, SchemaDef) for one in given]
    if not found:
        raise ConfigurationError("No schema was given.", variable="schemas", allowed="at least one SchemaDef")
    for schema in found:
        addressable(schema.name, "schema")
    return found
