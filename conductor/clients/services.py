"""API gateway, schemas, and the service registry: HTTP, gRPC and MCP services that tasks call by name (Orkes)."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from conductor.clients._base import Resource, as_model, as_object, require_name
from conductor.errors import ConfigurationError
from conductor.models import (
    CircuitBreakerConfig,
    CircuitBreakerTransition,
    ProtoRegistryEntry,
    SchemaDef,
    ServiceConfig,
    ServiceMethod,
    ServiceRegistry,
)
from conductor.transport.operation import Edition, Operation, Repeat

__all__ = ["GatewayClient", "SchemaClient", "ServiceRegistryClient"]


LIST_AUTH_CONFIGS: Operation[list[dict[str, Any]]] = Operation(
    "GET", "/gateway/config/auth", list[dict[str, Any]], edition=Edition.ORKES, on_empty=list
)
CREATE_AUTH_CONFIG: Operation[dict[str, Any]] = Operation(
    "POST", "/gateway/config/auth", dict, Repeat.NEVER, Edition.ORKES, on_empty=dict
)
GET_AUTH_CONFIG: Operation[dict[str, Any]] = Operation("GET", "/gateway/config/auth/{id}", dict, edition=Edition.ORKES)
UPDATE_AUTH_CONFIG: Operation[dict[str, Any]] = Operation(
    "PUT", "/gateway/config/auth/{id}", dict, edition=Edition.ORKES, on_empty=dict
)
DELETE_AUTH_CONFIG: Operation[None] = Operation("DELETE", "/gateway/config/auth/{id}", edition=Edition.ORKES)


class GatewayClient(Resource):
    """Authentication of the callers of workflows that are exposed as an API (``client.gateway``, Orkes).

    The configurations are plain dicts, because the API documents no type for them.
    """

    def list_auth_configs(self) -> list[dict[str, Any]]:
        """Return all configurations (``GET /gateway/config/auth``).

        Returns:
            The configurations, or an empty list.
        """
        return self._call(LIST_AUTH_CONFIGS)

    def create_auth_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Create a configuration (``POST /gateway/config/auth``).

        Args:
            config: The configuration.

        Returns:
            The created configuration.
        """
        return self._call(CREATE_AUTH_CONFIG, body=as_object(config, "configuration"))

    def get_auth_config(self, config_id: str) -> dict[str, Any]:
        """Return a configuration (``GET /gateway/config/auth/{id}``).

        Args:
            config_id: The id of the configuration.

        Returns:
            The configuration.
        """
        return self._call(GET_AUTH_CONFIG, {"id": config_id})

    def update_auth_config(self, config_id: str, config: Mapping[str, Any]) -> dict[str, Any]:
        """Replace a configuration (``PUT /gateway/config/auth/{id}``).

        Args:
            config_id: The id of the configuration.
            config: The configuration.

        Returns:
            The updated configuration.
        """
        return self._call(UPDATE_AUTH_CONFIG, {"id": config_id}, body=as_object(config, "configuration"))

    def delete_auth_config(self, config_id: str) -> None:
        """Delete a configuration (``DELETE /gateway/config/auth/{id}``).

        Args:
            config_id: The id of the configuration.
        """
        self._call(DELETE_AUTH_CONFIG, {"id": config_id})


SAVE_SCHEMA: Operation[None] = Operation("POST", "/schema", edition=Edition.ORKES)
LIST_SCHEMAS: Operation[list[SchemaDef]] = Operation(
    "GET", "/schema", list[SchemaDef], edition=Edition.ORKES, on_empty=list
)
GET_SCHEMA: Operation[SchemaDef] = Operation("GET", "/schema/{name}/{version}", SchemaDef, edition=Edition.ORKES)
GET_SCHEMA_LATEST: Operation[SchemaDef] = Operation("GET", "/schema/{name}", SchemaDef, edition=Edition.ORKES)
DELETE_SCHEMA: Operation[None] = Operation("DELETE", "/schema/{name}/{version}", edition=Edition.ORKES)
DELETE_SCHEMA_ALL: Operation[None] = Operation("DELETE", "/schema/{name}", edition=Edition.ORKES)
SAVE_SCHEMA_GLOBAL: Operation[None] = Operation("POST", "/global_schema", edition=Edition.ORKES)
GET_SCHEMA_GLOBAL: Operation[SchemaDef] = Operation("GET", "/global_schema/{name}", SchemaDef, edition=Edition.ORKES)
SchemaLike = SchemaDef | Mapping[str, Any]


class SchemaClient(Resource):
    """Schemas that the server validates inputs and outputs against (``client.schemas``, Orkes)."""

    def save(self, schemas: SchemaLike | Iterable[SchemaLike], *, new_version: bool = False) -> None:
        """Create or replace schemas (``POST /schema``).

        Args:
            schemas: One schema, or several.
            new_version: Whether to create new versions instead of replacing them.

        Raises:
            ConfigurationError: ``schemas`` is empty, or a name is invalid.
        """
        self._call(SAVE_SCHEMA, query={"newVersion": new_version}, body=_checked(schemas))

    def list(self, *, short: bool = False) -> builtins.list[SchemaDef]:
        """Return all schemas (``GET /schema``).

        Args:
            short: Whether to leave out the schema documents.

        Returns:
            The schemas, or an empty list.
        """
        return self._call(LIST_SCHEMAS, query={"short": short})

    def get(self, name: str, version: int | None = None) -> SchemaDef:
        """Return a schema (``GET /schema/{name}/{version}``; the latest version: ``GET /schema/{name}``).

        Args:
            name: The name of the schema.
            version: The version; None for the latest.

        Returns:
            The schema.
        """
        if version is None:
            return self._call(GET_SCHEMA_LATEST, {"name": name})
        return self._call(GET_SCHEMA, {"name": name, "version": version})

    def delete(self, name: str, version: int) -> None:
        """Delete one version of a schema (``DELETE /schema/{name}/{version}``).

        Args:
            name: The name of the schema.
            version: The version.
        """
        self._call(DELETE_SCHEMA, {"name": name, "version": version})

    def delete_all_versions(self, name: str) -> None:
        """Delete all versions of a schema (``DELETE /schema/{name}``).

        Args:
            name: The name of the schema.
        """
        self._call(DELETE_SCHEMA_ALL, {"name": name})

    def save_global(self, schemas: SchemaLike | Iterable[SchemaLike], *, new_version: bool = False) -> None:
        """Create or replace schemas of the whole cluster (``POST /global_schema``).

        Args:
            schemas: One schema, or several.
            new_version: Whether to create new versions instead of replacing them.

        Raises:
            ConfigurationError: ``schemas`` is empty, or a name is invalid.
        """
        self._call(SAVE_SCHEMA_GLOBAL, query={"newVersion": new_version}, body=_checked(schemas))

    def get_global(self, name: str) -> SchemaDef:
        """Return a schema of the whole cluster (``GET /global_schema/{name}``).

        Args:
            name: The name of the schema.

        Returns:
            The schema.
        """
        return self._call(GET_SCHEMA_GLOBAL, {"name": name})


def _checked(schemas: SchemaLike | Iterable[SchemaLike]) -> list[SchemaDef]:
    is_several = isinstance(schemas, Iterable) and not isinstance(schemas, Mapping | str | bytes)
    given: Any = schemas if is_several else [schemas]
    found = [as_model(schema, SchemaDef) for schema in given]
    if not found:
        raise ConfigurationError(
            "schemas is empty; at least one is required.", variable="schemas", allowed="at least one SchemaDef"
        )
    for schema in found:
        require_name(schema.name, "schema")
    return found


_ORKES = Edition.ORKES
#: The field where some documentation puts the circuit breaker; the server ignores it.
_MISPLACED = "circuitBreakerConfig"
LIST_SERVICES: Operation[list[ServiceRegistry]] = Operation(
    "GET", "/registry/service", list[ServiceRegistry], edition=_ORKES, on_empty=list
)
SAVE_SERVICE: Operation[None] = Operation("POST", "/registry/service", edition=_ORKES)
GET_SERVICE: Operation[ServiceRegistry] = Operation("GET", "/registry/service/{name}", ServiceRegistry, edition=_ORKES)
DELETE_SERVICE: Operation[None] = Operation("DELETE", "/registry/service/{name}", edition=_ORKES)
DISCOVER_SERVICE: Operation[list[ServiceMethod]] = Operation(
    "GET", "/registry/service/{name}/discover", list[ServiceMethod], edition=_ORKES, on_empty=list
)
SAVE_SERVICE_METHOD: Operation[None] = Operation("POST", "/registry/service/{registryName}/methods", edition=_ORKES)
DELETE_SERVICE_METHOD: Operation[None] = Operation("DELETE", "/registry/service/{registryName}/methods", edition=_ORKES)
OPEN_SERVICE_CIRCUIT: Operation[CircuitBreakerTransition] = Operation(
    "POST", "/registry/service/{name}/circuit-breaker/open", CircuitBreakerTransition, edition=_ORKES
)
CLOSE_SERVICE_CIRCUIT: Operation[CircuitBreakerTransition] = Operation(
    "POST", "/registry/service/{name}/circuit-breaker/close", CircuitBreakerTransition, edition=_ORKES
)
GET_SERVICE_CIRCUIT: Operation[CircuitBreakerTransition] = Operation(
    "GET", "/registry/service/{name}/circuit-breaker/status", CircuitBreakerTransition, edition=_ORKES
)
LIST_SERVICE_PROTOS: Operation[list[ProtoRegistryEntry]] = Operation(
    "GET", "/registry/service/protos/{registryName}", list[ProtoRegistryEntry], edition=_ORKES, on_empty=list
)
GET_SERVICE_PROTO: Operation[bytes] = Operation(
    "GET", "/registry/service/protos/{registryName}/{filename}", bytes, edition=_ORKES, on_empty=bytes
)
SAVE_SERVICE_PROTO: Operation[None] = Operation(
    "POST", "/registry/service/protos/{registryName}/{filename}", edition=_ORKES, sends="bytes"
)
DELETE_SERVICE_PROTO: Operation[None] = Operation(
    "DELETE", "/registry/service/protos/{registryName}/{filename}", edition=_ORKES
)


class ServiceRegistryClient(Resource):
    """The service registry (``client.services``, Orkes)."""

    def list(self) -> builtins.list[ServiceRegistry]:
        """Return all services (``GET /registry/service``).

        Returns:
            The services, or an empty list.
        """
        return self._call(LIST_SERVICES)

    def save(self, service: ServiceRegistry | Mapping[str, Any]) -> None:
        """Create or replace a service (``POST /registry/service``).

        Args:
            service: A service of type HTTP, gRPC or MCP_REMOTE. Its circuit breaker belongs in
                ``config.circuit_breaker_config``; a ``circuitBreakerConfig`` at the top level, which the server would
                ignore, is moved there.

        Raises:
            ConfigurationError: The name is invalid, or the circuit breaker is configured twice.
        """
        checked = _with_config(as_model(service, ServiceRegistry))
        require_name(checked.name or "", "service")
        self._call(SAVE_SERVICE, body=checked)

    def get(self, name: str) -> ServiceRegistry:
        """Return a service (``GET /registry/service/{name}``).

        Args:
            name: The name of the service.

        Returns:
            The service.
        """
        return self._call(GET_SERVICE, {"name": name})

    def delete(self, name: str) -> None:
        """Delete a service (``DELETE /registry/service/{name}``).

        Args:
            name: The name of the service.
        """
        self._call(DELETE_SERVICE, {"name": name})

    def discover(self, name: str, *, create: bool = False) -> builtins.list[ServiceMethod]:
        """Discover the methods of a service (``GET /registry/service/{name}/discover``).

        Args:
            name: The name of the service.
            create: Whether to add the methods to the registry.

        Returns:
            The methods, or an empty list.
        """
        return self._call(DISCOVER_SERVICE, {"name": name}, query={"create": create})

    def save_method(self, name: str, method: ServiceMethod | Mapping[str, Any]) -> None:
        """Add or replace a method of a service (``POST /registry/service/{registryName}/methods``).

        Args:
            name: The name of the service.
            method: The method.
        """
        self._call(SAVE_SERVICE_METHOD, {"registryName": name}, body=as_model(method, ServiceMethod))

    def delete_method(self, name: str, service_name: str, method: str, method_type: str) -> None:
        """Delete a method of a service (``DELETE /registry/service/{registryName}/methods``).

        Args:
            name: The name of the service in the registry.
            service_name: The ``operation_name`` of the method.
            method: The ``method_name`` of the method.
            method_type: ``GET``, ``POST``, ``UNARY`` and so on.
        """
        query = {"serviceName": service_name, "method": method, "methodType": method_type}
        self._call(DELETE_SERVICE_METHOD, {"registryName": name}, query=query)

    # -- circuit breaker

    def open_circuit_breaker(self, name: str) -> CircuitBreakerTransition:
        """Open the circuit breaker of a service, so that calls fail at once.

        ``POST /registry/service/{name}/circuit-breaker/open``.

        Args:
            name: The name of the service.

        Returns:
            The previous and the new state.

        Raises:
            NotFoundError: No task has called the service yet.
        """
        return self._call(OPEN_SERVICE_CIRCUIT, {"name": name})

    def close_circuit_breaker(self, name: str) -> CircuitBreakerTransition:
        """Close the circuit breaker of a service, so that calls are sent.

        ``POST /registry/service/{name}/circuit-breaker/close``.

        Args:
            name: The name of the service.

        Returns:
            The previous and the new state.

        Raises:
            NotFoundError: No task has called the service yet.
        """
        return self._call(CLOSE_SERVICE_CIRCUIT, {"name": name})

    def get_circuit_breaker(self, name: str) -> CircuitBreakerTransition:
        """Return the state of a circuit breaker (``GET /registry/service/{name}/circuit-breaker/status``).

        Args:
            name: The name of the service.

        Returns:
            The current state and the last change; ``NOT_FOUND`` if no task has called the service yet.
        """
        return self._call(GET_SERVICE_CIRCUIT, {"name": name})

    # -- proto files of gRPC services

    def list_protos(self, name: str) -> builtins.list[ProtoRegistryEntry]:
        """Return the proto files of a gRPC service (``GET /registry/service/protos/{registryName}``).

        Args:
            name: The name of the service.

        Returns:
            The files, or an empty list.
        """
        return self._call(LIST_SERVICE_PROTOS, {"registryName": name})

    def get_proto(self, name: str, filename: str) -> bytes:
        """Return the content of a proto file (``GET /registry/service/protos/{registryName}/{filename}``).

        Args:
            name: The name of the service.
            filename: The name of the file.

        Returns:
            The content.
        """
        return self._call(GET_SERVICE_PROTO, {"registryName": name, "filename": filename})

    def save_proto(self, name: str, filename: str, content: bytes) -> None:
        """Store a compiled proto file (``POST /registry/service/protos/{registryName}/{filename}``).

        Args:
            name: The name of the service.
            filename: The name of the file.
            content: The content.
        """
        self._call(SAVE_SERVICE_PROTO, {"registryName": name, "filename": filename}, body=content)

    def delete_proto(self, name: str, filename: str) -> None:
        """Delete a proto file (``DELETE /registry/service/protos/{registryName}/{filename}``).

        Args:
            name: The name of the service.
            filename: The name of the file.
        """
        self._call(DELETE_SERVICE_PROTO, {"registryName": name, "filename": filename})


def _with_config(service: ServiceRegistry) -> ServiceRegistry:
    if _MISPLACED not in service.unknown_fields:
        return service
    if service.config is not None and service.config.circuit_breaker_config is not None:
        raise ConfigurationError(
            f"The service {service.name!r} has two circuit breakers, at the top level and in config; keep "
            "the one in config.",
            variable=_MISPLACED,
            allowed="config.circuitBreakerConfig",
        )
    others = {name: value for name, value in service.unknown_fields.items() if name != _MISPLACED}
    breaker = as_model(service.unknown_fields[_MISPLACED], CircuitBreakerConfig)
    config = evolve(service.config or ServiceConfig(), circuit_breaker_config=breaker)
    return evolve(service, config=config, unknown_fields=others)
